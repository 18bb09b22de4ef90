// Tokens: where a name ends, what a `-` means, what is refused before anything is parsed.
#include "protocol/query/lexer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <vector>

namespace twinhub::query {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> words(std::string_view text) {
  Lexer lexer(text);
  std::vector<std::string> all;
  for (;;) {
    const auto token = lexer.next();
    if (!token) {
      all.push_back("error at " + std::to_string(token.error().position));
      return all;
    }
    if (token->kind == Token::Kind::end) return all;
    all.emplace_back(text.substr(token->position, token->bytes));
  }
}

TEST(QueryLexer, AHyphenBelongsToTheNameItTouches) {
  EXPECT_THAT(words("a-b - c -d"), ElementsAre("a-b", "-", "c", "-", "d"));
  EXPECT_THAT(words("a--b"), ElementsAre("a--b"));
  EXPECT_THAT(words("1-2"), ElementsAre("1", "-", "2"));
  EXPECT_THAT(words("$a_1-$b"), ElementsAre("$a_1-$b"));
}

TEST(QueryLexer, LettersAreNotAsciiAlone) { EXPECT_THAT(words("größe=日本"), ElementsAre("größe", "=", "日本")); }

TEST(QueryLexer, OperatorsTakeTheirLongestForm) {
  EXPECT_THAT(words("<=<>< >=>!=="), ElementsAre("<=", "<>", "<", ">=", ">", "!=", "="));
}

TEST(QueryLexer, AQuoteEndsAToken) { EXPECT_THAT(words("'x'AND\"y\"1"), ElementsAre("'x'", "AND", "\"y\"", "1")); }

TEST(QueryLexer, ABracketEscapeEndsAtTheFirstPair) {
  EXPECT_THAT(words("[[a]b]]c"), ElementsAre("[[a]b]]", "c"));
  EXPECT_THAT(words("[[a b.c]] ["), ElementsAre("[[a b.c]]", "["));
}

TEST(QueryLexer, ADigitBeginsANameBehindADot) {
  Lexer lexer("101x-2");
  const auto step = lexer.next_step();
  ASSERT_TRUE(step);
  EXPECT_EQ(step->kind, Token::Kind::name);
  EXPECT_EQ(step->text, "101x-2");
}

TEST(QueryLexer, CommentsAreBlanks) {
  EXPECT_THAT(words("a/* x * / **/b"), ElementsAre("a", "b"));
  EXPECT_THAT(words("a /*"), ElementsAre("a", "error at 2"));
}

TEST(QueryLexer, NumbersAreDoubles) {
  const auto number = [](std::string_view text) { return Lexer(text).next()->number; };
  EXPECT_EQ(number("0"), 0);
  EXPECT_EQ(number("007"), 7);
  EXPECT_EQ(number("1.25e2"), 125);
  EXPECT_EQ(number("0XfF"), 255);
  EXPECT_EQ(number("1e-999"), 0);
  EXPECT_EQ(number("9007199254740993"), 9007199254740992.0);
}

TEST(QueryText, UtfEightIsRequired) {
  EXPECT_TRUE(check_text("é日😀\xF4\x8F\xBF\xBF"));
  for (const char* bad : {"\x80", "\xC0\xAF", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF"}) {
    const auto checked = check_text(std::string("ab") + bad);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().position, 2U);
  }
}

TEST(QueryText, TheBoundCountsCharacters) {
  std::string text;
  for (std::size_t i = 0; i < text_characters_max; ++i) text += "é";
  EXPECT_TRUE(check_text(text));
  EXPECT_FALSE(check_text(text + "x"));
  EXPECT_EQ(check_text(text + "x").error().position, text.size());
}

}  // namespace
}  // namespace twinhub::query

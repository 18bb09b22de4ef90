#include "protocol/json/document.hpp"

#include <gtest/gtest.h>
#include <random>

namespace twinhub::json {
namespace {

std::string canonical(std::string_view text) {
  const auto document = parse(text);
  return document ? document->text() : "refused";
}

TEST(JsonDocument, CanonicalTextHasNoWhiteSpaceAndKeepsNumbersAsSent) {
  EXPECT_EQ(canonical(" { \"a\" : 1.0 ,\t\"b\" : [ 1e2 , -0 , 12345678901234567890123 ] ,\n\"c\":null } "),
            R"({"a":1.0,"b":[1e2,-0,12345678901234567890123],"c":null})");
}

TEST(JsonDocument, EqualStringsHaveEqualCanonicalText) {
  EXPECT_EQ(canonical(R"({"a\u0062\/":"\u00e9\ud83d\ude00\u0041"})"), canonical("{\"ab/\":\"\u00e9\U0001F600A\"}"));
  EXPECT_EQ(canonical(R"(["\u000a","\u001F"])"), R"(["\n","\u001f"])");
}

TEST(JsonDocument, LastOfTwoMembersWithOneKeyWinsAtEveryDepth) {
  EXPECT_EQ(canonical(R"({"a":1,"b":2,"a":3})"), R"({"b":2,"a":3})");
  EXPECT_EQ(canonical(R"({"x":[{"k":1,"k":{"m":1,"m":2}}],"\u0078":[{"k":{"m":1,"m":2}}]})"),
            R"({"x":[{"k":{"m":2}}]})");
}

TEST(JsonDocument, RefusesWhatIsNotExactlyOneJsonText) {
  for (const char* wrong : {"",
                            " ",
                            "{",
                            "[",
                            "{\"a\"}",
                            "{\"a\":}",
                            "{\"a\":1,}",
                            "[1,]",
                            "[1 2]",
                            "{\"a\" 1}",
                            "{\"a\":1 \"b\":2}",
                            "{1:2}",
                            "{\"a\":1}x",
                            "{\"a\":1}{}",
                            "1 2",
                            "\"a\" \"b\"",
                            "tru",
                            "{\"a\":tru}",
                            "nulll",
                            "01",
                            "-",
                            "1.",
                            ".5",
                            "1e",
                            "+1",
                            "1e400",
                            "{\"a\":-1e999}",
                            "'a'",
                            "NaN",
                            "{\"a\":\"\x01\"}",
                            "{\"a\":\"\\x\"}",
                            "{\"a\":\"\\ud800\"}",
                            "{\"a\":\"\\udc00\"}",
                            "{\"a\":\"\\ud800\\u0041\"}",
                            "{\"\xff\":1}",
                            "{\"a\":\"\xc0\x80\"}",
                            "{\"a\":\"\xed\xa0\x80\"}",
                            "\xEF\xBB\xBF{}",
                            "{\"a\":\"b}",
                            "[\"a\":1]",
                            "[\"a\":1]]",
                            "{\"a\":\"\":1}",
                            "{\"a\":\"\":1}}",
                            "{\"a\":\"b\":{}}}",
                            "{\"a\":[\"b\":1]]}",
                            "]",
                            "}"}) {
    const auto document = parse(wrong);
    ASSERT_FALSE(document) << wrong;
    EXPECT_EQ(document.error().code, Errc::iot_hub_format_error) << wrong;
  }
}

TEST(JsonDocument, RefusesNestingWithoutOverflowingTheStack) {
  EXPECT_FALSE(parse(std::string(100'000, '[')));
  EXPECT_FALSE(parse(std::string(depth_max + 1, '[') + std::string(depth_max + 1, ']')));
  EXPECT_TRUE(parse(std::string(depth_max, '[') + std::string(depth_max, ']')));
  std::string objects;
  for (int i = 0; i < 50'000; ++i) objects += "{\"a\":";
  EXPECT_FALSE(parse(objects));
}

TEST(JsonDocument, RefusesWhatIsLongerThanItsBound) {
  EXPECT_FALSE(parse('"' + std::string(text_bytes_max, 'a') + '"'));
}

TEST(JsonDocument, TellsIntegersFromOtherNumbers) {
  const auto document = parse(R"([1,-5,1.0,1e2,4503599627370496,99999999999999999999])");
  ASSERT_TRUE(document);
  std::vector<Kind> kinds;
  for (const Value value : document->root()) kinds.push_back(value.kind());
  EXPECT_EQ(kinds,
            (std::vector{Kind::integer, Kind::integer, Kind::number, Kind::number, Kind::integer, Kind::integer}));
  auto last = document->root().begin();
  EXPECT_EQ((*last).integer(), 1);
  EXPECT_EQ((*++last).integer(), -5);
}

TEST(JsonDocument, FindsMembersByTheirPlainKey) {
  const auto document = parse(R"({"a\"b":{"x":true},"n":null,"s":"\u0041\n"})");
  ASSERT_TRUE(document);
  const Value root = document->root();
  ASSERT_TRUE(root.find("a\"b"));
  EXPECT_EQ(root.find("a\"b")->find("x")->boolean(), true);
  EXPECT_TRUE(root.find("n")->is_null());
  EXPECT_EQ(root.find("s")->string(), "A\n");
  EXPECT_FALSE(root.find("missing"));
  EXPECT_FALSE(root.find("s")->find("x"));
}

TEST(JsonDocument, ScalarsMayStandAlone) {
  EXPECT_EQ(canonical(" null "), "null");
  EXPECT_EQ(canonical("\"x\""), "\"x\"");
  EXPECT_EQ(canonical("-1.50"), "-1.50");
}

TEST(JsonDocument, CanonicalTextIsItsOwnCanonicalText) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::minstd_rand random(seed);
  constexpr std::string_view pieces[] = {"{",           "}", "[",      "]",    ",",    ":", "\"a\"",
                                         "\"\\u0041\"", "1", "-0.5e3", "true", "null", " ", "\"\\n\""};
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto count = random() % 12 + 1; count > 0; --count) text += pieces[random() % std::size(pieces)];
    const auto document = parse(text);
    if (!document) continue;
    ++accepted;
    EXPECT_EQ(canonical(document->text()), document->text()) << text;
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace twinhub::json

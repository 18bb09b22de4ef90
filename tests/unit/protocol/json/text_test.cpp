#include "protocol/json/text.hpp"

#include <gtest/gtest.h>

namespace twinhub::json {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

TEST(JsonText, EscapesQuotesBackslashesAndControlCharactersOnly) {
  EXPECT_EQ(escaped("a\"b\\c/d"), R"("a\"b\\c/d")");
  EXPECT_EQ(escaped("\b\f\n\r\t"), R"("\b\f\n\r\t")");
  EXPECT_EQ(escaped(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
  EXPECT_EQ(escaped("\u00e9\u6f22"), "\"\u00e9\u6f22\"");
}

TEST(JsonText, NulsBehindATextGoWithTheBlanksAmongThem) {
  using namespace std::string_view_literals;
  for (const std::string_view text : {"{}"sv, "{}\0\0"sv, "{}\0 \0"sv, "{}\r\n\0\t\0 "sv})
    EXPECT_EQ(without_trailing_nuls(text), "{}") << text.size();
  EXPECT_EQ(without_trailing_nuls("\0 \0"sv), "");
  EXPECT_EQ(without_trailing_nuls("{\0}"sv), "{\0}"sv);
}

TEST(JsonText, UnescapeUndoesEscape) {
  std::string all;
  for (int c = 0; c < 128; ++c) all.push_back(static_cast<char>(c));
  std::string out;
  append_escaped(out, all);
  EXPECT_EQ(unescape(out), all);
}

}  // namespace
}  // namespace twinhub::json

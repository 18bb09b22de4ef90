// Looking into canonical text finds what a parsed document finds.
#include "protocol/json/canonical.hpp"

#include <gtest/gtest.h>

namespace twinhub::json {
namespace {

Document parsed(std::string_view text) {
  auto document = parse(text);
  EXPECT_TRUE(document) << text;
  return std::move(*document);
}

TEST(CanonicalText, EveryMemberIsFoundAndEndsWhereItEnds) {
  const Document document = parsed(
      R"({"a":1,"ab":"x","b\"":"q\"}","":null,"{":[1,[2,{"a":"]"}],"}"],"n":{"a":{"b":-1.5e3}},"t":true,"\\":"\\\\","é":[]})");
  for (const Value member : document.root()) {
    EXPECT_EQ(member_of(document.text(), member.key_text()), member.text()) << member.key_text();
    EXPECT_EQ(end_of_value(member.text().data()), member.text().data() + member.text().size());
  }
  for (const char* absent : {"x", "abc", "b", "b\\\\", "A", "a\\\"", "1"})
    EXPECT_EQ(member_of(document.text(), absent), std::nullopt) << absent;
  EXPECT_EQ(member_of("{}", "a"), std::nullopt);
  EXPECT_EQ(member_of("[1]", "a"), std::nullopt);
  EXPECT_EQ(member_of("\"a\"", "a"), std::nullopt);
}

TEST(CanonicalText, ElementsAreCountedFromZero) {
  const std::string_view array = R"([10,"a,b",[1,2],{"x":[3]},null])";
  EXPECT_EQ(element_of(array, 0), "10");
  EXPECT_EQ(element_of(array, 1), R"("a,b")");
  EXPECT_EQ(element_of(array, 2), "[1,2]");
  EXPECT_EQ(element_of(array, 3), R"({"x":[3]})");
  EXPECT_EQ(element_of(array, 4), "null");
  EXPECT_EQ(element_of(array, 5), std::nullopt);
  EXPECT_EQ(element_of("[]", 0), std::nullopt);
  EXPECT_EQ(element_of("{}", 0), std::nullopt);
}

TEST(CanonicalText, TheFirstCharacterTellsTheKind) {
  for (const char* text : {"{}", "[]", "\"\"", "true", "false", "null", "1.5", "-1.5"})
    EXPECT_EQ(kind_of(*text), parsed(text).root().kind()) << text;
}

}  // namespace
}  // namespace twinhub::json

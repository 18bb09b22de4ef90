#include "protocol/json/member.hpp"

#include <gtest/gtest.h>

namespace twinhub::json {
namespace {

TEST(JsonMember, IsFoundInAnyCaseAndTheLastOfSeveralCounts) {
  const auto document = parse(R"({"status":1,"Status":2,"x":{"\u0053TATUS":3},"statuses":4,"status\u0000":5})");
  ASSERT_TRUE(document);
  const Value root = document->root();
  EXPECT_EQ(member_of(root, "status")->text(), "2");
  EXPECT_EQ(root.find("status")->text(), "1");
  EXPECT_EQ(member_of(*root.find("x"), "Status")->text(), "3");
  EXPECT_FALSE(member_of(root, "state"));
  EXPECT_FALSE(member_of(*root.find("status"), "status")) << "of what is no object";
}

TEST(JsonMember, AWholeNumberMayBeWrittenAsText) {
  const auto number_in = [](const std::string& text) { return whole_number_of(parse(text)->root()); };
  for (const char* const text : {"30", R"("30")", R"(" 30\n")", R"("+30")", R"("030")"})
    EXPECT_EQ(number_in(text).value_or(WholeNumber{}).value, 30) << text;
  EXPECT_EQ(number_in(R"("-1")")->value, -1);
  for (const char* const text : {"null", R"("")", R"("  ")"}) {
    ASSERT_TRUE(number_in(text)) << text;
    EXPECT_FALSE(number_in(text)->value) << text;
  }
  for (const char* const text : {"1.5", "30.0", "1e3", "true", "[]", "{}", R"("x")", R"("30s")", R"("3 0")", R"("1.0")",
                                 R"("+-3")", R"("0x1e")", R"("99999999999999999999")"})
    EXPECT_FALSE(number_in(text)) << text;
}

}  // namespace
}  // namespace twinhub::json

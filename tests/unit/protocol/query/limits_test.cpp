// What a stranger may send: long texts, deep ones, many groups.
#include "protocol/query/aggregate.hpp"
#include "protocol/query/evaluate.hpp"
#include "protocol/query/parse.hpp"
#include "protocol/query/routing_condition.hpp"

#include <gtest/gtest.h>
#include <string>

namespace twinhub::query {
namespace {

std::string repeat(std::string_view text, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

std::string query_of(std::size_t characters) {
  const std::string head = "SELECT * FROM devices WHERE deviceId = '";
  return head + std::string(characters - head.size() - 1, 'x') + "'";
}

TEST(QueryLimits, EightThousandCharactersAreTakenAndOneMoreIsNot) {
  EXPECT_TRUE(parse_query(query_of(8192)));
  const auto refused = parse_query(query_of(8193));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().position, 8192U);
}

TEST(QueryLimits, NinetyNineLevelsAreTakenAndOneMoreIsNot) {
  const auto in_parentheses = [](std::size_t levels) {
    return repeat("(", levels) + "deviceId = 'a'" + repeat(")", levels);
  };
  EXPECT_TRUE(parse_job_condition(in_parentheses(99)));
  const auto refused = parse_job_condition(in_parentheses(100));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().position, 100U);
  for (const char* opening : {"NOT ", "- ", "LOWER(", "(NOT "}) {
    EXPECT_FALSE(parse_job_condition(repeat(opening, 1000) + "1")) << opening;
    EXPECT_FALSE(RoutingCondition::parse(repeat(opening, 1000) + "1")) << opening;
  }
}

TEST(QueryLimits, ALongChainIsWideNotDeep) {
  for (const char* link : {" OR 1=2", " AND 1=1", "+1", "*1", " OR 1 IN [1,2]"}) {
    std::string text = "1";
    while (text.size() + std::string(link).size() < text_characters_max) text += link;
    EXPECT_TRUE(parse_job_condition(text)) << link;
  }
}

TEST(QueryLimits, TheErrorNamesLineAndColumnInCharacters) {
  const std::string text = "SELECT *\nFROM é devices";
  const auto refused = parse_query(text);
  ASSERT_FALSE(refused);
  const Error error = to_error(refused.error(), text);
  EXPECT_EQ(error.code, Errc::argument_invalid);
  EXPECT_EQ(error.detail, "BadRequest: FROM takes devices, devices.modules or devices.jobs at line 2, column 6");
  const Error end = to_error({23, "unexpected end"}, "SELECT *\nFROM é devices");
  EXPECT_EQ(end.detail, "BadRequest: unexpected end at line 2, column 14");
}

TEST(QueryLimits, GroupsHaveABound) {
  const auto query = parse_query("SELECT error, jobId FROM devices GROUP BY error, jobId");
  ASSERT_TRUE(query);
  Groups groups(*query);
  Scratch scratch;
  for (std::size_t i = 0; i < groups_max; ++i) {
    const std::string text = R"({"jobId":)" + std::to_string(i) + "}";
    DocumentRow row(text);
    ASSERT_TRUE(groups.add(row, scratch));
  }
  DocumentRow known(R"({"jobId":7})");
  EXPECT_TRUE(groups.add(known, scratch));
  DocumentRow one_too_many(R"({"jobId":"x"})");
  EXPECT_FALSE(groups.add(one_too_many, scratch));
}

TEST(QueryLimits, GroupsHaveABoundInBytes) {
  const auto query = parse_query("SELECT jobId FROM devices GROUP BY jobId");
  ASSERT_TRUE(query);
  Groups groups(*query);
  Scratch scratch;
  bool taken = true;
  std::size_t count = 0;
  for (; taken && count < groups_max; ++count) {
    const std::string text = R"({"jobId":")" + std::to_string(count) + std::string(32 * 1024, 'x') + "\"}";
    DocumentRow row(text);
    taken = groups.add(row, scratch);
  }
  EXPECT_FALSE(taken);
  EXPECT_LT(count * 32 * 1024, group_bytes_max + 64 * 1024);
}

TEST(QueryLimits, AValueNestedAsDeeplyAsTextMayBeCostsNoStack) {
  const std::string deep = repeat(R"({"a":[)", 2000) + "1" + repeat("]}", 2000);
  const std::string text = R"({"tags":)" + deep + R"(,"status":"x"})";
  DocumentRow row(text);
  Scratch scratch;
  const auto condition = parse_job_condition("is_defined(tags) AND status = 'x'");
  ASSERT_TRUE(condition);
  EXPECT_TRUE(selects(condition->where, row, scratch));
}

}  // namespace
}  // namespace twinhub::query

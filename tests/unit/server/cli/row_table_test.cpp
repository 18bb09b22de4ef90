#include "server/cli/row_table.hpp"

#include "tests/unit/server/cli/printed.hpp"

#include <string>
#include <vector>

namespace twinhub::cli {
namespace {

std::string table_of(const std::vector<std::string>& pages) {
  return printed([&] {
    RowTable table;
    for (const std::string& page : pages) table.add(Json(page).root());
  });
}

TEST(CliRowTable, ColumnsAreTheMembersOfTheFirstPage) {
  EXPECT_EQ(table_of({R"([{"a":1},{"b":"x","a":null}])", R"([{"b":2,"c":3}])"}),
            "a  b\n"
            "1\n"
            "   x\n"
            "   2\n");
}

TEST(CliRowTable, AnEmptyPageDecidesNothing) {
  EXPECT_EQ(table_of({"[]"}), "");
  EXPECT_EQ(table_of({"[]", R"([{"a":1}])"}), "a\n1\n");
}

TEST(CliRowTable, ValuesThatAreNoObjectsStandInOneColumn) { EXPECT_EQ(table_of({R"([5,"x"])"}), "value\n5\nx\n"); }

TEST(CliRowTable, WholeTwinsAndDeviceJobsHaveColumnsOfTheirOwn) {
  EXPECT_EQ(table_of({R"([{"deviceId":"d","etag":"e","status":"enabled","connectionState":"Connected","tags":{"a":1},
                          "properties":{}}])"}),
            "deviceId  status   connectionState  tags\n"
            "d         enabled  Connected        {\"a\":1}\n");
  EXPECT_EQ(table_of({R"([{"deviceId":"d","moduleId":"m","etag":"e","properties":{}}])"}),
            "deviceId  moduleId  status  connectionState  tags\n"
            "d         m\n");
  EXPECT_EQ(table_of({R"([{"deviceId":"d","jobId":"j","jobType":"t","status":"completed","outcome":{"x":1}}])"}),
            "deviceId  jobId  status     startTimeUtc  endTimeUtc  outcome  error\n"
            "d         j      completed                            {\"x\":1}\n");
}

TEST(CliRowTable, ALongCellIsCutBetweenCharacters) {
  const std::string sixty(60, 'x'), umlaut = "\xC3\xBC";
  EXPECT_EQ(table_of({R"([{"a":")" + sixty + R"("}])"}), "a\n" + sixty + "\n");
  EXPECT_EQ(table_of({R"([{"a":")" + sixty + R"(y"}])"}), "a\n" + sixty + "...\n");
  const std::string before(59, 'x');
  EXPECT_EQ(table_of({R"([{"a":")" + before + umlaut + R"("}])"}), "a\n" + before + "...\n");
}

}  // namespace
}  // namespace twinhub::cli

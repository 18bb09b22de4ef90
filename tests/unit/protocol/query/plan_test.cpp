// What a condition says of the ids it can select, and what has to be read for it.
#include "protocol/query/plan.hpp"

#include "protocol/query/parse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace twinhub::query {

void PrintTo(const DeviceRange& range, std::ostream* out) { *out << range.text << (range.prefix ? "*" : ""); }

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<DeviceRange> ranges(const std::string& condition) {
  const auto parsed = parse_job_condition(condition);
  EXPECT_TRUE(parsed) << condition;
  return device_ranges(parsed->where);
}

const DeviceRange all{"", true};

TEST(QueryPlan, AnIdIsALookup) {
  EXPECT_THAT(ranges("deviceId = 'a'"), ElementsAre(DeviceRange{"a", false}));
  EXPECT_THAT(ranges("'a' = id"), ElementsAre(DeviceRange{"a", false}));
  EXPECT_THAT(ranges("devices.DEVICEID IN ['b', 'a', 'b', 5, null]"),
              ElementsAre(DeviceRange{"a", false}, DeviceRange{"b", false}));
  EXPECT_THAT(ranges("deviceId IN []"), IsEmpty());
}

TEST(QueryPlan, APrefixIsAShortScan) {
  EXPECT_THAT(ranges("STARTSWITH(deviceId, 'a')"), ElementsAre(DeviceRange{"a", true}));
  EXPECT_THAT(ranges("starts_with(id, 'a')"), ElementsAre(DeviceRange{"a", true}));
}

TEST(QueryPlan, AndNarrowsToTheNarrowest) {
  EXPECT_THAT(ranges("tags.x = 1 AND deviceId = 'a'"), ElementsAre(DeviceRange{"a", false}));
  EXPECT_THAT(ranges("STARTSWITH(deviceId, 'a') AND deviceId IN ['a1', 'a2'] AND tags.x = 1"),
              ElementsAre(DeviceRange{"a1", false}, DeviceRange{"a2", false}));
  EXPECT_THAT(ranges("(tags.x = 1 AND (deviceId = 'a' AND status = 'enabled'))"), ElementsAre(DeviceRange{"a", false}));
}

TEST(QueryPlan, WhatMaySelectAnyDeviceIsAWholeScan) {
  for (const char* condition :
       {"deviceId = 'a' OR tags.x = 1", "NOT deviceId = 'a'", "deviceId != 'a'", "deviceId < 'a'",
        "deviceId NOT IN ['a']", "STARTSWITH(tags.x, 'a')", "STARTSWITH('abc', deviceId)", "tags.deviceId = 'a'",
        "moduleId = 'a'", "deviceId = tags.x", "NOT (deviceId = 'a' AND true)", "*"}) {
    EXPECT_THAT(ranges(condition), ElementsAre(all)) << condition;
  }
}

std::string job(const std::string& condition) {
  const auto query = parse_query("SELECT * FROM devices.jobs WHERE " + condition);
  EXPECT_TRUE(query) << condition;
  return required_job(query->where).value_or("(any)");
}

TEST(QueryPlan, RowsOfOneJobAreFoundByItsId) {
  EXPECT_EQ(job("jobId = 'j1'"), "j1");
  EXPECT_EQ(job("'j1' = devices.jobs.JOBID"), "j1");
  EXPECT_EQ(job("status = 'failed' AND (deviceId = 'd' AND jobId = 'j1')"), "j1");
  for (const char* condition : {"jobId != 'j1'", "NOT jobId = 'j1'", "jobId = 'j1' OR status = 'failed'",
                                "jobId = deviceId", "jobId IN ['j1']", "error.jobId = 'j1'", "deviceId = 'j1'"})
    EXPECT_EQ(job(condition), "(any)") << condition;
}

std::string needs(const std::string& text) {
  const auto query = parse_query(text);
  EXPECT_TRUE(query) << text;
  const auto name = [](Needs n) { return std::string(n.identity ? "i" : "") + (n.twin ? "t" : ""); };
  return name(needs_of_condition(*query)) + "/" + name(needs_of(*query));
}

TEST(QueryPlan, OnlyNamedPartsAreRead) {
  EXPECT_EQ(needs("SELECT COUNT() AS n FROM devices"), "/");
  EXPECT_EQ(needs("SELECT deviceId, connectionState FROM devices WHERE deviceId > 'a'"), "/");
  EXPECT_EQ(needs("SELECT * FROM devices"), "/it");
  EXPECT_EQ(needs("SELECT * FROM devices WHERE tags.x = 1"), "t/it");
  EXPECT_EQ(needs("SELECT deviceId FROM devices WHERE properties.reported.$version > 1"), "t/t");
  EXPECT_EQ(needs("SELECT deviceId FROM devices WHERE NOT (status IN ['enabled'])"), "i/i");
  EXPECT_EQ(needs("SELECT tags.x FROM devices WHERE capabilities.iotEdge"), "i/it");
  EXPECT_EQ(needs("SELECT COUNT() AS n FROM devices GROUP BY tags.x"), "/t");
  EXPECT_EQ(needs("SELECT SUM(tags.x) AS n FROM devices WHERE LENGTH(status) + 1 > -2"), "i/it");
  EXPECT_EQ(needs("SELECT deviceId FROM devices WHERE configurations.x.status = 'Applied'"), "t/t");
}

}  // namespace
}  // namespace twinhub::query

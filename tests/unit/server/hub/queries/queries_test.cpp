// Queries over a real store: pages, freshness, bounds.
#include "tests/unit/server/hub/queries/queries_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <thread>

namespace twinhub::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Queries, PagesOfAnySizeHoldEveryDeviceOnceInIdOrder) {
  for (const int count : {0, 1, 100, 101, 250}) {
    World world;
    create(world, count);
    Ids expected;
    for (int i = 0; i < count; ++i) expected.push_back(id_of(i));
    for (const std::size_t size : {std::size_t{1}, std::size_t{50}, std::size_t{100}}) {
      const auto told = pages(world.hub.queries, everything, size);
      EXPECT_EQ(joined(told), expected) << count << " by " << size;
      // No page is told of that turns out to be empty.
      EXPECT_EQ(told.size(), std::max<std::size_t>(1, (static_cast<std::size_t>(count) + size - 1) / size));
    }
  }
}

TEST(Queries, AConditionThatSelectsLittleLeadsToNoEmptyPage) {
  World world;
  create(world, 60);
  for (const int chosen : {3, 20, 41}) ASSERT_TRUE(world.patch({id_of(chosen), ""}, R"({"tags":{"chosen":true}})"));
  EXPECT_THAT(pages(world.hub.queries, everything + " WHERE tags.chosen", 1),
              ElementsAre(ElementsAre(id_of(3)), ElementsAre(id_of(20)), ElementsAre(id_of(41))));
  EXPECT_THAT(pages(world.hub.queries, everything + " WHERE tags.chosen", 3), ElementsAre(::testing::SizeIs(3)));
}

TEST(Queries, AStarIsWhatATwinReadShows) {
  World world;
  ASSERT_TRUE(world.put(d1));
  ASSERT_TRUE(world.put(m1));
  ASSERT_TRUE(world.patch(d1, R"({"tags":{"a":1},"properties":{"desired":{"b":{"c":2}}}})"));
  ASSERT_TRUE(world.report(d1, R"({"d":[1,"x"]})"));
  world.hub.presence.connected(d1);
  const auto told = run(world, "SELECT * FROM devices");
  ASSERT_TRUE(told);
  EXPECT_EQ(told->page.json, "[" + world.twin(d1)->json + "]");
  EXPECT_EQ(told->page.item_type, "Twin");
  const auto filtered = run(world, "SELECT * FROM devices WHERE tags.a = 1 AND connectionState = 'Connected'");
  EXPECT_EQ(filtered->page.json, told->page.json);
  EXPECT_EQ(run(world, "SELECT * FROM devices WHERE status = 'enabled'")->page.json, told->page.json);
  EXPECT_EQ(run(world, "SELECT * FROM devices.modules")->page.json, "[" + world.twin(m1)->json + "]");
  const auto without_model = run(world.hub.queries, {.text = "SELECT * FROM devices", .show_model_id = false});
  EXPECT_EQ(without_model->page.json.find("modelId"), std::string::npos);
  EXPECT_EQ(run(world, "SELECT deviceId FROM devices")->page.item_type, "Raw");
}

TEST(Queries, FindTheDevicesUnderAnEdgeDeviceByEitherName) {
  World world;
  const std::string edge = R"("capabilities":{"iotEdge":true})";
  ASSERT_TRUE(world.put({"edge", ""}, "{" + edge + "}"));
  const std::string scope = world.identity({"edge", ""}).device_scope;
  ASSERT_TRUE(world.put({"child", ""}, "{" + edge + R"(,"parentScopes":[")" + scope + "\"]}"));
  ASSERT_TRUE(world.put({"leaf", ""}, R"({"deviceScope":")" + scope + "\"}"));
  ASSERT_TRUE(world.put({"other", ""}));
  // as the Azure CLI asks for an edge device's children
  const std::string below = " WHERE array_contains(parentScopes, '" + scope + "')";
  EXPECT_THAT(ids(world, everything + below), ElementsAre("child", "leaf"));
  EXPECT_THAT(ids(world, everything + " WHERE deviceScope = '" + scope + "'"), ElementsAre("edge", "leaf"));
  EXPECT_THAT(ids(world, everything + " WHERE deviceScope = '" + scope + "' AND capabilities.iotEdge = false"),
              ElementsAre("leaf"));
  EXPECT_THAT(run(world, "SELECT deviceId, deviceScope FROM devices WHERE deviceId = 'leaf'")->page.json,
              HasSubstr(scope));
  ASSERT_TRUE(world.put({"leaf", ""}, R"({"deviceScope":""})", "*"));
  EXPECT_THAT(ids(world, everything + below), ElementsAre("child"));
}

TEST(Queries, TheNextQuerySeesWhatWasAcknowledged) {
  World world;
  EXPECT_THAT(ids(world, everything), IsEmpty());
  ASSERT_TRUE(world.put(d1));
  EXPECT_THAT(ids(world, everything), ElementsAre("d1"));
  ASSERT_TRUE(world.patch(d1, R"({"tags":{"a":1}})"));
  EXPECT_THAT(ids(world, everything + " WHERE tags.a = 1"), ElementsAre("d1"));
  ASSERT_TRUE(world.report(d1, R"({"r":2})"));
  EXPECT_THAT(ids(world, everything + " WHERE properties.reported.r = 2"), ElementsAre("d1"));
  ASSERT_TRUE(world.put(d1, R"({"status":"disabled"})", "*"));
  EXPECT_THAT(ids(world, everything + " WHERE status = 'disabled'"), ElementsAre("d1"));
  world.hub.presence.connected(d1);
  EXPECT_THAT(ids(world, everything + " WHERE connectionState = 'Connected'"), ElementsAre("d1"));
  ASSERT_TRUE(world.remove(d1));
  EXPECT_THAT(ids(world, everything), IsEmpty());
}

TEST(Queries, AnIdIsLookedUpAndAPrefixScannedShortly) {
  World world;
  create(world, 200);
  ASSERT_TRUE(world.put({id_of(7), "m1"}));
  ASSERT_TRUE(world.put({id_of(7), "m2"}));
  QueryOptions options;
  options.slice_entities = 1;  // a step for each entity that is looked at
  Queries queries(*world.store, world.clock, world.hub.activities, options);
  const auto steps = [&](const std::string& text) { return run(queries, {.text = text})->steps; };
  EXPECT_LE(steps(everything + " WHERE deviceId = '" + id_of(7) + "'"), 1);
  EXPECT_LE(steps(everything + " WHERE deviceId IN ['" + id_of(199) + "', 'no', '" + id_of(3) + "'] AND true"), 3);
  EXPECT_LE(steps(everything + " WHERE STARTSWITH(deviceId, 'device-001')"), 11);
  EXPECT_LE(steps("SELECT COUNT() AS n FROM devices.modules WHERE deviceId = '" + id_of(7) + "'"), 3);
  EXPECT_GE(steps("SELECT COUNT() AS n FROM devices"), 199);
  EXPECT_THAT(ids(world, everything + " WHERE deviceId IN ['" + id_of(199) + "', 'no', '" + id_of(3) + "']"),
              ElementsAre(id_of(3), id_of(199)));
  EXPECT_EQ(ids(world, everything + " WHERE STARTSWITH(id, 'device-001')").size(), 10U);
  EXPECT_THAT(ids(world, "SELECT deviceId FROM devices.modules WHERE deviceId = '" + id_of(7) + "'"),
              ElementsAre(id_of(7), id_of(7)));
  EXPECT_EQ(joined(pages(queries, everything + " WHERE STARTSWITH(deviceId, 'device-001')", 3)).size(), 10U);
}

TEST(Queries, SlicesChangeNothingButWhenOthersGetTheirTurn) {
  World world;
  create(world, 50);
  for (int i = 0; i < 50; i += 3) ASSERT_TRUE(world.patch({id_of(i), ""}, R"({"tags":{"third":true}})"));
  for (const std::size_t entities : {std::size_t{1}, std::size_t{3}, std::size_t{7}}) {
    QueryOptions options;
    options.slice_entities = entities;
    Queries queries(*world.store, world.clock, world.hub.activities, options);
    for (const std::string text : {"SELECT * FROM devices WHERE tags.third", "SELECT COUNT() AS n FROM devices",
                                   "SELECT tags.third, COUNT() AS n FROM devices GROUP BY tags.third"}) {
      const auto sliced = run(queries, {.text = text});
      ASSERT_TRUE(sliced);
      EXPECT_EQ(sliced->page.json, run(world, text)->page.json);
      EXPECT_GE(sliced->steps, 50 / static_cast<int>(entities) - 1);
    }
  }
}

TEST(Queries, APageEndsWithTheRowThatReachesItsBytes) {
  World world;
  create(world, 10);
  QueryOptions options;
  options.page_bytes = 1500;
  Queries queries(*world.store, world.clock, world.hub.activities, options);
  const auto told = pages(queries, "SELECT * FROM devices", 100);
  EXPECT_EQ(joined(told).size(), 10U);
  EXPECT_GT(told.size(), 3U);
  for (const Ids& page : told) EXPECT_LE(page.size(), 3U);
}

TEST(Queries, TopIsTheTotalOverAllPages) {
  World world;
  create(world, 30);
  EXPECT_THAT(pages(world.hub.queries, "SELECT TOP 7 deviceId FROM devices", 3),
              ElementsAre(::testing::SizeIs(3), ::testing::SizeIs(3), ::testing::SizeIs(1)));
  EXPECT_THAT(pages(world.hub.queries, "SELECT TOP 6 deviceId FROM devices", 3),
              ElementsAre(::testing::SizeIs(3), ::testing::SizeIs(3)));
  EXPECT_THAT(pages(world.hub.queries, "SELECT TOP 0 deviceId FROM devices", 3), ElementsAre(IsEmpty()));
  EXPECT_THAT(pages(world.hub.queries, "SELECT TOP 99 deviceId FROM devices", 100), ElementsAre(::testing::SizeIs(30)));
}

TEST(Queries, GroupsArePagedToo) {
  World world;
  create(world, 25);
  for (int i = 0; i < 25; ++i)
    ASSERT_TRUE(world.patch({id_of(i), ""}, R"({"tags":{"n":)" + std::to_string(i / 2) + "}}"));
  const std::string text = "SELECT tags.n, COUNT() AS count FROM devices GROUP BY tags.n";
  std::set<std::string> all;
  std::size_t told_pages = 0;
  std::string token;
  do {
    const auto told = run(world.hub.queries, {.text = text, .page_rows = 5, .continuation = token});
    ASSERT_TRUE(told) << told.error().detail;
    for (const std::string& row : rows_of(told->page.json)) EXPECT_TRUE(all.insert(row).second) << row;
    token = told->page.continuation;
    ++told_pages;
  } while (!token.empty());
  EXPECT_EQ(told_pages, 3U);
  EXPECT_EQ(all.size(), 13U);
  EXPECT_EQ(all.count(R"({"n":3,"count":2})"), 1U);
  EXPECT_EQ(all.count(R"({"n":12,"count":1})"), 1U);
  const auto top = run(world, "SELECT TOP 2 tags.n, COUNT() AS count FROM devices GROUP BY tags.n");
  EXPECT_EQ(rows_of(top->page.json).size(), 2U);
  EXPECT_EQ(top->page.continuation, "");
}

TEST(Queries, TooManyGroupsAreAClearError) {
  World world;
  constexpr int large = 520;  // a group of 32 KiB each: more than 16 MiB
  create(world, large);
  const std::string filler = R"("a":")" + std::string(4000, 'x') + R"(","b":")" + std::string(3000, 'y') + "\"";
  for (int i = 0; i < large; ++i) {
    std::string members;
    for (int k = 0; k < 7; ++k)
      members += (k ? ",\"k" : "\"k") + std::to_string(k) + "\":\"" + std::string(4090, 'z') + "\"";
    ASSERT_TRUE(world.report({id_of(i), ""}, "{" + members + ",\"i\":" + std::to_string(i) + "}"));
  }
  std::string keys;
  for (int k = 0; k < 7; ++k) keys += (k ? ", properties.reported.k" : "properties.reported.k") + std::to_string(k);
  const auto told = run(world, "SELECT COUNT() AS n FROM devices GROUP BY properties.reported.i, " + keys);
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code, Errc::argument_invalid);
  EXPECT_THAT(told.error().detail, HasSubstr("groups"));
}

TEST(Queries, PagingSeesEveryLastingDeviceOnceWhileOthersComeAndGo) {
  World world;
  create(world, 120);
  std::atomic<bool> stop{false};
  // Every third device lasts; the others are deleted, made again and changed all the time.
  std::jthread writer([&] {
    for (int round = 0; !stop; ++round) {
      const int number = (round * 7) % 120;
      const IdentityId id{id_of(number), ""};
      if (number % 3 == 0) {
        static_cast<void>(world.patch(id, R"({"tags":{"round":)" + std::to_string(round) + "}}"));
      } else if (!world.remove(id)) {
        static_cast<void>(world.put(id));
      }
    }
  });
  for (int repeat = 0; repeat < 20; ++repeat) {
    const Ids all = joined(pages(world.hub.queries, everything, 7));
    EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size());
    for (int i = 0; i < 120; i += 3) EXPECT_EQ(std::count(all.begin(), all.end(), id_of(i)), 1) << i;
  }
  stop = true;
}

TEST(Queries, OnePageIsOneMoment) {
  World world;
  create(world, 20);
  QueryOptions options;
  options.slice_entities = 5;
  Queries queries(*world.store, world.clock, world.hub.activities, options);
  auto begun = queries.begin({.text = "SELECT COUNT() AS n FROM devices WHERE NOT is_defined(tags.late)"});
  ASSERT_TRUE(begun);
  ASSERT_TRUE((*begun)->step());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(world.patch({id_of(i), ""}, R"({"tags":{"late":1}})"));
  ASSERT_TRUE(world.put({"zz", ""}));
  while ((*begun)->step()) {
  }
  EXPECT_EQ((*begun)->take()->json, R"([{"n":20}])");
}

TEST(Queries, ThereIsABoundOnHowManyRunAtOnce) {
  World world;
  QueryOptions options;
  options.running_max = 2;
  Queries queries(*world.store, world.clock, world.hub.activities, options);
  auto first = queries.begin({.text = everything});
  auto second = queries.begin({.text = everything});
  ASSERT_TRUE(first && second);
  const auto third = queries.begin({.text = everything});
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Errc::generic_too_many_requests);
  first->reset();
  EXPECT_TRUE(queries.begin({.text = everything}));
}

TEST(Queries, AStopEndsWhatRuns) {
  World world;
  create(world, 5);
  Queries queries(*world.store, world.clock, world.hub.activities, {});
  auto begun = queries.begin({.text = everything});
  ASSERT_TRUE(begun);
  queries.stop();
  EXPECT_FALSE((*begun)->step());
  EXPECT_EQ((*begun)->take().error().code, Errc::service_unavailable);
}

TEST(Queries, StrictRefusesWhatTheCloudRefuses) {
  World world;
  QueryOptions options;
  options.strict = true;
  Queries strict(*world.store, world.clock, world.hub.activities, options);
  const std::string text = everything + " WHERE CONTAINS(deviceId, 'x')";
  EXPECT_TRUE(run(world, text));
  const auto refused = run(strict, {.text = text});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().detail, "BadRequest: unknown function 'CONTAINS' at line 1, column 36");
}

/// Rows of jobs as the one who runs them would keep them.
class FakeJobs final : public DeviceJobs {
 public:
  Result<void> scan(std::string_view job, std::string_view after, const Visitor& visit) const override {
    asked_for = job;
    for (auto row = rows.upper_bound(std::string(after)); row != rows.end(); ++row) {
      if (!visit(row->first, row->second)) break;
    }
    return {};
  }
  std::map<std::string, std::string> rows;
  mutable std::string asked_for;
};

TEST(JobQueries, ReadTheRowsThatJobsWrite) {
  World world;
  EXPECT_EQ(run(world, "SELECT * FROM devices.jobs")->page.json, "[]");
  FakeJobs jobs;
  for (int i = 0; i < 10; ++i) {
    jobs.rows["job/" + id_of(i)] =
        R"({"deviceId":")" + id_of(i) + R"(","jobId":"j","status":")" + (i % 2 ? "failed" : "completed") + "\"}";
  }
  world.hub.queries.set_device_jobs(jobs);
  EXPECT_EQ(run(world, "SELECT * FROM devices.jobs")->page.item_type, "DeviceJob");
  EXPECT_THAT(pages(world.hub.queries, "SELECT * FROM devices.jobs WHERE status = 'failed'", 2),
              ElementsAre(ElementsAre(id_of(1), id_of(3)), ElementsAre(id_of(5), id_of(7)), ElementsAre(id_of(9))));
  EXPECT_THAT(pages(world.hub.queries, "SELECT TOP 3 * FROM devices.jobs", 2),
              ElementsAre(::testing::SizeIs(2), ::testing::SizeIs(1)));
  EXPECT_EQ(jobs.asked_for, "");
  EXPECT_THAT(run(world, "SELECT * FROM devices.jobs WHERE devices.jobs.jobId = 'j' AND status = 'failed'")->page.json,
              HasSubstr(id_of(9)));
  EXPECT_EQ(jobs.asked_for, "j");
}

}  // namespace
}  // namespace twinhub::hub

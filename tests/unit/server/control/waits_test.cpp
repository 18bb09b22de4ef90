#include "server/control/waits.hpp"

#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <future>
#include <thread>

namespace twinhub::control {
namespace {

using std::chrono::seconds;

struct WaitsTest : testing::Test {
  WaitsTest() {
    world.store->watch_events([this] { waits->wake(); });
  }
  ~WaitsTest() override {
    waits->stop();
    workers.join();
    world.store->watch_events({});
  }
  using End = std::future<Result<WaitEnd>>;
  End begin(const std::string& text) {
    const auto promise = std::make_shared<std::promise<Result<WaitEnd>>>();
    auto end = promise->get_future();
    const auto begun =
        waits->begin(*parse_wait_request(text), [promise](Result<WaitEnd> how) { promise->set_value(std::move(how)); });
    if (!begun) promise->set_value(begun.error());
    return end;
  }
  static bool is_over(End& end) { return end.wait_for(std::chrono::minutes(2)) == std::future_status::ready; }

  static constexpr std::size_t waits_max = 64;

  hub::World world;
  boost::asio::thread_pool workers{2};
  std::shared_ptr<Waits> waits = std::make_shared<Waits>(*world.store, world.hub.queries, "hub", workers, waits_max);
};

TEST_F(WaitsTest, WhatHoldsIsToldAtOnceAndWhatDoesNotWhenItHolds) {
  ASSERT_TRUE(world.put(hub::d1));
  auto enabled = begin("device=d1&condition=status%20%3D%20%27enabled%27");
  ASSERT_TRUE(is_over(enabled));
  EXPECT_TRUE(enabled.get()->met);
  auto reported = begin("device=d1&condition=properties.reported.n%20%3E%2099");
  for (int n = 0; n <= 99; ++n) ASSERT_TRUE(world.report(hub::d1, "{\"n\":" + std::to_string(n) + "}"));
  EXPECT_EQ(reported.wait_for(seconds(0)), std::future_status::timeout);
  ASSERT_TRUE(world.report(hub::d1, "{\"n\":100}"));
  ASSERT_TRUE(is_over(reported));
  const auto end = reported.get();
  EXPECT_EQ(hub::at(end->json, "properties/reported/n"), "100");
}

TEST_F(WaitsTest, ManyWaitWhileManyWrite) {
  constexpr int devices = 40;
  std::vector<End> ends;
  for (int i = 0; i < devices; ++i)
    ends.push_back(begin("device=w" + std::to_string(i) + "&condition=tags.n%20%3D%205"));
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 2; ++writer) {
    writers.emplace_back([this, writer] {
      for (int i = writer; i < devices; i += 2) {
        const IdentityId id{"w" + std::to_string(i), ""};
        EXPECT_TRUE(world.put(id));
        for (int n = 0; n <= 5; ++n) EXPECT_TRUE(world.patch(id, "{\"tags\":{\"n\":" + std::to_string(n) + "}}"));
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  for (End& end : ends) {
    ASSERT_TRUE(is_over(end));
    EXPECT_TRUE(end.get()->met);
  }
}

TEST_F(WaitsTest, WhatChangesWithoutAnEventIsSeenByTheTick) {
  ASSERT_TRUE(world.put(hub::d1));
  auto disabled = begin("device=d1&condition=status%20%3D%20%27disabled%27&timeout=60m");
  ASSERT_TRUE(world.put(hub::d1, R"({"status":"disabled"})", "*"));
  waits->tick();
  ASSERT_TRUE(is_over(disabled));
  EXPECT_TRUE(disabled.get()->met);
}

TEST_F(WaitsTest, OneThatNobodyWaitsForAnyMoreLeavesItsPlace) {
  for (std::size_t i = 0; i < 3 * waits_max; ++i) {
    const auto begun = waits->begin(*parse_wait_request("device=d1&condition=true&timeout=60m"), [](const auto&) {});
    ASSERT_TRUE(begun);
    waits->forget(*begun);
  }
}

TEST_F(WaitsTest, OneThatIsOverTimeIsToldByTheTick) {
  auto end = begin("device=d1&condition=true&timeout=0");
  waits->tick();
  ASSERT_TRUE(is_over(end));
  EXPECT_FALSE(end.get()->met);
}

TEST_F(WaitsTest, NoMoreThanItsBoundAndNoneOnceItStops) {
  std::vector<End> ends;
  for (std::size_t i = 0; i < waits_max; ++i) ends.push_back(begin("device=d1&condition=true&timeout=60m"));
  EXPECT_EQ(begin("device=d1&condition=true").get().error().code, Errc::generic_too_many_requests);
  waits->stop();
  for (End& end : ends) EXPECT_EQ(end.get().error().code, Errc::service_unavailable);
  EXPECT_EQ(begin("device=d1&condition=true").get().error().code, Errc::service_unavailable);
}

}  // namespace
}  // namespace twinhub::control

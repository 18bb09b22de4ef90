#include "server/console/pending_count.hpp"

#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>
#include <boost/asio/thread_pool.hpp>
#include <thread>

namespace twinhub::console {
namespace {

struct PendingCountTest : testing::Test {
  PendingCount::State counted() {
    PendingCount::State state = count->ask();
    while (state.counting) {
      std::this_thread::yield();
      state = count->ask();
    }
    return state;
  }
  ~PendingCountTest() override {
    count->stop();
    workers.join();
  }
  hub::World world;
  boost::asio::thread_pool workers{1};
  std::shared_ptr<PendingCount> count = std::make_shared<PendingCount>(*world.store, world.clock, workers);
};

TEST_F(PendingCountTest, CountsTwinsByTheirWorstLeafAndShowsTheFirstOfThem) {
  const char* desired = R"({"properties":{"desired":{"a":1}}})";
  for (const char* id : {"applied", "diverged", "pending", "rejected", "silent"}) ASSERT_TRUE(world.put({id, ""}));
  for (const char* id : {"applied", "diverged", "pending", "rejected"}) ASSERT_TRUE(world.patch({id, ""}, desired));
  const Timestamp then = world.clock.now();
  world.clock.advance_seconds(1);
  ASSERT_TRUE(world.report({"applied", ""}, R"({"a":1})"));
  ASSERT_TRUE(world.report({"diverged", ""}, R"({"a":2})"));
  ASSERT_TRUE(world.report({"rejected", ""}, R"({"a":{"value":0,"ac":400,"av":2}})"));
  const auto result = counted().result;
  EXPECT_EQ(result->twins, 5U);
  EXPECT_EQ(result->pending, 1U);
  EXPECT_EQ(result->diverged, 1U);
  EXPECT_EQ(result->rejected, 1U);
  EXPECT_EQ(result->oldest, then);
  ASSERT_EQ(result->devices.size(), 3U);
  EXPECT_EQ(result->devices[1].id.device, "pending");
}

TEST_F(PendingCountTest, APassIsMadeOnceAMinuteAtMost) {
  EXPECT_EQ(counted().result->number, 1U);
  ASSERT_TRUE(world.put(hub::d1));
  world.clock.advance_seconds(59);
  EXPECT_EQ(counted().result->number, 1U);
  EXPECT_EQ(counted().result->twins, 0U);
  world.clock.advance_seconds(1);
  EXPECT_EQ(counted().result->twins, 1U);
  EXPECT_EQ(counted().result->number, 2U);
}

}  // namespace
}  // namespace twinhub::console

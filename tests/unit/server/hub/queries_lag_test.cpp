// Queries that see what was there some time ago, as the cloud's do (query.lag_ms).
#include "server/hub/aged_snapshots.hpp"

#include "queries_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>

namespace twinhub::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LaggingQueries : public ::testing::Test {
 protected:
  LaggingQueries() {
    EXPECT_TRUE(world_.put({"old", ""}));
    QueryOptions options;
    options.lag = std::chrono::seconds(16);
    queries_.emplace(*world_.store, world_.clock, world_.hub.presence, world_.hub.cloud_to_device, options);
  }
  void pass(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      world_.clock.advance_seconds(1);
      queries_->tick();
    }
  }
  Ids seen(const std::string& text = everything) { return ids_of(run(*queries_, {.text = text})->page.json); }

  World world_;
  std::optional<Queries> queries_;
};

TEST_F(LaggingQueries, SeeWhatWasThereThatLongAgo) {
  pass(1);
  ASSERT_TRUE(world_.put({"new", ""}));
  ASSERT_TRUE(world_.remove({"old", ""}));
  EXPECT_THAT(seen(), ElementsAre("old"));
  pass(15);
  EXPECT_THAT(seen(), ElementsAre("old"));  // a deleted device lingers
  EXPECT_THAT(seen(everything + " WHERE deviceId = 'new'"), IsEmpty());
  pass(2);
  EXPECT_THAT(seen(), ElementsAre("new"));
  EXPECT_THAT(ids(world_, everything), ElementsAre("new"));
}

TEST_F(LaggingQueries, HoldABoundedNumberOfSnapshots) {
  AgedSnapshots aged(*world_.store, world_.clock, std::chrono::seconds(16));
  for (int i = 0; i < 100; ++i) {
    world_.clock.advance_seconds(1);
    aged.tick();
    aged.tick();
    EXPECT_LE(aged.held(), AgedSnapshots::per_lag + 2);
  }
  EXPECT_GE(aged.held(), AgedSnapshots::per_lag);
  aged.clear();
  EXPECT_EQ(aged.held(), 0U);
}

}  // namespace
}  // namespace twinhub::hub

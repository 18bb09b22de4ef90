// Queries that see what was there some time ago, as the cloud's do (query.lag_ms).
#include "server/hub/queries/aged_snapshots.hpp"

#include "tests/unit/server/hub/queries/queries_world.hpp"

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
    queries_.emplace(*world_.store, world_.clock, world_.hub.activities, options);
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

TEST_F(LaggingQueries, LagAsLongAsEverWhileTheWallClockIsWrongAndAfterIt) {
  for (const std::int64_t wrong : {2 * 24 * 3600, -2 * 24 * 3600}) {
    const std::string id = wrong > 0 ? "ahead" : "behind";
    pass(1);
    ASSERT_TRUE(world_.put({id, ""}));
    world_.clock.step_seconds(wrong);
    pass(3);
    EXPECT_THAT(seen(everything + " WHERE deviceId = '" + id + "'"), IsEmpty()) << "not before its time";
    world_.clock.step_seconds(-wrong);
    pass(16);
    EXPECT_THAT(seen(everything + " WHERE deviceId = '" + id + "'"), ElementsAre(id)) << "not for days as it was";
  }
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

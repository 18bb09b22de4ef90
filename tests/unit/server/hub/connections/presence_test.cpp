#include "server/hub/connections/presence.hpp"

#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>
#include <thread>

namespace twinhub::hub {

struct PresenceTest : testing::Test {
  World world;
  StillClock& clock = world.clock;
  Presence& presence = world.hub.presence;
};

TEST_F(PresenceTest, AnUnknownIdentityIsDisconnectedSinceTheNullDate) {
  const auto activity = presence.activity_of(d1);
  EXPECT_FALSE(activity.connected);
  EXPECT_EQ(activity.connection_state_updated.ticks, 0U);
  EXPECT_EQ(activity.last_activity.ticks, 0U);
  EXPECT_EQ(presence.connected().all(), 0U);
}

TEST_F(PresenceTest, AConnectionSetsStateAndTimes) {
  const Timestamp start = clock.now();
  presence.connected(d1);
  EXPECT_TRUE(presence.activity_of(d1).connected);
  EXPECT_EQ(presence.activity_of(d1).connection_state_updated, start);
  EXPECT_EQ(presence.activity_of(d1).last_activity, start);

  clock.advance_seconds(5);
  presence.active(d1);
  EXPECT_EQ(presence.activity_of(d1).connection_state_updated, start);
  EXPECT_EQ(presence.activity_of(d1).last_activity, clock.now());
  const Timestamp last_message = clock.now();

  clock.advance_seconds(5);
  presence.disconnected(d1);
  EXPECT_FALSE(presence.activity_of(d1).connected);
  EXPECT_EQ(presence.activity_of(d1).connection_state_updated, clock.now());
  EXPECT_EQ(presence.activity_of(d1).last_activity, last_message);
}

TEST_F(PresenceTest, ATakeOverNeverShowsDisconnected) {
  presence.connected(d1);
  const Timestamp start = clock.now();
  clock.advance_seconds(1);
  presence.connected(d1);     // the new connection
  presence.disconnected(d1);  // the old one's end
  EXPECT_TRUE(presence.activity_of(d1).connected);
  EXPECT_EQ(presence.activity_of(d1).connection_state_updated, start);
  EXPECT_EQ(presence.connected().all(), 1U);
}

TEST_F(PresenceTest, TheCountOfConnectionsIsNeverNegative) {
  presence.disconnected(d1);
  presence.connected(d1);
  presence.disconnected(d1);
  presence.disconnected(d1);
  EXPECT_EQ(presence.connected().all(), 0U);
  presence.connected(d1);
  EXPECT_TRUE(presence.activity_of(d1).connected);
  EXPECT_EQ(presence.connected().all(), 1U);
}

TEST_F(PresenceTest, AModuleIsNotItsDevice) {
  presence.connected(m1);
  EXPECT_TRUE(presence.activity_of(m1).connected);
  EXPECT_FALSE(presence.activity_of(d1).connected);
}

TEST_F(PresenceTest, ADeletedIdentityIsForgottenAtOnceAndItsOldConnectionDoesNotEndANewOne) {
  presence.connected(d1);
  presence.forget(d1);
  EXPECT_FALSE(presence.activity_of(d1).connected);
  EXPECT_EQ(presence.activity_of(d1).last_activity.ticks, 0U);

  clock.advance_seconds(1);
  presence.connected(d1);  // created anew, before the old connection is gone
  EXPECT_EQ(presence.activity_of(d1).connection_state_updated, clock.now());
  presence.disconnected(d1);
  EXPECT_TRUE(presence.activity_of(d1).connected);
  EXPECT_EQ(presence.connected().all(), 1U);
}

TEST_F(PresenceTest, ADeletedIdentityLeavesNothingOnceItsConnectionEnds) {
  presence.connected(d1);
  presence.forget(d1);
  presence.disconnected(d1);
  EXPECT_EQ(presence.connected().all(), 0U);
  presence.active(d1);
  EXPECT_EQ(presence.activity_of(d1).last_activity.ticks, 0U);
}

TEST_F(PresenceTest, CountsRightUnderManyThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 500; ++i) {
        const IdentityId id{"d" + std::to_string(i % 50), ""};
        presence.connected(id);
        presence.active(id);
        if (t != 0) presence.disconnected(id);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(presence.connected().all(), 50U);
}

}  // namespace twinhub::hub

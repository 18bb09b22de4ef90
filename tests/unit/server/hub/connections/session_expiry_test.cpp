// How long a kept MQTT session outlives its client, on a clock that the test moves.
#include "server/hub/connections/session_expiry.hpp"

#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>

namespace twinhub::hub {
namespace {

constexpr std::uint64_t life_seconds = 800;
constexpr std::uint64_t eighth =
    life_seconds / 8;  // how exact last-seen times are kept, and how often all are looked at

struct SessionExpiryTest : testing::Test {
  void put_session(const IdentityId& id, Timestamp last_seen) {
    const storage::Session session{{{"a/b", 1}}, last_seen};
    ASSERT_TRUE(answer_of<void>([&](auto done) {
      ASSERT_TRUE(world.store->put_session(
          id, &session, [done](const Result<void>& durable, storage::Outbox& outbox) { done(durable, outbox); }));
    }));
  }
  std::optional<storage::Session> session(const IdentityId& id) const { return world.store->read_session(id)->session; }
  /// Lets the time pass in which a round of looks comes to its turn, round by round.
  void pass(std::uint64_t seconds) {
    for (std::uint64_t done = 0; done < seconds; done += eighth) {
      world.clock.advance_seconds(eighth);
      expiry.tick();
    }
  }

  World world;
  SessionExpiry expiry{*world.store, world.clock, world.hub.presence, std::chrono::seconds(life_seconds)};
};

TEST_F(SessionExpiryTest, ASessionGoesBetweenOneAndOneAndAQuarterLivesAfterItsClient) {
  put_session(d1, expiry.stamp());
  pass(life_seconds);
  EXPECT_TRUE(session(d1)) << "a life long, and a little longer, it is kept";
  pass(2 * eighth);
  EXPECT_FALSE(session(d1));
}

TEST_F(SessionExpiryTest, AConnectedClientKeepsItsSession) {
  put_session(d1, expiry.stamp());
  world.hub.presence.connected(d1);
  pass(3 * life_seconds);
  ASSERT_TRUE(session(d1));
  EXPECT_GE(session(d1)->last_seen.ticks, world.clock.now().ticks - eighth * ticks_per_second);
  EXPECT_EQ(session(d1)->subscriptions.size(), 1U) << "nothing else of it changes";
  world.hub.presence.disconnected(d1);
  pass(life_seconds + 2 * eighth);
  EXPECT_FALSE(session(d1)) << "its life began when the client was last seen";
}

TEST_F(SessionExpiryTest, WrongSecondsOfTheWallClockEndNoSession) {
  put_session(d1, expiry.stamp());
  constexpr std::int64_t two_lives = 2 * life_seconds;
  world.clock.step_seconds(two_lives);
  expiry.tick();
  world.clock.advance_seconds(3);
  world.clock.step_seconds(-two_lives);
  expiry.tick();
  world.clock.advance_seconds(StillClock::settling_seconds);
  expiry.tick();
  EXPECT_TRUE(session(d1));
  pass(life_seconds);
  EXPECT_FALSE(session(d1)) << "nor is one kept for ever";
}

TEST_F(SessionExpiryTest, ASessionWithoutATimeBeginsItsLifeNow) {
  put_session(d1, {});
  expiry.tick();
  ASSERT_TRUE(session(d1));
  EXPECT_EQ(session(d1)->last_seen, world.clock.now());
}

TEST_F(SessionExpiryTest, ALastSeenTimeIsWrittenAnewOnceAnEighthOfALifeIsOver) {
  const storage::Session kept{{}, expiry.stamp()};
  EXPECT_FALSE(expiry.is_stale(kept));
  world.clock.advance_seconds(eighth - 1);
  EXPECT_FALSE(expiry.is_stale(kept));
  world.clock.advance_seconds(1);
  EXPECT_TRUE(expiry.is_stale(kept));
}

TEST_F(SessionExpiryTest, ARoundTakesSeveralTicksWhenThereAreManySessions) {
  constexpr int sessions = 450;  // a tick looks at 200
  const auto id_of = [](int n) { return IdentityId{"d" + std::to_string(1000 + n), ""}; };
  for (int n = 0; n < sessions; ++n) put_session(id_of(n), {});
  const auto looked_at = [&] {
    int count = 0;
    for (int n = 0; n < sessions; ++n) count += session(id_of(n))->last_seen.ticks > 0 ? 1 : 0;
    return count;
  };
  expiry.tick();
  EXPECT_EQ(looked_at(), 200);
  expiry.tick();
  EXPECT_EQ(looked_at(), 400);
  expiry.tick();
  EXPECT_EQ(looked_at(), sessions);
}

TEST_F(SessionExpiryTest, WithoutALifeSessionsAreKeptForEverAndUnstamped) {
  SessionExpiry off(*world.store, world.clock, world.hub.presence, std::chrono::seconds(0));
  EXPECT_EQ(off.stamp(), Timestamp{});
  put_session(d1, off.stamp());
  world.clock.advance_seconds(1'000'000'000);
  EXPECT_FALSE(off.is_stale({{}, {}}));
  off.tick();
  ASSERT_TRUE(session(d1));
  EXPECT_EQ(session(d1)->last_seen, Timestamp{});
}

}  // namespace
}  // namespace twinhub::hub

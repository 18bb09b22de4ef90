// Cloud-to-device messages and their feedback while the machine's wall clock is wrong, and after it was set right.
#include "tests/unit/server/hub/messages/messages_world.hpp"

#include <gtest/gtest.h>

namespace twinhub::hub {
namespace {

constexpr std::int64_t two_days = 2 * 24 * 3600;

iothub::CloudToDeviceMessage expiring(const MessageWorld& world, const std::string& text, std::uint64_t seconds) {
  auto made = message(text, Acknowledgement::full);
  made.expiry = Timestamp{world.clock.wall().ticks + seconds * ticks_per_second};
  return made;
}

/// Three seconds of a wall clock that is wrong by `seconds`, with the hub's ticks in them.
void wrong_seconds(MessageWorld& world, std::int64_t seconds) {
  world.clock.step_seconds(seconds);
  for (int n = 0; n < 3; ++n) {
    world.tick();
    world.clock.advance_seconds(1);
  }
  world.clock.step_seconds(-seconds);
}

/// Ticks until the clock has held for long enough.
void hold(MessageWorld& world) {
  world.clock.advance_seconds(StillClock::settling_seconds);
  for (int n = 0; n < 3; ++n) world.tick();
}

TEST(MessagesOnAWrongClock, ThreeSecondsTwoDaysAheadLoseNoMessageAndNoFeedback) {
  MessageWorld world;
  ASSERT_TRUE(world.send(message("done", Acknowledgement::full)));
  ASSERT_TRUE(world.complete(world.receive()->lock));
  ASSERT_TRUE(world.send(expiring(world, "named", 3600)));
  ASSERT_TRUE(world.send(message("default", Acknowledgement::full)));
  wrong_seconds(world, two_days);
  world.tick();
  EXPECT_EQ(world.count(), 2U);
  hold(world);
  EXPECT_EQ(world.count(), 2U) << "the clock that has held is the right one";
  EXPECT_EQ(world.feedback(), "id-done Success") << "no feedback was dropped, and none says Expired";
  EXPECT_EQ(world.body(), "named");
  EXPECT_EQ(world.body(), "default");
}

TEST(MessagesOnAWrongClock, WhatHasExpiredOnItIsHeldBackAndOfferedAgainWhenItGoesBack) {
  MessageWorld world;
  ASSERT_TRUE(world.send(expiring(world, "held", 3600)));
  world.clock.step_seconds(two_days);
  world.tick();
  EXPECT_EQ(world.receive(), std::nullopt) << "it may be too late for it";
  (void)world.links.take_woken();
  world.clock.advance_seconds(3);
  world.clock.step_seconds(-two_days);
  EXPECT_EQ(world.links.take_woken(), std::vector<std::string>{});
  world.tick();
  EXPECT_EQ(world.links.take_woken(), std::vector<std::string>{"d1"}) << "a device that asked in vain is woken";
  EXPECT_EQ(world.body(), "held");
  world.tick();
  EXPECT_EQ(world.links.take_woken(), std::vector<std::string>{}) << "once";
}

TEST(MessagesOnAWrongClock, AClockThatHoldsAheadExpiresThemAfterItHasHeld) {
  MessageWorld world;
  ASSERT_TRUE(world.send(expiring(world, "a", 3600)));
  world.clock.step_seconds(two_days);
  world.clock.advance_seconds(StillClock::settling_seconds - 1);
  world.tick();
  EXPECT_EQ(world.count(), 1U);
  EXPECT_EQ(world.receive(), std::nullopt);
  world.clock.advance_seconds(1);
  world.tick();
  EXPECT_EQ(world.count(), 0U);
  EXPECT_EQ(world.feedback(), "id-a Expired");
}

TEST(MessagesOnAWrongClock, TheHubsOwnBoundsAreCountedWithoutTheWallClock) {
  MessageWorld world;
  ASSERT_TRUE(world.send(message("default", Acknowledgement::full)));
  world.clock.step_seconds(-two_days);
  world.clock.advance_seconds(3599);
  world.tick();
  EXPECT_EQ(world.count(), 1U);
  world.clock.advance_seconds(1);
  EXPECT_EQ(world.receive(), std::nullopt) << "not delivered for ever";
  world.tick();
  EXPECT_EQ(world.count(), 0U);
  EXPECT_EQ(world.feedback(), "id-default Expired");
}

TEST(MessagesOnAWrongClock, WhatIsSentInWrongSecondsLivesAsLongAsAnyOther) {
  for (const std::int64_t wrong : {two_days, -two_days}) {
    MessageWorld world;
    const auto named = expiring(world, "named", 7200);  // the sender's clock is right
    world.clock.step_seconds(wrong);
    ASSERT_TRUE(world.send(message("default", Acknowledgement::full)));
    ASSERT_TRUE(world.send(named));
    world.clock.advance_seconds(3);
    world.clock.step_seconds(-wrong);
    hold(world);
    EXPECT_EQ(world.count(), 2U) << wrong;
    world.clock.advance_seconds(3600 - StillClock::settling_seconds - 3);
    world.tick();
    EXPECT_EQ(world.count(), 1U) << wrong;
    EXPECT_EQ(world.feedback(), "id-default Expired") << wrong;
    EXPECT_EQ(world.body(), "named") << wrong;
  }
}

TEST(MessagesOnAWrongClock, LocksNeitherLapseEarlyNorStay) {
  for (const std::int64_t wrong : {two_days, -two_days}) {
    MessageWorld world;
    ASSERT_TRUE(world.send(message("a")));
    ASSERT_TRUE(world.send(message("b")));
    const auto a = world.receive();
    const auto b = world.receive();
    world.clock.step_seconds(wrong);
    world.clock.advance_seconds(59);
    world.tick();
    EXPECT_EQ(world.receive(), std::nullopt) << "both are locked";
    EXPECT_TRUE(world.complete(a->lock)) << wrong;
    world.clock.advance_seconds(1);
    world.tick();
    EXPECT_EQ(world.complete(b->lock).error().code, Errc::device_message_lock_lost) << wrong;
    world.clock.step_seconds(-wrong);
    EXPECT_EQ(world.body(), "b") << wrong;
  }
}

TEST(MessagesOnAWrongClock, ARestartsLockedMessagesAreDuplicatesWhateverTheClockSays) {
  const StoreFolder folder;
  {
    MessageWorld world(folder.options());
    world.clock.step_seconds(two_days);
    ASSERT_TRUE(world.send(message("a")));
    ASSERT_TRUE(world.receive());  // locked when the hub ends, which writes nothing down
  }
  MessageWorld world(folder.options());
  const auto again = world.receive();
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->redelivered);
}

TEST(MessagesOnAWrongClock, WhatIsOnDiskExpiresOnlyWhileTheClockHolds) {
  const StoreFolder folder;
  {
    MessageWorld world(folder.options());
    ASSERT_TRUE(world.send(message("a", Acknowledgement::full)));
    ASSERT_TRUE(world.send(message("b", Acknowledgement::full)));
    ASSERT_TRUE(world.complete(world.receive()->lock));
  }
  MessageWorld world(folder.options());
  for (int n = 0; n < 3; ++n) world.tick();
  wrong_seconds(world, two_days);
  hold(world);
  EXPECT_EQ(world.count(), 1U);
  EXPECT_EQ(world.feedback(), "id-a Success");
  EXPECT_EQ(world.body(), "b");
}

TEST(FeedbackOnAWrongClock, LocksAndWaitsGoOnEvenly) {
  for (const std::int64_t wrong : {two_days, -two_days}) {
    MessageWorld world;
    ASSERT_TRUE(world.send(message("a", Acknowledgement::full)));
    ASSERT_TRUE(world.complete(world.receive()->lock));
    world.clock.step_seconds(wrong);
    world.clock.advance_seconds(14);
    EXPECT_FALSE(*world.hub.feedback.receive()) << "the batch still waits " << wrong;
    world.clock.advance_seconds(1);
    const auto batch = *world.hub.feedback.receive();
    ASSERT_TRUE(batch) << wrong;
    world.clock.step_seconds(-wrong);
    world.clock.advance_seconds(59);
    world.tick();
    EXPECT_FALSE(*world.hub.feedback.receive()) << "locked " << wrong;
    world.clock.step_seconds(wrong);
    world.clock.advance_seconds(1);
    world.tick();
    EXPECT_EQ(world.feedback(), "id-a Success") << "the lock has lapsed " << wrong;
  }
}

TEST(FeedbackOnAWrongClock, ARecordsLifeIsCountedWithoutTheWallClock) {
  MessageWorld world;
  ASSERT_TRUE(world.send(message("a", Acknowledgement::full)));
  ASSERT_TRUE(world.complete(world.receive()->lock));
  world.clock.step_seconds(-two_days);
  world.clock.advance_seconds(3600);
  world.tick();
  EXPECT_EQ(world.feedback(), "(none)") << "a clock that is behind keeps nothing for ever";
}

}  // namespace
}  // namespace twinhub::hub

// One device's queue as a pure state machine: what may be delivered, what is locked and for how long, what is over.
#include "server/hub/messages/message_queue.hpp"

#include <gtest/gtest.h>

namespace twinhub::hub {
namespace {

using State = MessageQueue::State;

constexpr Timestamp at(std::uint64_t seconds) { return {seconds * ticks_per_second}; }

/// What the wall clock shows when the steady clock shows 0.
constexpr std::uint64_t wall_origin = 63'900'000'000;

constexpr Timestamp wall_at(std::uint64_t seconds) { return at(wall_origin + seconds); }
constexpr MessageQueue::Moment both_at(std::uint64_t seconds) {
  return {.wall = wall_at(seconds), .steady = at(seconds)};
}
/// As a sender said.
constexpr MessageQueue::Life expiring(std::uint64_t seconds) { return {.valid_until = wall_at(seconds)}; }
/// As the hub's own bound is.
constexpr MessageQueue::Life lasting(std::uint64_t seconds) { return {.lasts_until = at(seconds)}; }

void add(MessageQueue& queue, std::uint64_t number, const MessageQueue::Life& life, State state = State::queued) {
  queue.add(number, {}, life, state);
}

/// Queued messages with the numbers 1 to `count`, each good for 1000 seconds.
MessageQueue queue_of(std::uint64_t count) {
  MessageQueue queue;
  for (std::uint64_t number = 1; number <= count; ++number) add(queue, number, expiring(1000));
  return queue;
}

std::uint64_t next_number(MessageQueue& queue, std::uint64_t seconds = 0) {
  const auto* message = queue.next(both_at(seconds));
  return message != nullptr ? message->sequence_number : 0;
}

TEST(MessageQueue, TheOldestQueuedMessageIsNext) {
  MessageQueue queue = queue_of(3);
  EXPECT_EQ(next_number(queue), 1U);
  MessageQueue::lock(*queue.next(both_at(0)), 1, 7, at(60));
  EXPECT_EQ(next_number(queue), 2U) << "a locked message is passed over";
  queue.find(2)->state = State::leaving;
  EXPECT_EQ(next_number(queue), 3U) << "so is one that is leaving";
  queue.remove(3);
  EXPECT_EQ(queue.next(both_at(0)), nullptr);
}

TEST(MessageQueue, AMessageThatIsArrivingHoldsUpThoseBehindIt) {
  MessageQueue queue = queue_of(1);
  add(queue, 2, expiring(1000), State::arriving);
  add(queue, 3, expiring(1000));
  EXPECT_EQ(queue.size(), 3U);
  EXPECT_EQ(queue.count(), 2U) << "only durable messages are counted";
  EXPECT_EQ(next_number(queue), 1U);
  queue.remove(1);
  EXPECT_EQ(queue.next(both_at(0)), nullptr);
  queue.find(2)->state = State::queued;
  EXPECT_EQ(next_number(queue), 2U);
}

TEST(MessageQueue, ALockHoldsItsMessageUntilItIsDeliveredAnew) {
  MessageQueue queue = queue_of(2);
  MessageQueue::lock(*queue.next(both_at(0)), 11, 7, at(60));
  ASSERT_NE(queue.find(MessageLock{1, 11}), nullptr);
  EXPECT_TRUE(queue.find(MessageLock{1, 11})->header.delivered);
  EXPECT_EQ(queue.find(MessageLock{1, 12}), nullptr) << "a lock of another delivery";
  EXPECT_EQ(queue.find(MessageLock{2, 11}), nullptr) << "a message that is not locked";
  EXPECT_EQ(queue.find(MessageLock{3, 11}), nullptr) << "a message that there is not";
  MessageQueue::unlock(*queue.find(1));
  EXPECT_EQ(queue.find(MessageLock{1, 11}), nullptr);
  MessageQueue::lock(*queue.next(both_at(0)), 12, 7, at(60));
  EXPECT_EQ(queue.find(MessageLock{1, 11}), nullptr);
  EXPECT_EQ(queue.find(MessageLock{1, 12}), queue.find(1));
}

TEST(MessageQueue, LocksAreCountedByConsumer) {
  MessageQueue queue = queue_of(3);
  MessageQueue::lock(*queue.next(both_at(0)), 1, 7, at(60));
  MessageQueue::lock(*queue.next(both_at(0)), 2, 8, at(60));
  MessageQueue::lock(*queue.next(both_at(0)), 3, 7, at(60));
  EXPECT_EQ(queue.locked_by(7), 2U);
  EXPECT_EQ(queue.locked_by(8), 1U);
  EXPECT_EQ(queue.locked_by(9), 0U);
  queue.find(1)->state = State::leaving;
  EXPECT_EQ(queue.locked_by(7), 1U);
}

TEST(MessageQueue, ALockLapsesAtItsTimeAndPutsTheMessageBackInItsPlace) {
  MessageQueue queue = queue_of(2);
  MessageQueue::lock(*queue.next(both_at(0)), 1, 7, at(60));
  EXPECT_FALSE(queue.lapse(at(59)));
  EXPECT_EQ(next_number(queue, 59), 2U);
  EXPECT_TRUE(queue.lapse(at(60)));
  EXPECT_EQ(next_number(queue, 60), 1U);
  EXPECT_FALSE(queue.lapse(at(60))) << "once";
}

TEST(MessageQueue, AMessageExpiresWhenItsTimeIsReachedUnlessItIsLocked) {
  MessageQueue queue;
  add(queue, 1, expiring(10));
  add(queue, 2, expiring(10));
  add(queue, 3, expiring(20));
  MessageQueue::lock(*queue.next(both_at(0)), 1, 7, at(60));
  EXPECT_EQ(next_number(queue, 9), 2U);
  EXPECT_EQ(next_number(queue, 10), 3U) << "an expired message is not delivered";
  EXPECT_TRUE(queue.expired(wall_at(9)).empty());
  const auto expired = queue.expired(wall_at(10));
  ASSERT_EQ(expired.size(), 1U);
  EXPECT_EQ(expired[0]->sequence_number, 2U);
}

TEST(MessageQueue, AMessageIsOverByWhicheverClockComesFirst) {
  MessageQueue queue;
  add(queue, 1, {.valid_until = wall_at(10), .lasts_until = at(20)});
  EXPECT_EQ(next_number(queue, 9), 1U);
  EXPECT_EQ(queue.next({.wall = wall_at(10), .steady = at(9)}), nullptr) << "a wall clock that is ahead holds it back";
  EXPECT_EQ(queue.next({.wall = wall_at(0), .steady = at(20)}), nullptr) << "a wall clock that is behind keeps nothing";
  EXPECT_EQ(next_number(queue, 9), 1U) << "it is there once the wall clock is right again";
  EXPECT_TRUE(queue.outlasted(at(19)).empty());
  ASSERT_EQ(queue.outlasted(at(20)).size(), 1U);
}

TEST(MessageQueue, EachClockHasADeadlineOfItsOwn) {
  MessageQueue queue;
  EXPECT_EQ(queue.wall_deadline(), std::nullopt);
  EXPECT_EQ(queue.steady_deadline(), std::nullopt);
  add(queue, 1, {.valid_until = wall_at(100), .lasts_until = at(200)}, State::arriving);
  EXPECT_EQ(queue.wall_deadline(), std::nullopt) << "an arriving message does nothing by itself";
  EXPECT_EQ(queue.steady_deadline(), std::nullopt);
  queue.find(1)->state = State::queued;
  add(queue, 2, expiring(50));
  add(queue, 3, lasting(150));
  EXPECT_EQ(queue.wall_deadline(), wall_at(50));
  EXPECT_EQ(queue.steady_deadline(), at(150));
  MessageQueue::lock(*queue.find(2), 1, 7, at(60));
  EXPECT_EQ(queue.wall_deadline(), wall_at(100)) << "a locked message does not expire";
  EXPECT_EQ(queue.steady_deadline(), at(60)) << "its lock lapses";
  queue.find(1)->state = queue.find(2)->state = State::leaving;
  EXPECT_EQ(queue.wall_deadline(), std::nullopt);
  EXPECT_EQ(queue.steady_deadline(), at(150));
}

TEST(MessageQueue, MessagesAreFoundByState) {
  MessageQueue queue = queue_of(3);
  queue.find(2)->state = State::leaving;
  const auto queued = queue.all_of(State::queued);
  ASSERT_EQ(queued.size(), 2U);
  EXPECT_EQ(queued[0]->sequence_number, 1U);
  EXPECT_EQ(queued[1]->sequence_number, 3U);
  EXPECT_TRUE(queue.all_of(State::arriving).empty());
}

}  // namespace
}  // namespace twinhub::hub

#include "server/wire/timer_wheel.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace twinhub::wire {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Ids = std::vector<std::uint64_t>;

/// A wheel whose time the test says, counted from its start.
struct Wheel {
  Ids advance(Clock::duration since_begin) {
    Ids due;
    wheel.advance(begin + since_begin, [&](std::uint64_t id) { due.push_back(id); });
    return due;
  }
  void schedule(std::uint64_t id, Clock::duration since_begin) { wheel.schedule(id, begin + since_begin); }

  Clock::time_point begin{seconds(1000)};
  TimerWheel wheel{begin};
};

TEST(TimerWheel, BringsAnIdUpAtItsDeadlineAndOnlyOnce) {
  Wheel wheel;
  wheel.schedule(7, seconds(3));
  EXPECT_EQ(wheel.advance(milliseconds(2999)), Ids{});
  EXPECT_EQ(wheel.advance(seconds(3)), Ids{7});
  EXPECT_EQ(wheel.advance(seconds(10)), Ids{});
}

TEST(TimerWheel, ADeadlineBetweenTwoTicksIsNeverEarly) {
  Wheel wheel;
  wheel.schedule(7, milliseconds(2001));
  EXPECT_EQ(wheel.advance(milliseconds(2999)), Ids{});
  EXPECT_EQ(wheel.advance(milliseconds(3000)), Ids{7});
}

TEST(TimerWheel, ADeadlineThatHasPassedComesUpAtTheNextTick) {
  Wheel wheel;
  EXPECT_EQ(wheel.advance(seconds(50)), Ids{});
  wheel.schedule(1, seconds(10));
  wheel.schedule(2, seconds(50));
  wheel.schedule(3, -seconds(10));
  EXPECT_EQ(wheel.advance(seconds(51)), (Ids{1, 2, 3}));
}

TEST(TimerWheel, IdsComeUpInTheOrderOfTheirDeadlines) {
  Wheel wheel;
  for (const int second : {5, 1, 3, 2, 4}) wheel.schedule(static_cast<std::uint64_t>(second), seconds(second));
  EXPECT_EQ(wheel.advance(seconds(3)), (Ids{1, 2, 3}));
  EXPECT_EQ(wheel.advance(seconds(9)), (Ids{4, 5}));
}

TEST(TimerWheel, WithinReachADeadlineIsKeptTurnAfterTurn) {
  Wheel wheel;
  auto now = Clock::duration::zero();
  for (int turn = 0; turn < 5; ++turn) {
    wheel.schedule(7, now + TimerWheel::reach);
    EXPECT_EQ(wheel.advance(now + TimerWheel::reach - seconds(1)), Ids{}) << turn;
    now += TimerWheel::reach;
    EXPECT_EQ(wheel.advance(now), Ids{7}) << turn;
  }
}

TEST(TimerWheel, BeyondReachItComesUpEarlyAndNotAtTheWrongTurn) {
  Wheel wheel;
  wheel.schedule(7, 10 * TimerWheel::reach);
  EXPECT_EQ(wheel.advance(TimerWheel::reach), Ids{});
  EXPECT_EQ(wheel.advance(2 * TimerWheel::reach), Ids{7});
}

TEST(TimerWheel, WhoIsDueMayScheduleAgain) {
  Wheel wheel;
  wheel.schedule(7, seconds(1));
  Ids due;
  const auto again = [&](std::uint64_t id) {
    due.push_back(id);
    wheel.schedule(id, seconds(static_cast<int>(due.size()) + 1));
  };
  wheel.wheel.advance(wheel.begin + seconds(4), again);
  EXPECT_EQ(due, (Ids{7, 7, 7, 7}));
  EXPECT_EQ(wheel.advance(seconds(5)), Ids{7});
}

TEST(TimerWheel, AfterAMachinesLongSleepEverybodyIsDueOnce) {
  Wheel wheel;
  for (std::uint64_t id = 0; id < 2000; id += 100) wheel.schedule(id, seconds(id));
  EXPECT_EQ(wheel.advance(seconds(1'000'000)).size(), 20U);
  wheel.schedule(7, seconds(1'000'001));
  EXPECT_EQ(wheel.advance(seconds(1'000'001)), Ids{7});
}

TEST(TimerWheel, ManyIdsMayShareATick) {
  Wheel wheel;
  for (std::uint64_t id = 0; id < 10'000; ++id) wheel.schedule(id, milliseconds(1500));
  EXPECT_EQ(wheel.advance(seconds(2)).size(), 10'000U);
}

}  // namespace
}  // namespace twinhub::wire

#include "server/base/clock.hpp"

#include <gtest/gtest.h>
#include <set>
#include <thread>
#include <vector>

namespace twinhub::hub {

TEST(SystemClock, NeverRunsBackwardsOnAnyThread) {
  const SystemClock clock;
  const auto watch = [&clock] {
    Timestamp before = clock.now();
    for (int i = 0; i < 10'000; ++i) {
      const Timestamp now = clock.now();
      ASSERT_GE(now.ticks, before.ticks);
      before = now;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(watch);
  for (auto& thread : threads) thread.join();
}

TEST(SystemClock, CountsTicksSinceTheYearOne) {
  const Timestamp now = SystemClock().now();
  EXPECT_GT(now.ticks, timestamp_from_unix(1'700'000'000).ticks);
  EXPECT_LT(now.ticks, timestamp_from_unix(7'000'000'000).ticks);
}

/// A machine whose two clocks the test moves.
class SetClock final : public SystemClock {
 public:
  void pass(std::int64_t seconds) { wall_ += seconds, steady_ += seconds; }
  void set_wall_by(std::int64_t seconds) { wall_ += seconds; }

 protected:
  std::uint64_t wall_ticks() const override { return static_cast<std::uint64_t>(wall_) * ticks_per_second; }
  std::uint64_t steady_ticks() const override { return static_cast<std::uint64_t>(steady_) * ticks_per_second; }

 private:
  std::int64_t wall_ = 63'900'000'000;  // the year 2025, in seconds since the year one
  std::int64_t steady_ = 1'000;
};

TEST(SystemClock, AWrongSecondLeavesOrderAloneAndValidityComesBackWithTheWallClock) {
  SetClock clock;
  const Timestamp start = clock.now();
  const Timestamp steady = clock.steady();
  constexpr std::int64_t two_days = 2 * 24 * 3600;
  clock.set_wall_by(two_days);
  const Timestamp ahead = clock.now();
  clock.pass(3);
  clock.set_wall_by(-two_days);
  EXPECT_GE(clock.now().ticks, ahead.ticks) << "what is ordered by time stays in order";
  EXPECT_EQ(clock.wall().ticks, start.ticks + 3 * ticks_per_second) << "a token is valid again at once";
  EXPECT_EQ(clock.steady().ticks, steady.ticks + 3 * ticks_per_second) << "a deadline is not moved";
}

TEST(SystemClock, NothingIsExpiredForItsAgeUntilTheClockHasHeldAfterAStep) {
  for (const std::int64_t step : {std::int64_t{120}, std::int64_t{-120}}) {
    SetClock clock;
    ASSERT_TRUE(clock.settled());
    clock.set_wall_by(step);
    EXPECT_FALSE(clock.settled()) << "the very first look sees the step";
    EXPECT_EQ(clock.steps().count, 1U);
    EXPECT_EQ(clock.steps().last_seconds, step);
    clock.pass(599);
    EXPECT_FALSE(clock.settled());
    clock.pass(2);
    ASSERT_TRUE(clock.settled());
    EXPECT_EQ(clock.settled()->ticks, clock.wall().ticks);
  }
}

TEST(SystemClock, ASecondStepBeginsTheWaitAnew) {
  SetClock clock;
  ASSERT_TRUE(clock.settled());
  clock.set_wall_by(1'000);
  ASSERT_FALSE(clock.settled());
  clock.pass(500);
  clock.set_wall_by(-1'000);
  ASSERT_FALSE(clock.settled());
  clock.pass(500);
  EXPECT_FALSE(clock.settled());
  clock.pass(101);
  EXPECT_TRUE(clock.settled());
  EXPECT_EQ(clock.steps().count, 2U);
}

TEST(SystemClock, SlewingIsNoStepHoweverLongItGoesOn) {
  SetClock clock;
  ASSERT_TRUE(clock.settled());
  for (int hour = 0; hour < 1'000; ++hour) {
    clock.pass(3'600);
    clock.set_wall_by(2);
    ASSERT_TRUE(clock.settled());
  }
  EXPECT_EQ(clock.steps().count, 0U);
}

TEST(SystemRandom, GivesAsManyBytesAsAskedAndNeverTheSameAgain) {
  SystemRandom random;
  EXPECT_EQ(random.bytes(0), "");
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string bytes = random.bytes(32);
    EXPECT_EQ(bytes.size(), 32U);
    seen.insert(bytes);
  }
  EXPECT_EQ(seen.size(), 100U);
}

/// Gives the same byte for ever.
class OneByte final : public Random {
 public:
  explicit OneByte(char byte) : byte_(byte) {}
  [[nodiscard]] std::string bytes(std::size_t count) override { return std::string(count, byte_); }

 private:
  const char byte_;
};

TEST(DrawEtag, HasNineDigitsWhateverIsDrawn) {
  for (int byte = 0; byte < 256; ++byte) {
    OneByte random(static_cast<char>(byte));
    EXPECT_EQ(std::to_string(draw_etag(random)).size(), 9U) << byte;
  }
  OneByte zeros('\0');
  EXPECT_EQ(draw_etag(zeros), 100'000'000U);
}

}  // namespace twinhub::hub

#include "server/hub/clock.hpp"

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

}  // namespace twinhub::hub

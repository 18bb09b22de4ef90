// Times in their buckets.
#include "storage/tally.hpp"

#include <gtest/gtest.h>
#include <numeric>
#include <thread>

namespace twinhub {
namespace {

using namespace std::chrono_literals;

TEST(TimeCounts, ATimeIsInTheFirstBucketThatHoldsIt) {
  EXPECT_EQ(TimeCounts::bucket_of(0ns), 0U);
  EXPECT_EQ(TimeCounts::bucket_of(50us), 0U);
  EXPECT_EQ(TimeCounts::bucket_of(50us + 1ns), 1U);
  EXPECT_EQ(TimeCounts::bucket_of(10s), TimeCounts::microseconds_max.size() - 1);
  EXPECT_EQ(TimeCounts::bucket_of(24h), TimeCounts::microseconds_max.size());
  EXPECT_EQ(TimeCounts::bucket_of(-1s), 0U) << "clocks of two processors";
  for (std::size_t i = 1; i < TimeCounts::microseconds_max.size(); ++i)
    EXPECT_GT(TimeCounts::microseconds_max[i], TimeCounts::microseconds_max[i - 1]);
}

TEST(TimeTally, IsReadWhileAnotherThreadAdds) {
  constexpr std::uint64_t times = 20'000;
  TimeTally tally;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < times; ++i) tally.add(1ms);
  });
  const auto sum = [](const TimeCounts& counts) {
    return std::accumulate(counts.buckets.begin(), counts.buckets.end(), std::uint64_t{0});
  };
  for (std::uint64_t before = 0; before < times;) {
    const std::uint64_t now = sum(tally.counts());
    ASSERT_GE(now, before);
    before = now;
  }
  writer.join();
  TimeCounts twice = tally.counts();
  twice += tally.counts();
  EXPECT_EQ(sum(twice), 2 * times);
  EXPECT_EQ(twice.nanoseconds, 2 * times * 1'000'000);
  EXPECT_EQ(twice.buckets[TimeCounts::bucket_of(1ms)], 2 * times);
}

}  // namespace
}  // namespace twinhub

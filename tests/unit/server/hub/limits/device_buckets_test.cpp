// How much a device may send: what one connection has sent counts for the next, and over HTTPS request by request.
#include "server/hub/limits/device_buckets.hpp"

#include "server/hub/limits/gate.hpp"
#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>
#include <string>

namespace twinhub::hub {
namespace {

constexpr std::size_t devices_max = 1000;
constexpr ByteRate kib_a_second{.per_second = 1024, .burst = 16 * 1024};

}  // namespace

TEST(ByteRate, RunsOutSteadilyAndNeverBelowNothing) {
  EXPECT_EQ(kib_a_second.leaked(3000, std::chrono::seconds(2)), 3000U - 2048U);
  EXPECT_EQ(kib_a_second.leaked(3000, std::chrono::hours(24 * 365 * 200)), 0U);
  EXPECT_EQ(kib_a_second.leaked(0, std::chrono::nanoseconds(1)), 0U);
  EXPECT_EQ(kib_a_second.leaked(3000, std::chrono::nanoseconds(0)), 3000U);
  EXPECT_EQ(ByteRate::filled(UINT32_MAX - 5, 10), UINT32_MAX);
}

TEST(ByteRate, APeerOverItWaitsUntilTheLevelIsDownAndABitLonger) {
  EXPECT_FALSE(kib_a_second.is_over(16 * 1024));
  EXPECT_TRUE(kib_a_second.is_over(16 * 1024 + 1));
  EXPECT_EQ(kib_a_second.wait(18 * 1024), std::chrono::seconds(2) + ByteRate::shortest_wait);
}

TEST(DeviceBuckets, ANewConnectionGoesOnWhereTheLastOneEnded) {
  StillClock clock;
  DeviceBuckets buckets(kib_a_second, devices_max, clock);
  buckets.leave(d1, 10 * 1024);
  EXPECT_EQ(buckets.take({"another", ""}), 0U);
  clock.advance_seconds(4);
  EXPECT_EQ(buckets.take(d1), 6U * 1024);
  EXPECT_EQ(buckets.take(d1), 0U) << "the connection answers for it now";
}

TEST(DeviceBuckets, ConnectionsThatFollowOneAnotherAddUp) {
  StillClock clock;
  DeviceBuckets buckets(kib_a_second, devices_max, clock);
  for (int i = 0; i < 3; ++i) buckets.leave(d1, 10 * 1024);  // taken over twice before any of them had ended
  EXPECT_EQ(buckets.take(d1), 30U * 1024);
}

TEST(DeviceBuckets, ForgetsWhatIsPaidForAndWhatIsLittle) {
  StillClock clock;
  DeviceBuckets buckets(kib_a_second, devices_max, clock);
  buckets.leave(d1, 1024);
  EXPECT_EQ(buckets.count(), 0U);
  buckets.leave(d1, 5 * 1024);
  clock.advance_seconds(4);
  buckets.prune();
  EXPECT_EQ(buckets.count(), 1U);
  clock.advance_seconds(1);
  buckets.prune();
  EXPECT_EQ(buckets.count(), 0U);
}

TEST(DeviceBuckets, RequestsOverTheRateAreRefusedUntilItHasRunOut) {
  StillClock clock;
  DeviceBuckets buckets(kib_a_second, devices_max, clock);
  EXPECT_TRUE(buckets.admit(d1, 12 * 1024));
  EXPECT_TRUE(buckets.admit(d1, 5 * 1024)) << "the request that passes the brim is still served";
  EXPECT_FALSE(buckets.admit(d1, 1));
  EXPECT_TRUE(buckets.admit({"another", ""}, 1));
  clock.advance_seconds(1);
  EXPECT_TRUE(buckets.admit(d1, 1)) << "refused requests do not count";
}

TEST(DeviceBuckets, AreBounded) {
  StillClock clock;
  DeviceBuckets buckets(kib_a_second, devices_max, clock);
  for (std::size_t i = 0; i < devices_max + 10; ++i)
    EXPECT_TRUE(buckets.admit({"d" + std::to_string(i), ""}, 20 * 1024));
  EXPECT_EQ(buckets.count(), devices_max);
}

TEST(DeviceBuckets, WithoutARateNothingIsCounted) {
  StillClock clock;
  DeviceBuckets buckets({}, devices_max, clock);
  buckets.leave(d1, UINT32_MAX);
  EXPECT_TRUE(buckets.admit(d1, UINT64_MAX / 2));
  EXPECT_EQ(buckets.count(), 0U);
}

TEST(Gate, CountsRequestsThatAreRefusedForTheirBytes) {
  StillClock clock;
  GateOptions options;
  options.device_bytes = kib_a_second;
  Gate gate(options, clock);
  EXPECT_EQ(gate.admit_bytes(d1, Operation::telemetry, 20 * 1024), Refusal::none);
  EXPECT_EQ(gate.admit_bytes(d1, Operation::telemetry, 1), Refusal::throttled);
  EXPECT_EQ(gate.figures().refused[static_cast<std::size_t>(Operation::telemetry)], 1U);
  EXPECT_EQ(gate.error_of(Refusal::throttled, Operation::telemetry).code, Errc::throttling_exception);
  clock.advance_seconds(60);
  gate.tick();
  EXPECT_EQ(gate.device_buckets().count(), 0U);
}

}  // namespace twinhub::hub

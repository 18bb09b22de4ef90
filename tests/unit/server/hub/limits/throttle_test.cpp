// Rates, bursts, backlogs and the day's messages, by a clock that stands still.
#include "server/hub/limits/throttle.hpp"

#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>
#include <thread>

namespace twinhub::hub {
namespace {

ThrottleOptions sku(Sku which, std::uint32_t units = 1) {
  ThrottleOptions options;
  options.sku = which;
  options.units = units;
  return options;
}

/// How many of `operation` are taken at once, without waiting.
int taken_at_once(Throttle& throttle, Operation operation, std::uint64_t bytes = 0) {
  int count = 0;
  while (true) {
    const auto admission = throttle.take(operation, bytes);
    if (admission.refusal != Refusal::none || admission.wait.count() > 0) return count;
    if (++count > 10'000'000) return count;
  }
}

}  // namespace

TEST(Throttle, WithoutASkuNothingIsLimited) {
  StillClock clock;
  Throttle throttle({}, clock);
  EXPECT_FALSE(throttle.limits());
  for (int i = 0; i < 100'000; ++i) ASSERT_EQ(throttle.take(Operation::query, 0).refusal, Refusal::none);
  EXPECT_EQ(throttle.daily_messages(), 0U);
}

TEST(Throttle, RatesAreThoseOfTheDocumentedTable) {
  struct Row {
    Sku which;
    std::uint32_t units;
    Operation operation;
    int per_minute;
  };
  const Row rows[] = {
      {Sku::s1, 1, Operation::telemetry, 6000},   {Sku::s1, 9, Operation::telemetry, 108 * 60},
      {Sku::s2, 1, Operation::telemetry, 7200},   {Sku::f1, 1, Operation::connect, 6000},
      {Sku::s2, 2, Operation::connect, 14'400},   {Sku::s1, 1, Operation::twin_read, 6000},
      {Sku::s1, 50, Operation::twin_read, 6000},  {Sku::s2, 20, Operation::twin_read, 12'000},
      {Sku::s1, 1, Operation::twin_update, 3000}, {Sku::s3, 1, Operation::twin_update, 15'000},
      {Sku::s1, 1, Operation::registry, 100},     {Sku::s1, 3, Operation::registry, 300},
      {Sku::s3, 1, Operation::registry, 5000},    {Sku::s1, 1, Operation::query, 20},
      {Sku::s3, 1, Operation::query, 1000},       {Sku::s1, 1, Operation::method, 2400},
      {Sku::s1, 1, Operation::c2d_send, 100},     {Sku::s1, 1, Operation::c2d_receive, 1000},
      {Sku::s1, 1, Operation::file_upload, 100},  {Sku::s1, 1, Operation::job, 100},
      {Sku::s1, 1, Operation::job_device, 600},   {Sku::s3, 1, Operation::configuration, 20},
  };
  for (const Row& row : rows) {
    StillClock clock;
    Throttle throttle(sku(row.which, row.units), clock);
    // The burst is a minute; the last of them is paid for by the next one's wait.
    EXPECT_NEAR(taken_at_once(throttle, row.operation), row.per_minute, 1 + row.per_minute / 1000)
        << name_of(row.operation) << " " << static_cast<int>(row.which) << " " << row.units;
  }
}

TEST(Throttle, BeyondTheBurstRequestsWaitTheirTurnThenAreRefused) {
  StillClock clock;
  Throttle throttle(sku(Sku::s1), clock);
  (void)taken_at_once(throttle, Operation::telemetry);  // the last one waits already
  std::chrono::microseconds last{0};
  int waiting = 0;
  while (true) {
    const auto admission = throttle.take(Operation::telemetry, 0);
    if (admission.refusal == Refusal::throttled) break;
    EXPECT_GT(admission.wait, last);
    EXPECT_LE(admission.wait, std::chrono::seconds(10));
    last = admission.wait;
    ++waiting;
  }
  EXPECT_NEAR(waiting, 1000, 2);  // ten seconds of a hundred per second
  EXPECT_EQ(throttle.take(Operation::telemetry, 0).refusal, Refusal::throttled);
  EXPECT_EQ(throttle.take(Operation::connect, 0).refusal, Refusal::none);  // another rate

  clock.advance_seconds(1);
  int served = 0;
  while (throttle.take(Operation::telemetry, 0).refusal == Refusal::none) ++served;
  EXPECT_NEAR(served, 100, 1);  // the backlog moves at the rate
  clock.advance_seconds(3600);
  EXPECT_NEAR(taken_at_once(throttle, Operation::telemetry), 6000, 2);
}

TEST(Throttle, BurstAndBacklogCanBeChosen) {
  StillClock clock;
  ThrottleOptions options = sku(Sku::s1);
  options.burst = std::chrono::seconds(0);
  options.backlog = std::chrono::seconds(0);
  Throttle throttle(options, clock);
  EXPECT_EQ(throttle.take(Operation::query, 0).refusal, Refusal::none);
  EXPECT_EQ(throttle.take(Operation::query, 0).refusal, Refusal::throttled);
  clock.advance_seconds(3);
  EXPECT_EQ(throttle.take(Operation::query, 0).refusal, Refusal::none);
}

TEST(Throttle, MethodsAreMeteredByFourKilobytes) {
  StillClock clock;
  Throttle throttle(sku(Sku::s1), clock);
  EXPECT_NEAR(taken_at_once(throttle, Operation::method, 160 * 1024), 60, 1);  // one per second
}

TEST(Throttle, TheDaysMessagesAreMeteredAndThenNothingGoes) {
  StillClock clock;
  Throttle throttle(sku(Sku::f1), clock);
  EXPECT_EQ(throttle.daily_messages(), 8000U);
  ASSERT_EQ(throttle.take(Operation::telemetry, 513).refusal, Refusal::none);  // two of 0.5 KB
  EXPECT_EQ(throttle.messages_today(), 2U);
  ASSERT_EQ(throttle.take(Operation::telemetry, 0).refusal, Refusal::none);
  EXPECT_EQ(throttle.messages_today(), 3U);
  ASSERT_EQ(throttle.take(Operation::registry, 9999).refusal, Refusal::none);
  ASSERT_EQ(throttle.take(Operation::connect, 0).refusal, Refusal::none);
  EXPECT_EQ(throttle.messages_today(), 3U);  // not messages
  while (throttle.messages_today() < 8000) {
    clock.advance_seconds(1);
    ASSERT_EQ(throttle.take(Operation::telemetry, 262'144).refusal, Refusal::none);
  }
  for (const auto operation : {Operation::telemetry, Operation::connect, Operation::registry, Operation::unlimited}) {
    EXPECT_EQ(throttle.take(operation, 0).refusal, Refusal::over_quota);
  }
  clock.advance_seconds(86'400);
  EXPECT_EQ(throttle.messages_today(), 0U);
  EXPECT_EQ(throttle.take(Operation::telemetry, 0).refusal, Refusal::none);
}

TEST(Throttle, QuotasGrowWithUnits) {
  StillClock clock;
  EXPECT_EQ(Throttle(sku(Sku::s1, 2), clock).daily_messages(), 800'000U);
  EXPECT_EQ(Throttle(sku(Sku::s2, 3), clock).daily_messages(), 18'000'000U);
  EXPECT_EQ(Throttle(sku(Sku::s3, 200), clock).daily_messages(), 60'000'000'000U);
  EXPECT_EQ(Throttle(sku(Sku::f1, 9), clock).daily_messages(), 8000U);
  Throttle paid(sku(Sku::s1), clock);
  ASSERT_EQ(paid.take(Operation::telemetry, 4096).refusal, Refusal::none);
  ASSERT_EQ(paid.take(Operation::telemetry, 4097).refusal, Refusal::none);
  EXPECT_EQ(paid.messages_today(), 3U);
}

TEST(Throttle, CountsRightUnderManyThreads) {
  StillClock clock;
  ThrottleOptions options = sku(Sku::s1);
  options.backlog = std::chrono::seconds(0);
  Throttle throttle(options, clock);
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        if (throttle.take(Operation::telemetry, 0).refusal == Refusal::none) ++taken;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_NEAR(taken.load(), 6000, 1);
  EXPECT_EQ(throttle.messages_today(), static_cast<std::uint64_t>(taken.load()));
}

}  // namespace twinhub::hub

// Cursors, order, retries, what retention takes.
#include "tests/unit/server/events/worker_fixture.hpp"

namespace twinhub::events {
namespace {

using namespace testing;

TEST_F(WorkerTest, ANewEndpointBeginsWithWhatComes) {
  append(10);
  const auto worker = start();
  append(10);
  ASSERT_TRUE(other_.wait_for_taken(10));
  expect_taken(10, 10);
}

TEST_F(WorkerTest, TheOtherSideIsLookedForAtTheStartAndUntilItIsThere) {
  using Reach = EndpointWorker::Reach;
  other_.is_away = true;
  const auto worker = start();
  ASSERT_TRUE(other_.wait_for([&] { return other_.looks >= 3; })) << "though there is no event";
  EXPECT_EQ(worker->figures().reach, Reach::failing);
  EXPECT_EQ(worker->figures().failing_since, moment(100));
  EXPECT_EQ(worker->figures().failed_attempts, 0U) << "of deliveries";
  {
    const std::lock_guard lock(other_.mutex);
    other_.is_away = false;
  }
  ASSERT_TRUE(comes_true([&] { return worker->figures().reach == Reach::reached; }));
  append(1);
  ASSERT_TRUE(other_.wait_for_taken(1));
}

TEST_F(WorkerTest, OrAtTheStartOfWhatIsKept) {
  append(10);
  const auto worker = start(true);
  ASSERT_TRUE(other_.wait_for_taken(10));
  expect_taken(0, 10);
}

TEST_F(WorkerTest, ItsPlaceIsDurableBeforeItHasDeliveredAnything) {
  other_.hangs = true;
  { const auto worker = start(); }
  append(5);
  other_.let_go();
  const auto worker = start();  // not new any more
  ASSERT_TRUE(other_.wait_for_taken(5));
  expect_taken(0, 5);
}

TEST_F(WorkerTest, AfterARestartItGoesOnWhereItWas) {
  {
    const auto worker = start(true);
    append(20);
    ASSERT_TRUE(other_.wait_for_taken(20));
  }
  store_.reset();
  open_store();
  append(5);
  const auto worker = start(true);
  ASSERT_TRUE(other_.wait_for_taken(25));
  expect_taken(0, 25);
}

TEST_F(WorkerTest, AFailureInTheMiddleRepeatsOnlyWhatWasNotTaken) {
  append(30);
  other_.answers = {
      {.done = 7, .failure = "broken"}, {.done = 0, .failure = "broken"}, {.done = 3, .failure = "again"}};
  const auto worker = start(true);
  ASSERT_TRUE(other_.wait_for_taken(30));
  expect_taken(0, 30);
  worker->stop();
  EXPECT_EQ(worker->figures().failed_attempts, 3U);
  EXPECT_EQ(worker->figures().sent, 30U);
  EXPECT_EQ(worker->figures().lag_events, 0U);
}

TEST_F(WorkerTest, WhatIsRefusedForGoodIsCountedAndPassed) {
  append(10);
  other_.answers = {{.done = 4, .refused = {0}}};
  const auto worker = start(true, 4);
  ASSERT_TRUE(other_.wait_for_taken(10));
  worker->stop();
  EXPECT_EQ(worker->figures().refused, 1U);
  EXPECT_EQ(worker->figures().sent, 9U);
}

TEST_F(WorkerTest, OtherPartitionsGoOnWhileOneWaits) {
  store_.reset();
  store_options_.event_partitions = 4;
  open_store();
  IdentityId other = device;
  for (int i = 0; store_->event_partition_of(other) == store_->event_partition_of(device); ++i)
    other.device = "other" + std::to_string(i);
  other_.kills = [](const std::string& body) { return body == "0"; };
  const auto worker = start(true);
  append(1);  // there is nothing behind it: it waits
  ASSERT_TRUE(other_.wait_for([&] { return other_.attempts >= 1; }));
  append(50, 0, other);
  ASSERT_TRUE(other_.wait_for_taken(50));
  // What passes there says that the other side lives: the one that waits is refused in the end.
  ASSERT_TRUE(comes_true([&] {
    append(1, 0, other);
    return worker->figures().refused > 0;
  }));
  ASSERT_EQ(worker->figures().refused, 1U);
  ASSERT_TRUE(other_.wait_for_taken(appended_ - 1));
  worker->stop();
  expect_all_but({0});
}

TEST_F(WorkerTest, TheOtherSidesWishIsWaitedFor) {
  append(1);
  other_.answers = {{.done = 0, .failure = "busy", .retry_after = std::chrono::seconds(1)}};
  const auto begin = std::chrono::steady_clock::now();
  const auto worker = start(true);
  ASSERT_TRUE(other_.wait_for_taken(1));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

TEST_F(WorkerTest, ALagIsShownInEventsAndSeconds) {
  other_.hangs = true;
  const auto worker = start();
  append(3);
  ASSERT_TRUE(other_.wait_for([&] { return other_.attempts > 0; }));
  EXPECT_EQ(worker->figures().lag_events, 3U);
  EXPECT_EQ(worker->figures().lag_seconds, 100.0);
}

TEST_F(WorkerTest, WhatRetentionTakesFromASlowEndpointIsCountedAndPassed) {
  store_.reset();
  store_options_.event_retention_bytes = 64 << 10;  // segments of 4 KiB
  open_store();
  other_.hangs = true;
  const auto worker = start(false, 1);
  append(1);
  ASSERT_TRUE(other_.wait_for([&] { return other_.attempts > 0; }));
  for (int i = 0; i < 40; ++i) {
    seconds_ += 10;  // retention looks every few seconds
    append(10, 1000);
  }
  const auto range = store_->event_ranges()[0];
  ASSERT_GT(range.first, 1U);
  other_.let_go();
  // The event it held, then what is kept, up to the end.
  ASSERT_TRUE(other_.wait_for_taken(1 + range.next - range.first));
  worker->stop();
  EXPECT_EQ(worker->figures().lost, range.first - 1);
  EXPECT_EQ(worker->figures().sent + worker->figures().lost, appended_);
  EXPECT_EQ(worker->figures().lag_events, 0U);
  EXPECT_EQ(std::stoul(other_.taken[1]), range.first);
}

TEST_F(WorkerTest, RetentionSparesWhatAnEndpointHasNotPassed) {
  store_.reset();
  store_options_.event_retention_bytes = 64 << 10;  // segments of 4 KiB
  store_options_.event_held_bytes_max = 4 << 20;
  open_store();
  other_.hangs = true;
  Endpoints endpoints(*store_, clock_, random_, router_);
  endpoints.add({{.name = "slow", .pause_max = std::chrono::milliseconds(10), .batch_max = 1},
                 std::make_unique<ToOtherSide>(other_)});
  ASSERT_TRUE(endpoints.place());
  endpoints.start();
  append(1);
  endpoints.wake();
  ASSERT_TRUE(other_.wait_for([&] { return other_.attempts > 0; }));
  for (int i = 0; i < 40; ++i) {
    seconds_ += 10;
    append(10, 1000);
  }
  EXPECT_EQ(store_->event_ranges()[0].first, 0U);
  other_.let_go();
  ASSERT_TRUE(other_.wait_for_taken(appended_));
  endpoints.stop();
  expect_taken(0, appended_);
  EXPECT_EQ(endpoints.figures()[0].figures.lost, 0U);
  // Passed, and the cursor saved: the next commit may drop it.
  seconds_ += 10;
  append(1);
  EXPECT_GT(store_->event_ranges()[0].first, 200U);
}

TEST_F(WorkerTest, StoppingDoesNotWaitForASideThatHangs) {
  other_.hangs = true;
  append(1);
  const auto worker = start(true);
  ASSERT_TRUE(other_.wait_for([&] { return other_.attempts > 0; }));
  worker->stop();
  EXPECT_EQ(worker->figures().sent, 0U);
}

}  // namespace
}  // namespace twinhub::events

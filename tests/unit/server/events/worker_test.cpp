// A worker between the real log and an other side that a test can make fail: cursors, order, retries, what retention
// takes.
#include "server/events/endpoint_worker.hpp"

#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>
#include <condition_variable>
#include <deque>
#include <mutex>

namespace twinhub::events {
namespace {

using namespace storage::testing;

const IdentityId device{"device", ""};

class StoppedClock final : public hub::Clock {
 public:
  Timestamp now() const override { return moment(100); }
};

/// The other side. It takes everything unless told what to answer next.
struct OtherSide {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> taken;
  std::deque<Delivery> answers;  ///< for the next attempts; `done` of each is what it takes
  std::size_t attempts = 0;
  bool hangs = false;

  Delivery deliver(std::span<const Outgoing> batch, const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    ++attempts;
    changed.notify_all();
    while (hangs && !stop.stop_requested()) changed.wait_for(lock, std::chrono::milliseconds(5));
    if (hangs) return {.done = 0, .failure = "stopped"};
    Delivery answer{.done = batch.size()};
    if (!answers.empty()) {
      answer = answers.front();
      answers.pop_front();
      answer.done = std::min(answer.done, batch.size());
    }
    for (std::size_t i = 0; i < answer.done; ++i) taken.push_back(batch[i].event.body);
    changed.notify_all();
    return answer;
  }
  template <class Condition>
  [[nodiscard]] bool wait_for(Condition condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(20), [&] { return condition(); });
  }
  [[nodiscard]] bool wait_for_taken(std::size_t count) {
    return wait_for([&] { return taken.size() >= count; });
  }
  void let_go() {
    const std::lock_guard lock(mutex);
    hangs = false;
    changed.notify_all();
  }
};

class ToOtherSide final : public Sink {
 public:
  explicit ToOtherSide(OtherSide& other) : other_(other) {}
  Delivery deliver(std::span<const Outgoing> batch, const std::stop_token& stop) override {
    return other_.deliver(batch, stop);
  }

 private:
  OtherSide& other_;
};

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() {
    store_options_ = small_options(folder_ / "db");
    store_options_.event_partitions = 1;
    store_options_.now = [this] { return moment(seconds_.load()); };
    open_store();
  }
  ~WorkerTest() override { store_->watch_events({}); }

  void open_store() {
    store_ = open(store_options_);
    store_->watch_events([this] {
      const std::lock_guard lock(running_mutex_);
      if (running_ != nullptr) running_->wake();
    });
  }
  void append(std::size_t count, std::size_t padding = 0) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string body = std::to_string(appended_++) + std::string(padding, ' ');
      ASSERT_TRUE(append_and_wait(*store_, make_telemetry(device, body)));
    }
  }
  void run(EndpointWorker* worker) {
    const std::lock_guard lock(running_mutex_);
    running_ = worker;
  }
  /// A worker that new events wake, for as long as it lives.
  struct Running {
    WorkerTest& test;
    std::unique_ptr<EndpointWorker> worker;
    ~Running() { test.run(nullptr); }
    EndpointWorker* operator->() const { return worker.get(); }
  };
  Running start(bool from_start = false, std::size_t batch_max = 100) {
    auto worker = std::make_unique<EndpointWorker>(WorkerContext{*store_, clock_, random_, router_},
                                                   WorkerOptions{.name = "test",
                                                                 .index = 0,
                                                                 .from_start = from_start,
                                                                 .pause_max = std::chrono::milliseconds(10),
                                                                 .batch_max = batch_max},
                                                   std::make_unique<ToOtherSide>(other_));
    EXPECT_TRUE(worker->place());
    worker->start();
    run(worker.get());
    return {*this, std::move(worker)};
  }
  void expect_taken(std::size_t first, std::size_t count) {
    const std::lock_guard lock(other_.mutex);
    ASSERT_EQ(other_.taken.size(), count);
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(std::stoul(other_.taken[i]), first + i);
  }

  const TemporaryFolder folder_;
  std::atomic<std::uint64_t> seconds_{0};
  storage::StoreOptions store_options_;
  std::mutex running_mutex_;
  EndpointWorker* running_ = nullptr;
  std::unique_ptr<storage::Store> store_;
  StoppedClock clock_;
  hub::SystemRandom random_;
  Router router_ =
      *Router::make({"hub", {{"", "all", storage::EventSource::telemetry, "true", EndpointSet(1)}}, {}, {}});
  OtherSide other_;
  std::size_t appended_ = 0;
};

TEST_F(WorkerTest, ANewEndpointBeginsWithWhatComes) {
  append(10);
  const auto worker = start();
  append(10);
  ASSERT_TRUE(other_.wait_for_taken(10));
  expect_taken(10, 10);
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
  other_.answers = {{.done = 4, .refused = 1}};
  const auto worker = start(true, 4);
  ASSERT_TRUE(other_.wait_for_taken(10));
  worker->stop();
  EXPECT_EQ(worker->figures().refused, 1U);
  EXPECT_EQ(worker->figures().sent, 9U);
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

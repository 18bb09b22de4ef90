// A worker between the real log and an other side that a test can make fail.
#pragma once

#include "server/events/endpoints.hpp"

#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace twinhub::events::testing {

using namespace storage::testing;

inline const IdentityId device{"device", ""};

/// Only a worker that hangs takes so long: it has the lowest priority, and its machine may be busy.
inline constexpr std::chrono::minutes patience{2};

class StoppedClock final : public hub::Clock {
 public:
  Timestamp now() const override { return moment(100); }
};

/// For what nobody tells of.
[[nodiscard]] inline bool comes_true(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// The other side. It takes everything unless told what to answer next.
struct OtherSide {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> taken;
  std::deque<Delivery> answers;  ///< for the next attempts; `done` of each is what it takes
  std::size_t attempts = 0;
  bool hangs = false;
  std::function<bool(const std::string& body)> kills;  ///< the connection, and what else is in the batch with it
  bool is_dead = false;                                ///< there, and takes nothing
  bool is_away = false;                                ///< cannot be reached
  bool has_left = false;                               ///< the connection that stood is gone
  std::size_t looks = 0;                               ///< attempts without an event

  Delivery deliver(std::span<const Outgoing> batch, const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    ++attempts;
    changed.notify_all();
    while (hangs && !stop.stop_requested()) changed.wait_for(lock, std::chrono::milliseconds(5));
    if (hangs) return {.done = 0, .failure = "stopped"};
    Delivery answer{.done = batch.size()};
    const bool killed = is_dead || (kills && std::any_of(batch.begin(), batch.end(),
                                                         [&](const Outgoing& o) { return kills(o.event.body); }));
    if (killed) answer = {.done = 0, .failure = "the connection was lost", .may_be_an_event = true};
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
    return changed.wait_for(lock, patience, [&] { return condition(); });
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
  Result<void> reach(const std::stop_token&) override {
    const std::lock_guard lock(other_.mutex);
    ++other_.looks;
    other_.changed.notify_all();
    if (other_.is_away) return fail(Errc::service_unavailable, "nobody answers");
    other_.has_left = false;
    return {};
  }
  bool is_lost() const override {
    const std::lock_guard lock(other_.mutex);
    return other_.has_left;
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
  void append(std::size_t count, std::size_t padding = 0, const IdentityId& from = device) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string body = std::to_string(appended_++) + std::string(padding, ' ');
      ASSERT_TRUE(append_and_wait(*store_, make_telemetry(from, body)));
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
    auto worker = std::make_unique<EndpointWorker>(
        WorkerContext{*store_, clock_, random_, std::make_shared<const Router>(router_)},
        WorkerOptions{.name = "test",
                      .index = 0,
                      .from_start = from_start,
                      .pause_max = std::chrono::milliseconds(10),
                      .batch_max = batch_max},
        std::make_unique<ToOtherSide>(other_));
    EXPECT_TRUE(worker->find());
    EXPECT_TRUE(worker->place());
    worker->start();
    run(worker.get());
    return {*this, std::move(worker)};
  }
  /// An event is refused behind its witness, which may be the last that is taken.
  [[nodiscard]] static bool wait_for_refused(const Running& worker, std::uint64_t count) {
    return comes_true([&] { return worker->figures().refused >= count; });
  }
  /// Everything but `missing`, each once.
  void expect_all_but(std::set<std::size_t> missing) {
    const std::lock_guard lock(other_.mutex);
    std::multiset<std::size_t> taken, wanted;
    for (const std::string& body : other_.taken) taken.insert(std::stoul(body));
    for (std::size_t i = 0; i < appended_; ++i) {
      if (!missing.contains(i)) wanted.insert(i);
    }
    EXPECT_EQ(taken, wanted);
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

}  // namespace twinhub::events::testing

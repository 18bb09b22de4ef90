// How a reader of the event log learns of new events: one wake-up for each commit cycle, not for each event, and no
// lock that the commit thread would share with a reader of lower priority.
#pragma once

#include <semaphore.h>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <stop_token>

namespace twinhub::events {

/// notify() from any thread; the rest from its one reader's.
class EventSignal {
 public:
  EventSignal() { ::sem_init(&wake_up_, 0, 0); }
  ~EventSignal() { ::sem_destroy(&wake_up_); }
  EventSignal(const EventSignal&) = delete;
  EventSignal& operator=(const EventSignal&) = delete;

  void notify() {
    count_.fetch_add(1);
    if (waiting_.exchange(false)) ::sem_post(&wake_up_);
  }

  [[nodiscard]] std::uint64_t count() const { return count_.load(); }

  /// Returns when something came after `seen`, at `deadline`, or when stop is asked for; now and then for nothing.
  void wait(std::uint64_t seen, std::chrono::steady_clock::time_point deadline, const std::stop_token& stop) {
    const std::stop_callback on_stop(stop, [this] { ::sem_post(&wake_up_); });
    waiting_ = true;
    if (count_.load() == seen && !stop.stop_requested()) {
      const auto since_boot = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
      const timespec until{static_cast<std::time_t>(since_boot / 1'000'000'000), since_boot % 1'000'000'000};
      ::sem_clockwait(&wake_up_, CLOCK_MONOTONIC, &until);
    }
    waiting_ = false;
  }

 private:
  std::atomic<std::uint64_t> count_{0};
  std::atomic<bool> waiting_{false};
  sem_t wake_up_{};
};

}  // namespace twinhub::events

// Counters that one thread writes and any thread reads: a load, an addition and a store, none of them locked. Each I/O
// thread has its own; the metrics page sums them up.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>

namespace twinhub {

/// add() by one thread alone.
class Tally {
 public:
  void add(std::uint64_t more) {
    value_.store(value_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Of one door on one I/O thread: what its peers sent and were sent, without TLS and frames of WebSockets.
struct ByteTallies {
  Tally received, sent;
};

/// How long things took, counted by length: a histogram. A plain value.
struct TimeCounts {
  /// The longest time of each bucket; one more bucket has what took longer. A write that is synced at once takes some
  /// hundred microseconds, one that waits for a device or a disk in trouble seconds.
  static constexpr std::array<std::uint32_t, 17> microseconds_max{
      50,     100,     250,     500,     1'000,     2'500,     5'000,     10'000,    25'000,
      50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000};

  std::array<std::uint64_t, microseconds_max.size() + 1> buckets{};  ///< each without the shorter ones
  std::uint64_t nanoseconds = 0;                                     ///< all together

  [[nodiscard]] static std::size_t bucket_of(std::chrono::nanoseconds time) {
    std::size_t bucket = 0;
    while (bucket < microseconds_max.size() && time > std::chrono::microseconds(microseconds_max[bucket])) ++bucket;
    return bucket;
  }
  void add(std::chrono::nanoseconds time) {
    ++buckets[bucket_of(time)];
    nanoseconds += time.count() > 0 ? static_cast<std::uint64_t>(time.count()) : 0U;
  }
  TimeCounts& operator+=(const TimeCounts& other) {
    for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += other.buckets[i];
    nanoseconds += other.nanoseconds;
    return *this;
  }
  bool operator==(const TimeCounts&) const = default;
};

/// TimeCounts that any thread may read while one adds to them.
class TimeTally {
 public:
  void add(std::chrono::nanoseconds time) {
    buckets_[TimeCounts::bucket_of(time)].add(1);
    nanoseconds_.add(time.count() > 0 ? static_cast<std::uint64_t>(time.count()) : 0U);
  }
  [[nodiscard]] TimeCounts counts() const {
    TimeCounts counts;
    for (std::size_t i = 0; i < std::size(buckets_); ++i) counts.buckets[i] = buckets_[i].value();
    counts.nanoseconds = nanoseconds_.value();
    return counts;
  }

 private:
  std::array<Tally, TimeCounts{}.buckets.size()> buckets_;
  Tally nanoseconds_;
};

}  // namespace twinhub

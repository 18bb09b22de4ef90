// Times of many operations in constant memory: percentiles that are right to within one per cent.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace twinhub::load {

class Latencies {
 public:
  Latencies();

  void add(std::chrono::nanoseconds time);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// `share` from 0 to 1: 0.5 is the median. 0 when nothing was added.
  [[nodiscard]] std::chrono::nanoseconds percentile(double share) const;
  [[nodiscard]] std::chrono::nanoseconds max() const { return std::chrono::nanoseconds(max_); }

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::int64_t max_ = 0;
};

}  // namespace twinhub::load

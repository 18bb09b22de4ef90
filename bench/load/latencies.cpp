#include "bench/load/latencies.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace twinhub::load {
namespace {

// A power of two is cut into 128 buckets: each is at most 1/128 of its value wide.
constexpr unsigned fraction_bits = 7;
constexpr std::uint64_t parts = 1U << fraction_bits;

std::size_t bucket_of(std::uint64_t nanoseconds) {
  if (nanoseconds < parts) return nanoseconds;
  const auto shift = static_cast<unsigned>(std::bit_width(nanoseconds)) - fraction_bits - 1;
  return (static_cast<std::size_t>(shift) << fraction_bits) + (nanoseconds >> shift);
}

/// The middle of a bucket.
std::uint64_t value_of(std::size_t bucket) {
  if (bucket < 2 * parts) return bucket;
  const std::size_t shift = (bucket >> fraction_bits) - 1;
  const std::uint64_t low = ((bucket & (parts - 1)) + parts) << shift;
  return low + (std::uint64_t{1} << shift) / 2;
}

}  // namespace

Latencies::Latencies() : buckets_(bucket_of(~std::uint64_t{0}) + 1) {}

void Latencies::add(std::chrono::nanoseconds time) {
  const std::int64_t value = std::max<std::int64_t>(0, time.count());
  ++buckets_[bucket_of(static_cast<std::uint64_t>(value))];
  ++count_;
  max_ = std::max(max_, value);
}

std::chrono::nanoseconds Latencies::percentile(double share) const {
  if (count_ == 0) return {};
  const auto wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(share * static_cast<double>(count_) + 0.5));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen >= wanted) return std::chrono::nanoseconds(std::min(static_cast<std::int64_t>(value_of(bucket)), max_));
  }
  return max();
}

}  // namespace twinhub::load

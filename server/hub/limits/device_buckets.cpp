#include "server/hub/limits/device_buckets.hpp"

namespace twinhub::hub {

ByteRate::Level DeviceBuckets::level_at(const Bucket& bucket, std::uint64_t now) const {
  constexpr std::int64_t nanoseconds_per_tick = 1'000'000'000 / static_cast<std::int64_t>(ticks_per_second);
  const std::uint64_t ticks = now > bucket.at ? now - bucket.at : 0;
  return rate_.leaked(bucket.level, std::chrono::nanoseconds(static_cast<std::int64_t>(ticks) * nanoseconds_per_tick));
}

void DeviceBuckets::add(const IdentityId& id, std::uint64_t bytes, std::uint64_t now) {
  const auto found = buckets_.find(id);
  if (found != buckets_.end()) {
    found->second = {ByteRate::filled(level_at(found->second, now), bytes), now};
  } else if (buckets_.size() < devices_max_) {
    buckets_.emplace(id, Bucket{ByteRate::filled(0, bytes), now});
    count_.store(buckets_.size(), std::memory_order_relaxed);
  }
}

ByteRate::Level DeviceBuckets::take(const IdentityId& id) {
  if (count() == 0) return 0;
  const std::uint64_t now = clock_.steady().ticks;
  const MutexLock lock(mutex_);
  const auto found = buckets_.find(id);
  if (found == buckets_.end()) return 0;
  const ByteRate::Level level = level_at(found->second, now);
  buckets_.erase(found);
  count_.store(buckets_.size(), std::memory_order_relaxed);
  return level;
}

bool DeviceBuckets::leave(const IdentityId& id, ByteRate::Level level) {
  if (!rate_.limits() || level <= rate_.burst / 16) return false;
  const std::uint64_t now = clock_.steady().ticks;
  const MutexLock lock(mutex_);
  add(id, level, now);
  return true;
}

bool DeviceBuckets::admit(const IdentityId& id, std::uint64_t bytes) {
  if (!rate_.limits()) return true;
  const std::uint64_t now = clock_.steady().ticks;
  const MutexLock lock(mutex_);
  const auto found = buckets_.find(id);
  if (found != buckets_.end() && rate_.is_over(level_at(found->second, now))) return false;
  add(id, bytes, now);
  return true;
}

void DeviceBuckets::prune() {
  if (count() == 0) return;
  const std::uint64_t now = clock_.steady().ticks;
  const MutexLock lock(mutex_);
  std::erase_if(buckets_, [&](const auto& one) { return level_at(one.second, now) == 0; });
  count_.store(buckets_.size(), std::memory_order_relaxed);
}

}  // namespace twinhub::hub

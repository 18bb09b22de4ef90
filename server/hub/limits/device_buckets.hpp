// How much each device has sent of late, where no connection of its own keeps that: of devices that have just left, so
// that one that comes back does not begin a new burst, and of devices that send over HTTPS. The level of a connected
// device stands in its connection (wire/pump.hpp), where counting costs nothing.
#pragma once

#include "protocol/ids.hpp"
#include "server/base/byte_rate.hpp"
#include "server/base/clock.hpp"
#include "storage/guarded.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace twinhub::hub {

/// Any thread; never blocks. A module counts for itself.
class DeviceBuckets {
 public:
  /// Beyond `devices_max`, what a device has sent is forgotten.
  DeviceBuckets(const ByteRate& rate, std::size_t devices_max, const Clock& clock)
      : rate_(rate), devices_max_(devices_max), clock_(clock) {}

  [[nodiscard]] const ByteRate& rate() const { return rate_; }

  /// A connection of `id` begins with this level, and answers for it from here on.
  [[nodiscard]] ByteRate::Level take(const IdentityId& id);
  /// A connection of `id` has ended with this level. Little is forgotten: a sixteenth of the burst is less than a
  /// CONNECT is worth. False: forgotten.
  bool leave(const IdentityId& id, ByteRate::Level level);
  /// A request of `id` has come. False: over the rate, and not counted.
  [[nodiscard]] bool admit(const IdentityId& id, std::uint64_t bytes);

  /// Forgets the devices whose bytes are paid for by now. Once a second.
  void prune();
  /// How many devices are remembered.
  [[nodiscard]] std::size_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  struct Bucket {
    ByteRate::Level level = 0;
    std::uint64_t at = 0;  ///< on the steady clock, when the level was that
  };
  [[nodiscard]] ByteRate::Level level_at(const Bucket& bucket, std::uint64_t now) const;
  void add(const IdentityId& id, std::uint64_t bytes, std::uint64_t now) REQUIRES(mutex_);

  const ByteRate rate_;
  const std::size_t devices_max_;
  const Clock& clock_;
  std::atomic<std::size_t> count_{0};  ///< of buckets_: a CONNECT mostly finds none, and takes no lock
  Mutex mutex_;
  std::unordered_map<IdentityId, Bucket> buckets_ GUARDED_BY(mutex_);
};

}  // namespace twinhub::hub

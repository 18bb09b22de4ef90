// Cloud-to-device messages: a durable queue per device. Back ends put messages in, devices take them out over whatever
// wire, and settle each one.
//
// Time. A lock lapses by the steady clock; it is kept in memory alone, so it ends with the process, and its message is
// delivered again as a duplicate. A message that is sent without an expiry, and the longest life of any, are counted by
// the steady clock too. An expiry that a sender named is read off the wall clock: from then on the message is not
// delivered, but it is destroyed, and its sender told, only once the clock has held (Clock::settled). A message whose
// expiry passed on a wrong clock is thus held back meanwhile, and delivered after all when the clock is set right: to
// deliver it anyway could carry out an order that its sender meant for another hour, and to destroy it cannot be undone.
// Over a restart the earlier of the two ends counts, as it was written down on the wall clock.
// Source: azure-docs iot-hub-devguide-messages-c2d.
#pragma once

#include "protocol/iothub/cloud_to_device.hpp"
#include "server/base/clock.hpp"
#include "server/base/done.hpp"
#include "server/hub/connections/device_links.hpp"
#include "server/hub/messages/feedback.hpp"
#include "server/hub/messages/message_queue.hpp"
#include "storage/guarded.hpp"
#include "storage/store.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace twinhub::hub {

struct CloudToDeviceOptions {
  std::chrono::seconds life_default{3600};   ///< of a message whose sender gave no expiry
  std::chrono::seconds life_max{48 * 3600};  ///< a later expiry is brought forward to this
  std::uint32_t delivery_count_max = 10;     ///< a message abandoned this often is dead
  std::chrono::seconds lock{60};             ///< a delivered message that is not settled is queued again
  std::size_t messages_max = 1'000'000;      ///< of all devices together: bounds memory and disk
};

/// Only the headers of waiting messages are in memory, and only of devices that have some: about 200 bytes a message.
/// Any thread; no call waits for the disk to sync.
class CloudToDevice {
 public:
  static constexpr std::size_t queue_max = 50;  ///< per device, locked ones included

  CloudToDevice(storage::Store& store, const Clock& clock, DeviceLinks& links, Feedback& feedback,
                CloudToDeviceOptions options);

  // Back ends
  /// `done` runs once the message is durable; a connected device is woken. Errors: those of iothub::check;
  /// device_not_found; device_maximum_queue_depth_exceeded; iot_hub_quota_exceeded (messages_max);
  /// service_unavailable.
  void send(const std::string& device, iothub::CloudToDeviceMessage message, Done<void> done);
  /// Removes every message of the device, locked ones too; answers with their number. Errors: device_not_found.
  void purge(const std::string& device, Done<std::uint32_t> done);
  /// How many messages wait, locked ones included: cloudToDeviceMessageCount.
  [[nodiscard]] std::uint32_t count(const IdentityId& id);
  struct Waiting {
    std::uint64_t sequence_number = 0;
    bool locked = false;  ///< delivered, and not settled yet
    storage::MessageHeader header;
    iothub::CloudToDeviceMessage message;
  };
  /// What waits for the device, the oldest first, at most queue_max; nothing is delivered by that. Reads from disk.
  /// Errors: service_unavailable.
  [[nodiscard]] Result<std::vector<Waiting>> look(const std::string& device);

  // Devices
  struct Delivery {
    MessageLock lock;
    Timestamp enqueued;
    Timestamp expires;
    std::uint32_t delivery_count = 0;  ///< how often it was abandoned before
    bool redelivered = false;          ///< it may have reached the device before
    iothub::CloudToDeviceMessage message;
  };
  /// A name for one connection, under which it locks messages. A request over HTTPS has none: it is 0.
  [[nodiscard]] std::uint64_t new_consumer() { return next_consumer_.fetch_add(1, std::memory_order_relaxed); }
  /// The oldest message that may be delivered, locked for `consumer` (for `lock_for`; absent: the option's time);
  /// nullopt when there is none, or `consumer` holds `window` already. Reads from disk. Errors: service_unavailable.
  [[nodiscard]] Result<std::optional<Delivery>> receive(const std::string& device, std::uint64_t consumer,
                                                        std::size_t window,
                                                        std::optional<std::chrono::seconds> lock_for = {});
  // Settling. `done` may be empty; it runs once the outcome is durable. Errors: device_message_lock_lost,
  // service_unavailable (then the message is queued again).
  void complete(const std::string& device, const MessageLock& lock, Done<void> done);
  void reject(const std::string& device, const MessageLock& lock, Done<void> done);
  void abandon(const std::string& device, const MessageLock& lock, Done<void> done);
  /// The consumer's connection is gone: what it held is queued again, at once.
  void release(const std::string& device, std::uint64_t consumer);

  /// The device was deleted, durably, and its messages with it.
  void forget(const std::string& device, std::string_view generation_id);
  /// Lapsed locks and expired messages; after a start, what is on disk, a slice at a time. Not twice at once.
  void tick();
  [[nodiscard]] std::size_t total() const { return total_.load(std::memory_order_relaxed); }

 private:
  struct Queue {
    std::string device;
    std::string generation_id;
    std::uint64_t serial = 0;  ///< tells it from an earlier queue of the same device
    std::uint64_t next_sequence_number = 1;
    std::uint32_t unsettled = 0;  ///< writes on their way to the disk: until then it must not be read from there
    // Under which it stands in the shard's deadlines; 0 = it does not.
    std::uint64_t wall_ticks = 0;
    std::uint64_t steady_ticks = 0;
    MessageQueue messages;
  };
  using Deadlines = std::set<std::pair<std::uint64_t, Queue*>>;
  struct alignas(64) Shard {
    Mutex mutex;
    std::unordered_map<std::string, std::unique_ptr<Queue>> queues GUARDED_BY(mutex);
    Deadlines wall_deadlines GUARDED_BY(mutex);     ///< messages that expire
    Deadlines steady_deadlines GUARDED_BY(mutex);   ///< locks that lapse, lives that end
    std::uint64_t forgotten GUARDED_BY(mutex) = 0;  ///< grows whenever a queue leaves memory
  };
  /// A message's place, taken before its record is written.
  struct Reservation {
    std::uint64_t queue_serial = 0;
    std::uint64_t sequence_number = 0;
  };

  [[nodiscard]] Shard& shard_of(std::string_view device) {
    return shards_[std::hash<std::string_view>{}(device) % shards_.size()];
  }

  struct FromDisk;
  [[nodiscard]] Result<FromDisk> read_from_disk(const std::string& device, bool headers) const;
  /// The device's queue, from disk if need be (the lock is open meanwhile). nullptr: it has no messages, and `create`
  /// is false.
  [[nodiscard]] Result<Queue*> load(Shard& shard, MutexLock& lock, const std::string& device, bool create)
      REQUIRES(shard.mutex) NO_THREAD_SAFETY_ANALYSIS;  // its body opens the caller's lock
  [[nodiscard]] static Queue* find(Shard& shard, const std::string& device, std::uint64_t serial) REQUIRES(shard.mutex);
  /// `not_before`: on the steady clock.
  static void schedule(Shard& shard, Queue& queue, Timestamp not_before = {}) REQUIRES(shard.mutex);
  static void place(Deadlines& deadlines, Queue& queue, std::uint64_t& ticks, std::optional<Timestamp> deadline);
  void let_go(Shard& shard, Queue& queue) REQUIRES(shard.mutex);
  void settle_write(Shard& shard, Queue& queue) REQUIRES(shard.mutex);
  /// Takes messages out for good, in one unit; false when the store refuses, and they are queued again.
  bool finish(Shard& shard, Queue& queue, const std::vector<MessageQueue::Message*>& messages,
              storage::MessageOutcome outcome, Done<void> done) REQUIRES(shard.mutex);
  /// Writes a header anew; `done` may be empty.
  bool rewrite(Shard& shard, Queue& queue, const MessageQueue::Message& message, Done<void> done) REQUIRES(shard.mutex);

  [[nodiscard]] Result<Reservation> reserve(const std::string& device, const std::string& generation_id,
                                            const storage::MessageHeader& header, const MessageQueue::Life& life);
  void arrived(const std::string& device, const Reservation& place, bool durable, storage::Outbox& outbox);
  void left(const std::string& device, std::uint64_t serial, const std::vector<std::uint64_t>& sequence_numbers,
            bool durable, storage::Outbox& outbox);
  void settle(const std::string& device, const MessageLock& lock, storage::MessageOutcome outcome, Done<void> done);
  void wake(const std::string& device, storage::Outbox& outbox) { links_.messages_waiting({device, {}}, outbox); }
  void tick_steady(Shard& shard, Timestamp steady, std::vector<std::string>& awake);
  void expire(Shard& shard, Timestamp settled);
  /// The wall clock went back, from `latest` or less: wakes devices whose messages were held back.
  void wake_held_back(Timestamp latest, storage::Outbox& outbox);
  [[nodiscard]] MessageQueue::Moment look_at_clocks();
  void load_some();

  storage::Store& store_;
  const Clock& clock_;
  DeviceLinks& links_;
  Feedback& feedback_;
  const CloudToDeviceOptions options_;

  std::array<Shard, 16> shards_;
  std::atomic<std::size_t> total_{0};
  std::atomic<std::uint64_t> next_consumer_{1};
  std::atomic<std::uint64_t> next_lock_;
  std::atomic<std::uint64_t> next_serial_{1};
  std::atomic<std::uint64_t> latest_wall_{0};  // at which a device was denied what had expired, at the latest
  std::atomic<bool> loaded_{false};            // every queue that is on disk is in memory
  std::string loaded_up_to_;                   // tick()'s own
};

}  // namespace twinhub::hub

// Which devices are connected, when each was last heard of, and the events by which back ends learn of it. In memory,
// so that no message waits for the disk; written down with every change of state and now and then, so that a restart
// forgets little.
//
//   a device connects, or leaves  -> one record and one event in one atomic unit; that of a new connection may wait a
//                                    moment to share a sync with others, as no answer waits for it
//   a message                     -> memory; tick() writes it down every few minutes
//   a crash                       -> recover() finds which devices were connected, and tells of their end
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"
#include "server/base/clock.hpp"
#include "storage/guarded.hpp"
#include "storage/store.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace twinhub::hub {

/// When a connection is worth an event. The cloud tells of a device once it has subscribed to cloud-to-device messages
/// or sent telemetry, and looks once a minute (azure-docs iot-hub-event-grid, "Limitations for device connection state
/// events").
enum class ConnectionEvents : std::uint8_t {
  at_connect,  ///< every accepted CONNECT, within milliseconds
  when_used,   ///< as the cloud, but within milliseconds: from the first telemetry or cloud-to-device subscription on
  off,         ///< none
};

/// Any thread, but not from within the store's callbacks, save where it says so.
class Presence {
 public:
  Presence(storage::Store& store, const Clock& clock, ConnectionEvents events = ConnectionEvents::at_connect);

  /// Takes up what the last run has left. Before any device connects. Errors: those of the store.
  [[nodiscard]] Result<void> recover();

  enum class WriteDown : std::uint8_t {
    now,
    soon,  ///< with the next write_down(), which the caller sees to, or anything else of this class that is written
  };
  /// Connections are counted: a take-over reports the new connection before the old one's end, and is no change of
  /// state.
  void connected(const IdentityId& id, WriteDown when = WriteDown::now);
  /// Queues what connected() has left to be written soon: one unit, however many. Cheap when there is nothing.
  void write_down();
  void disconnected(const IdentityId& id);
  /// A message came or went.
  void active(const IdentityId& id);
  /// It sent telemetry, or listens for cloud-to-device messages: active(), and the moment of
  /// ConnectionEvents::when_used.
  void used(const IdentityId& id);
  /// The identity was deleted. Its connections may end later; until then they are counted, but no longer shown. Also
  /// from the store's callbacks.
  void forget(const IdentityId& id);

  /// Writes down what has changed, and tells what could not be told before. See Hub::tick().
  void tick();

  /// Without the number of messages: see twins/activities.hpp.
  [[nodiscard]] iothub::Activity activity_of(const IdentityId& id) const;
  /// Identities with at least one connection.
  struct Connected {
    std::uint64_t devices = 0;
    std::uint64_t modules = 0;
    [[nodiscard]] std::uint64_t all() const { return devices + modules; }
  };
  [[nodiscard]] Connected connected() const;

 private:
  struct Entry {
    std::uint32_t connections = 0;
    bool forgotten = false;
    bool told_connected = false;  ///< what back ends will believe once all that is queued is durable
    bool durably_told = false;    ///< what they believe now
    bool owed = false;            ///< could not be written: tick() tries again
    Timestamp state_updated;
    Timestamp last_activity;
    Timestamp saved_activity;  ///< what the last record says
    [[nodiscard]] bool shown_connected() const { return connections > 0 && !forgotten; }
  };
  struct alignas(64) Shard {
    mutable Mutex mutex;
    std::unordered_map<IdentityId, Entry> entries GUARDED_BY(mutex);
    std::vector<IdentityId> owed GUARDED_BY(mutex);  ///< those with Entry::owed
    std::uint64_t devices GUARDED_BY(mutex) = 0;     ///< entries with connections > 0
    std::uint64_t modules GUARDED_BY(mutex) = 0;     ///< ... of modules
  };
  /// What one identity adds to an atomic unit.
  struct Change {
    struct Told {
      bool connected = false;
      Timestamp at;
    };
    IdentityId id;
    Entry entry;  ///< to be written down, unless it is forgotten
    std::vector<Told> events;
  };

  [[nodiscard]] Shard& shard_of(const IdentityId& id) const;

  // With the shard's mutex held:
  [[nodiscard]] Change settle(const IdentityId& id, Entry& entry, bool used) const;
  std::size_t gather(Change change);  ///< how many there are now
  // With no shard's mutex held:
  void write_gathered();
  void settled(const std::vector<Change>& changes, bool durable);

  void settle_owed(Shard& shard);
  template <class IsDue>
  void gather_in_slices(Shard& shard, std::span<const IdentityId> ids, IsDue is_due);
  void save_activity(Shard& shard);
  void stamp_alive(Timestamp now);
  void erase_forgotten();

  storage::Store& store_;
  const Clock& clock_;
  const ConnectionEvents events_;
  mutable std::array<Shard, 64> shards_;

  // Sequence numbers grow in the order of the log: numbered and queued under one lock. Taken after a shard's.
  Mutex sequence_mutex_;
  std::uint64_t last_sequence_ GUARDED_BY(sequence_mutex_) = 0;
  std::vector<Change> gathered_ GUARDED_BY(sequence_mutex_);  // in the order in which it happened
  std::atomic<bool> any_gathered_{false};                     // written with sequence_mutex_ held

  Mutex forgotten_mutex_;
  // Identities whose records may have been written once more while they were deleted.
  std::vector<IdentityId> forgotten_ GUARDED_BY(forgotten_mutex_);

  // On the steady clock; tick() only.
  Timestamp next_stamp_;
  Timestamp next_save_;
};

}  // namespace twinhub::hub

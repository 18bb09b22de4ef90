// The durable home of the hub's records: a promise about durability and order, none about the engine.
//
// Writers change records in a cache and queue the changes; one commit thread makes everything queued durable with one
// commit of the engine (storage/engine), then calls the waiters. State that is not durable yet must not leave the hub:
// every read says which unit an answer made from it has to wait for.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"
#include "protocol/twin/document.hpp"
#include "storage/format/event.hpp"
#include "storage/format/event_record.hpp"
#include "storage/format/session.hpp"
#include "storage/outbox.hpp"
#include "storage/records.hpp"
#include "storage/snapshot.hpp"
#include "storage/tally.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twinhub::storage {

/// Number of a queued atomic unit; units become durable in this order. 0 = durable long ago.
using CommitSeq = std::uint64_t;

/// Runs on the commit thread, in commit order, once the unit is durable or has failed (service_unavailable). It must
/// not block, nor call the store's writers; it reaches an I/O thread through `outbox`.
using OnDurable = std::function<void(const Result<void>& result, Outbox& outbox)>;

/// An identity and its twin: both there or both null.
struct Entity {
  std::shared_ptr<const iothub::Identity> identity;
  std::shared_ptr<const twin::Twin> twin;
};

struct EntityRead {
  Entity entity;
  CommitSeq told_after = 0;  ///< an answer leaves once this unit is durable: see when_durable
};

class EntityWatcher;

/// One atomic change to one entity, or to a device and modules that come with it. Null members stay as they are.
struct EntityChange {
  std::shared_ptr<const iothub::Identity> identity;
  std::shared_ptr<const twin::Twin> twin;
  bool erase = false;  ///< removes identity, twin, session and owned records of the id; of a device its modules' too
  std::vector<EncodedEvent> events;  ///< appended in the same atomic unit
  std::vector<RecordWrite> records;  ///< written in the same atomic unit
  /// Of a device that is written: modules that it has to have, each with its identity, twin and events. One that is not
  /// there is made in the same atomic unit, the others stay as they are.
  std::vector<EntityChange> modules = {};
  const EntityWatcher* writer = nullptr;  ///< the watcher whose own change this is: it is not called for it

  [[nodiscard]] bool empty() const { return !identity && !twin && !erase && events.empty() && records.empty(); }
};

/// Decides a change from the current state. Pure: it may run twice. An Error means: change nothing.
using Decide = std::function<Result<EntityChange>(const Entity& current)>;

/// The outcome of update() so far. The answer, good or bad, may leave only once unit `told_after` is durable.
struct UpdateResult {
  Result<void> decided;  ///< the Error of `decide`, if it gave one
  CommitSeq told_after = 0;
};

/// Returns false to end the scan. The views die when it returns.
using RecordVisitor = std::function<bool(std::string_view key, std::string_view value)>;

struct SessionRead {
  std::optional<Session> session;
  CommitSeq told_after = 0;  ///< as of an entity
};

/// Hears of changed entities, save those that it has changed itself (EntityChange::writer). Any thread.
class EntityWatcher {
 public:
  virtual ~EntityWatcher() = default;
  /// An identity or a twin was written (not: erased), durable or not: read() shows it, or something newer. Called by
  /// update(), on its caller's thread and with no lock held: it must be quick, and not block.
  virtual void entity_changed(const IdentityId& id) = 0;
};

/// Safe from any thread unless said otherwise. Destruction commits the queued units, then closes.
class Store {
 public:
  virtual ~Store() = default;

  /// The newest state, durable or not. An unknown id gives null members, not an Error.
  /// Errors: service_unavailable with the engine's words.
  [[nodiscard]] virtual Result<EntityRead> read(const IdentityId& id) const = 0;

  /// Read-modify-write under the id's stripe lock. A non-empty change is queued as one unit and `on_durable` (may be
  /// empty) runs when that unit is settled; for an empty change or an Error it runs when the state that `decide` saw is
  /// durable, at once and on this thread if it is already. `decided` is Ok for a no-op. Backpressure: never blocks;
  /// fails with service_unavailable when more than queue_bytes_max are queued.
  virtual UpdateResult update(const IdentityId& id, const Decide& decide, OnDurable on_durable) = 0;

  /// Runs `on_durable` once unit `seq` is settled; at once, on this thread, when it already is.
  virtual void when_durable(CommitSeq seq, OnDurable on_durable) = 0;
  /// True when `seq` is durable already: the answer may leave inline.
  [[nodiscard]] virtual bool is_durable(CommitSeq seq) const = 0;

  /// Queues one message as a unit. `on_durable` (may be empty) runs when it is settled; at once, on this thread, with
  /// service_unavailable when nothing was queued (queue full, store failed).
  virtual void append_telemetry(const TelemetryDraft& telemetry, OnDurable on_durable) = 0;

  /// The latest put, durable or not.
  [[nodiscard]] virtual Result<SessionRead> read_session(const IdentityId& id) const = 0;
  /// nullptr removes it. Returns the unit's number; `on_durable` (may be empty) runs when it is settled. Errors:
  /// service_unavailable (queue full, store failed): nothing queued, on_durable not called.
  [[nodiscard]] virtual Result<CommitSeq> put_session(const IdentityId& id, const Session* session,
                                                      OnDurable on_durable) = 0;
  /// Changes the latest put under the id's stripe lock: nullopt removes the session, an equal one writes nothing. Not
  /// called when there is none. The write has no waiter. Errors as put_session.
  [[nodiscard]] virtual Result<void> revise_session(const IdentityId& id,
                                                    const std::function<std::optional<Session>(Session)>& revise) = 0;
  /// Visits the ids of durable sessions in id order behind `after` (nullptr = from the start), until `visit` returns
  /// false or the end.
  [[nodiscard]] virtual Result<void> scan_sessions(const IdentityId* after,
                                                   const std::function<bool(const IdentityId&)>& visit) const = 0;

  /// Queues `writes` and `events` as one unit. Errors as put_session. Reads below do not show them before they are
  /// durable: a writer of records remembers its queued ones, and forgets them when `on_durable` brings an Error.
  [[nodiscard]] virtual Result<void> write_records(std::vector<RecordWrite> writes, std::vector<EncodedEvent> events,
                                                   OnDurable on_durable) = 0;
  /// Errors: service_unavailable.
  [[nodiscard]] virtual Result<std::optional<std::string>> read_record(RecordKind kind, std::string_view key) const = 0;
  /// Visits durable records whose key begins with `prefix`, in key order, starting behind `after` ("" = from the
  /// start), until `visit` returns false or the end. Reads a snapshot.
  [[nodiscard]] virtual Result<void> scan_records(RecordKind kind, std::string_view prefix, std::string_view after,
                                                  const RecordVisitor& visit) const = 0;

  /// Visits durable entities in id order (device, then its modules), starting after `after` (nullptr = from the start),
  /// until `visit` returns false or the end. Reads a snapshot; may take long: not for an I/O thread with a large limit.
  [[nodiscard]] virtual Result<void> scan(const IdentityId* after,
                                          const std::function<bool(const Entity&)>& visit) const = 0;

  /// The durable state of now: every acknowledged write, nothing else. Errors: service_unavailable.
  [[nodiscard]] virtual Result<std::shared_ptr<const Snapshot>> snapshot() const = 0;

  /// Visits durable events of one partition from `sequence_number` on, until `visit` returns false or the end.
  [[nodiscard]] virtual Result<void> read_events(std::uint32_t partition, std::uint64_t sequence_number,
                                                 const std::function<bool(const StoredEvent&)>& visit) const = 0;
  [[nodiscard]] virtual std::uint32_t event_partition_of(const IdentityId& id) const = 0;
  /// One for each partition, index = partition.
  [[nodiscard]] virtual std::vector<EventRange> event_ranges() const = 0;
  /// When the last durable event of a partition was appended; 0 ticks when none is known (nothing was ever written, or
  /// the hub has started since retention dropped all). REQUIRES: `partition` exists.
  [[nodiscard]] virtual Timestamp newest_event(std::uint32_t partition) const = 0;
  /// The sequence number from which a reader misses no event enqueued at `since` or later: that of the first stored
  /// block that was written then, else the end. Reads about one segment (1 MiB). REQUIRES: `partition` exists.
  [[nodiscard]] virtual Result<std::uint64_t> find_events_since(std::uint32_t partition, Timestamp since) const = 0;
  /// Somebody still needs the events of a partition from `sequence_number` on: retention spares them until the log has
  /// StoreOptions::event_held_bytes_max. The last call for a partition counts; it is forgotten at the store's end.
  virtual void hold_events(std::uint32_t partition, std::uint64_t sequence_number) = 0;
  /// `wake` runs on the commit thread after each commit cycle that made events durable, once however many: it must be
  /// quick and must not block. Empty = no listener. Returns once the old one does not run any more.
  virtual void watch_events(std::function<void()> wake) = 0;

  /// At most one watcher; null = none. Not while writers are at work.
  virtual void watch_entities(EntityWatcher* watcher) = 0;

  /// Ok while writes are taken; else the reason. After a failed write the store probes by itself and recovers when it
  /// can.
  [[nodiscard]] virtual Result<void> writable() const = 0;

  /// Figures for the metrics page, e.g. {"twinhub_storage_commits_total", 42}. Cheap.
  struct Figure {
    std::string name;
    std::string help;
    double value = 0;
    bool counter = true;                                           ///< else a gauge
    std::vector<std::pair<std::string, std::string>> labels = {};  ///< figures of one name stand together
    std::optional<TimeCounts> times = {};                          ///< a histogram, in the place of `value`
  };
  [[nodiscard]] virtual std::vector<Figure> figures() const = 0;
};

/// The meaning of an acknowledgement.
enum class Durability : std::uint8_t {
  sync,    ///< on disk: survives a power cut
  os,      ///< handed to the operating system: survives a crash of the process, not a power cut
  memory,  ///< nothing on disk: gone with the process
};

struct StoreOptions {
  std::filesystem::path directory;  ///< created when missing; ignored with Durability::memory
  /// Goes on without acknowledged writes that a damaged log has lost, and keeps the damaged file; else the store does not
  /// open.
  bool recover = false;
  bool read_only = false;  ///< opens beside a running hub; every write fails with service_unavailable

  // Behaviour
  Durability durability = Durability::sync;
  std::uint32_t event_partitions = 4;
  std::chrono::seconds event_retention_age{24 * 3600};
  std::uint64_t event_retention_bytes = 1ULL << 30;
  std::uint64_t event_held_bytes_max = 0;  ///< of the whole log, held events included; beyond it the oldest go. No
                                           ///< more than event_retention_bytes: nothing is held
  std::function<Timestamp()> now;          ///< the hub's clock. REQUIRES: it is set
  /// A clock that no setting touches, for how often retention looks: `now` may stand still for days after the machine's
  /// clock was ahead. Empty = as `now`.
  std::function<Timestamp()> steady = {};
  /// The time of day, for dropping events for their age; nullopt: the clock was set lately, drop none. Empty = as `now`.
  std::function<std::optional<Timestamp>()> settled = {};

  // Performance
  std::size_t cache_bytes = 64ULL << 20;      ///< records kept in memory; unsynced ones are pinned on top
  std::size_t memtable_bytes = 64ULL << 20;   ///< larger: fewer flushes, longer recovery; memory: two of these
  std::size_t queue_bytes_max = 64ULL << 20;  ///< units that may wait for the next sync
  std::chrono::microseconds sync_pause{300};  ///< least time between two syncs while units keep coming: saves CPU,
                                              ///< adds latency
};

}  // namespace twinhub::storage

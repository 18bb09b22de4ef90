// The Store on any engine: newest records in a cache, changes through the commit queue, everything else from the
// engine.
#pragma once

#include "storage/commit/commit_queue.hpp"
#include "storage/commit/event_log.hpp"
#include "storage/commit/record_cache.hpp"
#include "storage/cut.hpp"
#include "storage/engine/engine.hpp"
#include "storage/guarded.hpp"
#include "storage/store.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace twinhub::storage {

/// Errors, in words for the operator: a format that is not known; records of the event log that cannot be read; the
/// engine's own words.
[[nodiscard]] Result<std::unique_ptr<Store>> open_store_on(StoreOptions options, std::unique_ptr<Engine> engine);

class EngineStore final : public Store, public Cut {
 public:
  EngineStore(StoreOptions options, std::unique_ptr<Engine> engine);
  ~EngineStore() override;

  /// Reads how the engine was left, and begins to commit. Once, before anything else. Errors: as open_store_on().
  [[nodiscard]] Result<void> start();

  Result<EntityRead> read(const IdentityId& id) const override;
  UpdateResult update(const IdentityId& id, const Decide& decide, OnDurable on_durable) override;
  void when_durable(CommitSeq seq, OnDurable on_durable) override;
  bool is_durable(CommitSeq seq) const override;
  void append_telemetry(const TelemetryDraft& telemetry, OnDurable on_durable) override;

  Result<SessionRead> read_session(const IdentityId& id) const override;
  Result<CommitSeq> put_session(const IdentityId& id, const Session* session, OnDurable on_durable) override;
  Result<void> revise_session(const IdentityId& id,
                              const std::function<std::optional<Session>(Session)>& revise) override;
  Result<void> scan_sessions(const IdentityId* after,
                             const std::function<bool(const IdentityId&)>& visit) const override;

  Result<void> write_records(std::vector<RecordWrite> writes, std::vector<EncodedEvent> events,
                             OnDurable on_durable) override;
  Result<std::optional<std::string>> read_record(RecordKind kind, std::string_view key) const override;
  Result<void> scan_records(RecordKind kind, std::string_view prefix, std::string_view after,
                            const RecordVisitor& visit) const override;

  Result<void> scan(const IdentityId* after, const std::function<bool(const Entity&)>& visit) const override;
  Result<std::shared_ptr<const Snapshot>> snapshot() const override;

  Result<void> read_events(std::uint32_t partition, std::uint64_t sequence_number,
                           const std::function<bool(const StoredEvent&)>& visit) const override;
  std::uint32_t event_partition_of(const IdentityId& id) const override;
  std::vector<EventRange> event_ranges() const override;
  Timestamp newest_event(std::uint32_t partition) const override { return events_.newest(partition); }
  void hold_events(std::uint32_t partition, std::uint64_t sequence_number) override;
  Result<std::uint64_t> find_events_since(std::uint32_t partition, Timestamp since) const override;
  void watch_events(std::function<void()> wake) override;
  void watch_entities(EntityWatcher* watcher) override { watcher_ = watcher; }

  Result<void> writable() const override;
  Result<void> checkpoint(const std::filesystem::path& folder, const std::function<Result<void>()>& meanwhile) override;
  std::vector<Figure> figures() const override;

 private:
  static constexpr std::size_t stripe_count = 64;

  [[nodiscard]] CacheStripe& stripe_of(const IdentityId& id) const {
    return stripes_[std::hash<std::string>{}(id.device) % stripe_count];
  }
  [[nodiscard]] CommitSeq settled() const { return queue_ ? queue_->settled() : 0; }
  [[nodiscard]] std::size_t stripe_bytes_max() const { return options_.cache_bytes / stripe_count; }

  /// Null: there is no such entity.
  Result<CacheStripe::Entry*> load(CacheStripe& stripe, const IdentityId& id) const REQUIRES(stripe.mutex);
  [[nodiscard]] Result<Entity> read_from_engine(const IdentityId& id) const;

  // entity_update.cpp
  /// Takes `on_durable` only when the change was queued.
  Result<CommitSeq> queue_change(CacheStripe& stripe, const IdentityId& id, CacheStripe::Entry* current,
                                 EntityChange& change, OnDurable& on_durable) REQUIRES(stripe.mutex);
  [[nodiscard]] Result<void> keep_new_modules(CacheStripe& stripe, EntityChange& change) const REQUIRES(stripe.mutex);
  Result<CommitSeq> queue_erasure(CacheStripe& stripe, const IdentityId& id, Unit& unit,
                                  const std::vector<RecordWrite>& records, OnDurable& on_durable)
      REQUIRES(stripe.mutex);
  [[nodiscard]] Result<std::vector<IdentityId>> things_of_device(const CacheStripe& stripe,
                                                                 const std::string& device) const
      REQUIRES(stripe.mutex);

  // The commit thread's hooks.
  void drop_after(CommitSeq settled);
  void drop_all();
  void sessions_settled(const std::vector<IdentityId>& ids, CommitSeq settled);
  void events_settled();

  StoreOptions options_;
  std::unique_ptr<Engine> engine_;
  EventLog events_;
  Mutex watch_mutex_;
  std::function<void()> wake_ GUARDED_BY(watch_mutex_);
  std::atomic<EntityWatcher*> watcher_{nullptr};
  mutable std::array<CacheStripe, stripe_count> stripes_;
  std::unique_ptr<CommitQueue> queue_;  // null: opened for reading only. Last: its thread uses all of the above
};

// Shared by the files of this class.

[[nodiscard]] inline Error read_only_error() {
  return fail(Errc::service_unavailable, "storage: opened for reading only");
}

/// Calls `on_durable` here and now.
inline void settle_now(const Result<void>& result, const OnDurable& on_durable) {
  if (!on_durable) return;
  Outbox outbox;
  on_durable(result, outbox);
}

/// `events` must outlive the unit's queueing.
inline void add_events(Unit& unit, const std::vector<EncodedEvent>& events) {
  unit.events = events;
  for (const EncodedEvent& event : events) unit.bytes += event.bytes.size();
}

}  // namespace twinhub::storage

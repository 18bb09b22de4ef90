#include "storage/rocksdb_store.hpp"

#include "storage/commit_queue.hpp"
#include "storage/database.hpp"
#include "storage/event_log.hpp"
#include "storage/keys.hpp"
#include "storage/record.hpp"
#include "storage/record_cache.hpp"
#include "storage/record_table.hpp"
#include "storage/rocksdb_snapshot.hpp"
#include "storage/sessions.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <utility>

namespace twinhub::storage {
namespace {

Error read_only_error() { return fail(Errc::service_unavailable, "storage: opened for reading only"); }

class RocksdbStore final : public Store {
 public:
  RocksdbStore(StoreOptions options, std::unique_ptr<Database> database)
      : options_(std::move(options)), owned_(std::move(database)), database_(*owned_), events_(database_, options_) {}

  Result<void> start() {
    if (const auto recovered = events_.recover(); !recovered) return recovered.error();
    if (options_.read_only) return {};
    queue_ = std::make_unique<CommitQueue>(
        database_, events_, options_,
        CommitQueue::Hooks{
            [this](CommitSeq settled) { drop_after(settled); }, [this] { drop_all(); },
            [this](const std::vector<IdentityId>& ids, CommitSeq settled) { sessions_settled(ids, settled); },
            [this] { events_settled(); }});
    return {};
  }

  Result<EntityRead> read(const IdentityId& id) const override {
    CacheStripe& stripe = stripe_of(id);
    const std::lock_guard lock(stripe.mutex);
    const auto entry = load(stripe, id);
    if (!entry) return entry.error();
    return *entry == nullptr ? EntityRead{} : EntityRead{(*entry)->entity, (*entry)->seq};
  }

  UpdateResult update(const IdentityId& id, const Decide& decide, OnDurable on_durable) override;
  void when_durable(CommitSeq seq, OnDurable on_durable) override {
    if (queue_) return queue_->when_durable(seq, std::move(on_durable));
    settle_now({}, on_durable);
  }
  bool is_durable(CommitSeq seq) const override { return !queue_ || queue_->is_durable(seq); }
  void append_telemetry(const TelemetryDraft& telemetry, OnDurable on_durable) override;
  Result<void> write_records(std::vector<RecordWrite> writes, std::vector<EncodedEvent> events,
                             OnDurable on_durable) override;
  Result<std::optional<std::string>> read_record(RecordKind kind, std::string_view key) const override {
    return storage::read_record(database_, kind, key);
  }
  Result<void> scan_records(RecordKind kind, std::string_view prefix, std::string_view after,
                            const RecordVisitor& visit) const override {
    return storage::scan_records(database_, kind, prefix, after, visit);
  }
  Result<SessionRead> read_session(const IdentityId& id) const override;
  Result<CommitSeq> put_session(const IdentityId& id, const Session* session, OnDurable on_durable) override;
  Result<void> revise_session(const IdentityId& id,
                              const std::function<std::optional<Session>(Session)>& revise) override;
  Result<void> scan_sessions(const IdentityId* after,
                             const std::function<bool(const IdentityId&)>& visit) const override {
    return storage::scan_sessions(database_, after, visit);
  }
  Result<void> scan(const IdentityId* after, const std::function<bool(const Entity&)>& visit) const override;
  Result<std::shared_ptr<const Snapshot>> snapshot() const override { return take_snapshot(database_); }

  Result<void> read_events(std::uint32_t partition, std::uint64_t sequence_number,
                           const std::function<bool(const StoredEvent&)>& visit) const override {
    return events_.read(partition, sequence_number, visit);
  }
  std::uint32_t event_partition_of(const IdentityId& id) const override {
    return static_cast<std::uint32_t>(device_hash(id.device) % std::max(1U, options_.event_partitions));
  }
  std::vector<EventRange> event_ranges() const override { return events_.ranges(); }
  Result<std::uint64_t> find_events_since(std::uint32_t partition, Timestamp since) const override {
    return events_.find(partition, since);
  }
  void watch_events(std::function<void()> wake) override {
    const std::lock_guard lock(watch_mutex_);
    wake_ = std::move(wake);
  }
  void watch_entities(EntityWatcher* watcher) override { watcher_ = watcher; }
  Result<void> writable() const override { return queue_ ? queue_->writable() : read_only_error(); }
  std::vector<Figure> figures() const override;

 private:
  static constexpr std::size_t stripe_count = 64;

  CacheStripe& stripe_of(const IdentityId& id) const {
    return stripes_[std::hash<std::string>{}(id.device) % stripe_count];
  }
  CommitSeq settled() const { return queue_ ? queue_->settled() : 0; }
  std::size_t stripe_bytes_max() const { return options_.cache_bytes / stripe_count; }

  /// With the stripe's mutex held. Null: there is no such thing.
  Result<CacheStripe::Entry*> load(CacheStripe& stripe, const IdentityId& id) const;
  Result<Entity> read_from_disk(const IdentityId& id) const;
  Result<std::vector<IdentityId>> things_of_device(const CacheStripe& stripe, const std::string& device) const;

  Result<CommitSeq> queue_change(CacheStripe& stripe, const IdentityId& id, CacheStripe::Entry* current,
                                 EntityChange& change, OnDurable& on_durable);
  Result<CommitSeq> queue_erasure(CacheStripe& stripe, const IdentityId& id, Unit& unit,
                                  const std::vector<RecordWrite>& records, OnDurable& on_durable);

  static void settle_now(const Result<void>& result, const OnDurable& on_durable) {
    if (!on_durable) return;
    Outbox outbox;
    on_durable(result, outbox);
  }
  /// `events` must outlive the unit's queueing.
  static void add_events(Unit& unit, const std::vector<EncodedEvent>& events) {
    unit.events = events;
    for (const EncodedEvent& event : events) unit.bytes += event.bytes.size();
  }

  void drop_after(CommitSeq settled);
  void drop_all();
  void sessions_settled(const std::vector<IdentityId>& ids, CommitSeq settled);
  void events_settled() {
    const std::lock_guard lock(watch_mutex_);
    if (wake_) wake_();
  }

  StoreOptions options_;
  std::unique_ptr<Database> owned_;
  Database& database_;
  EventLog events_;
  std::mutex watch_mutex_;
  std::function<void()> wake_;  // guarded by watch_mutex_
  std::atomic<EntityWatcher*> watcher_{nullptr};
  mutable std::array<CacheStripe, stripe_count> stripes_;
  std::unique_ptr<CommitQueue> queue_;  // last: its thread uses all of the above
};

Result<Entity> RocksdbStore::read_from_disk(const IdentityId& id) const {
  const Reading reading(database_);
  if (!reading) return closed_error();
  const std::string key = entity_key(id);
  rocksdb::PinnableSlice bytes;
  auto status = database_.engine()->Get({}, database_.family(Family::identities), key, &bytes);
  if (status.IsNotFound()) return Entity{};
  if (!status.ok()) return engine_error(status);
  auto identity = decode_identity(id, view(bytes));
  if (!identity) return fail(identity.error().code, identity.error().detail + ": " + name_of(id));
  bytes.Reset();
  status = database_.engine()->Get({}, database_.family(Family::twins), key, &bytes);
  if (status.IsNotFound())
    return fail(Errc::server_error, "stored identities and twins do not match at " + name_of(id));
  if (!status.ok()) return engine_error(status);
  auto twin = decode_twin(view(bytes));
  if (!twin) return fail(twin.error().code, twin.error().detail + ": " + name_of(id));
  return Entity{std::make_shared<const iothub::Identity>(std::move(*identity)),
                std::make_shared<const twin::Twin>(std::move(*twin))};
}

Result<CacheStripe::Entry*> RocksdbStore::load(CacheStripe& stripe, const IdentityId& id) const {
  if (auto* entry = stripe.find(id)) return entry;
  auto entity = read_from_disk(id);
  if (!entity) return entity.error();
  // Unknown ids are not cached: anybody can ask for any number of them.
  if (!entity->identity) return static_cast<CacheStripe::Entry*>(nullptr);
  return &stripe.put(id, std::move(*entity), 0, stripe_bytes_max(), settled());
}

UpdateResult RocksdbStore::update(const IdentityId& id, const Decide& decide, OnDurable on_durable) {
  if (options_.read_only) {
    settle_now(read_only_error(), on_durable);
    return {read_only_error(), 0};
  }
  CacheStripe& stripe = stripe_of(id);
  std::unique_lock lock(stripe.mutex);
  const auto current = load(stripe, id);
  if (!current) {
    lock.unlock();
    settle_now(current.error(), on_durable);
    return {current.error(), 0};
  }
  auto change = *current == nullptr ? decide(Entity{}) : decide((*current)->entity);
  if (!change || change->empty()) {
    const CommitSeq told_after = *current == nullptr ? 0 : (*current)->seq;
    lock.unlock();
    queue_->when_durable(told_after, std::move(on_durable));
    return {change ? Result<void>{} : Result<void>{change.error()}, told_after};
  }
  const auto seq = queue_change(stripe, id, *current, *change, on_durable);
  lock.unlock();
  if (!seq) {
    settle_now(seq.error(), on_durable);
    return {seq.error(), 0};
  }
  EntityWatcher* const watcher = watcher_.load(std::memory_order_acquire);
  if (watcher != nullptr && (change->identity || change->twin)) watcher->entity_changed(id);
  return {{}, *seq};
}

/// Takes `on_durable` only when the change was queued.
Result<CommitSeq> RocksdbStore::queue_change(CacheStripe& stripe, const IdentityId& id, CacheStripe::Entry* current,
                                             EntityChange& change, OnDurable& on_durable) {
  Unit unit;
  add_events(unit, change.events);
  if (change.erase) return queue_erasure(stripe, id, unit, change.records, on_durable);

  const Entity before = current == nullptr ? Entity{} : current->entity;
  DeltaChain chain = current == nullptr ? DeltaChain{} : current->chain;
  const std::string key = entity_key(id);
  std::string identity_bytes, twin_bytes;
  if (change.identity) encode(identity_bytes, *change.identity);
  bool is_delta = false;
  if (change.twin) {
    is_delta = before.twin && encode_delta(twin_bytes, *before.twin, *change.twin, chain);
    if (!is_delta) {
      encode(twin_bytes, *change.twin);
      chain = {.known = true};
    }
  }
  unit.bytes += 2 * key.size() + identity_bytes.size() + twin_bytes.size() + bytes_of(change.records);
  const auto write = [&](rocksdb::WriteBatch& batch) {
    if (change.identity) batch.Put(database_.family(Family::identities), key, identity_bytes);
    if (is_delta) {
      batch.Merge(database_.family(Family::twins), key, twin_bytes);
    } else if (change.twin) {
      batch.Put(database_.family(Family::twins), key, twin_bytes);
    }
    append_records(database_, change.records, batch);
  };
  unit.write = std::cref(write);
  const auto seq = queue_->enqueue(unit, std::move(on_durable));
  if (!seq) return seq.error();
  if (!change.identity && !change.twin) return *seq;
  Entity after{change.identity ? change.identity : before.identity, change.twin ? change.twin : before.twin};
  if (current == nullptr) {
    current = &stripe.put(id, std::move(after), *seq, stripe_bytes_max(), settled());
  } else {
    stripe.renew(*current, std::move(after), *seq, stripe_bytes_max(), settled());
  }
  current->chain = chain;
  return *seq;
}

/// The device itself and everything under it that is known, on disk or only in the cache.
Result<std::vector<IdentityId>> RocksdbStore::things_of_device(const CacheStripe& stripe,
                                                               const std::string& device) const {
  const Reading reading(database_);
  if (!reading) return closed_error();
  std::vector<IdentityId> ids = stripe.modules_of(device);
  ids.push_back({device, ""});
  const std::string prefix = device_prefix(device);
  for (const Family which : {Family::identities, Family::sessions}) {
    const std::unique_ptr<rocksdb::Iterator> it(database_.engine()->NewIterator({}, database_.family(which)));
    for (it->Seek(prefix); it->Valid() && view(it->key()).starts_with(prefix); it->Next()) {
      if (auto id = parse_entity_key(view(it->key()))) ids.push_back(std::move(*id));
    }
    if (!it->status().ok()) return engine_error(it->status());
  }
  for (const auto& [id, pending] : stripe.pending_sessions) {
    if (id.device == device) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

Result<CommitSeq> RocksdbStore::queue_erasure(CacheStripe& stripe, const IdentityId& id, Unit& unit,
                                              const std::vector<RecordWrite>& records, OnDurable& on_durable) {
  auto ids = id.is_module() ? Result<std::vector<IdentityId>>{std::vector<IdentityId>{id}}
                            : things_of_device(stripe, id.device);
  if (!ids) return ids.error();
  unit.write = [&](rocksdb::WriteBatch& batch) {
    for (const IdentityId& gone : *ids) {
      const std::string key = entity_key(gone);
      for (const Family which : {Family::identities, Family::twins, Family::sessions})
        batch.Delete(database_.family(which), key);
    }
    erase_owned_records(database_, id, batch);
    append_records(database_, records, batch);
  };
  unit.sessions = *ids;
  unit.bytes += ids->size() * 128 + bytes_of(records);
  const auto seq = queue_->enqueue(unit, std::move(on_durable));
  if (!seq) return seq.error();
  for (const IdentityId& gone : *ids) {
    stripe.put(gone, {}, *seq, stripe_bytes_max(), settled());
    stripe.pending_sessions[gone] = {std::nullopt, *seq};
  }
  return *seq;
}

void RocksdbStore::append_telemetry(const TelemetryDraft& telemetry, OnDurable on_durable) {
  if (!queue_) return settle_now(read_only_error(), on_durable);
  Unit unit;
  unit.telemetry = &telemetry;
  unit.bytes = bytes_at_most(telemetry);
  const auto seq = queue_->enqueue(unit, std::move(on_durable));
  if (!seq) settle_now(seq.error(), on_durable);
}

Result<void> RocksdbStore::write_records(std::vector<RecordWrite> writes, std::vector<EncodedEvent> events,
                                         OnDurable on_durable) {
  if (!queue_) return read_only_error();
  Unit unit;
  add_events(unit, events);
  unit.bytes += bytes_of(writes);
  unit.write = [&](rocksdb::WriteBatch& batch) { append_records(database_, writes, batch); };
  const auto seq = queue_->enqueue(unit, std::move(on_durable));
  if (!seq) return seq.error();
  return {};
}

Result<SessionRead> RocksdbStore::read_session(const IdentityId& id) const {
  CacheStripe& stripe = stripe_of(id);
  const std::lock_guard lock(stripe.mutex);
  return load_session(database_, stripe, id);
}

Result<CommitSeq> RocksdbStore::put_session(const IdentityId& id, const Session* session, OnDurable on_durable) {
  if (!queue_) return read_only_error();
  CacheStripe& stripe = stripe_of(id);
  const std::lock_guard lock(stripe.mutex);
  return queue_session(database_, *queue_, stripe, id, session, std::move(on_durable));
}

Result<void> RocksdbStore::revise_session(const IdentityId& id,
                                          const std::function<std::optional<Session>(Session)>& revise) {
  if (!queue_) return read_only_error();
  CacheStripe& stripe = stripe_of(id);
  const std::lock_guard lock(stripe.mutex);
  const auto read = load_session(database_, stripe, id);
  if (!read) return read.error();
  if (!read->session) return {};
  const auto revised = revise(*read->session);
  if (revised == read->session) return {};
  const auto queued = queue_session(database_, *queue_, stripe, id, revised ? &*revised : nullptr, {});
  if (!queued) return queued.error();
  return {};
}

Result<void> RocksdbStore::scan(const IdentityId* after, const std::function<bool(const Entity&)>& visit) const {
  const auto now = snapshot();
  if (!now) return now.error();
  ScanRequest request;
  if (after != nullptr) request.after = *after;
  Result<void> decoded;
  const auto scanned = (*now)->scan(request, [&](const StoredEntity& stored) {
    auto identity = stored.identity();
    const auto twin = stored.twin();
    if (!identity || !twin) {
      decoded = identity ? twin.error() : identity.error();
      return false;
    }
    return visit({std::make_shared<const iothub::Identity>(std::move(*identity)),
                  std::make_shared<const twin::Twin>(twin->copy())});
  });
  return scanned ? decoded : scanned;
}

void RocksdbStore::drop_after(CommitSeq settled) {
  for (CacheStripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    stripe.drop_after(settled);
  }
}

void RocksdbStore::drop_all() {
  for (CacheStripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    stripe.drop_all();
  }
}

void RocksdbStore::sessions_settled(const std::vector<IdentityId>& ids, CommitSeq settled) {
  for (const IdentityId& id : ids) {
    CacheStripe& stripe = stripe_of(id);
    const std::lock_guard lock(stripe.mutex);
    settle_session(stripe, id, settled);
  }
}

std::vector<Store::Figure> RocksdbStore::figures() const {
  if (!queue_) return {};
  const auto counters = queue_->counters();
  std::size_t cached = 0;
  for (CacheStripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    cached += stripe.bytes();
  }
  const auto figure = [](std::string name, std::string help, auto value, bool counter) {
    return Figure{std::move(name), std::move(help), static_cast<double>(value), counter};
  };
  return {
      figure("twinhub_storage_commit_cycles_total", "Log syncs, each for all units then queued.", counters.cycles,
             true),
      figure("twinhub_storage_commit_units_total", "Atomic changes made durable.", counters.units, true),
      figure("twinhub_storage_commit_failures_total", "Commit cycles that failed.", counters.failures, true),
      figure("twinhub_storage_commit_seconds_total", "Time spent writing and syncing.",
             static_cast<double>(counters.sync_microseconds) / 1e6, true),
      figure("twinhub_storage_queued_bytes", "Waiting for the next sync.", counters.queued_bytes, false),
      figure("twinhub_storage_cache_bytes", "Records held in memory.", cached, false),
  };
}

}  // namespace

Result<std::unique_ptr<Store>> open_rocksdb_store_on(StoreOptions options, rocksdb::Env* env) {
  auto database = Database::open(options, env);
  if (!database) return database.error();
  auto store = std::make_unique<RocksdbStore>(std::move(options), std::move(*database));
  if (const auto started = store->start(); !started) return started.error();
  return std::unique_ptr<Store>(std::move(store));
}

Result<std::unique_ptr<Store>> open_rocksdb_store(StoreOptions options) {
  return open_rocksdb_store_on(std::move(options), nullptr);
}

}  // namespace twinhub::storage

#include "storage/commit/engine_store.hpp"

#include "storage/commit/entity_reading.hpp"
#include "storage/commit/format_version.hpp"
#include "storage/commit/record_table.hpp"
#include "storage/commit/sessions.hpp"
#include "storage/commit/store_snapshot.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

namespace twinhub::storage {
namespace {

/// In the order of EventSource, as routes name them.
constexpr std::array<const char*, event_source_count> source_names{
    "DeviceMessages", "TwinChangeEvents", "DeviceLifecycleEvents", "DeviceConnectionStateEvents"};

}  // namespace

Result<std::unique_ptr<Store>> open_store_on(StoreOptions options, std::unique_ptr<Engine> engine) {
  auto store = std::make_unique<EngineStore>(std::move(options), std::move(engine));
  if (const auto started = store->start(); !started) return started.error();
  return std::unique_ptr<Store>(std::move(store));
}

Cut& cut_of(Store& store) {
  auto* cut = dynamic_cast<EngineStore*>(&store);
  assert(cut != nullptr);
  return *cut;
}

EngineStore::EngineStore(StoreOptions options, std::unique_ptr<Engine> engine)
    : options_(std::move(options)), engine_(std::move(engine)), events_(*engine_, options_) {}

EngineStore::~EngineStore() = default;

Result<void> EngineStore::start() {
  assert(options_.now);
  const auto format = check_format_version(*engine_, options_.read_only, options_.directory.string());
  if (!format) return format.error();
  if (const auto recovered = events_.recover(); !recovered) return recovered.error();
  if (options_.read_only) return {};
  queue_ = std::make_unique<CommitQueue>(
      *engine_, events_, options_,
      CommitQueue::Hooks{
          [this](CommitSeq settled) { drop_after(settled); }, [this] { drop_all(); },
          [this](const std::vector<IdentityId>& ids, CommitSeq settled) { sessions_settled(ids, settled); },
          [this] { events_settled(); }});
  return {};
}

Result<EntityRead> EngineStore::read(const IdentityId& id) const {
  CacheStripe& stripe = stripe_of(id);
  const MutexLock lock(stripe.mutex);
  const auto entry = load(stripe, id);
  if (!entry) return entry.error();
  return *entry == nullptr ? EntityRead{} : EntityRead{(*entry)->entity, (*entry)->seq};
}

Result<CacheStripe::Entry*> EngineStore::load(CacheStripe& stripe, const IdentityId& id) const {
  if (auto* entry = stripe.find(id)) return entry;
  auto entity = read_from_engine(id);
  if (!entity) return entity.error();
  // Unknown ids are not cached: a client can ask for any number of them.
  if (!entity->identity) return static_cast<CacheStripe::Entry*>(nullptr);
  return &stripe.put(id, std::move(*entity), 0, stripe_bytes_max(), settled());
}

Result<Entity> EngineStore::read_from_engine(const IdentityId& id) const {
  const Reading reading(*engine_);
  auto identity = read_identity(reading, id);
  if (!identity) return identity.error();
  if (!*identity) return Entity{};
  auto twin = read_twin(reading, id);
  if (!twin) return twin.error();
  if (!*twin) return fail(Errc::server_error, "stored identities and twins do not match at " + name_of(id));
  return Entity{std::make_shared<const iothub::Identity>(std::move(**identity)),
                std::make_shared<const twin::Twin>(std::move(**twin))};
}

void EngineStore::when_durable(CommitSeq seq, OnDurable on_durable) {
  if (queue_) return queue_->when_durable(seq, std::move(on_durable));
  settle_now({}, on_durable);
}

bool EngineStore::is_durable(CommitSeq seq) const { return !queue_ || queue_->is_durable(seq); }

Result<void> EngineStore::writable() const { return queue_ ? queue_->writable() : read_only_error(); }

Result<void> EngineStore::checkpoint(const std::filesystem::path& folder,
                                     const std::function<Result<void>()>& meanwhile) {
  if (!queue_) return read_only_error();
  if (const auto prepared = engine_->prepare_checkpoint(); !prepared) return prepared;
  return queue_->hold_still([&]() -> Result<void> {
    // After a failed commit the log may hold what nobody was told is there.
    if (const auto sound = queue_->writable(); !sound) return sound;
    if (const auto made = engine_->checkpoint(folder); !made) return made;
    return meanwhile ? meanwhile() : Result<void>();
  });
}

void EngineStore::append_telemetry(const TelemetryDraft& telemetry, OnDurable on_durable) {
  if (!queue_) return settle_now(read_only_error(), on_durable);
  Unit unit;
  unit.telemetry = &telemetry;
  unit.bytes = bytes_at_most(telemetry);
  const auto seq = queue_->enqueue(unit, std::move(on_durable));
  if (!seq) settle_now(seq.error(), on_durable);
}

Result<void> EngineStore::write_records(std::vector<RecordWrite> writes, std::vector<EncodedEvent> events,
                                        OnDurable on_durable) {
  if (!queue_) return read_only_error();
  Unit unit;
  add_events(unit, events);
  unit.bytes += bytes_of(writes);
  unit.write = [&](WriteBatch& batch) { append_records(writes, batch); };
  const auto seq = queue_->enqueue(unit, std::move(on_durable));
  if (!seq) return seq.error();
  return {};
}

Result<std::optional<std::string>> EngineStore::read_record(RecordKind kind, std::string_view key) const {
  return storage::read_record(*engine_, kind, key);
}

Result<void> EngineStore::scan_records(RecordKind kind, std::string_view prefix, std::string_view after,
                                       const RecordVisitor& visit) const {
  return storage::scan_records(*engine_, kind, prefix, after, visit);
}

Result<SessionRead> EngineStore::read_session(const IdentityId& id) const {
  CacheStripe& stripe = stripe_of(id);
  const MutexLock lock(stripe.mutex);
  return load_session(*engine_, stripe, id);
}

Result<CommitSeq> EngineStore::put_session(const IdentityId& id, const Session* session, OnDurable on_durable) {
  if (!queue_) return read_only_error();
  CacheStripe& stripe = stripe_of(id);
  const MutexLock lock(stripe.mutex);
  return queue_session(*queue_, stripe, id, session, std::move(on_durable));
}

Result<void> EngineStore::revise_session(const IdentityId& id,
                                         const std::function<std::optional<Session>(Session)>& revise) {
  if (!queue_) return read_only_error();
  CacheStripe& stripe = stripe_of(id);
  const MutexLock lock(stripe.mutex);
  const auto read = load_session(*engine_, stripe, id);
  if (!read) return read.error();
  if (!read->session) return {};
  const auto revised = revise(*read->session);
  if (revised == read->session) return {};
  const auto queued = queue_session(*queue_, stripe, id, revised ? &*revised : nullptr, {});
  if (!queued) return queued.error();
  return {};
}

Result<void> EngineStore::scan_sessions(const IdentityId* after,
                                        const std::function<bool(const IdentityId&)>& visit) const {
  return storage::scan_sessions(*engine_, after, visit);
}

Result<std::shared_ptr<const Snapshot>> EngineStore::snapshot() const { return take_snapshot(*engine_); }

Result<void> EngineStore::scan(const IdentityId* after, const std::function<bool(const Entity&)>& visit) const {
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

Result<void> EngineStore::read_events(std::uint32_t partition, std::uint64_t sequence_number,
                                      const std::function<bool(const StoredEvent&)>& visit) const {
  return events_.read(partition, sequence_number, visit);
}

std::uint32_t EngineStore::event_partition_of(const IdentityId& id) const {
  return static_cast<std::uint32_t>(device_hash(id.device) % std::max(1U, options_.event_partitions));
}

std::vector<EventRange> EngineStore::event_ranges() const { return events_.ranges(); }

void EngineStore::hold_events(std::uint32_t partition, std::uint64_t sequence_number) {
  events_.hold(partition, sequence_number);
}

Result<std::uint64_t> EngineStore::find_events_since(std::uint32_t partition, Timestamp since) const {
  return events_.find(partition, since);
}

void EngineStore::watch_events(std::function<void()> wake) {
  const MutexLock lock(watch_mutex_);
  wake_ = std::move(wake);
}

void EngineStore::events_settled() {
  const MutexLock lock(watch_mutex_);
  if (wake_) wake_();
}

void EngineStore::drop_after(CommitSeq settled) {
  for (CacheStripe& stripe : stripes_) {
    const MutexLock lock(stripe.mutex);
    stripe.drop_after(settled);
  }
}

void EngineStore::drop_all() {
  for (CacheStripe& stripe : stripes_) {
    const MutexLock lock(stripe.mutex);
    stripe.drop_all();
  }
}

void EngineStore::sessions_settled(const std::vector<IdentityId>& ids, CommitSeq settled) {
  for (const IdentityId& id : ids) {
    CacheStripe& stripe = stripe_of(id);
    const MutexLock lock(stripe.mutex);
    settle_session(stripe, id, settled);
  }
}

std::vector<Store::Figure> EngineStore::figures() const {
  if (!queue_) return {};
  const auto counters = queue_->counters();
  std::size_t cached = 0;
  for (CacheStripe& stripe : stripes_) {
    const MutexLock lock(stripe.mutex);
    cached += stripe.bytes();
  }
  const auto figure = [](std::string name, std::string help, auto value, bool counter) {
    return Figure{std::move(name), std::move(help), static_cast<double>(value), counter};
  };
  std::uint64_t events = 0;
  for (const EventRange& range : events_.ranges()) events += range.next - range.first;
  std::vector<Figure> all{
      figure("twinhub_storage_commit_cycles_total", "Log syncs, each for all units then queued.", counters.cycles,
             true),
      figure("twinhub_storage_commit_units_total", "Atomic changes made durable.", counters.units, true),
      figure("twinhub_storage_commit_failures_total", "Commit cycles that failed.", counters.failures, true),
      figure("twinhub_storage_commit_p50_seconds", "Within which half of the latest 1,024 syncs were done.",
             counters.seconds_of(0.5), false),
      figure("twinhub_storage_commit_p99_seconds", "Within which 99 of a hundred of these were done.",
             counters.seconds_of(0.99), false),
      figure("twinhub_storage_queued_bytes", "Waiting for the next sync.", counters.queued_bytes, false),
      figure("twinhub_storage_cache_bytes", "Records held in memory.", cached, false),
      figure("twinhub_event_log_events", "Events that the log keeps.", events, false),
      figure("twinhub_event_log_bytes", "Their size, by which retention goes.", events_.bytes(), false),
  };
  all.push_back({"twinhub_storage_commit_seconds",
                 "Time that a commit cycle takes to be written and synced.",
                 0,
                 false,
                 {},
                 counters.times});
  for (std::size_t i = 0; i < event_source_count; ++i)
    all.push_back({"twinhub_events_total",
                   "Events that were made durable.",
                   static_cast<double>(counters.events[i]),
                   true,
                   {{"source", source_names[i]}}});
  return all;
}

}  // namespace twinhub::storage

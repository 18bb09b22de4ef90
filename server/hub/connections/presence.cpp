#include "server/hub/connections/presence.hpp"

#include "server/base/log.hpp"
#include "storage/format/bytes.hpp"
#include "storage/format/keys.hpp"

#include <algorithm>
#include <utility>

namespace twinhub::hub {
namespace {

constexpr std::uint64_t stamp_interval = 15 * ticks_per_second;  // how exactly a crash is dated
constexpr std::uint64_t save_interval = 60 * ticks_per_second;   // how often entries are looked through
constexpr std::uint64_t unsaved_max = 300 * ticks_per_second;    // how old a record's last activity may be
constexpr std::size_t changes_per_unit = 64;  // some 50 KB: they find room in a queue that is nearly full
constexpr std::size_t owed_per_tick = 4096;   // of one shard: a tick stays short

constexpr std::uint8_t record_version = 1;
constexpr std::uint8_t connected_bit = 1;
constexpr std::uint8_t told_bit = 2;

/// No identity's key: ids are not empty.
const std::string alive_key("\0alive", 6);

/// The layout is in storage/FORMAT.md.
struct Record {
  bool connected = false;
  bool told = false;
  Timestamp state_updated;
  Timestamp last_activity;
  std::uint64_t sequence = 0;
};

std::string encode(const Record& record) {
  std::string bytes;
  storage::ByteWriter writer(bytes);
  writer.integer(record_version);
  writer.integer(static_cast<std::uint8_t>((record.connected ? connected_bit : 0) | (record.told ? told_bit : 0)));
  writer.integer(record.state_updated.ticks);
  writer.integer(record.last_activity.ticks);
  writer.integer(record.sequence);
  return bytes;
}

std::optional<Record> decode(std::string_view bytes) {
  storage::ByteReader reader(bytes);
  if (reader.integer<std::uint8_t>() != record_version) return std::nullopt;
  const auto bits = reader.integer<std::uint8_t>();
  Record record;
  record.connected = (bits & connected_bit) != 0;
  record.told = (bits & told_bit) != 0;
  record.state_updated.ticks = reader.integer<std::uint64_t>();
  record.last_activity.ticks = reader.integer<std::uint64_t>();
  record.sequence = reader.integer<std::uint64_t>();
  if (!reader.ok() || reader.left() > 0) return std::nullopt;
  return record;
}

std::optional<IdentityId> identity_of(std::string_view key) {
  if (!key.ends_with('\0')) return std::nullopt;
  return storage::parse_entity_key(key.substr(0, key.size() - 1));
}

}  // namespace

Presence::Presence(storage::Store& store, const Clock& clock, ConnectionEvents events)
    : store_(store), clock_(clock), events_(events) {}

Presence::Shard& Presence::shard_of(const IdentityId& id) const {
  return shards_[std::hash<IdentityId>{}(id) % shards_.size()];
}

Result<void> Presence::recover() {
  Record alive;
  std::vector<std::pair<IdentityId, Record>> cut_off;  // connected when the hub ended
  std::string bad_key;
  const auto visit = [&](std::string_view key, std::string_view value) {
    const auto record = decode(value);
    const auto id = identity_of(key);
    if (!record || (!id && key != alive_key)) {
      bad_key = id ? storage::name_of(*id) : "an unknown key";
      return false;
    }
    {
      const MutexLock lock(sequence_mutex_);
      last_sequence_ = std::max(last_sequence_, record->sequence);
    }
    if (!id) {
      alive = *record;
    } else if (record->connected) {
      cut_off.emplace_back(*id, *record);
    } else {
      Shard& shard = shard_of(*id);
      const MutexLock lock(shard.mutex);
      shard.entries[*id] = {.told_connected = record->told,
                            .durably_told = record->told,
                            .state_updated = record->state_updated,
                            .last_activity = record->last_activity,
                            .saved_activity = record->last_activity};
    }
    return true;
  };
  if (const auto scanned = store_.scan_records(storage::RecordKind::activity, {}, {}, visit); !scanned) return scanned;
  if (!bad_key.empty()) return fail(Errc::server_error, "the stored activity of " + bad_key + " cannot be read");

  for (auto& [id, record] : cut_off) {
    Shard& shard = shard_of(id);
    const MutexLock lock(shard.mutex);
    // It lost its connection when the hub did: some time after the last sign of life of either.
    shard.entries[id] = {.told_connected = record.told,
                         .durably_told = record.told,
                         .owed = true,
                         .state_updated = std::max({alive.last_activity, record.state_updated, record.last_activity}),
                         .last_activity = record.last_activity,
                         .saved_activity = record.last_activity};
    shard.owed.push_back(std::move(id));
  }
  if (!cut_off.empty())
    log::info({.event = "devices_cut_off", .count = cut_off.size()}, "{} devices were connected when the hub ended",
              cut_off.size());
  for (Shard& shard : shards_) settle_owed(shard);
  return {};
}

void Presence::connected(const IdentityId& id, WriteDown when) {
  const Timestamp now = clock_.now();
  Shard& shard = shard_of(id);
  MutexLock lock(shard.mutex);
  Entry& entry = shard.entries[id];
  const bool is_change = !entry.shown_connected();
  const bool told_before = entry.told_connected;
  // The end of the last connection is still to be told: a crash, a full disk, a deleted identity of the same name.
  const Change::Told ended{false, entry.forgotten ? now : entry.state_updated};
  if (is_change) entry.told_connected = false;
  if (entry.connections == 0) ++(id.is_module() ? shard.modules : shard.devices);
  ++entry.connections;
  entry.forgotten = false;
  entry.last_activity = now;
  if (!is_change) return;
  entry.state_updated = now;
  Change change = settle(id, entry, false);
  if (told_before) change.events.insert(change.events.begin(), ended);
  const std::size_t gathered = gather(std::move(change));
  lock.unlock();
  if (when == WriteDown::now || gathered >= changes_per_unit) write_down();
}

void Presence::write_down() {
  if (any_gathered_.load(std::memory_order_acquire)) write_gathered();
}

void Presence::disconnected(const IdentityId& id) {
  const Timestamp now = clock_.now();
  Shard& shard = shard_of(id);
  {
    const MutexLock lock(shard.mutex);
    const auto found = shard.entries.find(id);
    if (found == shard.entries.end() || found->second.connections == 0) return;
    Entry& entry = found->second;
    if (--entry.connections > 0) return;
    --(id.is_module() ? shard.modules : shard.devices);
    entry.state_updated = now;
    gather(settle(id, entry, false));
  }
  write_down();
}

void Presence::active(const IdentityId& id) {
  write_down();  // what it does now comes behind its connection in the log
  const Timestamp now = clock_.now();
  Shard& shard = shard_of(id);
  const MutexLock lock(shard.mutex);
  // A device that is not connected is not made known by its last packets: it may be deleted.
  if (const auto found = shard.entries.find(id); found != shard.entries.end()) found->second.last_activity = now;
}

void Presence::used(const IdentityId& id) {
  if (events_ != ConnectionEvents::when_used) return active(id);
  const Timestamp now = clock_.now();
  Shard& shard = shard_of(id);
  {
    const MutexLock lock(shard.mutex);
    const auto found = shard.entries.find(id);
    if (found == shard.entries.end()) return;
    Entry& entry = found->second;
    entry.last_activity = now;
    if (entry.shown_connected() && !entry.told_connected) gather(settle(id, entry, true));
  }
  write_down();
}

void Presence::forget(const IdentityId& id) {
  {
    const MutexLock lock(forgotten_mutex_);
    forgotten_.push_back(id);
  }
  Shard& shard = shard_of(id);
  const MutexLock lock(shard.mutex);
  const auto found = shard.entries.find(id);
  if (found == shard.entries.end()) return;
  if (found->second.connections == 0 && !found->second.told_connected) {
    shard.entries.erase(found);
  } else {
    found->second.forgotten = true;
  }
}

iothub::Activity Presence::activity_of(const IdentityId& id) const {
  const Shard& shard = shard_of(id);
  const MutexLock lock(shard.mutex);
  const auto found = shard.entries.find(id);
  if (found == shard.entries.end() || found->second.forgotten) return {};
  const Entry& entry = found->second;
  return {.connected = entry.connections > 0,
          .connection_state_updated = entry.state_updated,
          .last_activity = entry.last_activity};
}

Presence::Connected Presence::connected() const {
  Connected count;
  for (const Shard& shard : shards_) {
    const MutexLock lock(shard.mutex);
    count.devices += shard.devices;
    count.modules += shard.modules;
  }
  return count;
}

void Presence::tick() {
  const Timestamp steady = clock_.steady();
  write_down();
  for (Shard& shard : shards_) settle_owed(shard);
  erase_forgotten();
  if (steady >= next_stamp_) {
    next_stamp_ = {steady.ticks + stamp_interval};
    if (connected().all() > 0) stamp_alive(clock_.now());
  }
  if (steady >= next_save_) {
    next_save_ = {steady.ticks + save_interval};
    for (Shard& shard : shards_) save_activity(shard);
  }
}

/// The difference between what is so and what back ends believe, as they will be told of it.
Presence::Change Presence::settle(const IdentityId& id, Entry& entry, bool used) const {
  Change change;
  change.id = id;
  const bool worth_telling = events_ == ConnectionEvents::at_connect ||
                             (events_ == ConnectionEvents::when_used && (used || entry.told_connected));
  const bool wanted = entry.shown_connected() && worth_telling;
  if (wanted != entry.told_connected) {
    change.events.push_back({wanted, used ? entry.last_activity : entry.state_updated});
    entry.told_connected = wanted;
  }
  entry.saved_activity = entry.last_activity;
  change.entry = entry;
  return change;
}

std::size_t Presence::gather(Change change) {
  const MutexLock lock(sequence_mutex_);
  gathered_.push_back(std::move(change));
  any_gathered_.store(true, std::memory_order_release);
  return gathered_.size();
}

void Presence::write_gathered() {
  const Timestamp now = clock_.now();
  const auto changes = std::make_shared<std::vector<Change>>();
  Result<void> queued;
  {
    const MutexLock lock(sequence_mutex_);
    any_gathered_.store(false, std::memory_order_release);
    changes->swap(gathered_);
    std::vector<storage::RecordWrite> records;
    std::vector<storage::EncodedEvent> events;
    records.reserve(changes->size());
    for (const Change& change : *changes) {
      for (const Change::Told& told : change.events) {
        last_sequence_ = std::max(last_sequence_ + 1, now.ticks);
        events.push_back(storage::connection_state_event(change.id, told.connected, last_sequence_, told.at, now));
      }
      if (change.entry.forgotten) continue;
      records.push_back({storage::RecordKind::activity, storage::owned_prefix(change.id),
                         encode({.connected = change.entry.connections > 0,
                                 .told = change.entry.told_connected,
                                 .state_updated = change.entry.state_updated,
                                 .last_activity = change.entry.last_activity,
                                 .sequence = last_sequence_})});
    }
    if (!records.empty() || !events.empty()) {
      queued = store_.write_records(
          std::move(records), std::move(events),
          [this, changes](const Result<void>& durable, storage::Outbox&) { settled(*changes, durable.has_value()); });
      if (queued) return;
    }
  }
  settled(*changes, queued.has_value());
}

/// A unit came to its end. What failed is owed; what back ends believe meanwhile is what was durable last.
void Presence::settled(const std::vector<Change>& changes, bool durable) {
  for (const Change& change : changes) {
    Shard& shard = shard_of(change.id);
    const MutexLock lock(shard.mutex);
    const auto found = shard.entries.find(change.id);
    if (found == shard.entries.end()) continue;
    Entry& entry = found->second;
    if (durable) entry.durably_told = change.entry.told_connected;
    if (!durable || entry.owed) entry.told_connected = entry.durably_told;
    if (!durable && !entry.owed) {
      entry.owed = true;
      shard.owed.push_back(change.id);
    }
    // Of a deleted identity the end of its last connection was the last that could be told.
    const bool is_over = entry.forgotten && entry.connections == 0 && !entry.owed && !entry.told_connected;
    if (is_over) shard.entries.erase(found);
  }
}

void Presence::settle_owed(Shard& shard) {
  if (!store_.writable()) return;
  std::vector<IdentityId> due;
  {
    const MutexLock lock(shard.mutex);
    if (shard.owed.empty()) return;
    const auto end = shard.owed.begin() + static_cast<std::ptrdiff_t>(std::min(shard.owed.size(), owed_per_tick));
    due.assign(std::make_move_iterator(shard.owed.begin()), std::make_move_iterator(end));
    shard.owed.erase(shard.owed.begin(), end);
  }
  gather_in_slices(shard, due, [](Entry& entry) { return std::exchange(entry.owed, false); });
}

void Presence::save_activity(Shard& shard) {
  std::vector<IdentityId> due;
  const auto is_due = [](const Entry& entry) {
    return entry.shown_connected() && !entry.owed &&
           entry.last_activity.ticks >= entry.saved_activity.ticks + unsaved_max;
  };
  {
    const MutexLock lock(shard.mutex);
    for (const auto& [id, entry] : shard.entries) {
      if (is_due(entry)) due.push_back(id);
    }
  }
  gather_in_slices(shard, due, is_due);
}

/// Writes down those of `ids` that `is_due` still wants, some at a time.
template <class IsDue>
void Presence::gather_in_slices(Shard& shard, std::span<const IdentityId> ids, IsDue is_due) {
  for (std::size_t begin = 0; begin < ids.size(); begin += changes_per_unit) {
    {
      const MutexLock lock(shard.mutex);
      for (const IdentityId& id : ids.subspan(begin, std::min(changes_per_unit, ids.size() - begin))) {
        const auto found = shard.entries.find(id);
        if (found != shard.entries.end() && is_due(found->second)) gather(settle(id, found->second, false));
      }
    }
    write_down();
  }
}

void Presence::stamp_alive(Timestamp now) {
  Record alive;
  alive.last_activity = now;
  {
    const MutexLock lock(sequence_mutex_);
    alive.sequence = last_sequence_;
  }
  // A stamp that fails is followed by another.
  (void)store_.write_records({{storage::RecordKind::activity, alive_key, encode(alive)}}, {}, {});
}

/// An identity's records go with it; one that was written while it was being deleted goes here.
void Presence::erase_forgotten() {
  std::vector<IdentityId> ids;
  {
    const MutexLock lock(forgotten_mutex_);
    ids.swap(forgotten_);
  }
  for (const IdentityId& id : ids) {
    Shard& shard = shard_of(id);
    const MutexLock lock(shard.mutex);
    const auto found = shard.entries.find(id);
    if (found != shard.entries.end() && !found->second.forgotten) continue;  // created anew
    if (store_.write_records({{storage::RecordKind::activity, storage::owned_prefix(id), std::nullopt}}, {}, {}))
      continue;
    const MutexLock forgotten_lock(forgotten_mutex_);
    forgotten_.push_back(id);
  }
}

}  // namespace twinhub::hub

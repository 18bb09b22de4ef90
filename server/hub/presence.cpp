#include "server/hub/presence.hpp"

#include "storage/bytes.hpp"
#include "storage/keys.hpp"

#include <spdlog/spdlog.h>
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
    last_sequence_ = std::max(last_sequence_, record->sequence);
    if (!id) {
      alive = *record;
    } else if (record->connected) {
      cut_off.emplace_back(*id, *record);
    } else {
      shard_of(*id).entries[*id] = {.told_connected = record->told,
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
    // It lost its connection when the hub did: some time after the last sign of life of either.
    shard.entries[id] = {.told_connected = record.told,
                         .durably_told = record.told,
                         .owed = true,
                         .state_updated = std::max({alive.last_activity, record.state_updated, record.last_activity}),
                         .last_activity = record.last_activity,
                         .saved_activity = record.last_activity};
    shard.owed.push_back(std::move(id));
  }
  if (!cut_off.empty()) spdlog::info("{} devices were connected when the hub ended", cut_off.size());
  for (Shard& shard : shards_) settle_owed(shard);
  return {};
}

void Presence::connected(const IdentityId& id) {
  const Timestamp now = clock_.now();
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
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
  write(shard, {std::move(change)});
}

void Presence::disconnected(const IdentityId& id) {
  const Timestamp now = clock_.now();
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(id);
  if (found == shard.entries.end() || found->second.connections == 0) return;
  Entry& entry = found->second;
  if (--entry.connections > 0) return;
  --(id.is_module() ? shard.modules : shard.devices);
  entry.state_updated = now;
  write(shard, {settle(id, entry, false)});
  if (entry.forgotten && !entry.owed) shard.entries.erase(found);
}

void Presence::active(const IdentityId& id) {
  const Timestamp now = clock_.now();
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  // A device that is not connected is not made known by its last packets: it may be deleted.
  if (const auto found = shard.entries.find(id); found != shard.entries.end()) found->second.last_activity = now;
}

void Presence::used(const IdentityId& id) {
  if (events_ != ConnectionEvents::when_used) return active(id);
  const Timestamp now = clock_.now();
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(id);
  if (found == shard.entries.end()) return;
  Entry& entry = found->second;
  entry.last_activity = now;
  if (entry.shown_connected() && !entry.told_connected) write(shard, {settle(id, entry, true)});
}

void Presence::forget(const IdentityId& id) {
  {
    const std::lock_guard lock(forgotten_mutex_);
    forgotten_.push_back(id);
  }
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
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
  const std::lock_guard lock(shard.mutex);
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
    const std::lock_guard lock(shard.mutex);
    count.devices += shard.devices;
    count.modules += shard.modules;
  }
  return count;
}

void Presence::tick() {
  const Timestamp now = clock_.now();
  for (Shard& shard : shards_) settle_owed(shard);
  erase_forgotten();
  if (now >= next_stamp_) {
    next_stamp_ = {now.ticks + stamp_interval};
    if (connected().all() > 0) stamp_alive(now);
  }
  if (now >= next_save_) {
    next_save_ = {now.ticks + save_interval};
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

void Presence::write(Shard& shard, std::vector<Change> changes) {
  const Timestamp now = clock_.now();
  std::vector<storage::RecordWrite> records;
  std::vector<storage::EncodedEvent> events;
  const auto kept = std::make_shared<std::vector<Change>>(std::move(changes));
  Result<void> queued;
  {
    const std::lock_guard lock(sequence_mutex_);
    for (const Change& change : *kept) {
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
    if (records.empty() && events.empty()) return;
    queued = store_.write_records(std::move(records), std::move(events),
                                  [&shard, kept](const Result<void>& durable, storage::Outbox&) {
                                    const std::lock_guard shard_lock(shard.mutex);
                                    settled(shard, *kept, durable.has_value());
                                  });
  }
  if (!queued) settled(shard, *kept, false);
}

/// A unit came to its end. What failed is owed; what back ends believe meanwhile is what was durable last.
void Presence::settled(Shard& shard, const std::vector<Change>& changes, bool durable) {
  for (const Change& change : changes) {
    const auto found = shard.entries.find(change.id);
    if (found == shard.entries.end()) continue;
    Entry& entry = found->second;
    if (durable) entry.durably_told = change.entry.told_connected;
    if (!durable || entry.owed) entry.told_connected = entry.durably_told;
    if (durable || entry.owed) continue;
    entry.owed = true;
    shard.owed.push_back(change.id);
  }
}

void Presence::settle_owed(Shard& shard) {
  const std::lock_guard lock(shard.mutex);
  if (shard.owed.empty() || !store_.writable()) return;
  std::vector<IdentityId> left = std::exchange(shard.owed, {});
  const std::size_t now_due = std::min(left.size(), owed_per_tick);
  std::vector<Change> changes;
  const auto write_down = [&] {
    if (!changes.empty()) write(shard, std::exchange(changes, {}));
  };
  for (std::size_t i = 0; i < now_due; ++i) {
    const auto found = shard.entries.find(left[i]);
    if (found == shard.entries.end()) continue;
    found->second.owed = false;
    changes.push_back(settle(left[i], found->second, false));
    if (found->second.forgotten && found->second.connections == 0) shard.entries.erase(found);
    if (changes.size() == changes_per_unit) write_down();
  }
  write_down();
  shard.owed.insert(shard.owed.end(), std::make_move_iterator(left.begin() + static_cast<std::ptrdiff_t>(now_due)),
                    std::make_move_iterator(left.end()));
}

void Presence::save_activity(Shard& shard) {
  const std::lock_guard lock(shard.mutex);
  std::vector<Change> changes;
  for (auto& [id, entry] : shard.entries) {
    if (!entry.shown_connected() || entry.owed) continue;
    if (entry.last_activity.ticks < entry.saved_activity.ticks + unsaved_max) continue;
    changes.push_back(settle(id, entry, false));
    if (changes.size() == changes_per_unit) write(shard, std::exchange(changes, {}));
  }
  if (!changes.empty()) write(shard, std::move(changes));
}

void Presence::stamp_alive(Timestamp now) {
  Record alive;
  alive.last_activity = now;
  {
    const std::lock_guard lock(sequence_mutex_);
    alive.sequence = last_sequence_;
  }
  // A stamp that fails is followed by another.
  (void)store_.write_records({{storage::RecordKind::activity, alive_key, encode(alive)}}, {}, {});
}

/// An identity's records go with it; one that was written while it was being deleted goes here.
void Presence::erase_forgotten() {
  std::vector<IdentityId> ids;
  {
    const std::lock_guard lock(forgotten_mutex_);
    ids.swap(forgotten_);
  }
  for (const IdentityId& id : ids) {
    Shard& shard = shard_of(id);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.entries.find(id);
    if (found != shard.entries.end() && !found->second.forgotten) continue;  // created anew
    if (store_.write_records({{storage::RecordKind::activity, storage::owned_prefix(id), std::nullopt}}, {}, {}))
      continue;
    const std::lock_guard forgotten_lock(forgotten_mutex_);
    forgotten_.push_back(id);
  }
}

}  // namespace twinhub::hub

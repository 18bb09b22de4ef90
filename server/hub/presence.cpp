#include "server/hub/presence.hpp"

namespace twinhub::hub {

Presence::Shard& Presence::shard_of(const IdentityId& id) const {
  return shards_[std::hash<IdentityId>{}(id) % shards_.size()];
}

void Presence::connected(const IdentityId& id) {
  const Timestamp now = clock_.now();
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  Entry& entry = shard.entries[id];
  if (entry.connections == 0) ++shard.connected;
  if (entry.connections == 0 || entry.forgotten) entry.state_updated = now;
  ++entry.connections;
  entry.forgotten = false;
  entry.last_activity = now;
}

void Presence::disconnected(const IdentityId& id) {
  const Timestamp now = clock_.now();
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(id);
  if (found == shard.entries.end() || found->second.connections == 0) return;
  Entry& entry = found->second;
  if (--entry.connections > 0) return;
  --shard.connected;
  if (entry.forgotten) {
    shard.entries.erase(found);
  } else {
    entry.state_updated = now;
  }
}

void Presence::active(const IdentityId& id) {
  const Timestamp now = clock_.now();
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  // A device that is not connected is not made known by its last packets: it may be deleted.
  if (const auto found = shard.entries.find(id); found != shard.entries.end()) found->second.last_activity = now;
}

void Presence::forget(const IdentityId& id) {
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(id);
  if (found == shard.entries.end()) return;
  if (found->second.connections == 0) {
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

std::uint64_t Presence::connected_count() const {
  std::uint64_t count = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    count += shard.connected;
  }
  return count;
}

}  // namespace twinhub::hub

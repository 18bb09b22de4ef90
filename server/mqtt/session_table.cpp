#include "server/mqtt/session_table.hpp"

#include "server/hub/authenticator.hpp"
#include "server/mqtt/connection.hpp"
#include "server/mqtt/door_lane.hpp"
#include "server/mqtt/mqtt_door.hpp"

namespace twinhub::mqtt_door {
namespace {

/// Runs `task` on the connection, on its thread, if it is still there by then.
template <class Task>
void reach(const ConnectionHandle& handle, storage::Outbox& outbox, Task task) {
  outbox.post(handle.lane->io(), [handle, task = std::move(task)] {
    if (Connection* connection = handle.lane->find(handle.connection)) task(*connection);
  });
}

}  // namespace

std::optional<Place> SessionTable::enter(const IdentityId& id, Place place) {
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto [entry, is_new] = shard.connections.try_emplace(id, place);
  if (is_new && id.is_module()) ++shard.modules;
  if (is_new) return std::nullopt;
  return std::exchange(entry->second, place);
}

void SessionTable::leave(const IdentityId& id, ConnectionHandle handle) {
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto entry = shard.connections.find(id);
  if (entry == shard.connections.end() || entry->second.handle != handle) return;
  shard.connections.erase(entry);
  if (id.is_module()) --shard.modules;
}

std::optional<ConnectionHandle> SessionTable::find(const IdentityId& id) {
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto entry = shard.connections.find(id);
  if (entry == shard.connections.end()) return std::nullopt;
  return entry->second.handle;
}

std::vector<ConnectionHandle> SessionTable::find_with_modules(const IdentityId& id) {
  std::vector<ConnectionHandle> found;
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  if (const auto entry = shard.connections.find(id); entry != shard.connections.end())
    found.push_back(entry->second.handle);
  if (id.is_module() || shard.modules == 0) return found;
  for (const auto& [connected, place] : shard.connections) {
    if (connected.is_module() && connected.device == id.device) found.push_back(place.handle);
  }
  return found;
}

void SessionTable::desired_changed(const IdentityId& id, std::uint64_t version,
                                   const std::shared_ptr<const std::string>& delta, storage::Outbox& outbox) {
  if (const auto handle = find(id)) {
    reach(*handle, outbox, [version, delta](Connection& connection) { connection.send_delta(version, *delta); });
  }
}

void SessionTable::messages_waiting(const IdentityId& id, storage::Outbox& outbox) {
  if (const auto handle = find(id)) {
    reach(*handle, outbox, [](Connection& connection) { connection.deliver_messages(); });
  }
}

void SessionTable::identity_changed(const iothub::Identity& before, const iothub::Identity& now,
                                    storage::Outbox& outbox) {
  // A module lives in its device: one that was disabled keeps its modules out, too.
  for (const ConnectionHandle& handle : find_with_modules(now.id)) {
    reach(handle, outbox, [before, now](Connection& connection) {
      if (!hub::Authenticator::still_valid(connection.login(), before, now))
        connection.close(CloseReason::identity_changed);
    });
  }
}

void SessionTable::identity_deleted(const IdentityId& id, storage::Outbox& outbox) {
  for (const ConnectionHandle& handle : find_with_modules(id)) {
    reach(handle, outbox, [](Connection& connection) { connection.close(CloseReason::identity_deleted); });
  }
}

bool SessionTable::invoke_method(const std::shared_ptr<const hub::MethodRequest>& request, storage::Outbox& outbox) {
  const auto handle = find(request->id);
  if (!handle) return false;
  outbox.post(handle->lane->io(), [handle = *handle, request] {
    if (Connection* connection = handle.lane->find(handle.connection)) return connection->send_method(*request);
    storage::Outbox answers;
    handle.lane->hub().methods.undelivered(request->number, answers);
  });
  return true;
}

void SessionTable::forget_method(const IdentityId& id, std::uint64_t number, storage::Outbox& outbox) {
  // An older connection's left-overs end with it.
  if (const auto handle = find(id)) {
    reach(*handle, outbox, [number](Connection& connection) { connection.forget_method(number); });
  }
}

std::unique_ptr<hub::DeviceLinks> make_session_table() { return std::make_unique<SessionTable>(); }

}  // namespace twinhub::mqtt_door

#include "server/hub/connections/device_table.hpp"

#include <cassert>
#include <utility>

namespace twinhub::hub {
namespace {

/// Runs `task` on the connection, on its thread, if it is still there by then.
template <class Task>
void reach(const ConnectionHandle& handle, storage::Outbox& outbox, Task task) {
  outbox.post(handle.lane->thread(), [handle, task = std::move(task)] {
    if (DeviceConnection* connection = handle.lane->find_device(handle.connection)) task(*connection);
  });
}

}  // namespace

std::optional<DeviceTable::Entry> DeviceTable::enter(const IdentityId& id, Entry entry) {
  assert(entry.handle.lane != nullptr);
  Shard& shard = shard_of(id);
  const MutexLock lock(shard.mutex);
  const auto [known, is_new] = shard.entries.try_emplace(id, entry);
  if (is_new && id.is_module()) ++shard.modules;
  if (is_new) return std::nullopt;
  assert(known->second.handle != entry.handle);
  return std::exchange(known->second, entry);
}

void DeviceTable::leave(const IdentityId& id, const ConnectionHandle& handle) {
  Shard& shard = shard_of(id);
  const MutexLock lock(shard.mutex);
  const auto known = shard.entries.find(id);
  if (known == shard.entries.end() || known->second.handle != handle) return;
  shard.entries.erase(known);
  if (!id.is_module()) return;
  assert(shard.modules > 0);
  --shard.modules;
}

void DeviceTable::close(const ConnectionHandle& handle, EndReason reason, storage::Outbox& outbox) {
  reach(handle, outbox, [reason](DeviceConnection& connection) { connection.close(reason); });
}

std::optional<ConnectionHandle> DeviceTable::find(const IdentityId& id) {
  Shard& shard = shard_of(id);
  const MutexLock lock(shard.mutex);
  const auto known = shard.entries.find(id);
  if (known == shard.entries.end()) return std::nullopt;
  return known->second.handle;
}

std::vector<ConnectionHandle> DeviceTable::find_with_modules(const IdentityId& id) {
  std::vector<ConnectionHandle> found;
  Shard& shard = shard_of(id);
  const MutexLock lock(shard.mutex);
  if (const auto known = shard.entries.find(id); known != shard.entries.end()) found.push_back(known->second.handle);
  if (id.is_module() || shard.modules == 0) return found;
  for (const auto& [connected, entry] : shard.entries) {
    if (connected.is_module() && connected.device == id.device) found.push_back(entry.handle);
  }
  return found;
}

void DeviceTable::desired_changed(const IdentityId& id, std::uint64_t version,
                                  const std::shared_ptr<const std::string>& delta, storage::Outbox& outbox) {
  if (const auto handle = find(id)) {
    reach(*handle, outbox, [version, delta](DeviceConnection& connection) { connection.send_delta(version, *delta); });
  }
}

void DeviceTable::messages_waiting(const IdentityId& id, storage::Outbox& outbox) {
  if (const auto handle = find(id)) {
    reach(*handle, outbox, [](DeviceConnection& connection) { connection.deliver_messages(); });
  }
}

void DeviceTable::identity_changed(const iothub::Identity& now, storage::Outbox& outbox) {
  // A module lives in its device: one that was disabled keeps its modules out, too.
  for (const ConnectionHandle& handle : find_with_modules(now.id)) {
    reach(handle, outbox, [now](DeviceConnection& connection) {
      if (!still_valid(connection.login(), now)) connection.close(EndReason::identity_changed);
    });
  }
}

void DeviceTable::identity_deleted(const IdentityId& id, storage::Outbox& outbox) {
  for (const ConnectionHandle& handle : find_with_modules(id)) close(handle, EndReason::identity_deleted, outbox);
}

bool DeviceTable::invoke_method(const std::shared_ptr<const MethodRequest>& request, storage::Outbox& outbox) {
  const auto handle = find(request->id);
  if (!handle) return false;
  outbox.post(handle->lane->thread(), [handle = *handle, request] {
    DeviceConnection* const connection = handle.lane->find_device(handle.connection);
    if (connection != nullptr && connection->send_method(*request)) return;
    storage::Outbox answers;
    request->undelivered(answers);
  });
  return true;
}

void DeviceTable::forget_method(const IdentityId& id, std::uint64_t number, storage::Outbox& outbox) {
  // What an older connection still remembers of the method ends with that connection.
  if (const auto handle = find(id)) {
    reach(*handle, outbox, [number](DeviceConnection& connection) { connection.forget_method(number); });
  }
}

}  // namespace twinhub::hub

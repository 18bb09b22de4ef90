// Who is connected, and on which thread: how the hub reaches a device, and how a take-over finds the older connection.
#pragma once

#include "protocol/ids.hpp"
#include "server/hub/device_links.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace twinhub::mqtt_door {

class DoorLane;

/// Names a connection without keeping it alive: the lane looks the id up, and finds nothing once it is gone.
struct ConnectionHandle {
  DoorLane* lane = nullptr;
  std::uint64_t connection = 0;

  bool operator==(const ConnectionHandle&) const = default;
};

/// Who stands for an identity.
struct Place {
  ConnectionHandle handle;
  bool keeps_session = false;  ///< clean session 0, whether or not there is anything to keep yet
};

/// Any thread.
class SessionTable final : public hub::DeviceLinks {
 public:
  /// Makes `place` the one connection of `id`; returns the older one, which is to be closed.
  [[nodiscard]] std::optional<Place> enter(const IdentityId& id, Place place);
  /// Whether `handle` is the one connection of `id`, and no newer one has taken over.
  [[nodiscard]] bool is_current(const IdentityId& id, ConnectionHandle handle) { return find(id) == handle; }
  /// Forgets `id` if `handle` is still its connection.
  void leave(const IdentityId& id, ConnectionHandle handle);

  void desired_changed(const IdentityId& id, std::uint64_t version, const std::shared_ptr<const std::string>& delta,
                       storage::Outbox& outbox) override;
  void messages_waiting(const IdentityId& id, storage::Outbox& outbox) override;
  void identity_changed(const iothub::Identity& before, const iothub::Identity& now, storage::Outbox& outbox) override;
  void identity_deleted(const IdentityId& id, storage::Outbox& outbox) override;
  bool invoke_method(const std::shared_ptr<const hub::MethodRequest>& request, storage::Outbox& outbox) override;
  void forget_method(const IdentityId& id, std::uint64_t number, storage::Outbox& outbox) override;

 private:
  // A device and its modules share a shard, so that deleting a device finds all of them.
  struct alignas(64) Shard {
    std::mutex mutex;
    std::unordered_map<IdentityId, Place> connections;
    std::size_t modules = 0;  ///< of them; mostly none, and then nobody has to look for a device's modules
  };
  Shard& shard_of(const IdentityId& id) { return shards_[std::hash<std::string>{}(id.device) % shards_.size()]; }
  [[nodiscard]] std::optional<ConnectionHandle> find(const IdentityId& id);
  /// The connections of `id` and, of a device, of its modules.
  [[nodiscard]] std::vector<ConnectionHandle> find_with_modules(const IdentityId& id);

  std::array<Shard, 64> shards_;
};

}  // namespace twinhub::mqtt_door

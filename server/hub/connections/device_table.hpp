// Which connection stands for each device and module, over all doors: how the hub reaches a device, and how a newer
// connection finds the older one that it takes over. A door registers a connection by its handle, through
// access/device_entrance.hpp; MQTT sessions (subscriptions that are kept) are another thing, and the MQTT door's.
#pragma once

#include "protocol/ids.hpp"
#include "server/hub/connections/device_connection.hpp"
#include "server/hub/connections/device_links.hpp"
#include "storage/guarded.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace twinhub::hub {

/// Any thread.
class DeviceTable final : public DeviceLinks {
 public:
  struct Entry {
    ConnectionHandle handle;
    bool keeps_session = false;  ///< of MQTT: clean session 0, whether or not there is anything to keep yet
  };

  /// Makes `entry` the one connection of `id`; returns the older one, which the caller has to close().
  [[nodiscard]] std::optional<Entry> enter(const IdentityId& id, Entry entry);
  /// Whether `handle` is the one connection of `id`, and no newer one has taken over.
  [[nodiscard]] bool is_current(const IdentityId& id, const ConnectionHandle& handle) { return find(id) == handle; }
  /// Forgets `id` if `handle` is still its connection.
  void leave(const IdentityId& id, const ConnectionHandle& handle);
  /// Ends a connection on its own thread, if it is still there by then.
  static void close(const ConnectionHandle& handle, EndReason reason, storage::Outbox& outbox);

  void desired_changed(const IdentityId& id, std::uint64_t version, const std::shared_ptr<const std::string>& delta,
                       storage::Outbox& outbox) override;
  void messages_waiting(const IdentityId& id, storage::Outbox& outbox) override;
  void identity_changed(const iothub::Identity& now, storage::Outbox& outbox) override;
  void identity_deleted(const IdentityId& id, storage::Outbox& outbox) override;
  bool invoke_method(const std::shared_ptr<const MethodRequest>& request, storage::Outbox& outbox) override;
  void forget_method(const IdentityId& id, std::uint64_t number, storage::Outbox& outbox) override;

 private:
  // A device and its modules share a shard, so that deleting a device finds all of them.
  struct alignas(64) Shard {
    Mutex mutex;
    std::unordered_map<IdentityId, Entry> entries GUARDED_BY(mutex);
    /// Entries of modules: mostly none, and then a device's modules need not be looked for.
    std::size_t modules GUARDED_BY(mutex) = 0;
  };
  Shard& shard_of(const IdentityId& id) { return shards_[std::hash<std::string>{}(id.device) % shards_.size()]; }
  [[nodiscard]] std::optional<ConnectionHandle> find(const IdentityId& id);
  /// The connections of `id` and, of a device, of its modules.
  [[nodiscard]] std::vector<ConnectionHandle> find_with_modules(const IdentityId& id);

  std::array<Shard, 64> shards_;
};

}  // namespace twinhub::hub

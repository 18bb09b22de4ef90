// Who is connected, and when each was last heard of. In memory: after a restart everybody is "Disconnected" until they
// return.
#pragma once

#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"
#include "server/hub/clock.hpp"

#include <array>
#include <cstdint>
#include <mutex>
#include <unordered_map>

namespace twinhub::hub {

/// Any thread.
class Presence {
 public:
  explicit Presence(const Clock& clock) : clock_(clock) {}

  /// Connections are counted: a take-over reports the new connection before the old one's end.
  void connected(const IdentityId& id);
  void disconnected(const IdentityId& id);
  /// A message came or went.
  void active(const IdentityId& id);
  /// The identity was deleted. Its connections may end later; until then they are counted, but no longer shown.
  void forget(const IdentityId& id);

  /// Without the number of messages: see activity.hpp.
  [[nodiscard]] iothub::Activity activity_of(const IdentityId& id) const;
  /// Identities with at least one connection.
  [[nodiscard]] std::uint64_t connected_count() const;

 private:
  struct Entry {
    std::uint32_t connections = 0;
    bool forgotten = false;
    Timestamp state_updated;
    Timestamp last_activity;
  };
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    std::unordered_map<IdentityId, Entry> entries;
    std::uint64_t connected = 0;  ///< entries with connections > 0
  };
  [[nodiscard]] Shard& shard_of(const IdentityId& id) const;

  const Clock& clock_;
  mutable std::array<Shard, 16> shards_;
};

}  // namespace twinhub::hub

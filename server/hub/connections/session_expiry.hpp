// Removes what MQTT sessions keep of clients that do not come back. MQTT 3.1.1 leaves the time to the server
// ([MQTT-4.1]; "Storing state"); IoT Hub's is not documented.
#pragma once

#include "server/base/clock.hpp"
#include "server/hub/connections/presence.hpp"
#include "storage/store.hpp"

#include <chrono>
#include <optional>

namespace twinhub::hub {

/// A session's last-seen time is kept to an eighth of its life: connected clients are looked at that often, so a
/// session goes between one and one and a quarter lives after its client was last connected.
class SessionExpiry {
 public:
  /// `life` 0: sessions are kept for ever, and this does nothing.
  SessionExpiry(storage::Store& store, const Clock& clock, const Presence& presence, std::chrono::seconds life);

  /// A client with a kept session connects: true when its last-seen time is to be written anew.
  [[nodiscard]] bool is_stale(const storage::Session& session) const;
  /// Last-seen time of a session that is written now.
  [[nodiscard]] Timestamp stamp() const { return life_ticks_ > 0 ? clock_.now() : Timestamp{}; }
  /// A slice of the sessions, when their turn has come. Not twice at once.
  void tick();

 private:
  [[nodiscard]] std::optional<storage::Session> revise(const IdentityId& id, storage::Session session) const;

  storage::Store& store_;
  const Clock& clock_;
  const Presence& presence_;
  const std::uint64_t life_ticks_;
  Timestamp next_round_;
  std::optional<IdentityId> after_;  // in a round: the last identity that was looked at
};

}  // namespace twinhub::hub

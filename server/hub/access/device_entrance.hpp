// How a device's connection begins and ends, in one order for every door:
//
//   log in        the door's credentials: token, certificate
//   admit         the gate: the rate of connections, injected faults
//   prepare       what the door needs before it lets the device in (MQTT: the kept session)
//   enter         the device table: from here on the hub finds this connection
//   look again    the identity may have been deleted, disabled or changed before the hub could find the connection
//   presence      before the older connection ends, so that the device is never shown as disconnected in between
//   end the older whichever door it came by
#pragma once

#include "protocol/error.hpp"
#include "server/hub/access/authenticator.hpp"
#include "server/hub/connections/device_connection.hpp"
#include "server/hub/connections/device_table.hpp"
#include "server/hub/connections/presence.hpp"
#include "server/hub/limits/gate.hpp"

#include <chrono>
#include <functional>
#include <optional>

namespace twinhub::hub {

/// Any thread. Keeps nothing: every door may have one of its own.
class DeviceEntrance {
 public:
  /// All of them outlive it.
  DeviceEntrance(Gate& gate, const Authenticator& authenticator, Presence& presence, DeviceTable& table)
      : gate_(gate), authenticator_(authenticator), presence_(presence), table_(table) {}

  struct Arrival {
    ConnectionHandle handle;
    bool keeps_session = false;  ///< see DeviceTable::Entry
    /// Decides by the credentials that the device showed. Called again when its identity has changed meanwhile.
    std::function<Result<DeviceLogin>()> log_in;
    /// May be empty. An Error keeps the device out.
    std::function<Result<void>(const DeviceLogin& login)> prepare;
  };
  struct Entered {
    DeviceLogin login;
    std::chrono::microseconds wait{0};  ///< traffic shaping: the answer has to wait as long
    std::optional<DeviceTable::Entry> taken_over;
  };
  /// On the thread of the arrival's lane. What presence has to write is written soon: the caller sees to
  /// Presence::write_down(). Errors: those of `log_in` and `prepare`; iot_hub_unauthorized (an injected fault),
  /// throttling_exception, iot_hub_quota_exceeded. After an Error the connection is not in the table.
  [[nodiscard]] Result<Entered> enter(const Arrival& arrival);
  /// The connection is over: once for each that entered.
  void leave(const IdentityId& id, const ConnectionHandle& handle);

  /// Whether `handle` is the identity's one connection, and no newer one has taken over.
  [[nodiscard]] bool is_current(const IdentityId& id, const ConnectionHandle& handle) {
    return table_.is_current(id, handle);
  }

 private:
  Gate& gate_;
  const Authenticator& authenticator_;
  Presence& presence_;
  DeviceTable& table_;
};

}  // namespace twinhub::hub

// A device's connection as the hub sees it, whatever protocol it speaks. A door implements this and registers it in the
// device table (device_table.hpp); the hub knows no door.
#pragma once

#include "server/hub/connections/device_links.hpp"
#include "server/hub/connections/device_login.hpp"
#include "storage/outbox.hpp"

#include <cstdint>
#include <string_view>

namespace twinhub::hub {

/// Why the hub ends a device's connection.
enum class EndReason : std::uint8_t {
  taken_over,        ///< a newer connection of the same identity was let in
  identity_changed,  ///< keys, type or status: it would not be let in any more
  identity_deleted,
};

/// Called on the thread of its lane only.
class DeviceConnection {
 public:
  virtual ~DeviceConnection() = default;

  [[nodiscard]] virtual const DeviceLogin& login() const = 0;
  /// A change of desired properties: dropped unless the device subscribed to them.
  virtual void send_delta(std::uint64_t version, std::string_view delta) = 0;
  /// A direct method. False: the device does not take it, or the connection is ending. True: Methods is told the rest,
  /// by the number.
  [[nodiscard]] virtual bool send_method(const MethodRequest& request) = 0;
  /// No caller waits for the answer of this method any more.
  virtual void forget_method(std::uint64_t number) = 0;
  /// Asks the hub for the cloud-to-device messages that wait, as far as the connection has room, if the device takes
  /// them.
  virtual void deliver_messages() = 0;
  virtual void close(EndReason reason) = 0;
};

/// A door's connections on one I/O thread. Outlives every handle that names it.
class ConnectionLane {
 public:
  virtual ~ConnectionLane() = default;

  /// The thread on which these connections live. Any thread.
  [[nodiscard]] virtual storage::Lane& thread() = 0;
  /// The device that the connection speaks for; nullptr once it is gone. On that thread only.
  [[nodiscard]] virtual DeviceConnection* find_device(std::uint64_t connection) = 0;
};

/// Names a connection without keeping it alive: its lane looks the number up, and finds nothing once it is gone.
struct ConnectionHandle {
  ConnectionLane* lane = nullptr;
  std::uint64_t connection = 0;

  bool operator==(const ConnectionHandle&) const = default;
};

}  // namespace twinhub::hub

// The device door: MQTT 3.1.1 over TLS (and plain TCP where a reverse proxy or a test asks for it), and over WebSockets
// that come in by the service door's port.
#pragma once

#include "server/hub/connections/device_table.hpp"
#include "server/hub/hub.hpp"
#include "server/hub/limits/operation_times.hpp"
#include "server/net/admission.hpp"
#include "server/net/threads.hpp"
#include "server/net/tls.hpp"
#include "server/net/web_socket_door.hpp"
#include "server/wire/linger.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace twinhub::mqtt_door {

struct DoorOptions {
  std::chrono::seconds connect_timeout{30};      ///< from accept to a whole CONNECT, TLS handshake included
  std::chrono::seconds keep_alive_max{1767};     ///< cap of 1.5 x keep alive, and what keep alive 0 gets
  std::chrono::seconds token_expiry_grace{600};  ///< a live connection is closed this long after `se`
  std::size_t packet_bytes_max = 320 * 1024;     ///< 256 KiB of message and room for its topic
  std::size_t connect_bytes_max = 96 * 1024;     ///< of a CONNECT; counted in the strangers' budget until it is whole
  std::size_t output_bytes_max = 1 << 20;        ///< a peer that does not read is closed past this
  std::size_t output_bytes_pause = 64 * 1024;    ///< and is not read past this
  wire::LingerLimits linger = {};
  std::size_t in_flight_max = 64;  ///< requests of one connection that wait for the disk; then its socket is not read
  std::size_t in_flight_bytes_max = 512 * 1024;  ///< bytes of these requests, likewise
  std::size_t subscriptions_max = 5;             ///< per device, as IoT Hub
  std::size_t unacknowledged_max = 16;           ///< cloud-to-device messages of one connection without PUBACK
};

/// Counters for the metrics page. Any thread.
struct DoorFigures {
  std::uint64_t connections = 0;  ///< open now (handshaking included)
  std::uint64_t web_sockets = 0;  ///< open now, those that are being closed included
  std::uint64_t connects_accepted = 0;
  std::uint64_t connects_refused = 0;
  std::uint64_t packets_received = 0;
  std::uint64_t publishes_sent = 0;
  std::uint64_t protocol_faults = 0;
  std::uint64_t take_overs = 0;
  std::uint64_t slow_readers_closed = 0;
  std::uint64_t held_back = 0;  ///< pauses of connections that sent more bytes a second than a device may
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  hub::OperationTimeCounts times = {};
};

class Door {
 public:
  virtual ~Door() = default;
  /// Takes over an accepted socket on its I/O thread. `tls` null = plain TCP.
  virtual void adopt(net::IoThread& lane, int descriptor, net::Place place, std::shared_ptr<SSL_CTX> tls) = 0;
  /// Takes over a connection that asked for a WebSocket, on its I/O thread: moves from `request`.
  virtual void adopt(net::IoThread& lane, net::WebSocketRequest& request) = 0;
  /// Closes every connection after what was accepted has been answered, at most `within`. Main thread; Threads still
  /// run.
  virtual void stop(std::chrono::milliseconds within) = 0;
  [[nodiscard]] virtual DoorFigures figures() const = 0;
};

/// `devices` is what `hub` was made with. Everything outlives the door but the store: its last callbacks still look for
/// connections. So the order at the end is: Door::stop(), Threads::stop(), close the store, destroy the rest.
[[nodiscard]] std::unique_ptr<Door> make_door(hub::Hub& hub, hub::DeviceTable& devices, net::Threads& threads,
                                              DoorOptions options);

}  // namespace twinhub::mqtt_door

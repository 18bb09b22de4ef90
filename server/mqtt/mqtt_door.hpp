// The device door: MQTT 3.1.1 over TLS (and plain TCP where a reverse proxy or a test asks for it), and over WebSockets
// that the service door's port was asked for.
#pragma once

#include "server/hub/device_links.hpp"
#include "server/hub/hub.hpp"
#include "server/net/threads.hpp"
#include "server/net/tls.hpp"
#include "server/net/web_socket_hook.hpp"

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
  std::size_t output_bytes_max = 1 << 20;        ///< a peer that does not read is closed past this
  std::size_t in_flight_max = 64;  ///< requests of one connection that wait for the disk; then its socket is not read
  std::size_t subscriptions_max = 5;    ///< per device, as IoT Hub
  std::size_t unacknowledged_max = 16;  ///< cloud-to-device messages of one connection without PUBACK
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
};

/// Who is connected, as the hub sees it; made before the Hub (which calls it), used by the Door. Any thread.
[[nodiscard]] std::unique_ptr<hub::DeviceLinks> make_session_table();

class Door {
 public:
  virtual ~Door() = default;
  /// Takes over an accepted socket on its I/O thread. `tls` null = plain TCP.
  virtual void adopt(net::IoThread& lane, int descriptor, const std::string& peer, std::shared_ptr<SSL_CTX> tls) = 0;
  /// Takes over a connection that asked for a WebSocket, on its I/O thread: moves from `request`.
  virtual void adopt(net::IoThread& lane, net::WebSocketRequest& request) = 0;
  /// Closes every connection after what was accepted has been answered, at most `within`. Main thread; Threads still
  /// run.
  virtual void stop(std::chrono::milliseconds within) = 0;
  [[nodiscard]] virtual DoorFigures figures() const = 0;
};

/// `links` is what make_session_table() gave. Everything outlives the door but the store: its last callbacks still look
/// for connections. So the order at the end is: Door::stop(), Threads::stop(), close the store, destroy the rest.
[[nodiscard]] std::unique_ptr<Door> make_door(hub::Hub& hub, hub::DeviceLinks& links, net::Threads& threads,
                                              DoorOptions options);

}  // namespace twinhub::mqtt_door

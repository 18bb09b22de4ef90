// The AMQP door: AMQP 1.0 over TLS, plain TCP where a test or a development tool asks for it, and WebSockets that come
// in by the service door's port. Back ends, readers of events and devices come by it; the address of a link says
// which.
#pragma once

#include "server/events/event_feed.hpp"
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
#include <string>
#include <vector>

namespace twinhub::amqp_door {

struct DoorOptions {
  std::chrono::seconds login_timeout{20};           ///< from accept to the first valid token or certificate
  std::chrono::seconds token_expiry_grace{600};     ///< links outlive their token by this
  std::chrono::milliseconds idle_timeout{240'000};  ///< announced; after twice as long in silence a connection ends
  std::size_t in_flight_max = 1024;           ///< requests of one connection that wait for the hub; then it is not read
  std::size_t in_flight_bytes_max = 2 << 20;  ///< bytes of these requests, likewise
  std::size_t links_max = 10'000;             ///< of one connection
  std::size_t sessions_max = 8192;            ///< likewise, 65,536 at most
  std::size_t tokens_max = 1000;              ///< likewise: identities that it has tokens for
  std::uint32_t frame_bytes_max = 64 * 1024;  ///< announced
  std::size_t partial_bytes_max = 2 << 20;    ///< of one connection's messages that have not come whole
  wire::LingerLimits linger = {};
  std::string hub_name = "twinhub";               ///< the Event Hubs-compatible name
  std::vector<std::string> consumer_groups = {};  ///< beside $Default
  Timestamp created = {};                         ///< when the hub came to be
};

/// Counters for the metrics page. Any thread.
struct DoorFigures {
  std::uint64_t connections = 0;  ///< open now
  std::uint64_t web_sockets = 0;  ///< open now, those that are being closed included
  std::uint64_t links = 0;        ///< attached now
  std::uint64_t links_refused = 0;
  std::uint64_t tokens_accepted = 0;  ///< certificates not counted
  std::uint64_t tokens_refused = 0;
  std::uint64_t messages_received = 0;
  std::uint64_t messages_sent = 0;
  std::uint64_t protocol_faults = 0;
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

/// As mqtt_door::make_door(). `feed`: made with encode_event().
[[nodiscard]] std::unique_ptr<Door> make_door(hub::Hub& hub, hub::DeviceTable& devices, net::Threads& threads,
                                              events::EventFeed& feed, DoorOptions options);

/// An event as this door's readers get it: what an EventFeed is to be made with.
[[nodiscard]] events::EventFeed::Encode encode_event();

}  // namespace twinhub::amqp_door

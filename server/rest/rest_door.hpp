// The service door: IoT Hub's REST API over HTTPS (and plain HTTP where a reverse proxy or a test asks for it).
#pragma once

#include "server/hub/hub.hpp"
#include "server/hub/limits/operation_times.hpp"
#include "server/net/admission.hpp"
#include "server/net/threads.hpp"
#include "server/net/tls.hpp"
#include "server/net/web_socket_door.hpp"
#include "server/rest/request.hpp"
#include "server/rest/response.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace twinhub::rest {

struct DoorOptions {
  std::chrono::seconds header_timeout{30};  ///< to receive one whole request, handshake included
  std::chrono::seconds idle_timeout{300};   ///< between requests: service SDKs keep connections and never retry
  std::size_t body_bytes_max = 1 << 20;
  std::size_t header_bytes_max = 32 * 1024;
  std::chrono::seconds linger{5};  ///< that a socket stays open after a last answer, for the peer to hear it
  // Of connections that have had no request authorized yet: strangers (net/admission.hpp).
  std::chrono::seconds stranger_idle_timeout{10};
  std::size_t stranger_header_bytes_max = 8 * 1024;
};

inline constexpr unsigned status_max = 599;  ///< of HTTP

/// Any thread.
struct DoorFigures {
  std::uint64_t connections = 0;
  std::uint64_t requests = 0;
  std::map<unsigned, std::uint64_t> responses = {};  ///< by status, of those that there were
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  hub::OperationTimeCounts times = {};
};

class Annex;

/// A request that has come in at another door, which knows what its sender may.
struct IndirectRequest {
  Request request;
  hub::Right rights = hub::Right::none;
  std::function<void(Response)> answered;  ///< exactly once, unless the hub stops before; on an I/O thread
};

class Door {
 public:
  virtual ~Door() = default;
  /// Has it handled as one of its own, on one of its I/O threads. Any thread.
  virtual void call(IndirectRequest call) = 0;
  /// Takes over an accepted socket on its I/O thread. `tls` null = plain HTTP.
  virtual void adopt(net::IoThread& lane, int descriptor, net::Place place, std::shared_ptr<SSL_CTX> tls) = 0;
  /// Answers the requests that were begun, then closes, at most `within`. Main thread; Threads still run.
  virtual void stop(std::chrono::milliseconds within) = 0;
  [[nodiscard]] virtual DoorFigures figures() const = 0;
};

/// Everything outlives the door. `web_sockets`: the doors that take over connections which ask for a WebSocket; without
/// any, such requests are refused. `annex`: the room that answers further paths; null: they are unknown.
[[nodiscard]] std::unique_ptr<Door> make_door(hub::Hub& hub, net::Threads& threads, DoorOptions options,
                                              net::WebSocketDoors web_sockets = {}, Annex* annex = nullptr);

}  // namespace twinhub::rest

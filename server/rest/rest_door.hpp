// The service door: IoT Hub's REST API over HTTPS (and plain HTTP where a reverse proxy or a test asks for it).
#pragma once

#include "server/hub/hub.hpp"
#include "server/net/threads.hpp"
#include "server/net/tls.hpp"
#include "server/net/web_socket_hook.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace twinhub::rest {

struct DoorOptions {
  std::chrono::seconds header_timeout{30};  ///< to receive one whole request, handshake included
  std::chrono::seconds idle_timeout{300};   ///< between requests: service SDKs keep connections and never retry
  std::size_t body_bytes_max = 1 << 20;
  std::size_t header_bytes_max = 32 * 1024;
  std::size_t connections_max = 10'000;
};

/// Any thread.
struct DoorFigures {
  std::uint64_t connections = 0;
  std::uint64_t requests = 0;
  std::uint64_t responses_2xx = 0;
  std::uint64_t responses_4xx = 0;
  std::uint64_t responses_5xx = 0;
};

class Door {
 public:
  virtual ~Door() = default;
  /// Takes over an accepted socket on its I/O thread. `tls` null = plain HTTP.
  virtual void adopt(net::IoThread& lane, int descriptor, const std::string& peer, std::shared_ptr<SSL_CTX> tls) = 0;
  /// Answers the requests that were begun, then closes, at most `within`. Main thread; Threads still run.
  virtual void stop(std::chrono::milliseconds within) = 0;
  [[nodiscard]] virtual DoorFigures figures() const = 0;
};

/// Everything outlives the door. `web_sockets` takes the connections that ask for MQTT over a WebSocket; without it
/// they are refused.
[[nodiscard]] std::unique_ptr<Door> make_door(hub::Hub& hub, net::Threads& threads, DoorOptions options,
                                              net::WebSocketHook web_sockets = {});

}  // namespace twinhub::rest

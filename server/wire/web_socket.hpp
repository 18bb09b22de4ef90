// A protocol's bytes in the binary frames of a WebSocket, on a stream that came in by the service door's port. Its socket
// moves to the lane's epoll set, so it costs what a socket of a door's own port costs. Source: RFC 6455; MQTT 3.1.1
// chapter 6; azure-docs iot-mqtt-connect-to-iot-hub.
#pragma once

#include "server/net/web_socket_request.hpp"
#include "server/wire/transport.hpp"

#include <atomic>
#include <cstddef>
#include <memory>

namespace twinhub::wire {

/// A message is no more than a stretch of the byte stream [MQTT-6.0.0-2] and is never put together here, so this bounds
/// what a client may announce, not what is kept. Past it the peer gets close code 1009.
inline constexpr std::size_t web_socket_message_bytes_max = 4 << 20;

/// Answers the request once it is started. `alive` counts the WebSockets there are until their sockets are closed.
[[nodiscard]] std::unique_ptr<Transport> make_web_socket(net::WebSocketRequest request, std::size_t message_bytes_max,
                                                         std::shared_ptr<std::atomic<std::size_t>> alive);

}  // namespace twinhub::wire

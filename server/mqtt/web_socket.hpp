// MQTT in the binary frames of a WebSocket, on a stream that came in by the service door's port. Costs what Beast and
// Asio's TLS cost (tens of KiB with TLS), where a socket of our own costs next to nothing.
// Source: RFC 6455; MQTT 3.1.1 chapter 6; azure-docs iot-mqtt-connect-to-iot-hub.
#pragma once

#include "server/mqtt/transport.hpp"
#include "server/net/web_socket_request.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>

namespace twinhub::mqtt_door {

/// A message is no more than a stretch of the byte stream [MQTT-6.0.0-2] and is never put together here, so this bounds
/// what a client may announce, not what is kept. Past it the peer gets close code 1009.
inline constexpr std::size_t web_socket_message_bytes_max = 4 << 20;

/// Answers the request once it is started. `alive` counts the WebSockets there are until their sockets are closed,
/// which may be after the transport's end: a goodbye takes up to two seconds.
[[nodiscard]] std::unique_ptr<Transport> make_web_socket(net::WebSocketRequest request,
                                                         std::chrono::seconds handshake_timeout,
                                                         std::size_t message_bytes_max,
                                                         std::shared_ptr<std::atomic<std::size_t>> alive);

}  // namespace twinhub::mqtt_door

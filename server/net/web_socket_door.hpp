// How a connection leaves HTTP: the service door reads a request for a WebSocket, finds the door that serves its path
// and subprotocol in a table, and hands the stream on. The table is wired in app.cpp, since the doors do not know each
// other.
#pragma once

#include "server/net/threads.hpp"

#include <functional>
#include <string_view>
#include <vector>

namespace twinhub::net {

struct WebSocketRequest;  // web_socket_request.hpp

struct WebSocketDoor {
  std::string_view path;         ///< compared without case
  std::string_view subprotocol;  ///< of Sec-WebSocket-Protocol; compared without case
  /// Takes the connection over, on its I/O thread: moves from `request`.
  std::function<void(IoThread& lane, WebSocketRequest& request)> adopt;
};
using WebSocketDoors = std::vector<WebSocketDoor>;

/// Where IoT Hub's clients ask for their WebSockets. Source: azure-docs iot-mqtt-connect-to-iot-hub.
inline constexpr std::string_view iot_hub_web_socket_path = "/$iothub/websocket";
/// And those of its Event Hubs-compatible endpoint. Source: azure-sdk-for-js core-amqp, connectionConfig.
inline constexpr std::string_view event_hubs_web_socket_path = "/$servicebus/websocket";
inline constexpr std::string_view amqp_web_socket_subprotocol = "AMQPWSB10";

}  // namespace twinhub::net

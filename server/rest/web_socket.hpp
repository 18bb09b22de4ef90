// Paths that are no part of the REST API: devices come by them on the same port, with another protocol over WebSocket.
// A table says which door serves which path and subprotocol (net/web_socket_door.hpp). Source: azure-docs
// iot-mqtt-connect-to-iot-hub ("Using the MQTT protocol over WebSocket"); RFC 6455 section 4.2.
#pragma once

#include "protocol/error.hpp"
#include "server/net/web_socket_door.hpp"
#include "server/rest/request.hpp"
#include "server/rest/response.hpp"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <string>

namespace twinhub::rest {

using HttpRequest = boost::beast::http::request<boost::beast::http::string_body>;

/// The request is for a path of `doors`, or for a WebSocket on another one.
[[nodiscard]] bool asks_for_web_socket(const HttpRequest& message, const Request& request,
                                       const net::WebSocketDoors& doors);

struct WebSocketChoice {
  const net::WebSocketDoor* door = nullptr;
  std::string subprotocol;  ///< to be echoed, in the client's own spelling
};
/// The first of the client's subprotocols that a door serves on this path. `is_last`: no byte has come behind the
/// request, as it has to be. Errors: generic_bad_request; not_implemented when `doors` is empty.
[[nodiscard]] Result<WebSocketChoice> choose_web_socket_door(const HttpRequest& message, const Request& request,
                                                             const net::WebSocketDoors& doors, bool is_last);

/// IoT Hub's error body; 400, but 426 for another version of the WebSocket protocol.
[[nodiscard]] Response web_socket_refusal(const HttpRequest& message, const Error& error, Timestamp now);

}  // namespace twinhub::rest

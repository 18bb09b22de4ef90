// The one path that is no part of the REST API: devices come by it with MQTT over WebSocket, on the same port.
// Source: azure-docs iot-mqtt-connect-to-iot-hub ("Using the MQTT protocol over WebSocket"); RFC 6455 section 4.2.
#pragma once

#include "protocol/error.hpp"
#include "server/rest/request.hpp"
#include "server/rest/response.hpp"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <string>

namespace twinhub::rest {

using HttpRequest = boost::beast::http::request<boost::beast::http::string_body>;

/// The request is for that path, or for a WebSocket on another one.
[[nodiscard]] bool asks_for_web_socket(const HttpRequest& message, const Request& request);

/// The subprotocol to go on with, in the client's own spelling. `is_last`: nothing has come behind the request, as it
/// has to be; `available`: there is who goes on. Errors: generic_bad_request; not_implemented when not available.
[[nodiscard]] Result<std::string> check_web_socket(const HttpRequest& message, const Request& request, bool is_last,
                                                   bool available);

/// IoT Hub's error body; 400, but 426 for another version of the WebSocket protocol.
[[nodiscard]] Response web_socket_refusal(const HttpRequest& message, const Error& error, Timestamp now);

}  // namespace twinhub::rest

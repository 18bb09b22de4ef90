#include "server/rest/web_socket.hpp"

#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <string_view>

namespace twinhub::rest {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view path = "/$iothub/websocket";
constexpr std::string_view version = "13";

std::string_view field(const HttpRequest& message, http::field name) {
  const auto value = message[name];
  return {value.data(), value.size()};
}

bool has_version(const HttpRequest& message) { return field(message, http::field::sec_websocket_version) == version; }

/// The first of the client's subprotocols that is `wanted`; header lines may be several.
std::string find_subprotocol(const HttpRequest& message, std::string_view wanted) {
  const auto [begin, end] = message.equal_range(http::field::sec_websocket_protocol);
  for (auto line = begin; line != end; ++line) {
    for (const auto token : http::token_list(line->value())) {
      if (equals_ignoring_case({token.data(), token.size()}, wanted)) return {token.data(), token.size()};
    }
  }
  return {};
}

Error refuse(std::string why) { return fail(Errc::generic_bad_request, std::move(why)); }

}  // namespace

bool asks_for_web_socket(const HttpRequest& message, const Request& request) {
  return equals_ignoring_case(request.path, path) ||
         http::token_list(message[http::field::upgrade]).exists("websocket");
}

Result<std::string> check_web_socket(const HttpRequest& message, const Request& request, bool is_last, bool available) {
  if (!equals_ignoring_case(request.path, path)) return refuse("WebSockets are at " + std::string(path) + " only.");
  if (!has_version(message)) return refuse("This path takes WebSocket requests of version 13 (RFC 6455) only.");
  if (!boost::beast::websocket::is_upgrade(message) || field(message, http::field::sec_websocket_key).empty() ||
      !message.body().empty()) {
    return refuse("This is not a WebSocket request (RFC 6455).");
  }
  std::string subprotocol = find_subprotocol(message, "mqtt");
  if (subprotocol.empty() && !find_subprotocol(message, "AMQPWSB10").empty()) {
    return refuse("AMQP over WebSocket (subprotocol AMQPWSB10) is not available in this version of twinhub.");
  }
  if (subprotocol.empty()) return refuse("The WebSocket subprotocol has to be mqtt.");
  if (!is_last) return refuse("Bytes came before the WebSocket request was answered.");
  if (!available) return fail(Errc::not_implemented, "This door takes no WebSockets.");
  return subprotocol;
}

Response web_socket_refusal(const HttpRequest& message, const Error& error, Timestamp now) {
  const bool other_version = !field(message, http::field::sec_websocket_version).empty() && !has_version(message);
  constexpr unsigned upgrade_required = 426;
  Response response = error_response(error, now, other_version ? upgrade_required : 0);
  if (other_version) response.headers.emplace_back("Sec-WebSocket-Version", version);
  return response;
}

}  // namespace twinhub::rest

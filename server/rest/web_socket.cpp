#include "server/rest/web_socket.hpp"

#include <algorithm>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <functional>
#include <string_view>
#include <vector>

namespace twinhub::rest {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view version = "13";
constexpr std::size_t key_bytes_max = 24;  // 16 bytes in base64

std::string_view field(const HttpRequest& message, http::field name) {
  const auto value = message[name];
  return {value.data(), value.size()};
}

bool has_version(const HttpRequest& message) { return field(message, http::field::sec_websocket_version) == version; }

bool is_at(const net::WebSocketDoor& door, const Request& request) {
  return equals_ignoring_case(request.path, door.path);
}

/// Runs `take(subprotocol)` on each that the client offers, in its order, until one is taken; header lines may be
/// several.
template <class Take>
bool any_subprotocol(const HttpRequest& message, Take take) {
  const auto [begin, end] = message.equal_range(http::field::sec_websocket_protocol);
  for (auto line = begin; line != end; ++line) {
    for (const auto token : http::token_list(line->value())) {
      if (take(std::string_view(token.data(), token.size()))) return true;
    }
  }
  return false;
}

/// The doors' `field`s, each once, in the table's order: "a", "a or b".
std::string alternatives(const net::WebSocketDoors& doors, std::string_view net::WebSocketDoor::*field,
                         const std::function<bool(const net::WebSocketDoor&)>& counts) {
  std::vector<std::string_view> known;
  std::string text;
  for (const net::WebSocketDoor& door : doors) {
    const std::string_view value = door.*field;
    if (!counts(door) || std::find(known.begin(), known.end(), value) != known.end()) continue;
    known.push_back(value);
    text.append(text.empty() ? "" : " or ").append(value);
  }
  return text;
}

Error refuse(std::string why) { return fail(Errc::generic_bad_request, std::move(why)); }

}  // namespace

bool asks_for_web_socket(const HttpRequest& message, const Request& request, const net::WebSocketDoors& doors) {
  return std::any_of(doors.begin(), doors.end(), [&](const auto& door) { return is_at(door, request); }) ||
         http::token_list(message[http::field::upgrade]).exists("websocket");
}

Result<WebSocketChoice> choose_web_socket_door(const HttpRequest& message, const Request& request,
                                               const net::WebSocketDoors& doors, bool is_last) {
  if (doors.empty()) return fail(Errc::not_implemented, "This door takes no WebSockets.");
  const auto is_here = [&](const net::WebSocketDoor& door) { return is_at(door, request); };
  if (std::none_of(doors.begin(), doors.end(), is_here)) {
    return refuse("WebSockets are at " +
                  alternatives(doors, &net::WebSocketDoor::path, [](const auto&) { return true; }) + " only.");
  }
  if (!has_version(message)) return refuse("This path takes WebSocket requests of version 13 (RFC 6455) only.");
  const std::string_view key = field(message, http::field::sec_websocket_key);
  if (!boost::beast::websocket::is_upgrade(message) || key.empty() || key.size() > key_bytes_max ||
      !message.body().empty()) {
    return refuse("This is not a WebSocket request (RFC 6455).");
  }
  WebSocketChoice choice;
  const bool is_served = any_subprotocol(message, [&](std::string_view offered) {
    const auto door = std::find_if(doors.begin(), doors.end(), [&](const net::WebSocketDoor& one) {
      return is_here(one) && equals_ignoring_case(offered, one.subprotocol);
    });
    if (door == doors.end()) return false;
    choice = {&*door, std::string(offered)};
    return true;
  });
  if (!is_served) {
    return refuse("The WebSocket subprotocol has to be " +
                  alternatives(doors, &net::WebSocketDoor::subprotocol, is_here) + ".");
  }
  if (!is_last) return refuse("Bytes came before the WebSocket request was answered.");
  return choice;
}

Response web_socket_refusal(const HttpRequest& message, const Error& error, Timestamp now) {
  const bool other_version = !field(message, http::field::sec_websocket_version).empty() && !has_version(message);
  constexpr unsigned upgrade_required = 426;
  Response response = error_response(error, now, other_version ? upgrade_required : 0);
  if (other_version) response.headers.emplace_back("Sec-WebSocket-Version", version);
  return response;
}

}  // namespace twinhub::rest

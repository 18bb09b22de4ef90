// A stream on which HTTP is over, and what is to be answered on it.
#pragma once

#include "server/net/stream.hpp"
#include "server/net/web_socket_door.hpp"

#include <string>

namespace twinhub::net {

/// A client's request for a WebSocket, checked but not answered yet. Nothing is pending on the stream, and no byte
/// behind the request has been read.
struct WebSocketRequest {
  Stream stream;
  std::string key;          ///< Sec-WebSocket-Key, which the answer proves to have read
  std::string subprotocol;  ///< to be echoed, in the client's own spelling
};

}  // namespace twinhub::net

// How a connection leaves HTTP: the service door reads a request for a WebSocket and hands the stream on; who goes on
// with it is wired in app.cpp, since the doors do not know each other.
#pragma once

#include "server/net/threads.hpp"

#include <functional>

namespace twinhub::net {

struct WebSocketRequest;  // web_socket_request.hpp

/// Takes such a connection over, on its I/O thread: moves from `request`.
using WebSocketHook = std::function<void(IoThread& lane, WebSocketRequest& request)>;

}  // namespace twinhub::net

// The streams that HTTP runs on, and a stream on which HTTP is over.
#pragma once

#include "server/net/web_socket_hook.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <memory>
#include <string>
#include <variant>

namespace twinhub::net {

using PlainStream = boost::beast::tcp_stream;
using TlsStream = boost::beast::ssl_stream<boost::beast::tcp_stream>;

/// A client's request for a WebSocket, checked but not answered yet. Nothing is pending on the stream, and no byte
/// behind the request has been read.
struct WebSocketRequest {
  std::shared_ptr<boost::asio::ssl::context> tls;  ///< to be kept as long as the stream; null when plain
  std::variant<PlainStream, TlsStream> stream;
  boost::beast::http::request<boost::beast::http::empty_body> request;
  std::string subprotocol;  ///< to be echoed, in the client's own spelling
};

}  // namespace twinhub::net

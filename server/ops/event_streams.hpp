// Streams of server-sent events on the operations port, on a thread of their own: however much a client wants to see,
// the other pages answer.
#pragma once

#include "protocol/error.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace twinhub::ops {

/// What one client sees. Used by the streams' thread alone; the next piece is asked for when the client has taken the
/// last: a slow client costs one piece of memory.
class EventSource {
 public:
  virtual ~EventSource() = default;
  /// Appends the next piece, of bounded size; true: there may be more at once. Errors end the stream.
  [[nodiscard]] virtual Result<bool> read(std::string& out) = 0;
};
/// Opens what a request asks for by its query, e.g. "device=d&from=start". Errors are told to the client, as 400.
using OpenEventSource = std::function<Result<std::unique_ptr<EventSource>>(std::string_view query)>;

class EventStreams {
 public:
  static constexpr std::size_t streams_max = 32;

  [[nodiscard]] static std::unique_ptr<EventStreams> make(OpenEventSource open);
  virtual ~EventStreams() = default;

  /// Takes a connection whose request was read. Beyond streams_max it is answered with 503.
  virtual void adopt(boost::asio::ip::tcp::socket socket, std::string query) = 0;
  /// There may be something new. Any thread; quick.
  virtual void wake() = 0;
};

}  // namespace twinhub::ops

// Streams of server-sent events on the operations port, on a thread of their own: however much a client wants to see,
// the other pages answer.
#pragma once

#include "protocol/error.hpp"
#include "server/net/stream.hpp"

#include <chrono>
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
  /// How long after a read that gave nothing it wants to be asked again although nothing woke it; 0: not at all.
  [[nodiscard]] virtual std::chrono::milliseconds pace() const { return {}; }
};
/// Opens what a request asks for by its query, e.g. "device=d&from=start". Errors are told to the client, as 400.
using OpenEventSource = std::function<Result<std::unique_ptr<EventSource>>(std::string_view query)>;
/// Opens what one request asks for, on the streams' thread.
using OpenStream = std::function<Result<std::unique_ptr<EventSource>>()>;

class EventStreams {
 public:
  [[nodiscard]] static std::unique_ptr<EventStreams> make(std::size_t streams_max);
  virtual ~EventStreams() = default;

  /// Takes a connection whose request was read. Beyond `streams_max` it is answered with 503. `headers`: further lines of
  /// the answer, each with its end.
  virtual void adopt(net::Stream stream, OpenStream open, std::string headers = {}) = 0;
  /// There may be something new. Any thread; quick.
  virtual void wake() = 0;
  /// Ends every stream; none of their sources is left when this returns. Any thread but the streams'.
  virtual void end_all() = 0;
};

}  // namespace twinhub::ops

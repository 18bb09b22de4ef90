// The operations port: a few pages over plain HTTP, served by a thread of their own so that they answer when all others
// are busy; and GET /events, a stream (event_streams.hpp).
#pragma once

#include "protocol/error.hpp"
#include "server/ops/event_streams.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace twinhub::ops {

struct Page {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};
/// GET of `path`. Called on the operations thread; must not block for long.
using Pages = std::function<Page(std::string_view path)>;

class OpsDoor {
 public:
  /// Listens at once. `open_events` serves GET /events. Errors, for the operator: port in use, no such address.
  [[nodiscard]] static Result<std::unique_ptr<OpsDoor>> open(const std::string& address, std::uint16_t port,
                                                             Pages pages, OpenEventSource open_events);
  virtual ~OpsDoor() = default;
  /// New events are durable. Any thread; quick.
  virtual void wake_event_streams() = 0;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
};

}  // namespace twinhub::ops

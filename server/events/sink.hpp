// The far end of an endpoint: a broker, a web server, a file.
#pragma once

#include "server/events/outgoing.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

namespace twinhub::events {

/// What became of a batch.
struct Delivery {
  std::size_t done = 0;                                  ///< so many from its front need not be sent again
  std::size_t refused = 0;                               ///< of those, given up: the other side will never take them
  std::string failure = {};                              ///< why the rest was not taken; empty = all was
  std::optional<std::chrono::seconds> retry_after = {};  ///< the other side's own wish
};

/// Used by its endpoint's thread alone; may block, and returns within about a second once stop is asked for.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Sends `batch` in order and waits until the other side has it for good. What fails may arrive all the same: at
  /// least once.
  [[nodiscard]] virtual Delivery deliver(std::span<const Outgoing> batch, const std::stop_token& stop) = 0;
};

}  // namespace twinhub::events

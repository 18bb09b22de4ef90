// The far end of an endpoint: a broker, a web server, a file.
#pragma once

#include "protocol/error.hpp"
#include "server/events/outgoing.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace twinhub::events {

/// What became of a batch.
struct Delivery {
  std::size_t done = 0;                   ///< so many from its front need not be sent again
  std::vector<std::size_t> refused = {};  ///< of those, given up: the other side will never take them
  std::string failure = {};               ///< why the rest was not taken; empty = all was
  /// The other side was reached and had some of the rest when it failed: one of those events may be the cause.
  bool may_be_an_event = false;
  std::optional<std::chrono::seconds> retry_after = {};  ///< the other side's own wish
};

/// Used by its endpoint's thread alone; may block, and returns within about a second once stop is asked for.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Sends `batch` in order and waits until the other side has it for good. What fails may arrive all the same: at
  /// least once.
  [[nodiscard]] virtual Delivery deliver(std::span<const Outgoing> batch, const std::stop_token& stop) = 0;
  /// Finds out, without an event, whether the other side is there: opens what is not open. Errors, in words for the
  /// operator, and without what nobody may read: service_unavailable.
  [[nodiscard]] virtual Result<void> reach(const std::stop_token& stop) = 0;
  /// What was open has been closed by the other side, as far as that is known without asking.
  [[nodiscard]] virtual bool is_lost() const { return false; }
  /// The next deliver() uses a connection of its own, on which nothing was sent before.
  virtual void renew() {}
};

}  // namespace twinhub::events

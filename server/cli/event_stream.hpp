// The operations port's stream of events (GET /events), as server-sent events.
#pragma once

#include "config/settings.hpp"
#include "protocol/error.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace twinhub::cli {

/// One connection. One thread; reads wait for events as long as it takes, while the hub shows that it is there.
class EventStream {
 public:
  struct Event {
    std::string position;  ///< the `from` of a stream that goes on behind this event
    std::string data;      ///< JSON; "" = no event: where the stream begins
  };
  /// The hub writes a comment every 15 s. A peer that is silent for so long has gone without a word.
  static constexpr std::chrono::milliseconds silence_max{60'000};

  /// `query`: "device=d&from=now", percent-encoded. Errors: service_unavailable (cannot be reached, or has no room just
  /// now), argument_invalid (the hub refuses the query, in its own words).
  [[nodiscard]] static Result<EventStream> open(const config::Settings& settings, const std::string& query,
                                                std::chrono::milliseconds silence = silence_max);
  ~EventStream();
  EventStream(EventStream&&) noexcept;
  EventStream& operator=(EventStream&&) noexcept;

  /// Errors: service_unavailable when the stream has ended, or was silent for too long.
  [[nodiscard]] Result<Event> next(std::chrono::milliseconds silence = silence_max);

 private:
  struct Connection;
  explicit EventStream(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace twinhub::cli

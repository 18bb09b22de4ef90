// The operations port's stream of events (GET /events), as server-sent events.
#pragma once

#include "config/settings.hpp"
#include "protocol/error.hpp"

#include <memory>
#include <string>

namespace twinhub::cli {

/// One connection. One thread; reads wait as long as it takes.
class EventStream {
 public:
  struct Event {
    std::string position;  ///< `from` to go on behind it
    std::string data;      ///< JSON
  };

  /// `query`: "device=d&from=now", percent-encoded. Errors: service_unavailable (cannot be reached), argument_invalid
  /// (the hub refuses the query, in its own words).
  [[nodiscard]] static Result<EventStream> open(const config::Settings& settings, const std::string& query);
  ~EventStream();
  EventStream(EventStream&&) noexcept;
  EventStream& operator=(EventStream&&) noexcept;

  /// Errors: service_unavailable when the stream has ended.
  [[nodiscard]] Result<Event> next();

 private:
  struct Connection;
  explicit EventStream(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace twinhub::cli

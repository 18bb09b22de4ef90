// Events over restarts of the hub: where a stream ends, it is taken up again behind the last event, so that none is missed
// and none comes twice.
#pragma once

#include "server/cli/event_stream.hpp"

#include <chrono>
#include <string>

namespace twinhub::cli {

/// One thread; reads wait as long as it takes, for a hub that is away too. What happens is told on standard error.
class LastingStream {
 public:
  /// `query`: without its `from`. Errors as EventStream::open(): at the first time the hub has to be there.
  [[nodiscard]] static Result<LastingStream> open(const config::Settings& settings, std::string query,
                                                  const std::string& from);
  /// Events that the hub has not got any more are told of; when it refuses the old position (it is another hub), the
  /// stream goes on from now. Errors: the hub refuses that too.
  [[nodiscard]] Result<EventStream::Event> next();

 private:
  LastingStream(const config::Settings& settings, std::string query, std::string position, EventStream stream);
  [[nodiscard]] static std::string with_from(const std::string& query, const std::string& from);
  [[nodiscard]] Result<EventStream> open_again() const;
  void begin_at(const std::string& position);

  const config::Settings* settings_;
  std::string query_;
  std::string position_;  ///< the `from` that goes on where the stream is
  EventStream stream_;
  bool is_resumed_ = false;  ///< the stream is not the first
};

}  // namespace twinhub::cli

// `twinhub wait`: until a condition on a twin holds, or a message comes for which one does.
#pragma once

#include "config/settings.hpp"
#include "protocol/ids.hpp"

#include <string>

namespace twinhub::cli {

inline constexpr int exit_timed_out = 124;  ///< as of timeout(1)

struct WaitOptions {
  IdentityId id;
  std::string condition;
  bool telemetry = false;  ///< `condition` is one on the messages to come
  std::string timeout = "10s";
  bool json = false;
};

/// Prints the twin or the event. Returns the process's exit code.
[[nodiscard]] int wait_for(const config::Settings& settings, const WaitOptions& options);

}  // namespace twinhub::cli

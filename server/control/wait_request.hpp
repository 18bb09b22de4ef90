// GET /control/wait: what somebody waits for, and for how long.
//
//   device=pump-7 [module=camera]
//   condition=properties.reported.ready = true     as behind WHERE in a query over devices; or
//   telemetry=$body.temperature > 30               as in a route: of the messages that come from now on
//   timeout=10s                                    ms, s, m; without a unit seconds
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/query/routing_condition.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::control {

struct WaitRequest {
  static constexpr std::chrono::milliseconds timeout_max = std::chrono::hours(1);

  IdentityId id;
  std::string query;                                 ///< over the one twin; "" when it waits for a message
  std::optional<query::RoutingCondition> telemetry;  ///< in the place of `query`
  std::chrono::milliseconds timeout{10'000};
};

/// `text`: behind the '?'. Errors: argument_invalid, in words for whoever asks.
[[nodiscard]] Result<WaitRequest> parse_wait_request(std::string_view text);

}  // namespace twinhub::control

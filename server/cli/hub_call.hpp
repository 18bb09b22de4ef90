// One request to a running hub, with what a sub-command does about it: as iothubowner, and an Error for any refusal.
#pragma once

#include "config/settings.hpp"
#include "protocol/error.hpp"

#include <string>
#include <string_view>

namespace twinhub::cli {

inline constexpr std::string_view any_etag = "*";

/// Returns the body of a 2xx answer. `path` without a query. Errors, for the person at the terminal: the hub cannot be
/// reached; it refuses, in its own words.
[[nodiscard]] Result<std::string> call_hub(const config::Settings& settings, std::string_view method,
                                           const std::string& path, std::string_view body = {},
                                           std::string_view if_match = {});

}  // namespace twinhub::cli

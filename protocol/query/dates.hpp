// Dates in queries are strings; where the hub wrote one, it is compared as a moment.
#pragma once

#include "protocol/ids.hpp"

#include <optional>
#include <string_view>

namespace twinhub::query {

/// Reads ISO 8601: "2026-11-23", "2026-11-23T05:40", "...:00", "...:00.1234567", each with 'Z', "+02:00" or nothing
/// (UTC) behind the time; a blank may stand for the 'T'. Digits of the fraction beyond the seventh are dropped. nullopt
/// for anything else and for moments before year 1.
[[nodiscard]] std::optional<Timestamp> parse_date(std::string_view text);

}  // namespace twinhub::query

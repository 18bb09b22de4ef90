// What a mistyped name was most likely meant to be.
#pragma once

#include <span>
#include <string_view>

namespace twinhub::config {

/// The one of `names` with the fewest characters to change. REQUIRES: `names` is not empty.
[[nodiscard]] std::string_view nearest_of(std::span<const std::string_view> names, std::string_view wrong);

}  // namespace twinhub::config

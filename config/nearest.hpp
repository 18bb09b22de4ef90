// For a mistyped name: the known name that was most likely meant.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace twinhub::config {

/// The one of `names` with the fewest characters to change. REQUIRES: `names` is not empty.
[[nodiscard]] std::string_view nearest_of(std::span<const std::string_view> names, std::string_view wrong);

/// The same, where so much of it is right that it can be meant; nullopt otherwise.
[[nodiscard]] std::optional<std::string_view> close_to(std::span<const std::string_view> names, std::string_view wrong);

}  // namespace twinhub::config

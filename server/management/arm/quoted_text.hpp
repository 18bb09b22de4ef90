// A text as $filter (OData) and template expressions write it: in single quotes, two of them for one within.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace twinhub::management {

/// Takes the text that `rest` begins with off it; nullopt when `rest` begins with none, or the last quote is missing:
/// then `rest` is of no use any more.
[[nodiscard]] std::optional<std::string> take_quoted(std::string_view& rest);

}  // namespace twinhub::management

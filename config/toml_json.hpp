// A TOML text as JSON, for files that users may write in either.
#pragma once

#include <string>
#include <string_view>

namespace twinhub::config {

/// Dates and times become strings. Throws SettingsError "NAME:LINE: why".
[[nodiscard]] std::string toml_as_json(std::string_view text, const std::string& name);

}  // namespace twinhub::config

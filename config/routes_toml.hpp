// Reading config/routes.hpp's tables from a parsed settings file. For load.cpp.
#pragma once

#include "config/routes.hpp"

#include <toml++/toml.h>
#include <string>
#include <string_view>

namespace twinhub::config {

/// "routes", "fallback", "enrichments", "endpoints".
[[nodiscard]] bool is_routes_key(std::string_view key);

/// Throws SettingsError with file and line.
[[nodiscard]] Routing read_routing(const toml::table& file, const std::string& path);

}  // namespace twinhub::config

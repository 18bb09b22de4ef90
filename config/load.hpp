// The effective settings: built-in defaults < TOML file < environment < flags, each value with its origin.
#pragma once

#include "config/routes.hpp"
#include "config/settings.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace twinhub::config {

struct Sources {
  std::optional<std::filesystem::path> file;
  /// Value of an environment variable, or null; getenv in the program.
  std::function<const char*(const char* name)> environment;
  std::vector<std::pair<std::string, std::string>> flags;  ///< key, text
};

struct Loaded {
  Settings settings;
  Routing routing;
  std::map<std::string, std::string, std::less<>> origins;  ///< key -> "default", "FILE:3", "TWINHUB_...", "--flag"
};

/// Throws SettingsError: the first wrong key or value, with its file and line, variable or flag.
[[nodiscard]] Loaded load(const Sources& sources);

/// Every setting as TOML; passwords are not shown, its origin behind it: what `twinhub config` prints.
[[nodiscard]] std::string describe(const Loaded& loaded);

}  // namespace twinhub::config

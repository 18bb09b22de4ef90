// The effective settings: built-in defaults < TOML file < environment < flags, each value with its origin.
#pragma once

#include "config/routes.hpp"
#include "config/settings.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace twinhub::config {

struct Sources {
  std::optional<std::filesystem::path> file;
  /// The variables whose names begin with TWINHUB_. An empty one counts as unset, as compose files leave it.
  std::map<std::string, std::string, std::less<>> environment;
  std::vector<std::pair<std::string, std::string>> flags;  ///< key, text
};

struct Loaded {
  Settings settings;
  Routing routing;
  std::map<std::string, std::string, std::less<>> origins;  ///< key -> "default", "FILE:3", "TWINHUB_...", "--flag"
  Sources sources;                                          ///< what load() was given: for reading all of it again
};

/// Names the file of settings where no flag does.
inline constexpr std::string_view file_variable = "TWINHUB_CONFIG";

/// Throws SettingsError: the first wrong key or value, with its file and line, variable or flag. A variable that is no
/// setting is wrong too, unless the command line reads it.
[[nodiscard]] Loaded load(const Sources& sources);

/// Every setting as TOML, with its origin behind it and passwords left out: what `twinhub config` prints.
[[nodiscard]] std::string describe(const Loaded& loaded);

}  // namespace twinhub::config

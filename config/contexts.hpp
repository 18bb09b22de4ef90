// Hubs elsewhere that the command line knows by name: a file of the user's own, mode 0600, for it holds keys.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

namespace twinhub::config {

struct Context {
  std::string connection_string;  ///< of one of the hub's policies
  std::string ca;                 ///< PEM file; "" = the system's CAs
};

struct Contexts {
  std::map<std::string, Context, std::less<>> all;
  std::string current;  ///< one of them, or "": the hub of this machine
};

/// Whether there can be one: see contexts_file().
[[nodiscard]] bool has_contexts_file();
/// $XDG_CONFIG_HOME/twinhub/contexts.toml, else ~/.config/twinhub/contexts.toml. Throws SettingsError when neither
/// variable is set.
[[nodiscard]] std::filesystem::path contexts_file();
/// An absent file gives none. Throws SettingsError, with the line.
[[nodiscard]] Contexts read_contexts(const std::filesystem::path& file);
/// The file's text. The caller writes the file, with mode 0600.
[[nodiscard]] std::string contexts_text(const Contexts& contexts);
/// 1 to 64 letters, digits, '.', '_' and '-'. Throws SettingsError.
void check_context_name(std::string_view name);

}  // namespace twinhub::config

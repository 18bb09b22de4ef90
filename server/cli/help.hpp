// `twinhub help`, `twinhub version`, and what is said when a command is not understood.
#pragma once

#include "server/cli/command_set.hpp"

#include <CLI/CLI.hpp>
#include <optional>
#include <span>
#include <string>

namespace twinhub::cli {

/// How far `words` lead into the tree of commands.
struct Place {
  const CLI::App* app = nullptr;   ///< the last that was found; the root at least
  std::string path;                ///< "twinhub device"
  std::optional<std::string> odd;  ///< the word behind it that is no command, where only a command may stand
};
/// Ends at the first flag, and at a command that groups no others.
[[nodiscard]] Place find_place(const CLI::App& root, std::span<const std::string> words);

/// "twinhub: there is no command 'devcie'; did you mean 'twinhub device'?" REQUIRES: place.odd.
[[nodiscard]] std::string words_about(const Place& place);

[[nodiscard]] std::string help_of(const Place& place);

/// help and version.
void add_help_commands(CommandSet& commands);

}  // namespace twinhub::cli

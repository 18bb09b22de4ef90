// Shell completion: the tree of sub-commands as plain data, and the scripts made of it. Names that a hub knows the scripts
// get from the program (live_completion.hpp).
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace twinhub::cli {

/// What stands behind an option's name, or for a positional argument.
struct Operand {
  enum class Kind : std::uint8_t { none, text, file, choice, live } kind = Kind::none;
  std::vector<std::string> choices;  ///< of Kind::choice
};

/// One sub-command and what may follow it.
struct CommandNode {
  struct Option {
    std::string name;  ///< "--json"
    std::string help;
    Operand operand;
  };
  struct Child {
    std::string name;
    std::string help;
  };
  std::string path;  ///< "twinhub device show"
  std::vector<Child> children;
  std::vector<Option> options;
  std::vector<Operand> positionals;
};

/// Every node of the tree under `root`, a parent before its children.
[[nodiscard]] std::vector<CommandNode> command_nodes(const CLI::App& root);

[[nodiscard]] std::string bash_completion(const std::vector<CommandNode>& nodes);
[[nodiscard]] std::string zsh_completion(const std::vector<CommandNode>& nodes);
[[nodiscard]] std::string fish_completion(const std::vector<CommandNode>& nodes);

}  // namespace twinhub::cli

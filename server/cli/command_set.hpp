// The tree of sub-commands as the files of the commands build it.
#pragma once

#include "config/load.hpp"

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace twinhub::cli {

/// The settings' flags, as typed; every sub-command takes them.
class SettingFlags {
 public:
  explicit SettingFlags(CLI::App& command);
  /// Throws config::SettingsError.
  [[nodiscard]] config::Loaded load() const;

 private:
  std::string file_;
  std::vector<std::string> host_names_;
  std::vector<std::pair<std::string, std::string>> flags_;
};

/// Holds what runs the sub-commands, and with it the options that they are parsed into.
class CommandSet {
 public:
  explicit CommandSet(CLI::App& root) : root_(root) {}

  [[nodiscard]] CLI::App& root() { return root_; }
  /// A sub-command that only has others under it.
  [[nodiscard]] static CLI::App& group(CLI::App& parent, const std::string& name, const std::string& help);
  /// Gives `app` the settings' flags; `run` returns the exit code.
  void add(CLI::App& app, std::function<int(const config::Loaded&)> run);
  /// A sub-command of `parent` that needs the settings alone.
  CLI::App& add(CLI::App& parent, const std::string& name, const std::string& help,
                std::function<int(const config::Settings&)> run);

  /// `app` takes no settings.
  void add_plain(CLI::App& app, std::function<int()> run);

  /// Runs what was parsed. Returns the process's exit code.
  [[nodiscard]] int run_parsed() const;

 private:
  struct Command {
    CLI::App* app = nullptr;
    std::unique_ptr<SettingFlags> flags;
    std::function<int(const config::Loaded&)> run;
  };
  CLI::App& root_;
  std::vector<Command> commands_;
};

// Each adds its sub-commands.
void add_registry_commands(CommandSet& commands);  // device, module, query
void add_twin_commands(CommandSet& commands);
void add_transfer_commands(CommandSet& commands);    // import, export
void add_automation_commands(CommandSet& commands);  // job, configuration
void add_completion_command(CommandSet& commands);

}  // namespace twinhub::cli

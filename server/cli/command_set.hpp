// The tree of sub-commands: each command's file adds its branch.
#pragma once

#include "config/load.hpp"

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace twinhub::cli {

/// The settings' flags, as typed; every sub-command takes them.
class SettingFlags {
 public:
  /// `hub`: for a command that is about a hub's own settings; else for one that speaks to a hub, whose help does not show
  /// the flags of the hub's settings, though it takes them.
  SettingFlags(CLI::App& command, bool hub);
  /// Throws config::SettingsError.
  [[nodiscard]] config::Loaded load() const;

 private:
  const bool hub_;
  std::string file_;
  std::map<std::string, std::vector<std::string>> lists_;  ///< of flags that may be repeated, by the setting's key
  std::vector<std::pair<std::string, std::string>> flags_;
};

/// Holds the function that runs each sub-command, and with it the options that its arguments are parsed into.
class CommandSet {
 public:
  explicit CommandSet(CLI::App& root) : root_(root) {}

  [[nodiscard]] CLI::App& root() { return root_; }
  /// A sub-command that only groups others.
  [[nodiscard]] static CLI::App& group(CLI::App& parent, const std::string& name, const std::string& help);
  /// A sub-command that speaks to a hub: `run` gets the settings of the hub that was found, and returns the exit code.
  void add(CLI::App& app, std::function<int(const config::Loaded&)> run);
  /// A sub-command about the hub's own settings.
  void add_of_hub(CLI::App& app, std::function<int(const config::Loaded&)> run);
  /// A sub-command of `parent` that needs the settings alone.
  CLI::App& add(CLI::App& parent, const std::string& name, const std::string& help,
                std::function<int(const config::Settings&)> run);

  /// `app` takes no settings.
  void add_plain(CLI::App& app, std::function<int()> run);

  /// Runs the sub-command that was parsed. Returns the process's exit code.
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
void add_device_send_command(CommandSet& commands, CLI::App& device);
void add_device_simulate_command(CommandSet& commands, CLI::App& device);
void add_twin_commands(CommandSet& commands);
void add_wait_command(CommandSet& commands);
void add_control_commands(CommandSet& commands);     // reset, snapshot
void add_transfer_commands(CommandSet& commands);    // import, export
void add_automation_commands(CommandSet& commands);  // job, configuration
void add_message_commands(CommandSet& commands);     // c2d, feedback
void add_az_command(CommandSet& commands);
void add_context_commands(CommandSet& commands);
void add_backup_commands(CommandSet& commands);  // backup, restore, check
void add_ca_commands(CommandSet& commands);
void add_policy_commands(CommandSet& commands);
void add_reload_command(CommandSet& commands);
void add_completion_command(CommandSet& commands);

}  // namespace twinhub::cli

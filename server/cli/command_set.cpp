#include "server/cli/command_set.hpp"

#include "server/cli/command_line.hpp"
#include "server/cli/remote_hub.hpp"

#include <unistd.h>
#include <exception>
#include <filesystem>
#include <iostream>
#include <map>
#include <string_view>

namespace twinhub::cli {

namespace {

std::map<std::string, std::string, std::less<>> hub_variables() {
  std::map<std::string, std::string, std::less<>> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t end = text.find('=');
    if (text.starts_with("TWINHUB_") && end != std::string_view::npos)
      variables.emplace(text.substr(0, end), text.substr(end + 1));
  }
  return variables;
}

}  // namespace

SettingFlags::SettingFlags(CLI::App& command, bool hub) : hub_(hub) {
  const char* const heading = hub ? "Settings (see 'twinhub config')" : "Which hub";
  command.add_option("--config", file_, "TOML file of settings (see config/twinhub.example.toml)")
      ->check(CLI::ExistingFile)
      ->group(heading);
  for (const config::SettingInfo& info : config::all_settings()) {
    const bool is_client = info.key.starts_with(config::client_section);
    if (info.flag.empty() || (hub && is_client)) continue;
    const std::string flag(info.flag), help(info.help), key(info.key);
    CLI::Option* option = nullptr;
    if (key == "dev" || key == "recover" || key == "force_mode" || key == "ops_tls") {
      option = command.add_flag_callback(
          flag, [this, key] { flags_.emplace_back(key, "true"); }, help);
    } else if (key == "host_names" || key == "events.consumer_groups") {
      option = command.add_option(flag, lists_[key], help)->expected(1, 64);
    } else {
      option = command.add_option_function<std::string>(
          flag, [this, key](const std::string& text) { flags_.emplace_back(key, text); }, help);
    }
    const bool is_shown = hub || is_client || key == "data_dir";
    if (key == "client.context") option->type_name("CONTEXT");
    option->group(is_shown ? heading : "");  // CLI11: "" is taken, and not shown
  }
}

config::Loaded SettingFlags::load() const {
  config::Sources sources;
  if (!file_.empty()) sources.file = file_;
  sources.environment = hub_variables();
  if (const auto named = sources.environment.find(config::file_variable);
      file_.empty() && named != sources.environment.end() && !named->second.empty()) {
    if (!std::filesystem::is_regular_file(named->second))
      throw config::SettingsError(named->first + ": there is no file " + named->second);
    sources.file = named->second;
  }
  sources.flags = flags_;
  for (const auto& [key, names] : lists_) {
    if (names.empty()) continue;
    std::string joined;
    for (const std::string& name : names) joined += (joined.empty() ? "" : ",") + name;
    sources.flags.emplace_back(key, joined);
  }
  config::Loaded loaded = config::load(sources);
  if (!hub_) find_hub(loaded);
  return loaded;
}

CLI::App& CommandSet::group(CLI::App& parent, const std::string& name, const std::string& help) {
  CLI::App& app = *parent.add_subcommand(name, help);
  app.require_subcommand(1);
  return app;
}

void CommandSet::add(CLI::App& app, std::function<int(const config::Loaded&)> run) {
  commands_.push_back({&app, std::make_unique<SettingFlags>(app, false), std::move(run)});
}

void CommandSet::add_of_hub(CLI::App& app, std::function<int(const config::Loaded&)> run) {
  commands_.push_back({&app, std::make_unique<SettingFlags>(app, true), std::move(run)});
}

CLI::App& CommandSet::add(CLI::App& parent, const std::string& name, const std::string& help,
                          std::function<int(const config::Settings&)> run) {
  CLI::App& app = *parent.add_subcommand(name, help);
  add(app, [run = std::move(run)](const config::Loaded& loaded) { return run(loaded.settings); });
  return app;
}

void CommandSet::add_plain(CLI::App& app, std::function<int()> run) {
  commands_.push_back({&app, nullptr, [run = std::move(run)](const config::Loaded&) { return run(); }});
}

int CommandSet::run_parsed() const {
  for (const Command& command : commands_) {
    if (!command.app->parsed()) continue;
    try {
      return command.run(command.flags ? command.flags->load() : config::Loaded{});
    } catch (const config::SettingsError& error) {
      std::cerr << "twinhub: " << error.what() << "\n";
      return exit_usage;
    } catch (const std::exception& error) {  // a folder that may not be looked into, no memory
      std::cerr << "twinhub: " << error.what() << "\n";
      return exit_failed;
    }
  }
  return exit_usage;
}

}  // namespace twinhub::cli

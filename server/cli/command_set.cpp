#include "server/cli/command_set.hpp"

#include "server/cli/command_line.hpp"

#include <cstdlib>
#include <iostream>

namespace twinhub::cli {

SettingFlags::SettingFlags(CLI::App& command) {
  constexpr const char* heading = "Settings (see 'twinhub config')";
  command.add_option("--config", file_, "TOML file of settings (see config/twinhub.example.toml)")
      ->check(CLI::ExistingFile)
      ->group(heading);
  for (const config::SettingInfo& info : config::all_settings()) {
    if (info.flag.empty()) continue;
    const std::string flag(info.flag), help(info.help), key(info.key);
    CLI::Option* option = nullptr;
    if (key == "dev") {
      option = command.add_flag_callback(
          flag, [this] { flags_.emplace_back("dev", "true"); }, help);
    } else if (key == "host_names") {
      option = command.add_option(flag, host_names_, help)->expected(1, 64);
    } else {
      option = command.add_option_function<std::string>(
          flag, [this, key](const std::string& text) { flags_.emplace_back(key, text); }, help);
    }
    option->group(heading);
  }
}

config::Loaded SettingFlags::load() const {
  config::Sources sources;
  if (!file_.empty()) sources.file = file_;
  sources.environment = [](const char* name) { return std::getenv(name); };
  sources.flags = flags_;
  if (!host_names_.empty()) {
    std::string joined;
    for (const std::string& name : host_names_) joined += (joined.empty() ? "" : ",") + name;
    sources.flags.emplace_back("host_names", joined);
  }
  return config::load(sources);
}

CLI::App& CommandSet::group(CLI::App& parent, const std::string& name, const std::string& help) {
  CLI::App& app = *parent.add_subcommand(name, help);
  app.require_subcommand(1);
  return app;
}

void CommandSet::add(CLI::App& app, std::function<int(const config::Loaded&)> run) {
  commands_.push_back({&app, std::make_unique<SettingFlags>(app), std::move(run)});
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
    }
  }
  return exit_usage;
}

}  // namespace twinhub::cli

#include "server/cli/help.hpp"

#include "config/nearest.hpp"
#include "server/cli/command_line.hpp"

#include <algorithm>
#include <iostream>
#include <memory>
#include <vector>

namespace twinhub::cli {
namespace {

std::vector<const CLI::App*> children_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

}  // namespace

Place find_place(const CLI::App& root, std::span<const std::string> words) {
  Place place{&root, root.get_name(), std::nullopt};
  for (const std::string& word : words) {
    const auto children = children_of(*place.app);
    if (word.starts_with('-') || children.empty()) break;
    const auto found = std::find_if(children.begin(), children.end(),
                                    [&](const CLI::App* child) { return child->get_name() == word; });
    if (found == children.end()) {
      place.odd = word;
      break;
    }
    place.app = *found;
    place.path += " " + word;
  }
  return place;
}

std::string words_about(const Place& place) {
  std::string words = "twinhub: there is no command '" + *place.odd + "'";
  const auto children = children_of(*place.app);
  std::vector<std::string_view> names;
  for (const CLI::App* const child : children) names.push_back(child->get_name());
  if (const auto meant = config::close_to(names, *place.odd))
    return words + "; did you mean '" + place.path + " " + std::string(*meant) + "'?\n";
  return words + "; '" + place.path + " --help' lists those there are\n";
}

std::string help_of(const Place& place) {
  // Not App::help(), which prints the help of the command that was parsed.
  return place.app->get_formatter()->make_help(place.app, place.path, CLI::AppFormatMode::Normal);
}

void add_help_commands(CommandSet& commands) {
  CLI::App& root = commands.root();
  const auto asked = std::make_shared<std::vector<std::string>>();
  CLI::App& help = *root.add_subcommand("help", "Print the help of a command");
  help.add_option("command", *asked, "Its words, as in: twinhub help device create");
  commands.add_plain(help, [asked, &root] {
    const Place place = find_place(root, *asked);
    if (place.odd) {
      std::cerr << words_about(place);
      return exit_usage;
    }
    std::cout << help_of(place);
    return exit_ok;
  });
  CLI::App& version_app = *root.add_subcommand("version", "Print the version and the commit it was built from");
  commands.add_plain(version_app, [] {
    std::cout << "twinhub " << version() << " (" << commit() << ")\n";
    return exit_ok;
  });
}

}  // namespace twinhub::cli

#include "server/cli/live_completion.hpp"

#include "config/contexts.hpp"
#include "config/policies.hpp"
#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/document.hpp"
#include "protocol/json/text.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/command_set.hpp"
#include "server/cli/hub_call.hpp"
#include "server/cli/query_pages.hpp"
#include "server/cli/text_output.hpp"

#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <exception>
#include <iostream>

namespace twinhub::cli {
namespace {

constexpr unsigned time_limit_seconds = 2;  // a person waits with a finger on the key
constexpr std::uint64_t names_max = 500;

void give_up(int /*signal*/) { ::_exit(exit_ok); }

/// The operand of the option that `word` names, when its value is the next word.
const CLI::Option* option_with_value(const CLI::App& command, const std::string& word) {
  if (!word.starts_with("--") || word.find('=') != std::string::npos) return nullptr;
  const CLI::Option* const option = command.get_option_no_throw(word);
  return option != nullptr && option->get_items_expected_max() > 0 ? option : nullptr;
}

std::vector<const CLI::Option*> positionals_of(const CLI::App& command) {
  auto options = command.get_options([](const CLI::Option* option) { return option->get_positional(); });
  return {options.begin(), options.end()};
}

/// The members of a list that the hub answers with.
std::vector<std::string> members(const config::Settings& settings, const std::string& path, std::string_view list,
                                 std::string_view member) {
  std::vector<std::string> names;
  const auto body = call_hub(settings, "GET", path);
  const auto document = body ? json::parse(*body) : Result<json::Document>(body.error());
  if (!document) return names;
  const auto rows = list.empty() ? std::optional(document->root()) : document->root().find(list);
  if (!rows) return names;
  for (const json::Value row : *rows) names.push_back(text_at(row, member));
  return names;
}

/// Behind more than can be shown stands what was typed: a shell that inserts what all candidates have in common is to
/// insert nothing.
std::vector<std::string> devices(const config::Settings& settings, const std::string& prefix) {
  std::vector<std::string> names;
  auto hub = HubConnection::open(settings);
  if (!hub) return names;
  std::string text = "SELECT deviceId FROM devices";
  if (!prefix.empty()) {
    text += " WHERE STARTS_WITH(deviceId, ";
    json::append_string(text, json::to_utf8(prefix));  // the query language's strings have JSON's escapes
    text += ')';
  }
  const auto done = query_pages(*hub, {text, names_max}, [&](const json::Value& rows) {
    for (const json::Value row : rows) names.push_back(text_at(row, "deviceId"));
  });
  if (done && names.size() >= names_max) names.push_back(prefix.empty() ? "..." : prefix);
  return names;
}

std::vector<std::string> names_of(const config::Settings& settings, const TypedOperand& operand,
                                  const std::string& prefix) {
  if (operand.noun == "DEVICE") return devices(settings, prefix);
  if (operand.noun == "MODULE" && !operand.arguments.empty())
    return members(settings, "/devices/" + iothub::percent_encode(operand.arguments.front()) + "/modules", "",
                   "moduleId");
  if (operand.noun == "JOB") return members(settings, "/jobs/v2/query", "", "jobId");
  if (operand.noun == "CONFIGURATION") return members(settings, "/configurations", "", "id");
  if (operand.noun == "CERTIFICATE") return members(settings, "/certificates", "value", "name");
  std::vector<std::string> names;
  if (operand.noun == "CONTEXT") {
    for (const auto& [name, context] : config::read_contexts(config::contexts_file()).all) names.push_back(name);
  }
  if (operand.noun == "POLICY") {
    for (const auto& policy : config::policies_of(settings)) names.push_back(policy.name);
  }
  return names;
}

/// By the flags among the words; the words of the command itself are no flags of this.
config::Settings settings_of(std::span<const std::string> words) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  const SettingFlags flags(app, false);
  app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // CLI11 takes the last word first
  return flags.load().settings;
}

}  // namespace

bool is_live_noun(std::string_view type_name) {
  return std::find(std::begin(live_nouns), std::end(live_nouns), type_name) != std::end(live_nouns);
}

std::optional<TypedOperand> typed_operand(const CLI::App& root, std::span<const std::string> words) {
  if (words.empty() || words.back().starts_with('-')) return std::nullopt;
  const CLI::App* command = &root;
  const CLI::Option* option = nullptr;  // whose value the next word is
  TypedOperand operand;
  for (const std::string& word : words.first(words.size() - 1)) {
    if (option != nullptr) {
      if (option->get_type_name() == "DEVICE") operand.arguments.insert(operand.arguments.begin(), word);
      option = nullptr;
      continue;
    }
    const auto children = command->get_subcommands([&](const CLI::App* child) { return child->get_name() == word; });
    if (!children.empty() && operand.arguments.empty()) {
      command = children.front();
    } else if (word.starts_with('-')) {
      option = option_with_value(*command, word);
    } else {
      operand.arguments.push_back(word);
    }
  }
  if (option == nullptr) {
    const auto positionals = positionals_of(*command);
    if (operand.arguments.size() < positionals.size()) option = positionals[operand.arguments.size()];
  }
  if (option == nullptr || !is_live_noun(option->get_type_name())) return std::nullopt;
  operand.noun = option->get_type_name();
  return operand;
}

int complete_words(const CLI::App& root, std::span<const std::string> words) {
  std::signal(SIGALRM, give_up);
  ::alarm(time_limit_seconds);
  try {
    const auto operand = typed_operand(root, words);
    if (!operand) return exit_ok;
    const std::string& prefix = words.back();
    const config::Settings settings =
        operand->noun == "CONTEXT" ? config::Settings{} : settings_of(words.first(words.size() - 1));
    for (const std::string& name : names_of(settings, *operand, prefix)) {
      if (name.starts_with(prefix) || name == "...") std::cout << name << "\n";
    }
  } catch (const std::exception&) {
    // Nobody is there to read what is wrong: the command says it once it is run.
  }
  return exit_ok;
}

}  // namespace twinhub::cli

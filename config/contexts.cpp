#include "config/contexts.hpp"

#include "config/settings.hpp"

#include <toml++/toml.h>
#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace twinhub::config {
namespace {

namespace fs = std::filesystem;

bool is_set(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

Context read_context(const toml::table& table, const std::string& place) {
  Context context;
  for (const auto& [name, node] : table) {
    const auto text = node.value<std::string>();
    const bool is_string = name.str() == "connection_string", is_ca = name.str() == "ca";
    if (!text || (!is_string && !is_ca))
      throw SettingsError(place + ": '" + std::string(name.str()) + "' is neither connection_string nor ca, a text");
    (is_string ? context.connection_string : context.ca) = *text;
  }
  if (context.connection_string.empty()) throw SettingsError(place + ": there is no connection_string");
  return context;
}

}  // namespace

bool has_contexts_file() { return is_set("XDG_CONFIG_HOME") || is_set("HOME"); }

fs::path contexts_file() {
  constexpr const char* below = "twinhub/contexts.toml";
  if (is_set("XDG_CONFIG_HOME")) return fs::path(std::getenv("XDG_CONFIG_HOME")) / below;
  if (is_set("HOME")) return fs::path(std::getenv("HOME")) / ".config" / below;
  throw SettingsError("contexts are kept in the home folder, and neither HOME nor XDG_CONFIG_HOME is set");
}

Contexts read_contexts(const fs::path& file) {
  Contexts contexts;
  std::error_code unreadable;
  if (!fs::exists(file, unreadable)) {
    if (unreadable) throw SettingsError(file.string() + ": " + unreadable.message());
    return contexts;
  }
  toml::table table;
  try {
    table = toml::parse_file(file.string());
  } catch (const toml::parse_error& error) {
    throw SettingsError(file.string() + ":" + std::to_string(error.source().begin.line) + ": " +
                        std::string(error.description()));
  }
  contexts.current = table["current"].value_or(std::string());
  if (const toml::table* all = table["contexts"].as_table()) {
    for (const auto& [name, node] : *all) {
      const std::string place = file.string() + ":" + std::to_string(name.source().begin.line);
      const toml::table* context = node.as_table();
      if (context == nullptr) throw SettingsError(place + ": a context is a table");
      contexts.all.emplace(name.str(), read_context(*context, place));
    }
  }
  if (!contexts.current.empty() && !contexts.all.contains(contexts.current))
    throw SettingsError(file.string() + ": the current context '" + contexts.current + "' is not there");
  return contexts;
}

std::string contexts_text(const Contexts& contexts) {
  toml::table table, all;
  if (!contexts.current.empty()) table.insert("current", contexts.current);
  for (const auto& [name, context] : contexts.all) {
    toml::table one{{"connection_string", context.connection_string}};
    if (!context.ca.empty()) one.insert("ca", context.ca);
    all.insert(name, std::move(one));
  }
  table.insert("contexts", std::move(all));
  std::ostringstream text;
  text << "# Written by 'twinhub context'. It holds keys.\n" << table << "\n";
  return text.str();
}

void check_context_name(std::string_view name) {
  const bool is_name = !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
  if (!is_name)
    throw SettingsError("'" + std::string(name) + "' is no context's name: 1 to 64 letters, digits, '.', '_' and '-'");
}

}  // namespace twinhub::config

#include "config/load.hpp"

#include "config/nearest.hpp"
#include "config/routes_toml.hpp"

#include <toml++/toml.h>
#include <algorithm>
#include <sstream>

namespace twinhub::config {
namespace {

/// A TOML value as the text that SettingInfo::assign takes.
std::string text_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  if (const auto* list = node.as_array()) {
    std::string joined;
    for (const auto& element : *list) {
      if (!element.is_string()) throw SettingsError("is a list of something other than strings");
      joined += (joined.empty() ? "" : ",") + element.as_string()->get();
    }
    return joined;
  }
  throw SettingsError("is neither text, whole number, true, false nor a list of texts");
}

/// `named`: the setting, where `origin` does not name it.
void assign(Loaded& loaded, const SettingInfo& info, std::string_view text, const std::string& origin,
            const std::string& named) {
  try {
    info.assign(loaded.settings, text);
  } catch (const SettingsError& wrong) {
    throw SettingsError(origin + ": " + (named.empty() ? "" : named + ": ") + wrong.what());
  }
  loaded.origins[std::string(info.key)] = origin;
}

class FileReader {
 public:
  FileReader(Loaded& loaded, std::string path) : loaded_(loaded), path_(std::move(path)) {}

  void read(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
      const std::string key = prefix + std::string(name.str());
      if (prefix.empty() && is_routes_key(key)) continue;  // read_routing() takes these
      const std::string place = path_ + ":" + std::to_string(name.source().begin.line);
      if (const auto* section = node.as_table()) {
        read(*section, key + ".");
        continue;
      }
      const SettingInfo* info = find_setting(key);
      if (info == nullptr) {
        throw SettingsError(place + ": there is no setting '" + key + "'; did you mean '" +
                            std::string(nearest_key(key)) + "'?");
      }
      std::string text;
      try {
        text = text_of(node);
      } catch (const SettingsError& wrong) {
        throw SettingsError(place + ": " + key + " " + wrong.what());
      }
      assign(loaded_, *info, text, place, key);
    }
  }

 private:
  Loaded& loaded_;
  std::string path_;
};

void read_file(Loaded& loaded, const std::filesystem::path& path) {
  toml::table table;
  try {
    table = toml::parse_file(path.string());
  } catch (const toml::parse_error& error) {
    throw SettingsError(path.string() + ":" + std::to_string(error.source().begin.line) + ": " +
                        std::string(error.description()));
  }
  FileReader(loaded, path.string()).read(table, "");
  loaded.routing = read_routing(table, path.string());
}

/// Of the command line, which looks at them itself.
constexpr std::string_view command_line_variables[] = {file_variable};

/// What Kubernetes, and Docker's links, give every container about a service named twinhub or twinhub-...:
/// TWINHUB_SERVICE_HOST, TWINHUB_PORT=tcp://..., TWINHUB_PORT_443_TCP_ADDR. Nobody has said it to the hub.
bool is_of_service_link(std::string_view name, std::string_view value) {
  const auto has = [name](std::string_view part) { return name.find(part) != std::string_view::npos; };
  const bool is_url = value.starts_with("tcp://") || value.starts_with("udp://");
  return name.ends_with("_SERVICE_HOST") || has("_SERVICE_PORT") || (is_url && name.ends_with("_PORT")) ||
         (has("_PORT_") && (has("_TCP") || has("_UDP")));
}

/// A variable that nothing reads is a setting that somebody believes to have made.
void check_variable(std::string_view name) {
  std::vector<std::string> names(std::begin(command_line_variables), std::end(command_line_variables));
  for (const SettingInfo& info : all_settings()) names.push_back(environment_name(info.key));
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  const std::vector<std::string_view> known(names.begin(), names.end());
  throw SettingsError(std::string(name) + ": there is no such setting; did you mean " +
                      std::string(nearest_of(known, name)) + "?");
}

void check_whole(const Settings& settings) {
  if (settings.tls_certificate.empty() != settings.tls_private_key.empty()) {
    throw SettingsError("tls.certificate and tls.private_key must be set together");
  }
}

/// What `dev` makes of settings that nobody has set: its keys are well known, so the hub is for this machine alone.
void apply_dev_defaults(Loaded& loaded) {
  const auto by_default = [&loaded](const char* key) {
    std::string& origin = loaded.origins[key];
    if (origin != "default") return false;
    origin = "dev";
    return true;
  };
  if (by_default("faults")) loaded.settings.faults = true;
  if (by_default("listen")) loaded.settings.listen = "127.0.0.1";
  if (by_default("control.enabled")) loaded.settings.control_enabled = true;
  if (by_default("management.enabled")) loaded.settings.management_enabled = true;
  if (by_default("management.delete")) loaded.settings.management_delete = "erase";
}

}  // namespace

Loaded load(const Sources& sources) {
  Loaded loaded;
  loaded.sources = sources;
  for (const SettingInfo& info : all_settings()) loaded.origins[std::string(info.key)] = "default";
  if (sources.file) read_file(loaded, *sources.file);
  for (const auto& [name, value] : sources.environment) {
    if (!is_of_service_link(name, value)) check_variable(name);
  }
  for (const SettingInfo& info : all_settings()) {
    const auto found = sources.environment.find(environment_name(info.key));
    if (found != sources.environment.end() && !found->second.empty() &&
        !is_of_service_link(found->first, found->second))
      assign(loaded, info, found->second, found->first, "");
  }
  for (const auto& [key, text] : sources.flags) {
    const SettingInfo* info = find_setting(key);
    if (info == nullptr) throw SettingsError("there is no setting '" + key + "'");
    assign(loaded, *info, text, std::string(info->flag), "");
  }
  check_whole(loaded.settings);
  check_routing(loaded.routing);
  if (loaded.settings.dev) apply_dev_defaults(loaded);
  return loaded;
}

std::string describe(const Loaded& loaded) {
  std::ostringstream out;
  std::string section;
  for (const SettingInfo& info : all_settings()) {
    const std::size_t dot = info.key.find('.');
    const std::string_view in = dot == std::string_view::npos ? std::string_view{} : info.key.substr(0, dot);
    if (in != section) {
      section = in;
      out << "\n[" << section << "]\n";
    }
    const std::string_view name = dot == std::string_view::npos ? info.key : info.key.substr(dot + 1);
    std::string line = std::string(name) + " = " + info.show(loaded.settings);
    line.resize(std::max<std::size_t>(line.size() + 1, 44), ' ');
    out << line << "# " << loaded.origins.find(info.key)->second << "\n";
  }
  out << describe(loaded.routing);
  return out.str();
}

}  // namespace twinhub::config

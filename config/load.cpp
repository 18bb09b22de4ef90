#include "config/load.hpp"

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

void assign(Loaded& loaded, const SettingInfo& info, std::string_view text, const std::string& origin,
            const std::string& named) {
  try {
    info.assign(loaded.settings, text);
  } catch (const SettingsError& wrong) {
    throw SettingsError(origin + ": " + named + ": " + wrong.what());
  }
  loaded.origins[std::string(info.key)] = origin;
}

class FileReader {
 public:
  FileReader(Loaded& loaded, std::string path) : loaded_(loaded), path_(std::move(path)) {}

  void read(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
      const std::string key = prefix + std::string(name.str());
      if (prefix.empty() && is_routes_key(key)) continue;  // read_routes() takes these
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

void check_whole(const Settings& settings) {
  if (settings.tls_certificate.empty() != settings.tls_private_key.empty()) {
    throw SettingsError("tls.certificate and tls.private_key must be set together");
  }
}

}  // namespace

Loaded load(const Sources& sources) {
  Loaded loaded;
  for (const SettingInfo& info : all_settings()) loaded.origins[std::string(info.key)] = "default";
  if (sources.file) read_file(loaded, *sources.file);
  for (const SettingInfo& info : all_settings()) {
    const std::string name = environment_name(info.key);
    const char* value = sources.environment ? sources.environment(name.c_str()) : nullptr;
    if (value != nullptr) assign(loaded, info, value, name, std::string(info.key));
  }
  for (const auto& [key, text] : sources.flags) {
    const SettingInfo* info = find_setting(key);
    if (info == nullptr) throw SettingsError("there is no setting '" + key + "'");
    assign(loaded, *info, text, std::string(info->flag), key);
  }
  check_whole(loaded.settings);
  check_routing(loaded.routing);
  std::string& faults_origin = loaded.origins["faults"];
  if (loaded.settings.dev && faults_origin == "default") {
    loaded.settings.faults = true;
    faults_origin = "dev";
  }
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

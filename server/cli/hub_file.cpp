#include "server/cli/hub_file.hpp"

#include "protocol/json/document.hpp"
#include "protocol/json/text.hpp"
#include "server/cli/command_line.hpp"
#include "storage/backup/layout.hpp"

#include <unistd.h>
#include <fstream>
#include <optional>
#include <sstream>

namespace twinhub::cli {
namespace {

/// What a command has to know to find a hub, to name it, and to tell whether its store is on disk.
constexpr std::string_view shared_settings[] = {"dev",        "host_names",         "listen",          "mqtts_port",
                                                "amqps_port", "https_port",         "plain_listen",    "mqtt_port",
                                                "amqp_port",  "http_port",          "ops_listen",      "ops_port",
                                                "ops_tls",    "management.enabled", "tls.certificate", "durability"};

/// The folder's own name, whatever way leads to it; "" where it cannot be told.
std::string folder_of(const config::Settings& settings) {
  std::error_code error;
  return json::to_utf8(std::filesystem::canonical(settings.data_dir, error).string());
}

/// As SettingInfo::show() gives it; texts with JSON's escapes.
void append_setting(std::string& text, const std::string& shown) {
  if (!shown.starts_with('"')) {
    text += shown;  // numbers, truths and lists of checked names: TOML and JSON alike
  } else {
    json::append_string(text, json::to_utf8(std::string_view(shown).substr(1, shown.size() - 2)));
  }
}

/// As SettingInfo::assign() takes it.
std::optional<std::string> text_of(const json::Value& value) {
  if (const auto text = value.string()) return text;
  if (value.kind() != json::Kind::array) return std::string(value.text());
  std::string joined;
  for (const json::Value element : value) {
    const auto text = element.string();
    if (!text) return std::nullopt;
    joined += (joined.empty() ? "" : ",") + *text;
  }
  return joined;
}

}  // namespace

std::filesystem::path hub_file(const config::Settings& settings) {
  return std::filesystem::path(settings.data_dir) / storage::backup::hub_file_name;
}

std::string hub_file_text(const config::Settings& settings, const std::filesystem::path& ca) {
  std::string text = "{\n  ";
  json::append_key(text, "pid");
  text += std::to_string(::getpid()) + ",\n  ";
  json::append_key(text, "version");
  json::append_string(text, version());
  text += ",\n  ";
  json::append_key(text, "ca");
  json::append_string(text, json::to_utf8(ca.empty() ? "" : std::filesystem::absolute(ca).lexically_normal().string()));
  text += ",\n  ";
  json::append_key(text, "folder");
  json::append_string(text, folder_of(settings));
  const config::Settings shown = config::with_chosen_ports(settings);
  for (const std::string_view key : shared_settings) {
    text += ",\n  ";
    json::append_key(text, key);
    append_setting(text, config::find_setting(key)->show(shown));
  }
  return text + "\n}\n";
}

void adopt_hub_file(config::Loaded& loaded) {
  const std::string file = hub_file(loaded.settings).string();
  std::ifstream in(file);
  if (!in) return;
  std::ostringstream text;
  text << in.rdbuf();
  const auto broken = [&file](const std::string& why) {
    return config::SettingsError(file + " is not what the hub has written: " + why + "; remove it, or restart the hub");
  };
  const auto document = json::parse(text.str());
  if (!document || !document->root().is_object()) throw broken("no JSON object");
  // A folder that was copied, or moved: the hub that it speaks of is another one.
  const auto folder = document->root().find("folder");
  if (folder && folder->string() != folder_of(loaded.settings)) return;
  for (const std::string_view key : shared_settings) {
    std::string& origin = loaded.origins.find(key)->second;
    // A port that is "auto" does not say where the hub is: its file does.
    const bool is_auto = config::find_setting(key)->show(loaded.settings) == "\"auto\"";
    if (origin != "default" && origin != "dev" && !is_auto) continue;
    const auto value = document->root().find(key);
    if (!value) continue;
    const auto setting = text_of(*value);
    if (!setting) throw broken(std::string(key));
    try {
      config::find_setting(key)->assign(loaded.settings, *setting);
    } catch (const config::SettingsError& error) {
      throw broken(std::string(key) + ": " + error.what());
    }
    origin = file;
  }
}

}  // namespace twinhub::cli

// How settings are found: by their keys, in the environment, and by what was meant.
#include "config/nearest.hpp"
#include "config/settings.hpp"

#include <algorithm>
#include <vector>

namespace twinhub::config {

const SettingInfo* find_setting(std::string_view key) {
  const auto table = all_settings();
  const auto found = std::find_if(table.begin(), table.end(), [&](const SettingInfo& info) { return info.key == key; });
  return found == table.end() ? nullptr : &*found;
}

Settings with_chosen_ports(Settings settings) {
  using S = Settings;
  for (const auto port :
       {&S::mqtts_port, &S::amqps_port, &S::https_port, &S::mqtt_port, &S::amqp_port, &S::http_port, &S::ops_port})
    (settings.*port).is_auto = false;
  return settings;
}

std::string environment_name(std::string_view key) {
  constexpr std::string_view enabled = ".enabled";
  if (key.starts_with(client_section)) key.remove_prefix(client_section.size());
  if (key.ends_with(enabled)) key.remove_suffix(enabled.size());
  std::string name = "TWINHUB_";
  for (const char c : key) name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
  return name;
}

std::string_view nearest_key(std::string_view wrong) {
  std::vector<std::string_view> keys;
  for (const SettingInfo& info : all_settings()) keys.push_back(info.key);
  keys.insert(keys.end(), {"routes", "fallback", "enrichments", "endpoints"});
  return nearest_of(keys, wrong);
}

}  // namespace twinhub::config

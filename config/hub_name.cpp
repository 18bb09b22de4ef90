#include "config/hub_name.hpp"

#include <fstream>

namespace twinhub::config {

std::string hub_name(const Settings& settings) {
  if (!settings.events_hub_name.empty()) return settings.events_hub_name;
  if (settings.host_names.empty()) return "localhost";
  const std::string& name = settings.host_names.front();
  const bool is_address =
      name.find_first_not_of("0123456789.") == std::string::npos || name.find(':') != std::string::npos;
  return is_address ? name : name.substr(0, name.find('.'));
}

std::filesystem::path hub_name_file(const Settings& settings) {
  return std::filesystem::path(settings.data_dir) / "hub_name";
}

std::string hub_name_in_use(const Settings& settings) {
  if (!settings.events_hub_name.empty()) return settings.events_hub_name;
  std::string name;
  std::getline(std::ifstream(hub_name_file(settings)), name);
  return name.empty() ? hub_name(settings) : name;
}

}  // namespace twinhub::config

// The hub's name: hubName of events, {hub} of topics, and the entity path of the Event Hubs-compatible endpoint.
#pragma once

#include "config/settings.hpp"

#include <filesystem>
#include <string>

namespace twinhub::config {

/// Setting events.hub_name, else the first host name up to its first dot (an address as it is).
[[nodiscard]] std::string hub_name(const Settings& settings);

/// DATA/hub_name: the name under which the hub was last started. A command beside the hub is seldom given the host names
/// that the hub was given, and a connection string with another entity path leads nowhere.
[[nodiscard]] std::filesystem::path hub_name_file(const Settings& settings);
/// The name of the hub in the data folder; that of the settings where events.hub_name is set, or no hub was started.
[[nodiscard]] std::string hub_name_in_use(const Settings& settings);

}  // namespace twinhub::config

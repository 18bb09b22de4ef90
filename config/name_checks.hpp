// What names of the hub, of its group and of what Event Hubs clients read may look like. Each throws SettingsError.
#pragma once

#include <string_view>

namespace twinhub::config {

/// An empty one passes: none is set.
void check_hub_name(std::string_view text);
void check_group_name(std::string_view text);
void check_consumer_group(std::string_view text);
void check_event_hub_name(std::string_view text);
/// What clients connect to and certificates carry: a DNS name, or an IPv4 or IPv6 address without brackets.
void check_host_name(std::string_view text);

}  // namespace twinhub::config

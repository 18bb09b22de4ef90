#include "config/name_checks.hpp"

#include "config/settings.hpp"

#include <arpa/inet.h>
#include <algorithm>
#include <string>

namespace twinhub::config {
namespace {

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

}  // namespace

/// Source: azure-docs resource-name-rules (Microsoft.Devices/IotHubs, Microsoft.Resources/resourceGroups).
void check_hub_name(std::string_view text) {
  const bool is_name = text.size() >= 3 && text.size() <= 50 && text.back() != '-' &&
                       std::all_of(text.begin(), text.end(), [](char c) { return is_letter_or_digit(c) || c == '-'; });
  if (!text.empty() && !is_name)
    throw SettingsError("'" + std::string(text) +
                        "' is no hub name: 3 to 50 letters, digits and '-', no '-' at the end");
}

void check_group_name(std::string_view text) {
  const bool is_name =
      !text.empty() && text.size() <= 90 && text.back() != '.' && std::all_of(text.begin(), text.end(), [](char c) {
        return is_letter_or_digit(c) || std::string_view("_-.()").find(c) != std::string_view::npos;
      });
  if (!is_name)
    throw SettingsError(
        "'" + std::string(text) +
        "' is no resource group's name: 1 to 90 letters, digits, '_', '-', '.', '(' and ')', no '.' at the end");
}

/// Source: azure-docs resource-name-rules (Microsoft.EventHub/namespaces/eventhubs/consumergroups).
void check_consumer_group(std::string_view text) {
  const bool is_name = !text.empty() && text.size() <= 50 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter_or_digit(c) || std::string_view("._-").find(c) != std::string_view::npos;
  });
  if (!is_name)
    throw SettingsError("'" + std::string(text) +
                        "' is no consumer group's name: 1 to 50 letters, digits, '.', '_' and '-'");
}

/// The first segment of link addresses, where other names have a meaning of their own.
void check_event_hub_name(std::string_view text) {
  const bool is_taken = text == "messages" || text == "devices" || text.starts_with('$');
  if (is_taken || text.find(';') != std::string_view::npos)
    throw SettingsError("'" + std::string(text) +
                        "' is no name for Event Hubs clients: not messages, devices or $.., and no ';' in it");
}

/// Source: RFC 1123, 2.1, and RFC 1035, 2.3.4, for the lengths; '_' is common in the names of containers.
void check_host_name(std::string_view text) {
  in6_addr address{};
  if (::inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1) return;
  std::size_t label = 0;
  bool is_name = !text.empty() && text.size() <= 253;
  for (const char c : text) {
    label = c == '.' ? 0 : label + 1;
    is_name = is_name && label <= 63 && (is_letter_or_digit(c) || c == '-' || c == '_' || c == '.');
  }
  if (!is_name)
    throw SettingsError("'" + std::string(text) +
                        "' is no host name: letters, digits, '-', '_' and '.', or an IPv4 or IPv6 address");
}

}  // namespace twinhub::config

#include "protocol/iothub/connection_string.hpp"

namespace twinhub::iothub {

std::string to_string(const ConnectionString& parts) {
  std::string text = "HostName=" + parts.host_name;
  if (!parts.id.device.empty()) text += ";DeviceId=" + parts.id.device;
  if (parts.id.is_module()) text += ";ModuleId=" + parts.id.module;
  if (!parts.policy.empty()) text += ";SharedAccessKeyName=" + parts.policy;
  if (parts.x509) return text + ";x509=true";
  return text + ";SharedAccessKey=" + parts.shared_access_key;
}

std::optional<ConnectionString> parse_connection_string(std::string_view text) {
  ConnectionString parts;
  while (!text.empty()) {
    const std::size_t end = text.find(';');
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = pair.substr(0, equals);
    const std::string value(pair.substr(equals + 1));
    if (name == "HostName") parts.host_name = value;
    if (name == "SharedAccessKeyName") parts.policy = value;
    if (name == "SharedAccessKey") parts.shared_access_key = value;
    if (name == "DeviceId") parts.id.device = value;
    if (name == "ModuleId") parts.id.module = value;
    if (name == "x509") parts.x509 = value == "true";
  }
  if (parts.host_name.empty() || (parts.shared_access_key.empty() && !parts.x509)) return std::nullopt;
  return parts;
}

}  // namespace twinhub::iothub

#include "protocol/iothub/connection_string.hpp"

#include "protocol/ascii.hpp"

namespace twinhub::iothub {

std::string to_string(const ConnectionString& parts) {
  std::string text = "HostName=" + parts.host_name;
  if (!parts.id.device.empty()) text += ";DeviceId=" + parts.id.device;
  if (parts.id.is_module()) text += ";ModuleId=" + parts.id.module;
  if (!parts.policy.empty()) text += ";SharedAccessKeyName=" + parts.policy;
  if (parts.x509) return text + ";x509=true";
  return text + ";SharedAccessKey=" + parts.shared_access_key;
}

std::string event_hubs_endpoint(const std::string& host, std::uint16_t port) {
  constexpr std::uint16_t usual_port = 5671;
  const bool is_v6 = host.find(':') != std::string::npos && !host.starts_with('[');
  return "sb://" + (is_v6 ? "[" + host + "]" : host) + (port == usual_port ? "" : ":" + std::to_string(port)) + "/";
}

std::string event_hubs_connection_string(const ConnectionString& policy, std::uint16_t port,
                                         const std::string& entity) {
  return "Endpoint=" + event_hubs_endpoint(policy.host_name, port) + ";SharedAccessKeyName=" + policy.policy +
         ";SharedAccessKey=" + policy.shared_access_key + ";EntityPath=" + entity;
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
    const auto is = [name](std::string_view known) { return equals_ignoring_case(name, known); };
    if (is("HostName")) parts.host_name = value;
    if (is("SharedAccessKeyName")) parts.policy = value;
    if (is("SharedAccessKey")) parts.shared_access_key = value;
    if (is("DeviceId")) parts.id.device = value;
    if (is("ModuleId")) parts.id.module = value;
    if (is("x509")) parts.x509 = equals_ignoring_case(value, "true");  // .NET's builder writes "True"
  }
  if (parts.host_name.empty() || (parts.shared_access_key.empty() && !parts.x509)) return std::nullopt;
  return parts;
}

}  // namespace twinhub::iothub

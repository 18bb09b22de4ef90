#include "protocol/iothub/telemetry_properties.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace twinhub::iothub {
namespace {

/// The name of a system property on the topic, and its name for back ends. "" = the sender may not set it: dropped.
struct SystemName {
  std::string_view on_topic;
  std::string_view at_back_end;
};
constexpr std::string_view message_id_on_topic = "$.mid";

constexpr std::array system_names{
    SystemName{message_id_on_topic, "message-id"},
    SystemName{"$.cid", "correlation-id"},
    SystemName{"$.uid", "user-id"},
    SystemName{"$.ct", "content-type"},
    SystemName{"$.ce", "content-encoding"},
    SystemName{"$.ctime", "iothub-creation-time-utc"},
    SystemName{"$.on", "iothub-outputname"},
    SystemName{"$.sub", "dt-subject"},
    SystemName{"$.ifid", "iothub-interface-id"},
    SystemName{"$.schema", "iothub-message-schema"},
    SystemName{"$.diagid", "Diagnostic-Id"},
    SystemName{"$.diagctx", "Correlation-Context"},
    SystemName{"iothub-operation", "iothub-operation"},
    SystemName{"iothub-ack", "iothub-ack"},
    SystemName{"$.cdid", ""},
    SystemName{"$.cmid", ""},
    SystemName{"$.to", ""},
    SystemName{"$.exp", ""},
};

}  // namespace

std::string to_text(AuthMethod method, const IdentityId& id) {
  const std::string_view scope = method.by_policy ? "hub" : id.is_module() ? "module" : "device";
  const std::string_view type = method.by_certificate ? "x509" : "sas";
  return R"({"scope":")" + std::string(scope) + R"(","type":")" + std::string(type) +
         R"(","issuer":"iothub","acceptingIpFilterRule":null})";
}

TelemetryProperties parse_telemetry_properties(std::string_view bag) {
  TelemetryProperties sorted;
  for (Property& property : parse_property_bag(bag)) {
    const auto row = std::find_if(system_names.begin(), system_names.end(),
                                  [&](const SystemName& names) { return names.on_topic == property.name; });
    if (row == system_names.end()) {
      sorted.application.push_back(std::move(property));
    } else if (!row->at_back_end.empty()) {
      set_property(sorted.system, row->at_back_end, std::move(property.value));
    }
  }
  return sorted;
}

void set_property(std::vector<Property>& properties, std::string_view name, std::optional<std::string> value) {
  const auto known = std::find_if(properties.begin(), properties.end(), [&](const auto& p) { return p.name == name; });
  if (known != properties.end()) {
    known->value = std::move(value);
  } else {
    properties.push_back({std::string(name), std::move(value)});
  }
}

std::size_t counted_bytes(const TelemetryProperties& properties) {
  std::size_t bytes = 0;
  for (const auto& property : properties.system) bytes += property.value ? property.value->size() : 0;
  for (const auto& property : properties.application) {
    bytes += property.name.size() + (property.value ? property.value->size() : 0);
  }
  return bytes;
}

bool may_have_message_id_beyond(std::string_view bag, std::size_t bytes) {
  if (property_bytes_max(bag) <= bytes) return false;
  while (!bag.empty()) {
    const std::string_view pair = bag.substr(0, bag.find('&'));
    bag.remove_prefix(std::min(bag.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    if (property_bytes_max(pair.substr(equals + 1)) <= bytes) continue;
    if (decodes_to(pair.substr(0, equals), message_id_on_topic)) return true;
  }
  return false;
}

}  // namespace twinhub::iothub

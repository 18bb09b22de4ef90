#include "protocol/iothub/connect_fields.hpp"

#include "protocol/iothub/property_bag.hpp"

#include <algorithm>

namespace twinhub::iothub {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// Takes the text up to the next '/'.
std::string_view next_segment(std::string_view& rest) {
  const std::size_t slash = rest.find('/');
  const std::string_view segment = rest.substr(0, slash);
  rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
  return trimmed(segment);
}

/// A Digital Twins Definition Language identifier has at most so many characters (DTDL v2, "Digital Twin Model ID").

/// The query follows: "?..." as today's clients write it, or what those of 2016 to 2018 do, "api-version=..." or
/// "DeviceClientType=..." alone (azure-iot-device 1.0). What today's form of a query follows is a module's id, whatever it
/// looks like.
bool is_query(std::string_view text) {
  if (text.empty() || text.front() == '?') return true;
  const std::string_view segment = text.substr(0, text.find('/'));
  if (text.substr(segment.size()).starts_with("/?")) return false;
  for (const std::string_view name : {"DeviceClientType=", "model-id=", "auth-chain="}) {
    if (segment.starts_with(name)) return true;
  }
  return segment.find("api-version=") != std::string_view::npos;
}

void read_query(std::string_view query, ConnectFields& fields) {
  if (query.starts_with('?')) query.remove_prefix(1);
  bool has_version = false, has_type = false, has_model = false;
  for (const Property& property : parse_property_bag(query)) {
    const auto take_first = [&](std::string_view name, bool& seen, std::string& target) {
      if (seen || property.name != name) return;
      seen = true;
      target = property.value.value_or("");
    };
    take_first("api-version", has_version, fields.api_version);
    take_first("DeviceClientType", has_type, fields.client_type);
    take_first("model-id", has_model, fields.model_id);
  }
}

}  // namespace

std::optional<ConnectFields> parse_user_name(std::string_view user_name) {
  ConnectFields fields;
  std::string_view rest = user_name;
  fields.host = next_segment(rest);
  fields.id.device = next_segment(rest);
  if (fields.host.empty() || !is_valid_id(fields.id.device)) return std::nullopt;
  // Read from the left: a '/' inside a query value is data.
  if (!is_query(trimmed(rest))) {
    fields.id.module = next_segment(rest);
    if (!is_valid_id(fields.id.module)) return std::nullopt;
  }
  read_query(trimmed(rest), fields);
  // "api-version=2017-06-30/DeviceClientType=..." was seen from clients of that year.
  fields.api_version.resize(std::min(fields.api_version.size(), fields.api_version.find('/')));
  return fields;
}

std::string client_id_of(const IdentityId& id) { return id.is_module() ? id.device + "/" + id.module : id.device; }

}  // namespace twinhub::iothub

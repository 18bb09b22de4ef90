#include "protocol/iothub/cloud_to_device.hpp"

#include "protocol/json/text.hpp"

#include <algorithm>
#include <array>

namespace twinhub::iothub {
namespace {

constexpr std::array<std::string_view, 4> acknowledgement_names{"none", "positive", "negative", "full"};
constexpr std::size_t topic_bytes_max = 65'535;  // [MQTT-1.5.3]: two bytes of length

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

/// The message's system properties as the topic names them.
struct SystemProperty {
  std::string_view name;
  std::string value;
};
std::vector<SystemProperty> system_properties(const CloudToDeviceMessage& message) {
  std::vector<SystemProperty> found;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) found.push_back({name, value});
  };
  add("%24.mid", message.message_id);
  add("%24.cid", message.correlation_id);
  add("%24.uid", message.user_id);
  add("%24.to", message.to);
  add("%24.ct", message.content_type);
  add("%24.ce", message.content_encoding);
  if (message.expiry) add("%24.exp", to_iso8601(*message.expiry));
  return found;
}

std::size_t counted_bytes(const CloudToDeviceMessage& message) {
  std::size_t bytes = message.body.size();
  for (const SystemProperty& property : system_properties(message)) bytes += property.value.size();
  for (const Property& property : message.properties) {
    bytes += property.name.size() + (property.value ? property.value->size() : 0);
  }
  return bytes;
}

}  // namespace

std::string_view to_string(Acknowledgement acknowledgement) {
  return acknowledgement_names[static_cast<std::size_t>(acknowledgement)];
}

std::optional<Acknowledgement> parse_acknowledgement(std::string_view text) {
  if (text.empty()) return Acknowledgement::none;
  for (std::size_t i = 0; i < acknowledgement_names.size(); ++i) {
    const std::string_view name = acknowledgement_names[i];
    if (std::equal(text.begin(), text.end(), name.begin(), name.end(),
                   [](char given, char known) { return lower(given) == known; })) {
      return static_cast<Acknowledgement>(i);
    }
  }
  return std::nullopt;
}

Result<void> check(const CloudToDeviceMessage& message, std::string_view device) {
  if (counted_bytes(message) > cloud_to_device_bytes_max) {
    return fail(Errc::message_too_large, "A cloud-to-device message may have " +
                                             std::to_string(cloud_to_device_bytes_max) + " bytes, properties included");
  }
  if (message.message_id.size() > message_id_bytes_max || message.correlation_id.size() > message_id_bytes_max) {
    return fail(Errc::argument_invalid, "A message id or correlation id may have 128 characters");
  }
  for (const SystemProperty& property : system_properties(message)) {
    if (!json::is_utf8(property.value)) return fail(Errc::argument_invalid, "A system property is not UTF-8");
  }
  for (const Property& property : message.properties) {
    if (property.name.empty()) return fail(Errc::argument_invalid, "A property has no name");
    if (!json::is_utf8(property.name) || (property.value && !json::is_utf8(*property.value))) {
      return fail(Errc::argument_invalid, "A property is not UTF-8");
    }
  }
  std::string topic;
  append_device_bound_topic(topic, device, message);
  if (topic.size() > topic_bytes_max) {
    return fail(Errc::message_too_large, "The message's properties do not fit into an MQTT topic");
  }
  return {};
}

std::string device_bound_address(std::string_view device) {
  return "/devices/" + percent_encode(device) + "/messages/deviceBound";
}

void append_device_bound_topic(std::string& out, std::string_view device, const CloudToDeviceMessage& message) {
  out += "devices/";
  out += device;  // raw, as the device subscribed
  out += "/messages/devicebound/";
  const std::size_t bag = out.size();
  const auto begin_pair = [&] {
    if (out.size() > bag) out += '&';
  };
  for (const SystemProperty& property : system_properties(message)) {
    begin_pair();
    out += property.name;
    out += '=';
    out += percent_encode(property.value);
  }
  if (message.acknowledgement != Acknowledgement::none) {
    begin_pair();
    out += "iothub-ack=";
    out += to_string(message.acknowledgement);
  }
  for (const Property& property : message.properties) {
    begin_pair();
    out += percent_encode(property.name);
    if (!property.value) continue;
    out += '=';
    out += percent_encode(*property.value);
  }
}

}  // namespace twinhub::iothub

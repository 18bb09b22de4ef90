#include "server/events/mqtt_message.hpp"

#include "protocol/mqtt/mqtt_string.hpp"

#include <string_view>

namespace twinhub::events {
namespace {

void add_properties(MqttMessage& message, const Outgoing& outgoing) {
  const storage::Event& event = outgoing.event;
  const auto add = [&message](std::string_view name, std::string_view value) {
    message.user_properties.emplace_back(mqtt::safe_string(name), mqtt::safe_string(value));
  };
  for (const auto& property : event.system) add(property.name, property.value.value_or(""));
  add("iothub-enqueuedtime", to_iso8601(event.enqueued));
  add("x-opt-partition", std::to_string(outgoing.partition));
  add("x-opt-sequence-number", std::to_string(outgoing.sequence_number));
  for (const auto& property : event.application) add(property.name, property.value.value_or(""));
  if (const auto type = system_property(event, "content-type")) message.content_type = mqtt::safe_string(*type);
}

}  // namespace

MqttMessage mqtt_message_of(const Outgoing& outgoing, const TopicTemplate& topic, const std::string& hub_name,
                            bool envelope) {
  MqttMessage message;
  message.topic = topic.topic_of(outgoing.event, hub_name);
  if (envelope) {
    append_json(message.payload, outgoing);
  } else {
    message.payload = outgoing.event.body;
    add_properties(message, outgoing);
  }
  return message;
}

std::size_t packet_bytes_at_most(const MqttMessage& message) {
  constexpr std::size_t fixed = 64, per_pair = 5, content_type = 3;
  std::size_t bytes = fixed + message.topic.size() + message.payload.size();
  for (const auto& [name, value] : message.user_properties) bytes += per_pair + name.size() + value.size();
  if (message.content_type) bytes += content_type + message.content_type->size();
  return bytes;
}

bool has_possible_topic(const MqttMessage& message) { return message.topic.size() <= mqtt::string_bytes_max; }

}  // namespace twinhub::events

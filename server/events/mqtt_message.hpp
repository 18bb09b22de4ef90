// An event as a message of MQTT, without a client: its topic, its payload and its properties, each text of them made
// for strict brokers (protocol/mqtt/mqtt_string.hpp). What mqtt_sink sends is made here and nowhere else.
#pragma once

#include "server/events/outgoing.hpp"
#include "server/events/topic_template.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace twinhub::events {

struct MqttMessage {
  std::string topic;
  std::string payload;
  std::vector<std::pair<std::string, std::string>> user_properties;
  std::optional<std::string> content_type;
};

/// `envelope`: the payload is outgoing.hpp's JSON form, and there are no properties.
[[nodiscard]] MqttMessage mqtt_message_of(const Outgoing& outgoing, const TopicTemplate& topic,
                                          const std::string& hub_name, bool envelope);

/// No fewer than its PUBLISH has. (OASIS MQTT 5.0, 3.3)
[[nodiscard]] std::size_t packet_bytes_at_most(const MqttMessage& message);

/// False: no broker can take it, for a topic is a string of MQTT.
[[nodiscard]] bool has_possible_topic(const MqttMessage& message);

}  // namespace twinhub::events

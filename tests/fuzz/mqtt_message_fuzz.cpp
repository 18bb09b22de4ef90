// Any operator's topic and any event: the topic, the names and the values are what a strict broker takes, texts of
// devices add no level and no wildcard, and every other form of the event is JSON.
#include "server/events/cloud_event.hpp"
#include "server/events/mqtt_message.hpp"

#include "protocol/json/document.hpp"
#include "tests/support/cpp/strict_text.hpp"

#include "check.hpp"
#include "pieces.hpp"

#include <algorithm>
#include <cstdint>

namespace {

using namespace twinhub;
using namespace twinhub::events;
using twinhub::testing::a_strict_broker_takes;

std::vector<iothub::Property> properties_of(Pieces& pieces) {
  std::vector<iothub::Property> properties;
  for (auto left = pieces.number<std::uint8_t>() % 8; left > 0; --left) {
    iothub::Property property{std::string(pieces.text()), {}};
    const std::string_view value = pieces.text();
    if (!value.empty()) property.value = value;
    properties.push_back(std::move(property));
  }
  return properties;
}

Outgoing outgoing_of(Pieces& pieces) {
  Outgoing outgoing;
  outgoing.partition = pieces.number<std::uint32_t>();
  outgoing.sequence_number = pieces.number<std::uint64_t>();
  storage::Event& event = outgoing.event;
  event.source = static_cast<storage::EventSource>(pieces.number<std::uint8_t>() % 4);
  event.enqueued.ticks = pieces.number<std::uint64_t>();
  event.id = {std::string(pieces.text()), std::string(pieces.text())};
  event.system = properties_of(pieces);
  if (const std::string_view type = pieces.text(); !type.empty()) {
    event.system.push_back({"content-type", std::string(type)});
  }
  event.application = properties_of(pieces);
  if (const std::string_view operation = pieces.text(); !operation.empty()) {
    event.application.push_back({"opType", std::string(operation)});
  }
  event.body = pieces.rest();
  return outgoing;
}

/// The same event, of a hub, a device and a module with plain names, that did something with a plain name.
storage::Event plain(storage::Event event) {
  if (!event.id.device.empty()) event.id.device = "d";
  if (!event.id.module.empty()) event.id.module = "m";
  for (auto& property : event.application) property.value = "o";
  return event;
}

void check_message(const Outgoing& outgoing, const TopicTemplate& topic, const std::string& hub_name) {
  const MqttMessage message = mqtt_message_of(outgoing, topic, hub_name, false);
  if (has_possible_topic(message)) FUZZ_CHECK(a_strict_broker_takes(message.topic));
  const std::string other = topic.topic_of(plain(outgoing.event), hub_name);
  for (const char c : {'/', '$'}) {
    FUZZ_CHECK(std::count(message.topic.begin(), message.topic.end(), c) == std::count(other.begin(), other.end(), c));
  }
  FUZZ_CHECK(message.topic.find_first_of("+#") == std::string::npos);
  std::size_t bytes = message.topic.size() + message.payload.size();
  for (const auto& [name, value] : message.user_properties) {
    FUZZ_CHECK(a_strict_broker_takes(name) && a_strict_broker_takes(value));
    bytes += 5 + name.size() + value.size();
  }
  if (message.content_type) FUZZ_CHECK(a_strict_broker_takes(*message.content_type));
  FUZZ_CHECK(bytes <= packet_bytes_at_most(message) && message.payload == outgoing.event.body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Pieces pieces(data, size);
  const std::string text(pieces.text()), hub_name(pieces.text());
  Outgoing outgoing = outgoing_of(pieces);
  const auto usual = TopicTemplate::parse("{hub}/{identity}/{opType}/{channel}");
  check_message(outgoing, *usual, hub_name);
  if (const auto topic = TopicTemplate::parse(text)) {
    FUZZ_CHECK(!text.empty());
    check_message(outgoing, *topic, hub_name);
  } else {
    FUZZ_CHECK(!topic.error().detail.empty());
  }
  stamp_hub_name(outgoing.event, hub_name);
  const MqttMessage envelope = mqtt_message_of(outgoing, *usual, hub_name, true);
  FUZZ_CHECK(json::parse(envelope.payload) && envelope.user_properties.empty());
  std::string cloud_event;
  append_cloud_event(cloud_event, outgoing, hub_name);
  FUZZ_CHECK(json::parse(cloud_event));
  return 0;
}

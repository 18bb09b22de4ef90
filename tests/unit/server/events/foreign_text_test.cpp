// Events of any bytes, for each destination: what is made of them is judged by a second reading of the rules.
#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/document.hpp"
#include "protocol/mqtt/mqtt_string.hpp"
#include "protocol/utf8.hpp"
#include "server/events/mqtt_message.hpp"
#include "tests/support/cpp/odd_bytes.hpp"
#include "tests/support/cpp/strict_text.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <random>

namespace twinhub::events {
namespace {

using twinhub::testing::a_strict_broker_takes;
using twinhub::testing::a_terminal_only_shows;
using twinhub::testing::odd_bytes;

storage::Event odd_event(std::mt19937& random) {
  storage::Event event;
  event.source = static_cast<storage::EventSource>(random() % 4);
  event.id = {odd_bytes(random), odd_bytes(random)};
  event.system = {{"content-type", odd_bytes(random)}, {odd_bytes(random), odd_bytes(random)}};
  event.application = {{odd_bytes(random), odd_bytes(random)}, {"opType", odd_bytes(random)}, {odd_bytes(random), {}}};
  event.body = odd_bytes(random);
  return event;
}

TEST(ForeignText, EveryTextOfAMessageIsOneThatAStrictBrokerTakes) {
  std::mt19937 random(1);
  const auto topic = TopicTemplate::parse("{hub}/{identity}/{deviceId}/{moduleId}/{source}/{opType}/{channel}");
  for (int i = 0; i < 5'000; ++i) {
    const Outgoing outgoing{.event = odd_event(random)};
    const MqttMessage message = mqtt_message_of(outgoing, *topic, odd_bytes(random), false);
    ASSERT_TRUE(a_strict_broker_takes(message.topic));
    ASSERT_TRUE(message.content_type && a_strict_broker_takes(*message.content_type));
    for (const auto& [name, value] : message.user_properties) {
      ASSERT_TRUE(a_strict_broker_takes(name) && a_strict_broker_takes(value));
    }
    ASSERT_EQ(message.payload, outgoing.event.body);
    const MqttMessage envelope = mqtt_message_of(outgoing, *topic, "hub", true);
    ASSERT_TRUE(json::parse(envelope.payload)) << envelope.payload;
    ASSERT_TRUE(envelope.user_properties.empty() && !envelope.content_type);
  }
}

TEST(ForeignText, ALevelOfATopicComesBackAsTheTextItWasMadeOf) {
  std::mt19937 random(2);
  for (int i = 0; i < 20'000; ++i) {
    const std::string bytes = odd_bytes(random);
    const std::string level = mqtt::safe_topic_level(bytes);
    ASSERT_TRUE(a_strict_broker_takes(level));
    ASSERT_EQ(level.find_first_of("/$+#"), std::string::npos) << level;
    ASSERT_EQ(iothub::percent_decode(level), bytes);
  }
}

TEST(ForeignText, NoTelemetryReachesATopicThatIsNotItsDevices) {
  const auto topic = TopicTemplate::parse("{hub}/{deviceId}/{moduleId}/{opType}/{channel}");
  std::mt19937 random(3);
  for (int i = 0; i < 2'000; ++i) {
    storage::Event event;
    event.id = {"d", ""};
    event.application = {{"opType", odd_bytes(random)}};
    ASSERT_EQ(topic->topic_of(event, "h"), "h/d///messages/events");
    event.source = storage::EventSource::twin_change;
    event.id = {odd_bytes(random), odd_bytes(random)};
    const std::string made = topic->topic_of(event, "h");
    ASSERT_TRUE(a_strict_broker_takes(made));
    ASSERT_EQ(std::count(made.begin(), made.end(), '/'), 5) << made;
  }
}

TEST(ForeignText, APacketIsNoLargerThanWasSaid) {
  MqttMessage message{.topic = "t", .payload = "pp", .user_properties = {{"n", "vv"}}, .content_type = "ccc"};
  // PUBLISH: 5 of header and length, topic, packet id, 4 of the properties' length, the properties, payload.
  EXPECT_GE(packet_bytes_at_most(message), 5U + 2 + 1 + 2 + 4 + (1 + 2 + 1 + 2 + 2) + (1 + 2 + 3) + 2);
  EXPECT_TRUE(has_possible_topic(message));
  message.topic.assign(65'536, 'x');
  EXPECT_FALSE(has_possible_topic(message));
}

TEST(ForeignText, AFilesLineIsTheSameJsonWithoutWhatTerminalsActOn) {
  std::mt19937 random(6);
  for (int i = 0; i < 5'000; ++i) {
    std::string json;
    append_json(json, {.event = odd_event(random)});
    const std::string line = visible_text(json);
    ASSERT_TRUE(a_terminal_only_shows(line));
    const auto before = json::parse(json), after = json::parse(line);
    ASSERT_TRUE(before && after);
    ASSERT_EQ(before->root().find("deviceId")->string(), after->root().find("deviceId")->string());
  }
}

}  // namespace
}  // namespace twinhub::events

// Device-to-cloud messages and wills.
#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>

namespace twinhub::test {
namespace {

const std::string events_topic = "devices/dev1/messages/events/";

std::string property(const std::vector<iothub::Property>& properties, std::string_view name) {
  for (const auto& found : properties) {
    if (found.name == name) return found.value.value_or("(null)");
  }
  return "(absent)";
}

void expect_puback(MqttClient& client, std::uint16_t packet_id) {
  EXPECT_EQ(client.expect(), (Packet{0x40, integer16(packet_id)}));
}

ConnectFields with_will(const WireHub& hub, const std::string& topic = events_topic + "reason=lost") {
  ConnectFields fields = hub.credentials(dev1);
  fields.will = WillFields{.topic = topic, .message = "bye", .qos = 1, .retain = false};
  return fields;
}

bool will_arrives(const WireHub& hub) {
  return eventually([&] { return !hub.telemetry(dev1).empty(); }) && hub.telemetry(dev1).size() == 1 &&
         hub.telemetry(dev1)[0].body == "bye" && property(hub.telemetry(dev1)[0].application, "reason") == "lost" &&
         property(hub.telemetry(dev1)[0].application, "iothub-MessageType") == "Will";
}

/// A message by another way shows that the log is past the moment in which a will would have come.
bool no_will_arrived(WireHub& hub) {
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
  MqttClient client = hub.connect(dev1);
  client.send(publish_packet({.topic = events_topic, .payload = "later", .qos = 1, .packet_id = 1}));
  expect_puback(client, 1);
  return hub.telemetry(dev1).size() == 1 && hub.telemetry(dev1)[0].body == "later";
}

TEST(TelemetryWire, QosOneIsAcknowledgedOnceItIsInTheLog) {
  WireHub hub;
  MqttClient client = hub.connect(dev1);
  hub.store().hold();
  client.send(publish_packet({.topic = events_topic + "%24.ct=text%2Fplain&alert=high&empty=&nothing",
                              .payload = "hot",
                              .qos = 1,
                              .packet_id = 0xABCD}));
  EXPECT_TRUE(eventually([&] { return hub.store().waiting() == 1; }));
  client.send(pingreq);
  EXPECT_EQ(client.expect().first_byte, 0xD0);  // no PUBACK came before it
  hub.store().release();
  expect_puback(client, 0xABCD);
  const auto sent = hub.telemetry(dev1);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].body, "hot");
  EXPECT_EQ(property(sent[0].system, "content-type"), "text/plain");
  EXPECT_EQ(property(sent[0].application, "alert"), "high");
  EXPECT_EQ(property(sent[0].application, "empty"), "");
  EXPECT_EQ(property(sent[0].application, "nothing"), "");
}

TEST(TelemetryWire, QosZeroReachesTheLogToo) {
  WireHub hub;
  MqttClient client = hub.connect(dev1);
  for (const auto* topic : {"devices/dev1/messages/events", "devices/dev1/messages/events/",
                            "devices/dev1/messages/events//", "devices/dev1/messages/events/?a=b/"}) {
    client.send(publish_packet({.topic = topic, .payload = topic}));
  }
  EXPECT_TRUE(eventually([&] { return hub.telemetry(dev1).size() == 4; }));
}

/// azure-iot-sdk-c sends property values as they are unless it is asked to encode them.
TEST(TelemetryWire, BlanksMayStandInPropertiesAsTheyAre) {
  WireHub hub;
  MqttClient client = hub.connect(dev1);
  client.send(publish_packet({.topic = events_topic + "a key=a value/1&%24.ct=text plain", .qos = 1, .packet_id = 1}));
  expect_puback(client, 1);
  const auto sent = hub.telemetry(dev1);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(property(sent[0].application, "a key"), "a value/1");
  EXPECT_EQ(property(sent[0].system, "content-type"), "text plain");
}

TEST(TelemetryWire, RetainAndDupBecomeProperties) {
  WireHub hub;
  MqttClient client = hub.connect(dev1);
  client.send(publish_packet({.topic = events_topic, .qos = 1, .packet_id = 1, .retain = true}));
  expect_puback(client, 1);
  client.send(publish_packet({.topic = events_topic, .qos = 1, .packet_id = 1, .dup = true}));
  expect_puback(client, 1);
  const auto sent = hub.telemetry(dev1);
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(property(sent[0].application, "mqtt-retain"), "true");
  EXPECT_EQ(property(sent[0].application, "mqtt-dup"), "(absent)");
  EXPECT_EQ(property(sent[1].application, "mqtt-dup"), "true");
  EXPECT_EQ(property(sent[1].application, "mqtt-retain"), "(absent)");
}

TEST(TelemetryWire, PubacksComeInTheOrderOfTheirMessages) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, {{twin_responses, 0}});
  hub.store().hold();
  client.send(publish_packet({.topic = events_topic, .payload = "1", .qos = 1, .packet_id = 1}));
  client.send(publish_packet({.topic = get_topic("2"), .payload = "", .qos = 1, .packet_id = 2}));  // ready at once
  client.send(publish_packet({.topic = events_topic, .payload = "3", .qos = 1, .packet_id = 3}));
  EXPECT_EQ(client.expect_message().topic, "$iothub/twin/res/200/?$rid=2");
  hub.store().release();
  for (std::uint16_t id = 1; id <= 3; ++id) expect_puback(client, id);
}

TEST(TelemetryWire, AMessageHasTwoHundredAndFiftySixKibibytes) {
  WireHub hub;
  MqttClient client = hub.connect(dev1);
  client.send(publish_packet({.topic = events_topic, .payload = std::string(262'144, 'x'), .qos = 1, .packet_id = 1}));
  expect_puback(client, 1);
  client.send(publish_packet({.topic = events_topic, .payload = "", .qos = 1, .packet_id = 2}));
  expect_puback(client, 2);
  for (const std::size_t size : {262'145U, 1U << 20}) {
    MqttClient other = hub.connect(dev2);
    other.send(publish_packet(
        {.topic = "devices/dev2/messages/events/", .payload = std::string(size, 'x'), .qos = 1, .packet_id = 1}));
    EXPECT_EQ(other.drain(), 0U) << size;
  }
  EXPECT_EQ(hub.telemetry(dev1).size(), 2U);
  EXPECT_TRUE(hub.telemetry(dev2).empty());
  EXPECT_TRUE(hub.still_serves());
}

TEST(TelemetryWire, AStoreThatRefusesEndsTheConnectionWithoutPuback) {
  WireHub hub;
  MqttClient client = hub.connect(dev1);
  hub.store().refuse_writes();
  client.send(publish_packet({.topic = events_topic, .payload = "lost?", .qos = 1, .packet_id = 1}));
  EXPECT_EQ(client.drain(), 0U);
}

TEST(TelemetryWire, LateMethodResponsesAreAcknowledgedAndIgnored) {
  WireHub hub;
  MqttClient client = hub.connect(dev1);
  client.send(publish_packet({.topic = "$iothub/methods/res/200/?$rid=1", .payload = "{}", .qos = 1, .packet_id = 3}));
  expect_puback(client, 3);
  client.send(publish_packet({.topic = "$iothub/methods/res/-1/?$rid=zz", .payload = "not JSON"}));
  client.send(pingreq);
  EXPECT_EQ(client.expect().first_byte, 0xD0);
}

TEST(TelemetryWire, TopicsThatAreNotTheDevicesEndTheConnection) {
  WireHub hub;
  for (const auto* topic :
       {"devices/dev2/messages/events/", "devices/dev1/messages/events/extra/level", "devices/dev1x/messages/events/",
        "devices/dev1/modules/m/messages/events/", "foo/bar", "$SYS/x", "$iothub/bogus",
        "$iothub/twin/PATCH/properties/desired/", "$iothub/twin/PATCH/properties/desired/?$version=2",
        "$iothub/twin/GET/", "$iothub/twin/GET/?$rid=", "$iothub/twin/get/?$rid=1", "$iothub/twin/res/200/?$rid=1",
        "devices/+/messages/events/", "devices/dev1/messages/devicebound/"}) {
    MqttClient client = hub.connect(dev1);
    client.send(publish_packet({.topic = topic, .payload = "{}", .qos = 1, .packet_id = 1}));
    EXPECT_EQ(client.drain(), 0U) << topic;
  }
  EXPECT_TRUE(hub.telemetry(dev1).empty());
  EXPECT_TRUE(hub.telemetry(dev2).empty());
  EXPECT_TRUE(hub.still_serves());
}

TEST(TelemetryWire, QosTwoEndsTheConnection) {
  WireHub hub;
  MqttClient client = hub.connect(dev1);
  client.send(publish_packet({.topic = events_topic, .payload = "once", .qos = 2, .packet_id = 1}));
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_TRUE(hub.telemetry(dev1).empty());
}

TEST(Will, IsSentWhenTheClientVanishes) {
  WireHub hub;
  MqttClient client = hub.connect(with_will(hub));
  client.reset();
  EXPECT_TRUE(will_arrives(hub));
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
}

TEST(Will, MayNameADeviceWhoseIdHoldsWildcards) {
  WireHub hub;
  const IdentityId odd{"a+b#", ""};
  hub.put(odd);
  ConnectFields fields = hub.credentials(odd);
  fields.will = WillFields{.topic = "devices/a+b#/messages/events/", .message = "bye", .qos = 1, .retain = false};
  MqttClient client = hub.connect(fields);
  client.reset();
  EXPECT_TRUE(eventually([&] { return hub.telemetry(odd).size() == 1; }));
}

TEST(Will, IsSentWhenTheClientOnlyClosesItsHalf) {
  WireHub hub;
  MqttClient client = hub.connect(with_will(hub));
  client.half_close();
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_TRUE(will_arrives(hub));
}

TEST(Will, IsSentAtATakeOver) {
  WireHub hub;
  MqttClient older = hub.connect(with_will(hub));
  MqttClient newer = hub.connect(dev1);
  EXPECT_EQ(older.drain(), 0U);
  EXPECT_TRUE(will_arrives(hub));
}

TEST(Will, IsSentWhenTheClientBreaksTheProtocol) {
  WireHub hub;
  MqttClient client = hub.connect(with_will(hub));
  client.send(connect_packet(hub.credentials(dev1)));
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_TRUE(will_arrives(hub));
}

TEST(Will, IsSentWhenTheKeepAliveRunsOut) {
  WireHub hub;
  ConnectFields fields = with_will(hub);
  fields.keep_alive_seconds = 1;
  MqttClient client = hub.connect(fields);
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_TRUE(will_arrives(hub));
}

TEST(Will, IsDiscardedByDisconnect) {
  WireHub hub;
  MqttClient client = hub.connect(with_will(hub));
  client.send(disconnect);
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_TRUE(no_will_arrived(hub));
}

TEST(Will, IsNotSentForARefusedConnect) {
  WireHub hub;
  ConnectFields fields = with_will(hub);
  fields.password = hub.token(dev2);
  MqttClient client(hub.port());
  EXPECT_EQ(connect_code(client, fields), 5);
  EXPECT_TRUE(no_will_arrived(hub));
}

TEST(Will, IsDroppedWhenItsTopicIsNotTheDevices) {
  WireHub hub;
  for (const auto* topic : {"devices/dev2/messages/events/", "foo/bar", "$iothub/twin/GET/?$rid=1"}) {
    MqttClient client = hub.connect(with_will(hub, topic));
    client.reset();
    EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
  }
  EXPECT_TRUE(no_will_arrived(hub));
  EXPECT_TRUE(hub.telemetry(dev2).empty());
}

TEST(Will, IsNotSentBecauseTheHubStops) {
  WireHub hub;
  MqttClient client = hub.connect(with_will(hub));
  hub.restart();
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_TRUE(no_will_arrived(hub));
}

TEST(Will, MayBeAsLargeAsAConnectCanTell) {
  WireHub hub;
  ConnectFields fields = with_will(hub);
  fields.will->message = std::string(65'535, 'w');
  MqttClient client = hub.connect(fields);
  client.reset();
  EXPECT_TRUE(eventually([&] { return hub.telemetry(dev1).size() == 1; }));
  EXPECT_EQ(hub.telemetry(dev1)[0].body, fields.will->message);
}

TEST(Will, MayBeRetainedAndThenSaysSo) {
  WireHub hub;
  ConnectFields fields = with_will(hub);
  fields.will->retain = true;
  MqttClient client = hub.connect(fields);
  client.reset();
  EXPECT_TRUE(will_arrives(hub));
  EXPECT_EQ(property(hub.telemetry(dev1)[0].application, "mqtt-retain"), "true");
}

}  // namespace
}  // namespace twinhub::test

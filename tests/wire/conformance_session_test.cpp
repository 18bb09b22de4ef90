// What a connection leaves behind and finds, wills, order, and what the hub itself publishes: statement by statement,
// through every carrier.
#include "tests/wire/conformance.hpp"

namespace twinhub::test {
namespace {

const std::string events_topic = "devices/dev1/messages/events/";

using Sessions = ThroughEveryCarrier;
INSTANTIATE_TEST_SUITE_P(Conformance, Sessions, every_carrier, carrier_name);

int session_present(MqttClient& client, const ConnectFields& fields) {
  client.send(connect_packet(fields));
  const Packet connack = client.expect();
  EXPECT_EQ(connack.first_byte, 0x20);
  EXPECT_EQ(connack.body.at(1), 0);
  return connack.body.at(0);
}

void subscribe(MqttClient& client, const Filters& filters) {
  client.send(subscribe_packet(1, filters));
  EXPECT_EQ(client.expect().first_byte, 0x90);
}

void leave(MqttClient& client) {
  client.send(disconnect);
  EXPECT_EQ(client.drain(), 0U);
}

ConnectFields with_clean_session(const WireHub& hub, bool clean) {
  ConnectFields fields = hub.credentials(dev1);
  fields.clean_session = clean;
  return fields;
}

bool is_property(const storage::Event& event, std::string_view name, std::string_view value) {
  for (const auto& property : event.application) {
    if (property.name == name) return property.value == value;
  }
  return false;
}

const Filters device_bound{{"devices/dev1/messages/devicebound/#", 1}};

/// Of a PUBLISH at QoS 1.
std::string packet_id_of(const Packet& publish) {
  const auto topic_bytes = static_cast<std::size_t>(static_cast<unsigned char>(publish.body.at(0)) << 8 |
                                                    static_cast<unsigned char>(publish.body.at(1)));
  return publish.body.substr(2 + topic_bytes, 2);
}

/// [MQTT-3.1.2-4] [MQTT-3.1.2-6] [MQTT-3.1.4-3] [MQTT-3.2.2-1] [MQTT-3.2.2-2] [MQTT-3.2.2-3] [MQTT-4.1.0-1]
/// [MQTT-4.1.0-2]
TEST_P(Sessions, CleanSessionZeroTakesUpWhatIsKeptAndOneDropsIt) {
  WireHub hub;
  {
    MqttClient client = open(hub, GetParam());
    EXPECT_EQ(session_present(client, with_clean_session(hub, false)), 0);
    subscribe(client, {{twin_responses, 0}});
    leave(client);
  }
  {
    MqttClient client = open(hub, GetParam());
    EXPECT_EQ(session_present(client, with_clean_session(hub, false)), 1);
    EXPECT_EQ(get_twin(client).topic, "$iothub/twin/res/200/?$rid=1");
    leave(client);
  }
  {
    MqttClient client = open(hub, GetParam());
    EXPECT_EQ(session_present(client, with_clean_session(hub, true)), 0);
    expect_served(client, Feeding::whole,
                  {"no filter is left", publish_packet({.topic = get_topic("2"), .payload = " "})});
    leave(client);
  }
  MqttClient client = open(hub, GetParam());
  EXPECT_EQ(session_present(client, with_clean_session(hub, false)), 0);
}

/// [MQTT-3.1.3-2] A session belongs to its client identifier, and to no other.
TEST_P(Sessions, TheClientIdentifierNamesTheSession) {
  WireHub hub;
  MqttClient one = open(hub, GetParam());
  EXPECT_EQ(session_present(one, hub.credentials(dev1)), 0);
  subscribe(one, {{twin_responses, 0}});
  leave(one);
  MqttClient other = open(hub, GetParam());
  EXPECT_EQ(session_present(other, hub.credentials(dev2)), 0);
  MqttClient again = open(hub, GetParam());
  EXPECT_EQ(session_present(again, hub.credentials(dev1)), 1);
}

/// [MQTT-3.1.4-2]
TEST_P(Sessions, ANewerConnectionEndsTheOlderOne) {
  WireHub hub;
  MqttClient older = connect(hub, GetParam());
  MqttClient newer = connect(hub, GetParam());
  EXPECT_EQ(older.drain(), 0U);
  expect_served(newer, Feeding::whole, {"the newer lives", ""});
}

/// [MQTT-3.1.2-24] [MQTT-3.1.2-8]
TEST_P(Sessions, SilenceForOneAndAHalfKeepAlivesEndsTheConnection) {
  WireHub hub;
  ConnectFields fields = hub.credentials(dev1);
  fields.keep_alive_seconds = 1;
  fields.will = WillFields{.topic = events_topic, .message = "silent"};
  const auto begin = std::chrono::steady_clock::now();
  MqttClient client = connect(hub, GetParam(), fields);
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(1500));
  EXPECT_TRUE(eventually([&] { return hub.telemetry(dev1).size() == 1; }));
}

/// [MQTT-3.1.2-8] [MQTT-3.1.2-16] [MQTT-3.1.2-17] [MQTT-4.8.0-1]: deviation: "retained" becomes a property.
TEST_P(Sessions, AWillIsPublishedOnceWhenTheConnectionBreaks) {
  WireHub hub;
  for (const bool retain : {false, true}) {
    hub.remove(dev1);
    hub.put(dev1);
    const std::size_t before = hub.telemetry(dev1).size();
    ConnectFields fields = hub.credentials(dev1);
    fields.will = WillFields{.topic = events_topic, .message = "bye", .qos = 1, .retain = retain};
    MqttClient client = connect(hub, GetParam(), fields);
    if (retain) {
      client.reset();
    } else {
      client.send(packet(0x00, ""));
      EXPECT_EQ(client.drain(), 0U);
    }
    EXPECT_TRUE(eventually([&] { return hub.telemetry(dev1).size() == before + 1; }));
    const storage::Event will = hub.telemetry(dev1).back();
    EXPECT_EQ(will.body, "bye");
    EXPECT_EQ(is_property(will, "mqtt-retain", "true"), retain);
    // [MQTT-3.1.2-10]: removed once it was published
    MqttClient next = connect(hub, GetParam());
    leave(next);
    EXPECT_EQ(hub.telemetry(dev1).size(), before + 1);
  }
}

/// [MQTT-3.14.4-3] [MQTT-3.1.2-10] [MQTT-3.1.2-12]
TEST_P(Sessions, DisconnectDiscardsTheWill) {
  WireHub hub;
  for (const bool has_will : {true, false}) {
    ConnectFields fields = hub.credentials(dev1);
    if (has_will) fields.will = WillFields{.topic = events_topic, .message = "bye"};
    MqttClient client = connect(hub, GetParam(), fields);
    if (has_will) {
      leave(client);
    } else {
      client.reset();
    }
    EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
  }
  MqttClient client = connect(hub, GetParam());
  expect_served(client, Feeding::whole,
                {"the log is past the moment", publish_packet({.topic = events_topic, .qos = 1, .packet_id = 1}),
                 packet(0x40, integer16(1))});
  EXPECT_EQ(hub.telemetry(dev1).size(), 1U);
}

/// [MQTT-3.14.4-2] of the client, and the server's side of it: nothing behind DISCONNECT is acted on.
TEST_P(Sessions, WhatComesBehindDisconnectIsNotActedOn) {
  WireHub hub;
  MqttClient client = connect(hub, GetParam());
  client.send(std::string(disconnect) + publish_packet({.topic = events_topic, .qos = 1, .packet_id = 1}));
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_TRUE(hub.telemetry(dev1).empty());
}

/// [MQTT-4.3.2-2] [MQTT-4.5.0-1]: acknowledged means that the hub has taken it over.
TEST_P(Sessions, PubackWaitsUntilTheMessageIsSafe) {
  WireHub hub;
  MqttClient client = connect(hub, GetParam());
  hub.store().hold();
  client.send(publish_packet({.topic = events_topic, .payload = "m", .qos = 1, .packet_id = 7}));
  EXPECT_TRUE(eventually([&] { return hub.store().waiting() == 1; }));
  expect_served(client, Feeding::whole, {"no PUBACK yet", ""});
  hub.store().release();
  EXPECT_EQ(client.expect(), (Packet{0x40, integer16(7)}));
  EXPECT_EQ(hub.telemetry(dev1).size(), 1U);
}

/// [MQTT-4.6.0-2] [MQTT-4.6.0-5]: in the log as they came, acknowledged as they came.
TEST_P(Sessions, MessagesKeepTheirOrder) {
  WireHub hub;
  MqttClient client = connect(hub, GetParam());
  std::string messages;
  constexpr std::uint16_t count = 200;
  for (std::uint16_t id = 1; id <= count; ++id)
    messages += publish_packet({.topic = events_topic, .payload = std::to_string(id), .qos = 1, .packet_id = id});
  client.send(messages);
  for (std::uint16_t id = 1; id <= count; ++id) ASSERT_EQ(client.expect(), (Packet{0x40, integer16(id)}));
  const auto stored = hub.telemetry(dev1);
  ASSERT_EQ(stored.size(), count);
  for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(stored[i].body, std::to_string(i + 1));
}

/// [MQTT-3.3.1-3] [MQTT-3.3.1-9] [MQTT-3.3.2-3] [MQTT-4.6.0-6] [MQTT-2.3.1-5]
TEST_P(Sessions, WhatTheHubPublishesIsWellFormedAndInOrder) {
  WireHub hub;
  MqttClient client = connect(hub, GetParam());
  subscribe(client, {{desired_changes, 1}, {twin_responses, 1}});
  client.send(
      publish_packet({.topic = get_topic("1"), .payload = " ", .qos = 1, .packet_id = 1, .dup = true, .retain = true}));
  EXPECT_EQ(client.expect(), (Packet{0x40, integer16(1)}));
  const Message view = client.expect_message();
  EXPECT_EQ(view.first_byte, 0x30);  // QoS 0 as IoT Hub sends it, neither DUP nor RETAIN
  EXPECT_EQ(view.topic, "$iothub/twin/res/200/?$rid=1");
  for (int version = 2; version < 30; ++version) {
    hub.patch(dev1, R"({"properties":{"desired":{"n":)" + std::to_string(version) + "}}}");
  }
  for (int version = 2; version < 30; ++version) {
    const Message delta = client.expect_message();
    EXPECT_EQ(delta.first_byte, 0x30);
    EXPECT_EQ(delta.topic, "$iothub/twin/PATCH/properties/desired/?$version=" + std::to_string(version));
  }
}

/// [MQTT-3.3.1-5] to [MQTT-3.3.1-12], [MQTT-3.1.2-7]: deviation: IoT Hub retains nothing; RETAIN becomes a property.
TEST_P(Sessions, NothingIsRetained) {
  WireHub hub;
  MqttClient client = connect(hub, GetParam());
  const std::string retained =
      publish_packet({.topic = events_topic, .payload = "keep me", .qos = 1, .packet_id = 1, .retain = true});
  expect_served(client, Feeding::whole, {"[MQTT-3.3.1-5]", retained, packet(0x40, integer16(1))});
  ASSERT_EQ(hub.telemetry(dev1).size(), 1U);
  EXPECT_TRUE(is_property(hub.telemetry(dev1)[0], "mqtt-retain", "true"));
  MqttClient later = connect(hub, GetParam());
  const Filters filters{{"devices/dev1/messages/devicebound/#", 1}, {twin_responses, 1}};
  expect_served(later, Feeding::whole,
                {"[MQTT-3.3.1-6] [MQTT-3.3.1-8]", subscribe_packet(1, filters),
                 packet(0x90, integer16(1) + std::string(2, '\x01'))});
}

/// [MQTT-3.10.4-1] [MQTT-3.10.4-2] and [MQTT-3.10.4-3] for QoS 0
TEST_P(Sessions, AfterUnsubscribeNothingMoreComes) {
  WireHub hub;
  MqttClient client = connect(hub, GetParam());
  subscribe(client, {{desired_changes, 0}});
  hub.patch(dev1, R"({"properties":{"desired":{"a":1}}})");
  EXPECT_EQ(client.expect_message().payload, R"({"a":1,"$version":2})");
  std::string other_case = desired_changes;
  other_case[0] = '@';
  client.send(
      unsubscribe_packet(2, {other_case, desired_changes.substr(0, desired_changes.size() - 1) + "+", "$iothub/#"}));
  EXPECT_EQ(client.expect(), (Packet{0xB0, integer16(2)}));
  hub.patch(dev1, R"({"properties":{"desired":{"a":2}}})");
  EXPECT_EQ(client.expect_message().payload, R"({"a":2,"$version":3})");
  client.send(unsubscribe_packet(3, {desired_changes}));
  EXPECT_EQ(client.expect(), (Packet{0xB0, integer16(3)}));
  hub.patch(dev1, R"({"properties":{"desired":{"a":3}}})");
  expect_served(client, Feeding::whole, {"no delta", ""});
}

/// [MQTT-3.3.5-1] [MQTT-3.8.4-6]: one delivery, at the highest QoS of those that match.
TEST_P(Sessions, OverlappingSubscriptionsDeliverOnce) {
  WireHub hub;
  MqttClient client = connect(hub, GetParam());
  subscribe(client, {{"devices/+/messages/devicebound/#", 0}, {"devices/dev1/messages/devicebound/#", 1}});
  hub.send(dev1, "once");
  const Packet message = client.expect();
  EXPECT_EQ(message.first_byte, 0x32);
  client.send(packet(0x40, packet_id_of(message)));
  expect_served(client, Feeding::whole, {"once", ""});
  EXPECT_TRUE(eventually([&] { return hub.messages_of(dev1) == 0; }));
}

/// [MQTT-3.1.2-5] [MQTT-4.1.0-1] [MQTT-4.5.0-1] [MQTT-2.3.1-4] [MQTT-4.3.2-1]
TEST_P(Sessions, MessagesOfQos1WaitForASessionThatIsAway) {
  WireHub hub;
  {
    MqttClient client = connect(hub, GetParam(), hub.credentials(dev1));
    subscribe(client, device_bound);
    leave(client);
  }
  for (const char* text : {"one", "two"}) hub.send(dev1, text);
  MqttClient client = connect(hub, GetParam(), hub.credentials(dev1));
  const Packet one = client.expect();
  const Packet two = client.expect();
  for (const Packet& message : {one, two}) {
    EXPECT_EQ(message.first_byte, 0x32);  // QoS 1, DUP 0, RETAIN 0
    EXPECT_NE(packet_id_of(message), integer16(0));
  }
  EXPECT_TRUE(one.body.ends_with("one") && two.body.ends_with("two"));
  EXPECT_NE(packet_id_of(one), packet_id_of(two));
}

/// [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-2.3.1-3] [MQTT-4.6.0-1]
TEST_P(Sessions, WhatWasNotAcknowledgedComesAgainInItsOrderWithDup) {
  WireHub hub;
  Packet first;
  Packet second;
  {
    MqttClient client = connect(hub, GetParam(), hub.credentials(dev1));
    subscribe(client, device_bound);
    for (const char* text : {"one", "two", "three"}) hub.send(dev1, text);
    const Packet acknowledged = client.expect();
    first = client.expect();
    second = client.expect();
    expect_served(client, Feeding::whole, {"[MQTT-4.3.2-1] acknowledged", packet(0x40, packet_id_of(acknowledged))});
    client.reset();
  }
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
  MqttClient client = connect(hub, GetParam(), hub.credentials(dev1));
  EXPECT_EQ(client.expect(), (Packet{0x3A, first.body}));
  EXPECT_EQ(client.expect(), (Packet{0x3A, second.body}));
  expect_served(client, Feeding::whole, {"and nothing else", ""});
}

/// [MQTT-3.10.4-3]: a delivery that was begun can be completed.
TEST_P(Sessions, APubackAfterUnsubscribeCounts) {
  WireHub hub;
  MqttClient client = connect(hub, GetParam(), hub.credentials(dev1));
  subscribe(client, device_bound);
  hub.send(dev1, "begun");
  const Packet begun = client.expect();
  EXPECT_EQ(begun.first_byte, 0x32);
  client.send(unsubscribe_packet(2, {device_bound[0].first}));
  EXPECT_EQ(client.expect(), (Packet{0xB0, integer16(2)}));
  hub.send(dev1, "not for it");
  expect_served(client, Feeding::whole, {"PUBACK", packet(0x40, packet_id_of(begun))});
  EXPECT_TRUE(eventually([&] { return hub.messages_of(dev1) == 1; }));
}

/// [MQTT-4.8.0-2] An error that passes ends the connection too; what was kept is there again.
TEST_P(Sessions, AStoreThatFailsEndsTheConnection) {
  WireHub hub;
  MqttClient client = connect(hub, GetParam());
  hub.store().refuse_writes();
  client.send(publish_packet({.topic = events_topic, .qos = 1, .packet_id = 1}));
  EXPECT_EQ(client.drain(), 0U);
}

}  // namespace
}  // namespace twinhub::test

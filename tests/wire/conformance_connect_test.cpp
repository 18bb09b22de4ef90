// The first packet: what it has to be, and what everything else is told.
#include "tests/wire/conformance.hpp"

#include <functional>

namespace twinhub::test {
namespace {

std::string connack(int code) { return {'\x20', '\x02', '\0', static_cast<char>(code)}; }

/// A CONNECT whose flags say what they like, whatever follows.
std::string raw_connect(int flags, const std::string& payload, const std::string& name = "MQTT", int level = 4) {
  return packet(0x10, length_and(name) + static_cast<char>(level) + static_cast<char>(flags) + integer16(60) + payload);
}

/// dev1's CONNECT with one thing changed.
std::string but(const WireHub& hub, const std::function<void(ConnectFields&)>& change) {
  ConnectFields fields = hub.credentials(dev1);
  change(fields);
  return connect_packet(fields);
}

std::vector<Row> not_connects() {
  std::vector<Row> rows;
  for (const auto& [what, bytes] : {std::pair<const char*, std::string>{"CONNACK", packet(0x20, std::string(2, '\0'))},
                                    {"PUBLISH", publish_packet({.topic = "devices/dev1/messages/events/"})},
                                    {"PUBACK", packet(0x40, integer16(1))},
                                    {"PUBREC", packet(0x50, integer16(1))},
                                    {"PUBREL", packet(0x62, integer16(1))},
                                    {"PUBCOMP", packet(0x70, integer16(1))},
                                    {"SUBSCRIBE", subscribe_packet(1, {{twin_responses, 0}})},
                                    {"UNSUBSCRIBE", unsubscribe_packet(1, {twin_responses})},
                                    {"PINGREQ", std::string(pingreq)},
                                    {"DISCONNECT", std::string(disconnect)},
                                    {"type 0", packet(0x00, "")},
                                    {"type 15", packet(0xF0, "")}}) {
    rows.push_back({std::string("[MQTT-3.1.0-1] the first packet is ") + what, bytes});
  }
  return rows;
}

std::vector<Row> malformed(const WireHub& hub) {
  const std::string id = length_and("dev1");
  const std::string user = length_and("hub.local/dev1/");
  const std::string password = length_and("secret");
  std::vector<Row> rows = {
      {"[MQTT-3.1.2-1] the protocol name of MQTT 3.1", raw_connect(0, id, "MQIsdp", 3)},
      {"[MQTT-3.1.2-1] another protocol name", raw_connect(0, id, "mqtt")},
      {"[MQTT-3.1.2-1] no protocol name", raw_connect(0, id, "")},
      {"[MQTT-1.5.3-1] a protocol name that is not UTF-8", raw_connect(0, id, "MQT\xFF")},
      {"[MQTT-3.1.2-3] the reserved connect flag", raw_connect(0xC3, id + user + password)},
      {"[MQTT-3.1.2-9] a will flag without a will", raw_connect(0x06, id)},
      {"[MQTT-3.1.2-9] a will topic without a message", raw_connect(0x06, id + length_and("topic"))},
      {"[MQTT-3.1.2-11] [MQTT-3.1.2-13] will QoS 1 without a will flag", raw_connect(0xCA, id + user + password)},
      {"[MQTT-3.1.2-11] [MQTT-3.1.2-13] will QoS 2 without a will flag", raw_connect(0xD2, id + user + password)},
      {"[MQTT-3.1.2-11] [MQTT-3.1.2-15] will retain without a will flag", raw_connect(0xE2, id + user + password)},
      {"[MQTT-3.1.2-11] a will without its flag", raw_connect(0x02, id + length_and("topic") + length_and("bye"))},
      {"[MQTT-3.1.2-14] will QoS 3", raw_connect(0x1E, id + length_and("topic") + length_and("bye"))},
      {"[MQTT-3.1.2-18] a user name without its flag", raw_connect(0x02, id + user)},
      {"[MQTT-3.1.2-19] a user name flag without a user name", raw_connect(0x82, id)},
      {"[MQTT-3.1.2-20] a password without its flag", raw_connect(0x82, id + user + password)},
      {"[MQTT-3.1.2-21] a password flag without a password", raw_connect(0xC2, id + user)},
      {"[MQTT-3.1.2-22] a password without a user name", raw_connect(0x42, id + password)},
      {"[MQTT-3.1.3-1] [MQTT-3.1.3-3] no client identifier", raw_connect(0x02, "")},
      {"[MQTT-3.1.3-3] half a client identifier", raw_connect(0x02, integer16(10) + "dev1")},
      {"[MQTT-3.1.3-4] a client identifier that is not UTF-8", but(hub, [](auto& f) { f.client_id = "dev1\xFF"; })},
      {"[MQTT-1.5.3-2] a client identifier with U+0000",
       but(hub, [](auto& f) { f.client_id = std::string("dev1\0", 5); })},
      {"[MQTT-3.1.3-10] a will topic that is not UTF-8",
       but(hub, [](auto& f) { f.will = WillFields{.topic = "\xC3"}; })},
      {"[MQTT-4.7.3-1] a will topic without a character", but(hub, [](auto& f) { f.will = WillFields{.topic = ""}; })},
      {"[MQTT-3.1.3-11] a user name that is not UTF-8", but(hub, [](auto& f) { f.user_name = "hub.local/dev1/\x80"; })},
      {"[MQTT-3.1.4-1] bytes behind the payload", raw_connect(0x02, id + "x")},
      {"[MQTT-3.1.4-1] [MQTT-3.2.2-6] nothing at all", packet(0x10, "")},
      {"[MQTT-3.1.4-1] no connect flags", packet(0x10, length_and("MQTT") + '\x04')},
      {"[MQTT-3.1.4-1] no keep alive", packet(0x10, length_and("MQTT") + "\x04\x02")},
      {"[MQTT-3.1.4-1] half a keep alive", packet(0x10, length_and("MQTT") + "\x04\x02\x01")},
      {"[MQTT-3.1.4-1] a packet larger than the hub takes", std::string("\x10\xFF\xFF\xFF\x7F", 5)},
      {"[MQTT-3.1.4-1] a fifth byte of remaining length", std::string("\x10\xFF\xFF\xFF\xFF\x01", 6)},
  };
  for (const char* topic : {"devices/dev1/messages/events/#", "devices/dev1/messages/events/a=+",
                            "devices/+/messages/events/", "#", "a+b"}) {
    rows.push_back({std::string("[MQTT-4.7.1-1] a will topic with a wildcard: ") + topic,
                    but(hub, [topic](auto& f) { f.will = WillFields{.topic = topic, .qos = 1}; })});
  }
  const std::string body = connect_packet(hub.credentials(dev1)).substr(3);
  for (unsigned flags = 1; flags < 16; ++flags) {
    rows.push_back({"[MQTT-2.2.2-1] [MQTT-2.2.2-2] CONNECT with flags " + std::to_string(flags),
                    packet(static_cast<std::uint8_t>(0x10U | flags), body)});
  }
  return rows;
}

std::vector<Row> refused(const WireHub& hub) {
  const auto with_level = [&](int level) {
    return but(hub, [level](auto& f) { f.level = static_cast<std::uint8_t>(level); });
  };
  const auto nameless = [&](bool clean) {
    return but(hub, [clean](auto& f) {
      f.client_id.clear();
      f.clean_session = clean;
    });
  };
  return {
      {"[MQTT-3.1.2-2] level 3", with_level(3), connack(1)},
      {"[MQTT-3.1.2-2] level 0", with_level(0), connack(1)},
      {"[MQTT-3.1.2-2] level 6", with_level(6), connack(1)},
      {"[MQTT-3.1.2-2] level 4 of a bridge", with_level(0x84), connack(1)},
      {"[MQTT-3.1.2-2] deviation: level 5 is told so in MQTT 5's words", with_level(5),
       std::string("\x20\x03\x00\x84\x00", 5)},
      {"[MQTT-3.1.3-8] deviation: no client identifier and clean session 0 is return code 4", nameless(false),
       connack(4)},
      {"[MQTT-3.1.3-6] [MQTT-3.1.3-7] deviation: a client identifier is never made up", nameless(true), connack(4)},
      {"[MQTT-3.1.3-9] deviation: a client identifier that is not the identity is return code 5",
       but(hub, [](auto& f) { f.client_id = "dev2"; }), connack(5)},
      {"[MQTT-3.2.2-4] [MQTT-3.2.2-5] a refusal has no session present, and a close behind it",
       but(hub, [&](auto& f) { f.password = hub.token(dev2); }), connack(5)},
      {"[MQTT-3.2.2-5] no password", but(hub, [](auto& f) { f.password.reset(); }), connack(5)},
      {"[MQTT-3.2.2-5] a user name that cannot be read", but(hub, [](auto& f) { f.user_name = "dev1"; }), connack(4)},
      {"[MQTT-3.2.2-5] deviation: a will of QoS 2 is refused",
       but(hub, [](auto& f) { f.will = WillFields{.topic = "devices/dev1/messages/events/", .qos = 2}; }), connack(5)},
  };
}

/// A CONNECT that is taken, and the session present that it is answered with.
std::vector<Row> accepted(const WireHub& hub) {
  const auto clean = [&](const std::function<void(ConnectFields&)>& change) {
    return but(hub, [&change](auto& f) {
      f.clean_session = true;
      change(f);
    });
  };
  return {
      {"[MQTT-3.1.4-4] [MQTT-3.2.0-1] CONNACK is the first packet back", clean([](auto&) {}), connack(0)},
      {"[MQTT-3.1.2-23] keep alive 0", clean([](auto& f) { f.keep_alive_seconds = 0; }), connack(0)},
      {"[MQTT-3.1.2-23] the largest keep alive", clean([](auto& f) { f.keep_alive_seconds = 65'535; }), connack(0)},
      {"[MQTT-3.1.2-9] [MQTT-3.1.3-1] every field there is", clean([](auto& f) {
         f.will = WillFields{.topic = "devices/dev1/messages/events/", .message = "bye", .qos = 1, .retain = true};
       }),
       connack(0)},
      {"[MQTT-3.1.2-9] a will message may be empty, and any bytes",
       clean([](auto& f) { f.will = WillFields{.topic = "devices/dev1/messages/events/", .message = "\xFF"}; }),
       connack(0)},
  };
}

using Connects = InEveryWay;
INSTANTIATE_TEST_SUITE_P(Conformance, Connects, every_way, way_name);

TEST_P(Connects, AnythingElseFirstEndsTheConnection) {
  const auto [carrier, feeding] = GetParam();
  WireHub hub;
  for (const Row& row : not_connects()) {
    MqttClient client = open(hub, carrier);
    expect_ended(client, feeding, row, false);
  }
  EXPECT_EQ(hub.figures().connects_accepted, 0U);
}

TEST_P(Connects, MalformedOnesAreClosedWithoutConnack) {
  const auto [carrier, feeding] = GetParam();
  WireHub hub;
  for (const Row& row : malformed(hub)) {
    MqttClient client = open(hub, carrier);
    expect_ended(client, feeding, row, false);
  }
  EXPECT_EQ(hub.figures().connects_accepted, 0U);
  EXPECT_TRUE(hub.still_serves());
}

TEST_P(Connects, RefusedOnesAreToldWhyAndClosed) {
  const auto [carrier, feeding] = GetParam();
  WireHub hub;
  for (const Row& row : refused(hub)) {
    MqttClient client = open(hub, carrier);
    expect_ended(client, feeding, row, false);
  }
  EXPECT_EQ(hub.figures().connects_accepted, 0U);
}

TEST_P(Connects, AcceptedOnesAreServed) {
  const auto [carrier, feeding] = GetParam();
  if (feeding == Feeding::crowded) return;  // nothing may stand before it
  WireHub hub;
  for (const Row& row : accepted(hub)) {
    MqttClient client = open(hub, carrier);
    expect_served(client, feeding, row);
    client.send(disconnect);
    EXPECT_EQ(client.drain(), 0U) << row.statement;
  }
}

/// [MQTT-3.1.4-5]
TEST_P(Connects, WhatStandsBehindARefusedOneIsNotActedOn) {
  const auto [carrier, feeding] = GetParam();
  WireHub hub;
  for (Row row : refused(hub)) {
    row.bytes += publish_packet({.topic = "devices/dev1/messages/events/", .payload = "no", .qos = 1, .packet_id = 1});
    MqttClient client = open(hub, carrier);
    expect_ended(client, feeding, row, false);
  }
  EXPECT_TRUE(hub.telemetry(dev1).empty());
}

/// [MQTT-3.1.3-5]
TEST_P(Connects, ClientIdentifiersOfTwentyThreeLettersAndDigitsAreTaken) {
  const auto [carrier, feeding] = GetParam();
  if (feeding == Feeding::crowded) return;
  WireHub hub;
  for (const char* name : {"0", "abcdefghijklmnopqrstuvw", "ABCDEFGHIJKLMNOPQRSTUVW", "xyzXYZ0123456789"}) {
    hub.put({name, ""});
    ConnectFields fields = hub.credentials({name, ""});
    MqttClient client = open(hub, carrier);
    expect_served(client, feeding, {name, connect_packet(fields), connack(0)});
  }
}

}  // namespace
}  // namespace twinhub::test

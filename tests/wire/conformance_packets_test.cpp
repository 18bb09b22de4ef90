// Every packet but CONNECT: what the standard demands is answered byte for byte, what it forbids ends the connection.
#include "tests/wire/conformance.hpp"

#include <initializer_list>

namespace twinhub::test {
namespace {

const std::string events_topic = "devices/dev1/messages/events/";
const std::string c2d_filter = "devices/dev1/messages/devicebound/#";

std::string subscribe_body(std::uint16_t id, const std::string& filter, int qos) {
  return integer16(id) + length_and(filter) + static_cast<char>(qos);
}
std::string unsubscribe_body(std::uint16_t id, const std::string& filter) { return integer16(id) + length_and(filter); }
std::string telemetry(std::uint8_t qos, std::uint16_t id, bool dup = false, bool retain = false) {
  return publish_packet(
      {.topic = events_topic, .payload = "m", .qos = qos, .packet_id = id, .dup = dup, .retain = retain});
}
std::string puback(std::uint16_t id) { return packet(0x40, integer16(id)); }
std::string unsuback(std::uint16_t id) { return packet(0xB0, integer16(id)); }
std::string suback(std::uint16_t id, std::initializer_list<int> codes) {
  std::string body = integer16(id);
  for (const int code : codes) body.push_back(static_cast<char>(code));
  return packet(0x90, body);
}

std::vector<Row> served() {
  const std::string bom = "\xEF\xBB\xBF";
  const std::string longest = events_topic + "p=" + std::string(65'535 - events_topic.size() - 2, 'v');
  return {
      {"[MQTT-3.12.4-1] PINGREQ is answered with PINGRESP", telemetry(1, 1), puback(1)},  // and its own PINGREQ
      {"a remaining length may be written longer than it has to be",
       std::string{'\x32', static_cast<char>(telemetry(1, 7)[1] | 0x80), '\x80', '\0'} + telemetry(1, 7).substr(2),
       puback(7)},

      {"[MQTT-4.3.1-1] [MQTT-2.3.1-5] PUBLISH at QoS 0 has no packet identifier and no answer", telemetry(0, 0)},
      {"[MQTT-4.3.2-2] [MQTT-2.3.1-6] [MQTT-3.3.4-1] PUBACK carries the PUBLISH's packet identifier",
       telemetry(1, 0x0102), puback(0x0102)},
      {"[MQTT-2.3.1-1] the smallest packet identifier", telemetry(1, 1), puback(1)},
      {"[MQTT-2.3.1-1] the largest packet identifier", telemetry(1, 0xFFFF), puback(0xFFFF)},
      {"[MQTT-3.3.1-1] a PUBLISH that comes again says DUP", telemetry(1, 5) + telemetry(1, 5, true),
       puback(5) + puback(5)},
      {"[MQTT-4.3.2-2] after PUBACK the same packet identifier is a new PUBLISH", telemetry(1, 5) + telemetry(1, 5),
       puback(5) + puback(5)},
      {"[MQTT-4.6.0-2] PUBACKs come in the order of the PUBLISHes", telemetry(1, 3) + telemetry(1, 1) + telemetry(1, 2),
       puback(3) + puback(1) + puback(2)},
      {"[MQTT-4.7.3-3] the longest topic that two bytes of length can tell",
       publish_packet({.topic = longest, .qos = 1, .packet_id = 9}), puback(9)},
      {"[MQTT-3.3.2-2] in a property bag '+' and '#' are written as escapes",
       publish_packet({.topic = events_topic + "a=%2B&b=%23", .qos = 1, .packet_id = 9}), puback(9)},
      {"[MQTT-3.3.1-5] [MQTT-3.3.1-7] deviation: RETAIN is taken and nothing is retained", telemetry(1, 9, false, true),
       puback(9)},
      {"[MQTT-3.3.1-10] [MQTT-3.3.1-11] deviation: a retained message without payload removes nothing",
       publish_packet({.topic = events_topic, .qos = 1, .packet_id = 9, .retain = true}), puback(9)},
      {"PUBACK of nothing is ignored", puback(77)},

      {"[MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-2.3.1-7] SUBACK carries the SUBSCRIBE's packet identifier",
       subscribe_packet(0xFFFE, {{twin_responses, 0}}), suback(0xFFFE, {0})},
      {"[MQTT-3.8.4-4] [MQTT-3.8.4-5] [MQTT-3.9.3-1] one code per filter, in their order",
       subscribe_packet(2, {{twin_responses, 1}, {"foo/bar", 1}, {desired_changes, 0}, {c2d_filter, 1}}),
       suback(2, {1, 0x80, 0, 1})},
      {"[MQTT-3.8.4-6] [MQTT-3.9.3-2] deviation: QoS 2 is granted as 1",
       subscribe_packet(2, {{twin_responses, 2}, {c2d_filter, 2}}), suback(2, {1, 1})},
      {"[MQTT-3.8.4-3] the same filter again has the new QoS",
       subscribe_packet(2, {{c2d_filter, 1}}) + subscribe_packet(3, {{c2d_filter, 0}}),
       suback(2, {1}) + suback(3, {0})},
      {"[MQTT-3.8.3-2] [MQTT-4.7.1-1] deviation: wildcards only where IoT Hub has them; others are refused",
       subscribe_packet(2, {{"#", 0}, {"+/twin/res/#", 0}, {"$iothub/+/res/#", 0}, {"$iothub/twin/res/+", 0}}),
       suback(2, {0x80, 0x80, 0x80, 0x80})},
      {"[MQTT-4.7.2-1] a filter that begins with a wildcard does not match topics with a '$'",
       subscribe_packet(2, {{"#", 0}, {"+/twin/res/#", 0}}), suback(2, {0x80, 0x80})},
      {"[MQTT-1.5.3-3] a byte order mark is a character like any other",
       subscribe_packet(2, {{bom + twin_responses, 0}}), suback(2, {0x80})},
      {"[MQTT-4.7.3-4] topics are compared character by character",
       subscribe_packet(2, {{"$IOTHUB/twin/res/#", 0}, {"$iothub//twin/res/#", 0}, {" $iothub/twin/res/#", 0}}),
       suback(2, {0x80, 0x80, 0x80})},

      {"[MQTT-3.10.4-4] UNSUBACK carries the UNSUBSCRIBE's packet identifier",
       subscribe_packet(2, {{twin_responses, 0}}) + unsubscribe_packet(0xFFFD, {twin_responses}),
       suback(2, {0}) + unsuback(0xFFFD)},
      {"[MQTT-3.10.4-5] UNSUBSCRIBE of what was not subscribed is answered too", unsubscribe_packet(4, {"foo/bar"}),
       unsuback(4)},
      {"[MQTT-3.10.4-6] many filters, one UNSUBACK", unsubscribe_packet(4, {twin_responses, "foo", desired_changes}),
       unsuback(4)},
  };
}

/// Every value but the right one in the low half of the first byte.
void add_wrong_flags(std::vector<Row>& rows, unsigned first_byte, const std::string& body, const std::string& what) {
  for (unsigned flags = 0; flags < 16; ++flags) {
    if (flags == (first_byte & 0x0FU)) continue;
    rows.push_back({what + " with flags " + std::to_string(flags),
                    packet(static_cast<std::uint8_t>((first_byte & 0xF0U) | flags), body)});
  }
}

std::vector<Row> forbidden() {
  std::vector<Row> rows = {
      {"[MQTT-3.1.0-2] a second CONNECT", connect_packet({.client_id = "dev1"})},
      {"[MQTT-2.3.1-1] PUBLISH at QoS 1 with packet identifier 0", telemetry(1, 0)},
      {"[MQTT-2.3.1-1] PUBLISH at QoS 1 without a packet identifier", packet(0x32, length_and(events_topic))},
      {"[MQTT-2.3.1-1] half a packet identifier", packet(0x32, length_and(events_topic) + "\x01")},
      {"[MQTT-2.3.1-1] SUBSCRIBE with packet identifier 0", packet(0x82, subscribe_body(0, twin_responses, 0))},
      {"[MQTT-2.3.1-1] UNSUBSCRIBE with packet identifier 0", packet(0xA2, unsubscribe_body(0, twin_responses))},
      {"[MQTT-2.3.1-1] SUBSCRIBE without anything", packet(0x82, "")},
      {"[MQTT-2.3.1-1] UNSUBSCRIBE without anything", packet(0xA2, "")},
      {"[MQTT-3.3.1-2] DUP at QoS 0", telemetry(0, 0, true)},
      {"[MQTT-3.3.1-4] both QoS bits", telemetry(3, 1)},
      {"[MQTT-3.3.2-1] PUBLISH without a topic", packet(0x30, "")},
      {"[MQTT-3.3.2-1] a topic longer than its packet", packet(0x30, integer16(100) + events_topic)},
      {"[MQTT-3.3.2-2] [MQTT-4.7.1-1] wildcards in a topic", publish_packet({.topic = "devices/+/messages/events/"})},
      {"[MQTT-3.3.2-2] [MQTT-4.7.1-1] wildcards in a topic", publish_packet({.topic = "devices/#"})},
      {"[MQTT-3.3.2-2] wildcards in a property bag",
       publish_packet({.topic = events_topic + "x=+1", .qos = 1, .packet_id = 9})},
      {"[MQTT-3.3.2-2] wildcards in a property bag",
       publish_packet({.topic = events_topic + "x=1&#=2", .qos = 1, .packet_id = 9})},
      {"[MQTT-3.3.2-2] wildcards in a request's id", publish_packet({.topic = "$iothub/twin/GET/?$rid=+"})},
      {"[MQTT-4.7.3-1] an empty topic", publish_packet({.topic = ""})},
      {"[MQTT-4.7.3-1] an empty filter", packet(0x82, subscribe_body(1, "", 0))},
      {"[MQTT-4.7.3-1] an empty filter", packet(0xA2, unsubscribe_body(1, ""))},
      {"[MQTT-3.3.5-2] PUBLISH where the client may not", publish_packet({.topic = "devices/dev2/messages/events/"})},
      {"[MQTT-3.8.3-3] SUBSCRIBE without a filter", packet(0x82, integer16(1))},
      {"[MQTT-3.8.3-3] a filter without its QoS", packet(0x82, integer16(1) + length_and(twin_responses))},
      {"[MQTT-3-8.3-4] QoS 3", packet(0x82, subscribe_body(1, twin_responses, 3))},
      {"[MQTT-3-8.3-4] a reserved bit of the QoS", packet(0x82, subscribe_body(1, twin_responses, 4))},
      {"[MQTT-3-8.3-4] a reserved bit of the QoS", packet(0x82, subscribe_body(1, twin_responses, 0x80))},
      {"[MQTT-3.10.3-2] UNSUBSCRIBE without a filter", packet(0xA2, integer16(1))},
      {"[MQTT-3.10.3-1] a filter longer than its packet", packet(0xA2, integer16(1) + integer16(9) + "$iothub")},
      {"a fifth byte of remaining length", std::string("\x30\xFF\xFF\xFF\xFF\x01", 6)},
      {"[MQTT-4.8.0-1] a packet larger than the hub takes", std::string("\x30\xFF\xFF\xFF\x7F", 5)},
      {"[MQTT-4.8.0-1] reserved packet type 0", packet(0x00, "")},
      {"[MQTT-4.8.0-1] reserved packet type 15", packet(0xF0, "")},
      {"[MQTT-4.8.0-1] CONNACK from a client", packet(0x20, std::string(2, '\0'))},
      {"[MQTT-4.8.0-1] SUBACK from a client", packet(0x90, integer16(1) + '\0')},
      {"[MQTT-4.8.0-1] UNSUBACK from a client", packet(0xB0, integer16(1))},
      {"[MQTT-4.8.0-1] PINGRESP from a client", packet(0xD0, "")},
      {"[MQTT-4.8.0-1] PUBACK without a packet identifier", packet(0x40, "")},
      {"[MQTT-4.8.0-1] PUBACK with more than that", packet(0x40, integer16(1) + "x")},
      {"[MQTT-4.8.0-1] PINGREQ with a body", packet(0xC0, "x")},
      {"[MQTT-4.8.0-1] DISCONNECT with a body", packet(0xE0, "x")},
      {"[MQTT-4.3.3-1] [MQTT-4.3.3-2] deviation: QoS 2 is refused by a close", telemetry(2, 1)},
      {"[MQTT-4.3.3-2] deviation: QoS 2 is refused by a close", packet(0x50, integer16(1))},
      {"[MQTT-3.6.1-1] deviation: QoS 2 is refused by a close", packet(0x62, integer16(1))},
      {"[MQTT-4.3.3-1] deviation: QoS 2 is refused by a close", packet(0x70, integer16(1))},
  };
  for (const std::string filter : {"$iothub/twin/res#", "$iothub/#/res", "$iothub/twin/res+/#", "a#", "+a", "a/+b",
                                   "##", "devices/dev1/messages/devicebound/#/a", "devices/dev1/messages/device+/#"}) {
    const std::string what = "[MQTT-4.7.1-2] [MQTT-4.7.1-3] a wildcard in a wrong place, " + filter;
    rows.push_back({what + ", in SUBSCRIBE", packet(0x82, subscribe_body(1, filter, 0))});
    rows.push_back(
        {what + ", in SUBSCRIBE behind a good filter", subscribe_packet(1, {{twin_responses, 0}, {filter, 0}})});
    rows.push_back({what + ", in UNSUBSCRIBE", packet(0xA2, unsubscribe_body(1, filter))});
  }
  for (const auto& [statement, wrong] :
       {std::pair<std::string, std::string>{"[MQTT-1.5.3-1] a lone continuation byte", "\x80"},
        {"[MQTT-1.5.3-1] a byte that UTF-8 has not", "\xFF"},
        {"[MQTT-1.5.3-1] a cut sequence", "\xE6\xBC"},
        {"[MQTT-1.5.3-1] an overlong sequence", "\xC0\xAF"},
        {"[MQTT-1.5.3-1] a surrogate", "\xED\xA0\x80"},
        {"[MQTT-1.5.3-1] beyond U+10FFFF", "\xF4\x90\x80\x80"},
        {"[MQTT-1.5.3-2] [MQTT-4.7.3-2] U+0000", std::string(1, '\0')}}) {
    rows.push_back({statement + ", [MQTT-3.3.2-1] in a topic", packet(0x30, length_and(events_topic + "a=" + wrong))});
    rows.push_back({statement + ", [MQTT-3.8.3-1] in a filter", packet(0x82, subscribe_body(1, "a/" + wrong, 0))});
    rows.push_back({statement + ", [MQTT-3.10.3-1] in a filter", packet(0xA2, unsubscribe_body(1, "a/" + wrong))});
  }
  add_wrong_flags(rows, 0x40, integer16(1), "[MQTT-2.2.2-1] [MQTT-2.2.2-2] PUBACK");
  add_wrong_flags(rows, 0x62, integer16(1), "[MQTT-3.6.1-1] PUBREL");
  add_wrong_flags(rows, 0x82, subscribe_body(1, twin_responses, 0), "[MQTT-3.8.1-1] SUBSCRIBE");
  add_wrong_flags(rows, 0xA2, unsubscribe_body(1, twin_responses), "[MQTT-3.10.1-1] UNSUBSCRIBE");
  add_wrong_flags(rows, 0xC0, "", "[MQTT-2.2.2-2] PINGREQ");
  add_wrong_flags(rows, 0xE0, "", "[MQTT-3.14.1-1] DISCONNECT");
  return rows;
}

using Packets = InEveryWay;
INSTANTIATE_TEST_SUITE_P(Conformance, Packets, every_way, way_name);

TEST_P(Packets, WhatTheStandardDemandsIsAnswered) {
  const auto [carrier, feeding] = GetParam();
  WireHub hub;
  for (const Row& row : served()) {
    MqttClient client = connect(hub, carrier);
    expect_served(client, feeding, row);
  }
  EXPECT_EQ(hub.figures().protocol_faults, 0U);
}

TEST_P(Packets, AllOfItOnOneConnection) {
  const auto [carrier, feeding] = GetParam();
  WireHub hub;
  MqttClient client = connect(hub, carrier);
  for (const Row& row : served()) expect_served(client, feeding, row);
}

TEST_P(Packets, WhatTheStandardForbidsEndsTheConnection) {
  const auto [carrier, feeding] = GetParam();
  WireHub hub;
  for (const Row& row : forbidden()) {
    MqttClient client = connect(hub, carrier);
    expect_ended(client, feeding, row, true);
  }
  EXPECT_TRUE(hub.telemetry(dev1).empty());
  EXPECT_TRUE(hub.still_serves());
}

}  // namespace
}  // namespace twinhub::test

// Peers that do not play by the rules, or do not read: each is answered with a close or held back, and the hub serves
// the others.
#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>
#include <random>

namespace twinhub::test {
namespace {

const std::string events_topic = "devices/dev1/messages/events/";

/// A message of `bytes` in desired properties, different for each `n`.
std::string large_desired(int n, std::size_t bytes) {
  std::string body = R"({"properties":{"desired":{)";
  for (std::size_t i = 0; i * 4000 < bytes; ++i) {
    body += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":\"" + std::to_string(n) + std::string(3990, 'x') + '"';
  }
  return body + "}}}";
}

TEST(Hostile, WhatIsNoConnectIsClosedAtItsFirstByte) {
  WireHub hub;
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\nHost: hub\r\n\r\n"), std::string("\x16\x03\x01\x02\x00\x01\x00\x01", 8),
        subscribe_packet(1, {{twin_responses, 0}}), std::string(pingreq), std::string(disconnect), std::string(1, '\0'),
        std::string("\x30\xFF\xFF\xFF\x7F", 5)}) {
    MqttClient client(hub.port());
    client.send(bytes);
    EXPECT_EQ(client.drain(), 0U);
  }
  EXPECT_TRUE(hub.still_serves());
}

TEST(Hostile, BrokenConnectsAreClosedWithoutAnAnswer) {
  WireHub hub;
  const std::string good = connect_packet(hub.credentials(dev1));
  std::string reserved_flag = good;
  reserved_flag[good[1] < 0 ? 10 : 9] |= 1;
  const std::string rest = packet(0x10, length_and("MQTT") + "\x04\xC2" + integer16(60) + length_and("dev1"));
  for (const std::string& bytes :
       {reserved_flag, rest, packet(0x10, ""), packet(0x11, good.substr(2)), packet(0x10, length_and("MQTT")),
        packet(0x10, length_and("MQTT") + "\x04\x40" + integer16(60) + length_and("dev1") + length_and("password")),
        packet(0x10, length_and("MQTT") + "\x04\x02" + integer16(60) + integer16(500) + "dev1"),
        std::string("\x10\xFF\xFF\xFF\xFF\x01", 6)}) {
    MqttClient client(hub.port());
    client.send(bytes);
    EXPECT_EQ(client.drain(), 0U);
  }
  EXPECT_TRUE(hub.still_serves());
}

TEST(Hostile, PacketsThatMayNotComeEndTheConnection) {
  WireHub hub;
  const std::pair<const char*, std::string> cases[] = {
      {"CONNACK", packet(0x20, std::string(2, '\0'))},
      {"PUBACK without id", packet(0x40, "")},
      {"PUBREC", packet(0x50, integer16(1))},
      {"PUBREL", packet(0x62, integer16(1))},
      {"PUBCOMP", packet(0x70, integer16(1))},
      {"SUBSCRIBE with wrong flags", packet(0x80, integer16(1) + length_and(twin_responses) + '\0')},
      {"SUBSCRIBE without filters", packet(0x82, integer16(1))},
      {"SUBSCRIBE with QoS 3", subscribe_packet(1, {{twin_responses, 3}})},
      {"SUBSCRIBE with packet id 0", subscribe_packet(0, {{twin_responses, 0}})},
      {"SUBACK", packet(0x90, integer16(1) + '\0')},
      {"UNSUBSCRIBE without filters", packet(0xA2, integer16(1))},
      {"PINGREQ with a body", packet(0xC0, "x")},
      {"type 0", packet(0x00, "")},
      {"type 15", packet(0xF0, "")},
      {"PUBLISH with QoS 3", publish_packet({.topic = events_topic, .qos = 3, .packet_id = 1})},
      {"PUBLISH with packet id 0", publish_packet({.topic = events_topic, .qos = 1, .packet_id = 0})},
      {"PUBLISH without topic", publish_packet({.topic = "", .payload = "x"})},
      {"PUBLISH with a topic that is not UTF-8", publish_packet({.topic = events_topic + "a=\xFF"})},
      {"PUBLISH with a zero in its topic", publish_packet({.topic = events_topic + std::string(1, '\0')})},
      {"a remaining length of five bytes", std::string("\x30\xFF\xFF\xFF\xFF\x7F", 6)},
      {"a packet of 256 MiB", std::string("\x30\xFF\xFF\xFF\x7F", 5)},
  };
  for (const auto& [what, bytes] : cases) {
    MqttClient client = hub.connect(dev1);
    client.send(bytes);
    EXPECT_EQ(client.drain(), 0U) << what;
  }
  EXPECT_EQ(hub.figures().protocol_faults, std::size(cases));
  EXPECT_TRUE(hub.telemetry(dev1).empty());
  EXPECT_TRUE(hub.still_serves());
}

TEST(Hostile, RandomBytesBehindAConnectHarmNobody) {
  WireHub hub;
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> byte(0, 255);
  for (int i = 0; i < 30; ++i) {
    std::string bytes(200, '\0');
    for (char& c : bytes) c = static_cast<char>(byte(random));
    MqttClient client = hub.connect(dev1);
    client.send(bytes);
    client.half_close();
    client.drain();
  }
  EXPECT_TRUE(hub.still_serves());
}

TEST(Hostile, PacketsMayBeCutAnywhere) {
  WireHub hub;
  MqttClient client(hub.port());
  const std::string bytes = connect_packet(hub.credentials(dev1)) + subscribe_packet(1, {{twin_responses, 0}}) +
                            publish_packet({.topic = get_topic("slow"), .payload = " "});
  for (const char c : bytes) client.send({&c, 1});
  EXPECT_EQ(client.expect().first_byte, 0x20);
  bool answered = false;
  for (int i = 0; i < 2; ++i) answered = client.expect().first_byte == 0x30 || answered;
  EXPECT_TRUE(answered);
}

TEST(Hostile, ATooLargePacketEndsTheConnectionBeforeItsBody) {
  WireHub hub({.packet_bytes_max = 4096});
  MqttClient client = hub.connect(dev1);
  const std::string whole = publish_packet({.topic = events_topic, .payload = std::string(5000, 'x')});
  client.send(whole.substr(0, 10));
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_TRUE(hub.still_serves());
}

TEST(Hostile, AConnectThatIsNotWholeCountsUpToItsBound) {
  mqtt_door::DoorOptions options;
  options.connect_bytes_max = 4096;
  WireHub hub(options);
  ConnectFields fields = hub.credentials(dev1);
  fields.will = WillFields{.topic = events_topic, .message = std::string(60'000, 'w')};
  const std::string connect = connect_packet(fields);
  MqttClient client(hub.port());
  client.send(connect.substr(0, 3000));
  const auto counted = [&] { return hub.admission_figures().stranger_bytes; };
  EXPECT_TRUE(eventually([&] { return counted() >= net::AdmissionOptions().stranger_bytes + 3000; })) << counted();
  client.send(connect.substr(3000, 2000));
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_TRUE(eventually([&] { return counted() == 0; })) << counted();
  EXPECT_TRUE(hub.still_serves());
}

TEST(Hostile, AConnectWithALargeWillMayComeInPieces) {
  WireHub hub;
  ConnectFields fields = hub.credentials(dev1);
  fields.will = WillFields{.topic = events_topic, .message = std::string(60'000, 'w')};
  const std::string connect = connect_packet(fields);
  MqttClient client(hub.port());
  client.send(connect.substr(0, 40'000));
  EXPECT_TRUE(eventually([&] { return hub.admission_figures().stranger_bytes > 40'000; }));
  client.send(connect.substr(40'000));
  EXPECT_EQ(client.expect(), (Packet{0x20, std::string(2, '\0')}));
  EXPECT_EQ(hub.admission_figures().strangers, 0U);
}

TEST(Hostile, ADeviceThatDoesNotReadItsDeltasIsClosedAndTheOthersGoOn) {
  WireHub hub({.output_bytes_max = 128 * 1024});
  MqttClient lazy = hub.subscriber(dev1, {{desired_changes, 0}});
  MqttClient diligent = hub.subscriber(dev2, {{desired_changes, 0}});
  for (int n = 0; n < 5000 && hub.figures().slow_readers_closed == 0; ++n) {
    hub.patch(dev1, large_desired(n % 10, 28'000));
    if (n % 50 == 0) {
      hub.patch(dev2, R"({"properties":{"desired":{"n":)" + std::to_string(n) + "}}}");
      EXPECT_EQ(diligent.expect_message().payload.substr(0, 5), R"({"n":)");
    }
  }
  EXPECT_EQ(hub.figures().slow_readers_closed, 1U);
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
  // What it reads of its deltas has no gap: it was closed, nothing was skipped.
  std::uint64_t version = 2;
  while (const auto packet = lazy.read()) {
    const std::string topic = "$iothub/twin/PATCH/properties/desired/?$version=" + std::to_string(version++);
    ASSERT_EQ(packet->body.substr(2, topic.size()), topic);
  }
  EXPECT_TRUE(hub.still_serves());
}

TEST(Hostile, AClientThatAsksALotAndReadsLateGetsEveryAnswer) {
  WireHub hub({.output_bytes_max = 128 * 1024});
  hub.patch(dev1, large_desired(0, 28'000));
  MqttClient client = hub.subscriber(dev1, {{twin_responses, 0}});
  std::string requests;
  constexpr int count = 1000;  // 28 MB of answers
  for (int i = 0; i < count; ++i) requests += publish_packet({.topic = get_topic(std::to_string(i)), .payload = " "});
  client.send(requests);
  EXPECT_TRUE(hub.still_serves());
  for (int i = 0; i < count; ++i) {
    ASSERT_EQ(client.expect_message().topic, "$iothub/twin/res/200/?$rid=" + std::to_string(i));
  }
}

TEST(Hostile, RequestsInFlightAreBounded) {
  WireHub hub({.in_flight_max = 8});
  MqttClient client = hub.connect(dev1);
  hub.store().hold();
  constexpr std::uint16_t count = 300;
  std::string messages;
  for (std::uint16_t id = 1; id <= count; ++id) {
    messages += publish_packet({.topic = events_topic, .payload = "m", .qos = 1, .packet_id = id});
  }
  client.send(messages);
  EXPECT_TRUE(eventually([&] { return hub.store().waiting() == 8; }));
  EXPECT_TRUE(hub.still_serves());
  EXPECT_EQ(hub.store().waiting(), 8U);
  hub.store().release();
  for (std::uint16_t id = 1; id <= count; ++id) ASSERT_EQ(client.expect(), (Packet{0x40, integer16(id)}));
  EXPECT_EQ(hub.telemetry(dev1).size(), count);
}

TEST(Hostile, PubacksThatWaitForAnEarlierOneAreBounded) {
  WireHub hub({.in_flight_max = 8});
  MqttClient client = hub.connect(dev1);
  hub.store().hold();
  constexpr std::uint16_t count = 5000;
  std::string messages = publish_packet({.topic = events_topic, .payload = "slow", .qos = 1, .packet_id = 1});
  for (std::uint16_t id = 2; id <= count; ++id) {  // each is answered at once, were it not for the first
    messages +=
        publish_packet({.topic = "$iothub/methods/res/200/?$rid=0", .payload = "{}", .qos = 1, .packet_id = id});
  }
  client.send(messages);
  EXPECT_TRUE(eventually([&] { return hub.figures().packets_received == 8; }));
  EXPECT_TRUE(hub.still_serves());
  EXPECT_EQ(hub.figures().packets_received, 8U + 2);  // the bystander's SUBSCRIBE and GET
  hub.store().release();
  for (std::uint16_t id = 1; id <= count; ++id) ASSERT_EQ(client.expect(), (Packet{0x40, integer16(id)}));
}

TEST(Hostile, AConnectionThatDropsWithRequestsInFlightLeavesNothingBehind) {
  WireHub hub;
  hub.store().hold();
  for (int round = 0; round < 5; ++round) {
    ConnectFields fields = hub.credentials(dev1);
    fields.clean_session = true;
    MqttClient client = hub.connect(fields);
    client.send(publish_packet({.topic = events_topic, .payload = "in flight", .qos = 1, .packet_id = 1}));
    const auto expected = static_cast<std::size_t>(round + 1);
    EXPECT_TRUE(eventually([&] { return hub.store().waiting() == expected; }));
    client.reset();
    EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
  }
  hub.store().release();
  EXPECT_EQ(hub.telemetry(dev1).size(), 5U);  // accepted is accepted
  EXPECT_TRUE(eventually([&] { return hub.figures().connections == 0; }));
  EXPECT_TRUE(hub.still_serves());
}

TEST(Hostile, ThousandsOfShortConnectionsLeaveNothingBehind) {
  WireHub hub;
  for (int i = 0; i < 2000; ++i) {
    MqttClient client(hub.port());
    if (i % 3 == 0) client.send("\x10");
    if (i % 3 == 1) client.reset();
  }
  EXPECT_TRUE(eventually([&] { return hub.figures().connections == 0; }));
  EXPECT_TRUE(hub.still_serves());
}

}  // namespace
}  // namespace twinhub::test

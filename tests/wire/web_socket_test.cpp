// MQTT over WebSocket on the service door's port: the request, the frames, and peers that do not play by the rules.
// Source: RFC 6455; MQTT 3.1.1 chapter 6; azure-docs iot-mqtt-connect-to-iot-hub.
#include "tests/wire/web_socket_parts.hpp"

#include <gtest/gtest.h>
#include <thread>

namespace twinhub::test {
namespace {

using std::chrono::seconds;

std::string refusal_of(const WireHub& hub, const UpgradeFields& fields) {
  MqttClient client(hub.http_port());
  return client.upgrade(fields);
}

void expect_whole_session(WireHub& hub, MqttClient& client) {
  ConnectFields fields = hub.credentials(dev1);
  fields.clean_session = true;
  EXPECT_EQ(connect_code(client, fields), 0);
  client.send(subscribe_packet(1, {{twin_responses, 0}, {desired_changes, 0}}));
  EXPECT_EQ(client.expect().first_byte, 0x90);
  EXPECT_EQ(get_twin(client).topic, "$iothub/twin/res/200/?$rid=1");
  EXPECT_TRUE(report(client, R"({"a":1})").topic.starts_with("$iothub/twin/res/204/"));
  hub.patch(dev1, R"({"properties":{"desired":{"a":1}}})");
  EXPECT_EQ(client.expect_message().payload, R"({"a":1,"$version":2})");
  client.send(publish_packet({.topic = events_topic, .payload = std::string(262'144, 'x'), .qos = 1, .packet_id = 1}));
  EXPECT_EQ(client.expect(), (Packet{0x40, integer16(1)}));
  EXPECT_EQ(hub.figures().web_sockets, 1U);
  client.send(disconnect);
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_TRUE(eventually([&] { return hub.figures().web_sockets == 0; }));
}

TEST(WebSocket, ADeviceIsServed) {
  WireHub hub;
  MqttClient client = web_socket(hub);
  expect_whole_session(hub, client);
}

TEST(WebSocket, ADeviceIsServedOverTls) {
  WireHub hub;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    hub.remove(dev1);
    hub.put(dev1);
    MqttClient client(hub.https_port(), {.ca = hub.ca(), .version_max = version});
    EXPECT_TRUE(client.upgrade().starts_with("HTTP/1.1 101 "));
    expect_whole_session(hub, client);
  }
}

TEST(WebSocket, AClientCertificateThatNobodyVouchesForIsNoObstacle) {
  WireHub hub;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    MqttClient client(hub.https_port(), {.ca = hub.ca(), .version_max = version, .with_certificate = true});
    EXPECT_TRUE(client.upgrade().starts_with("HTTP/1.1 101 "));
    EXPECT_EQ(connect_code(client, hub.credentials(dev1)), 0);  // the token decides
  }
}

/// [MQTT-6.0.0-3] [MQTT-6.0.0-4]
TEST(WebSocket, TheSubprotocolIsEchoedAsTheClientSpellsIt) {
  WireHub hub;
  for (const auto& [offered, echoed] : {std::pair<std::string, std::string>{"mqtt", "mqtt"},
                                        {"MQTT", "MQTT"},
                                        {"Mqtt", "Mqtt"},
                                        {"mqttv3.1, mqtt", "mqtt"},
                                        {"chat,mqtt", "mqtt"}}) {
    MqttClient client(hub.http_port());
    const std::string response = client.upgrade({.subprotocol = offered});
    EXPECT_NE(response.find("\r\nSec-WebSocket-Protocol: " + echoed + "\r\n"), std::string::npos) << response;
    EXPECT_NE(response.find("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), std::string::npos);
  }
}

TEST(WebSocket, PathsAndHeadersOfAllSdksAreTaken) {
  WireHub hub;
  for (const UpgradeFields& fields :
       {UpgradeFields{.path = "/$iothub/websocket?iothub-no-client-cert=true"},
        UpgradeFields{.path = "/%24iothub/websocket"}, UpgradeFields{.path = "/$iothub/websocket/"},
        UpgradeFields{.headers = "Sec-WebSocket-Protocol: mqttv3.1\r\n"},
        UpgradeFields{.headers = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"}}) {
    MqttClient client(hub.http_port());
    const std::string response = client.upgrade(fields);
    EXPECT_TRUE(response.starts_with("HTTP/1.1 101 ")) << fields.path << fields.headers << response;
    EXPECT_EQ(response.find("permessage-deflate"), std::string::npos);
    EXPECT_EQ(connect_code(client, hub.credentials(dev1)), 0);
  }
}

TEST(WebSocket, OtherRequestsAreRefusedInIotHubsWords) {
  WireHub hub;
  const std::pair<UpgradeFields, const char*> cases[] = {
      {{.path = "/"}, "WebSockets are at"},
      {{.path = "/$iothub"}, "WebSockets are at"},
      {{.path = "/devices?api-version=2021-04-12"}, "WebSockets are at"},
      {{.subprotocol = ""}, "has to be mqtt"},
      {{.subprotocol = "mqttv3.1"}, "has to be mqtt"},
      {{.subprotocol = "mqttx, xmqtt"}, "has to be mqtt"},
      {{.version = ""}, "version 13"},
      {{.headers = "Content-Length: 2\r\n\r\nhi"}, "Bytes came before the WebSocket request"},
  };
  for (const auto& [fields, why] : cases) {
    const std::string response = refusal_of(hub, fields);
    EXPECT_TRUE(response.starts_with("HTTP/1.1 400 ")) << response;
    EXPECT_NE(response.find("{\"Message\":\"ErrorCode:GenericBadRequest;"), std::string::npos) << response;
    EXPECT_NE(response.find(why), std::string::npos) << response;
  }
  const std::string response = refusal_of(hub, {.version = "8"});
  EXPECT_TRUE(response.starts_with("HTTP/1.1 426 ")) << response;
  EXPECT_NE(response.find("\r\nSec-WebSocket-Version: 13\r\n"), std::string::npos) << response;
  EXPECT_EQ(hub.figures().web_sockets, 0U);
}

TEST(WebSocket, BytesBehindTheRequestAreRefused) {
  WireHub hub;
  MqttClient client(hub.http_port());
  EXPECT_TRUE(client.request(upgrade_request({}) + frame_bytes({.payload = "early"})).starts_with("HTTP/1.1 400 "));
}

TEST(WebSocket, ThePortServesRestBesideAndBeforeIt) {
  WireHub hub;
  MqttClient device = connected(hub);
  MqttClient client(hub.http_port());
  EXPECT_TRUE(client.request("GET /devices/dev1?api-version=2021-04-12 HTTP/1.1\r\nHost: hub.local\r\n\r\n")
                  .starts_with("HTTP/1.1 401 "));
  EXPECT_TRUE(client.upgrade().starts_with("HTTP/1.1 101 "));  // the same connection
  EXPECT_EQ(connect_code(client, hub.credentials(dev2)), 0);
  device.send(pingreq);
  EXPECT_EQ(device.expect().first_byte, 0xD0);
}

/// [MQTT-6.0.0-2]
TEST(WebSocket, PacketsAndFramesNeedNotBeCutAlike) {
  WireHub hub;
  const std::string bytes = connect_packet(hub.credentials(dev1)) + subscribe_packet(1, {{twin_responses, 0}}) +
                            publish_packet({.topic = get_topic("cut"), .payload = " "});
  const auto expect_answers = [](MqttClient& client) {
    EXPECT_EQ(client.expect().first_byte, 0x20);
    EXPECT_EQ(client.expect().first_byte + client.expect().first_byte, 0x90 + 0x30);
  };
  MqttClient in_one_frame = web_socket(hub);
  in_one_frame.send(bytes);
  expect_answers(in_one_frame);

  MqttClient a_frame_a_byte = web_socket(hub);
  for (const char c : bytes) a_frame_a_byte.send({&c, 1});
  expect_answers(a_frame_a_byte);

  MqttClient one_message_in_fragments = web_socket(hub);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    one_message_in_fragments.send_raw(frame_bytes({.opcode = i == 0 ? opcode::binary : opcode::continuation,
                                                   .payload = bytes.substr(i, 1),
                                                   .fin = i + 1 == bytes.size()}));
    if (i % 10 == 5) one_message_in_fragments.send_raw(frame_bytes({.opcode = opcode::ping}));
  }
  expect_answers(one_message_in_fragments);

  MqttClient the_frames_bytes_one_by_one = web_socket(hub);
  for (const char c : frame_bytes({.payload = bytes})) the_frames_bytes_one_by_one.send_raw({&c, 1});
  expect_answers(the_frames_bytes_one_by_one);
}

TEST(WebSocket, WhatIsNoBinaryFrameEndsTheConnection) {
  WireHub hub;
  const std::string connect = connect_packet(hub.credentials(dev1));
  const std::tuple<const char*, std::string, std::uint16_t> cases[] = {
      {"text [MQTT-6.0.0-1]", frame_bytes({.opcode = opcode::text, .payload = "hello"}), 1003},
      {"empty text", frame_bytes({.opcode = opcode::text}), 1003},
      {"not masked", frame_bytes({.payload = connect, .masked = false}), 1002},
      {"reserved bit", frame_bytes({.payload = connect, .reserved_bits = 4}), 1002},
      {"reserved opcode", frame_bytes({.opcode = 3, .payload = connect}), 1002},
      {"reserved control opcode", frame_bytes({.opcode = 0xB}), 1002},
      {"continuation of nothing", frame_bytes({.opcode = opcode::continuation, .payload = connect}), 1002},
      {"a message inside a message", frame_bytes({.payload = "\x10", .fin = false}) + frame_bytes({.payload = connect}),
       1002},
      {"a ping in fragments", frame_bytes({.opcode = opcode::ping, .fin = false}), 1002},
      {"a ping of 126 bytes", frame_bytes({.opcode = opcode::ping, .payload = std::string(126, 'x')}), 1002},
      {"a frame of 2^62 bytes", frame_header(1ULL << 62), 1009},
      {"a frame of 5 MiB", frame_header(5 << 20), 1009},
  };
  for (const auto& [what, bytes, code] : cases) {
    MqttClient client = connected(hub);
    client.send_raw(bytes);
    EXPECT_EQ(client.read_close_code(), code) << what;
    EXPECT_FALSE(client.read_frame()) << what;
  }
  EXPECT_TRUE(eventually([&] { return hub.figures().connections == 0 && hub.figures().web_sockets == 0; }));
  EXPECT_TRUE(hub.still_serves());
}

TEST(WebSocket, AMessageInFragmentsIsBoundedToo) {
  WireHub hub;
  MqttClient client = connected(hub);
  std::string acknowledgements;  // of nothing: whoever got answers would have to read them, or be closed for that
  for (int i = 0; i < 8 * 1024; ++i) acknowledgements += packet(0x40, integer16(1));
  std::thread reader([&] { EXPECT_EQ(client.read_close_code(), 1009); });
  client.send_raw(frame_bytes({.payload = acknowledgements, .fin = false}));
  for (int i = 0; i < 200; ++i)
    client.send_raw(frame_bytes({.opcode = opcode::continuation, .payload = acknowledgements, .fin = false}));
  reader.join();
  EXPECT_TRUE(hub.still_serves());
}

TEST(WebSocket, AnMqttFaultIsAClose) {
  WireHub hub;
  MqttClient client = connected(hub);
  client.send(connect_packet(hub.credentials(dev1)));  // [MQTT-3.1.0-2]
  EXPECT_EQ(client.read_close_code(), 1000);
  EXPECT_EQ(hub.figures().protocol_faults, 1U);
  ConnectFields stranger = hub.credentials(dev1);
  stranger.password = hub.token(dev2);
  MqttClient refused = web_socket(hub);
  EXPECT_EQ(connect_code(refused, stranger), 5);
}

TEST(WebSocket, PeersThatGoWithoutAWordAreNoticed) {
  WireHub hub;
  MqttClient cut = connected(hub);
  EXPECT_TRUE(hub.is_connected(dev1));
  cut.reset();
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
  MqttClient half = connected(hub);
  half.half_close();
  EXPECT_EQ(half.drain(), 0U);
  MqttClient before_connect = web_socket(hub);
  before_connect.reset();
  EXPECT_TRUE(eventually([&] { return hub.figures().connections == 0 && hub.figures().web_sockets == 0; }));
}

TEST(WebSocket, SilenceIsNotWaitedFor) {
  WireHub hub({.connect_timeout = seconds(1)});
  MqttClient silent = web_socket(hub);
  MqttClient half_a_packet = web_socket(hub);
  half_a_packet.send(connect_packet(hub.credentials(dev1)).substr(0, 20));
  MqttClient half_a_frame = web_socket(hub);
  half_a_frame.send_raw(frame_bytes({.payload = connect_packet(hub.credentials(dev1))}).substr(0, 30));
  for (MqttClient* client : {&silent, &half_a_packet, &half_a_frame}) EXPECT_EQ(client->read_close_code(), 1000);
  EXPECT_TRUE(eventually([&] { return hub.figures().connections == 0; }));
  EXPECT_TRUE(hub.still_serves());
}

TEST(WebSocket, ADeviceThatDoesNotReadIsClosed) {
  WireHub hub({.output_bytes_max = 128 * 1024});
  ConnectFields fields = hub.credentials(dev1);
  fields.clean_session = true;
  MqttClient lazy = connected(hub, fields);
  lazy.send(subscribe_packet(1, {{desired_changes, 0}}));
  EXPECT_EQ(lazy.expect().first_byte, 0x90);
  std::string large = R"({"properties":{"desired":{)";
  for (int i = 0; i < 7; ++i) large += '"' + std::to_string(i) + R"(":")" + std::string(4000, 'x') + R"(",)";
  for (int n = 0; n < 5000 && hub.figures().slow_readers_closed == 0; ++n) {
    hub.patch(dev1, large + R"("n":)" + std::to_string(n) + "}}}");
  }
  EXPECT_EQ(hub.figures().slow_readers_closed, 1U);
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1) && hub.figures().web_sockets == 0; }));
  std::uint64_t version = 2;  // what it reads has no gap
  while (const auto packet = lazy.read()) {
    const std::string topic = "$iothub/twin/PATCH/properties/desired/?$version=" + std::to_string(version++);
    ASSERT_EQ(packet->body.substr(2, topic.size()), topic);
  }
}

TEST(WebSocket, AClientThatAsksALotAndReadsLateGetsEveryAnswer) {
  WireHub hub({.output_bytes_max = 128 * 1024});
  hub.patch(dev1, R"({"properties":{"desired":{"k":")" + std::string(4000, 'x') + R"("}}})");
  MqttClient client(hub.https_port(), {.ca = hub.ca()});
  EXPECT_TRUE(client.upgrade().starts_with("HTTP/1.1 101 "));
  EXPECT_EQ(connect_code(client, hub.credentials(dev1)), 0);
  client.send(subscribe_packet(1, {{twin_responses, 0}}));
  EXPECT_EQ(client.expect().first_byte, 0x90);
  constexpr int count = 3000;  // 12 MB of answers
  std::string requests;
  for (int i = 0; i < count; ++i) requests += publish_packet({.topic = get_topic(std::to_string(i)), .payload = " "});
  client.send(requests);
  EXPECT_TRUE(hub.still_serves());
  for (int i = 0; i < count; ++i)
    ASSERT_EQ(client.expect_message().topic, "$iothub/twin/res/200/?$rid=" + std::to_string(i));
}

TEST(WebSocket, RequestsInFlightAreBounded) {
  WireHub hub({.in_flight_max = 8});
  MqttClient client = connected(hub);
  hub.store().hold();
  constexpr std::uint16_t count = 300;
  for (std::uint16_t id = 1; id <= count; ++id)
    client.send(publish_packet({.topic = events_topic, .payload = "m", .qos = 1, .packet_id = id}));
  EXPECT_TRUE(eventually([&] { return hub.store().waiting() == 8; }));
  EXPECT_TRUE(hub.still_serves());
  EXPECT_EQ(hub.store().waiting(), 8U);
  hub.store().release();
  for (std::uint16_t id = 1; id <= count; ++id) ASSERT_EQ(client.expect(), (Packet{0x40, integer16(id)}));
}

TEST(WebSocket, TheNewestConnectionWinsWhateverCarriesIt) {
  WireHub hub;
  MqttClient first = connected(hub);
  MqttClient second = hub.connect(dev1);
  EXPECT_EQ(first.read_close_code(), 1000);
  MqttClient third = connected(hub);
  EXPECT_EQ(second.drain(), 0U);
  third.send(pingreq);
  EXPECT_EQ(third.expect().first_byte, 0xD0);
  EXPECT_EQ(hub.figures().take_overs, 2U);
}

TEST(WebSocket, AStoppingHubAnswersWhatItAccepted) {
  WireHub hub;
  MqttClient client = connected(hub);
  MqttClient waiting = web_socket(hub);
  hub.store().hold();
  client.send(publish_packet({.topic = events_topic, .payload = "last", .qos = 1, .packet_id = 1}));
  EXPECT_TRUE(eventually([&] { return hub.store().waiting() == 1; }));
  std::thread release([&hub, port = hub.port()] {
    EXPECT_TRUE(eventually([port] {
      try {
        const MqttClient probe(port);
        return false;
      } catch (const std::exception&) {
        return true;  // the listener is closed: the hub is stopping
      }
    }));
    hub.store().release();
  });
  std::thread reader([&] {
    EXPECT_EQ(waiting.read_close_code(), 1000);
    EXPECT_EQ(client.expect(), (Packet{0x40, integer16(1)}));
    EXPECT_EQ(client.read_close_code(), 1000);
  });
  hub.stop();
  release.join();
  reader.join();
}

TEST(WebSocket, ManyShortOnesLeaveNothingBehind) {
  WireHub hub;
  for (int i = 0; i < 300; ++i) {
    MqttClient client(hub.http_port());
    if (i % 4 == 0) {
      client.send_raw(upgrade_request({}));
      client.reset();
    }
    if (i % 4 == 1) client.upgrade();
    if (i % 4 == 2) {
      client.upgrade();
      client.send("\x10");
      client.reset();
    }
    if (i % 4 == 3) client.send_raw(upgrade_request({}).substr(0, 60));
  }
  EXPECT_TRUE(eventually([&] { return hub.figures().connections == 0 && hub.figures().web_sockets == 0; }));
  EXPECT_TRUE(hub.still_serves());
}

}  // namespace
}  // namespace twinhub::test

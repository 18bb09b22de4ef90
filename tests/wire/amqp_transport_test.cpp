// The AMQP door over TCP, TLS and WebSocket: who is let in by a token, a password or a certificate, and conversations
// that arrive in any pieces.
#include "tests/wire/amqp_parts.hpp"

#include <algorithm>
#include <array>

namespace twinhub::test {
namespace {

using amqp::Value;

enum class Way : std::uint8_t { tcp, tls, web_socket };

UpgradeFields amqp_upgrade() { return {.subprotocol = "AMQPWSB10"}; }

AmqpClient client_by(const WireHub& hub, Way way) {
  if (way == Way::tcp) return AmqpClient(hub.amqp_port());
  if (way == Way::tls) return AmqpClient(MqttClient(hub.amqps_port(), {.ca = hub.ca()}));
  MqttClient web_socket(hub.https_port(), {.ca = hub.ca()});
  const std::string response = web_socket.upgrade(amqp_upgrade());
  if (!response.starts_with("HTTP/1.1 101 ")) throw std::runtime_error(response);
  return AmqpClient(std::move(web_socket));
}

AmqpClient with(const WireHub& hub, const std::vector<TestCertificate>& chain) {
  return AmqpClient(MqttClient(hub.amqps_port(), {.ca = hub.ca(), .certificates = chain}));
}

class AmqpWays : public ::testing::TestWithParam<Way> {};

TEST_P(AmqpWays, TelemetryAndMessagesArriveWhole) {
  WireHub hub;
  AmqpClient client = client_by(hub, GetParam());
  enter_as(client, hub, dev1);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  // Larger than a frame of the hub's, and than what it reads at a time.
  EXPECT_TRUE(is_accepted(client.outcome_of(2, message_to("", std::string(200'000, 'x')))));
  ASSERT_EQ(hub.telemetry(dev1).size(), 1U);
  EXPECT_EQ(hub.telemetry(dev1)[0].body, std::string(200'000, 'x'));
  hub.send(dev1, std::string(60'000, 'y'));
  (void)client.attach(3, false, "/devices/dev1/messages/devicebound");
  client.send(flow_frame(3, 10));
  const AmqpReceived received = client.expect_message();
  EXPECT_EQ(received.message.data, std::vector<std::string>{std::string(60'000, 'y')});
  client.settle(received.delivery, accepted_outcome());
  EXPECT_TRUE(eventually([&] { return hub.messages_of(dev1) == 0; }));
}

/// What a back end says from its header to its first message, without a wait; the links' handle and delivery are as AmqpClient would number them.
std::string whole_conversation() {
  amqp::Message put;
  put.properties.message_id = Value::ulong(1);
  put.application_properties.add(Value::string("operation"), Value::string("put-token"));
  put.application_properties.add(Value::string("type"), Value::string("servicebus.windows.net:sastoken"));
  put.application_properties.add(Value::string("name"), Value::string("hub.local"));
  put.value = Value::string(service_token());
  return amqp_header + open_frame() + begin_frame() + attach_frame(0, true, "$cbs") + attach_frame(1, false, "$cbs") +
         flow_frame(1, 10) + transfer_frame(0, 0, encode_message(put)) +
         attach_frame(2, true, "/messages/devicebound") +
         transfer_frame(2, 1, encode_message(message_to("/devices/dev1/messages/devicebound")));
}

/// The first `count` performatives that the hub answers with, sorted: what a later byte brings about may overtake. FLOWs
/// are left out: how many there are is the hub's choice.
std::vector<int> answers_to(AmqpClient& client, std::size_t count) {
  EXPECT_EQ(client.expect_header(), amqp_header);
  std::vector<int> codes;
  while (codes.size() < count) {
    const auto frame = client.read();
    if (!frame) break;
    if (frame->code != 0x13) codes.push_back(frame->code);
  }
  std::sort(codes.begin(), codes.end());
  return codes;
}

/// The conversation is cut in two at every byte: each cut is a connection of its own.
TEST_P(AmqpWays, AWholeConversationMayBeCutAtEveryByte) {
  const std::string conversation = whole_conversation();
  WireHub hub;
  // OPEN, BEGIN, three ATTACHes, the token's reply, and what became of the token and of the message.
  const std::vector<int> expected{0x10, 0x11, 0x12, 0x12, 0x12, 0x14, 0x15, 0x15};
  const std::size_t step = GetParam() == Way::tcp ? 1 : 17;  // handshakes cost more than bytes
  for (std::size_t at = 1; at < conversation.size(); at += step) {
    AmqpClient client = client_by(hub, GetParam());
    client.send(std::string_view(conversation).substr(0, at));
    client.send(std::string_view(conversation).substr(at));
    ASSERT_EQ(answers_to(client, expected.size()), expected) << at;
  }
  EXPECT_EQ(hub.amqp_figures().protocol_faults, 0U);
  EXPECT_EQ(hub.amqp_figures().tokens_refused, 0U);
}

INSTANTIATE_TEST_SUITE_P(Amqp, AmqpWays, ::testing::Values(Way::tcp, Way::tls, Way::web_socket), [](const auto& way) {
  return way.param == Way::tcp ? "Tcp" : way.param == Way::tls ? "Tls" : "WebSocket";
});

TEST(AmqpWebSocket, FramesOfAmqpAndOfWebSocketAreCutIndependently) {
  WireHub hub;
  MqttClient web_socket(hub.http_port());
  ASSERT_TRUE(web_socket.upgrade(amqp_upgrade()).starts_with("HTTP/1.1 101 "));
  AmqpClient client(std::move(web_socket));
  for (const char byte : amqp_header + open_frame() + begin_frame()) client.send(std::string_view(&byte, 1));
  EXPECT_EQ(client.expect_header(), amqp_header);
  (void)client.expect(0x10);
  (void)client.expect(0x11);
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);
  client.transport().send_raw(frame_bytes({.opcode = opcode::ping, .payload = "alive?"}));
  EXPECT_EQ(client.transport().read_frame()->opcode, opcode::pong);
  // One message of WebSocket's in two fragments, with a ping between them.
  const std::string attach = attach_frame(2, true, "/messages/devicebound");
  client.transport().send_raw(frame_bytes({.payload = attach.substr(0, 10), .fin = false}) +
                              frame_bytes({.opcode = opcode::ping, .payload = "alive?"}));
  EXPECT_EQ(client.transport().read_frame()->opcode, opcode::pong);
  client.transport().send_raw(frame_bytes({.opcode = opcode::continuation, .payload = attach.substr(10)}));
  EXPECT_EQ(client.expect(0x12).fields.size(), 14U);
  (void)client.expect_flow();
  client.transport().send_raw(frame_bytes({.opcode = opcode::text, .payload = "no bytes"}));
  EXPECT_EQ(client.transport().read_close_code(), 1003);
}

/// Of what a client offers, the first that the path serves is taken.
TEST(AmqpWebSocket, ThePathAndTheOfferedSubprotocolsDecide) {
  WireHub hub;
  const std::string iot_hub = "/$iothub/websocket", event_hubs = "/$servicebus/websocket";
  const std::pair<UpgradeFields, std::string> served[] = {
      {{.path = iot_hub, .subprotocol = "AMQPWSB10"}, "AMQPWSB10"},
      {{.path = iot_hub + "?iothub-no-client-cert=true", .subprotocol = "AMQPWSB10"}, "AMQPWSB10"},
      {{.path = iot_hub, .subprotocol = "chat, AMQPWSB10, mqtt"}, "AMQPWSB10"},
      {{.path = iot_hub, .subprotocol = "chat", .headers = "Sec-WebSocket-Protocol: AMQPWSB10\r\n"}, "AMQPWSB10"},
      {{.path = iot_hub, .subprotocol = "mqtt, AMQPWSB10"}, "mqtt"},
      {{.path = event_hubs, .subprotocol = "AMQPWSB10"}, "AMQPWSB10"},
      {{.path = event_hubs, .subprotocol = "mqtt,AMQPWSB10"}, "AMQPWSB10"},
  };
  for (const auto& [fields, taken] : served) {
    MqttClient web_socket(hub.http_port());
    const std::string response = web_socket.upgrade(fields);
    EXPECT_TRUE(response.starts_with("HTTP/1.1 101 ")) << fields.path << fields.subprotocol << response;
    EXPECT_NE(response.find("\r\nSec-WebSocket-Protocol: " + taken + "\r\n"), std::string::npos) << response;
    if (taken == "mqtt") {
      EXPECT_EQ(connect_code(web_socket, hub.credentials(dev1)), 0);
      continue;
    }
    AmqpClient client(std::move(web_socket));
    enter_as_back_end(client);
  }
  const std::pair<UpgradeFields, const char*> refused[] = {
      {{.path = "/", .subprotocol = "AMQPWSB10"}, "WebSockets are at"},
      {{.path = "/$servicebus", .subprotocol = "AMQPWSB10"}, "WebSockets are at"},
      {{.path = "/$amqp/websocket", .subprotocol = "AMQPWSB10"}, "WebSockets are at"},
      {{.path = event_hubs, .subprotocol = "mqtt"}, "has to be AMQPWSB10"},
      {{.path = event_hubs, .subprotocol = ""}, "has to be AMQPWSB10"},
      {{.path = iot_hub, .subprotocol = "amqp"}, "has to be mqtt or AMQPWSB10"},
      {{.path = iot_hub, .subprotocol = "AMQPWSB100, AMQP"}, "has to be mqtt or AMQPWSB10"},
  };
  for (const auto& [fields, why] : refused) {
    MqttClient web_socket(hub.http_port());
    const std::string response = web_socket.upgrade(fields);
    EXPECT_TRUE(response.starts_with("HTTP/1.1 400 ")) << fields.path << response;
    EXPECT_NE(response.find(why), std::string::npos) << response;
  }
  EXPECT_TRUE(eventually([&] { return hub.amqp_figures().web_sockets == 0; }));
}

TEST(AmqpSasl, PlainLetsPoliciesAndDevicesInOverTls) {
  WireHub hub;
  AmqpClient back_end = client_by(hub, Way::tls);
  ASSERT_EQ(back_end.sasl("PLAIN", plain_response("service@sas.root.hub", service_token())), 0U);
  back_end.open();
  (void)back_end.attach(0, true, "/messages/devicebound");
  EXPECT_TRUE(is_accepted(back_end.outcome_of(0, message_to("/devices/dev1/messages/devicebound"))));
  AmqpClient device = client_by(hub, Way::tls);
  ASSERT_EQ(device.sasl("PLAIN", plain_response("dev1@sas.hub", hub.token(dev1))), 0U);
  device.open();
  (void)device.attach(0, true, "/devices/dev1/messages/events");
  EXPECT_TRUE(is_accepted(device.outcome_of(0, message_to("", "21"))));
  EXPECT_EQ(refusal_of(device, 1, true, "/devices/dev2/messages/events"), "amqp:unauthorized-access");
}

TEST(AmqpSasl, PlainIsRefusedWithoutTheRightPassword) {
  WireHub hub;
  const std::vector<std::string> refused{
      "",
      "no separators",
      plain_response("service@sas.root.hub", "no token"),
      plain_response("device@sas.root.hub", service_token()),  // another policy's name
      plain_response("service", service_token()),
      plain_response("dev2@sas.hub", hub.token(dev1)),
      plain_response("dev1@sas.hub", hub.token(dev1, -3600)),
      std::string(3, '\0'),
  };
  for (const std::string& response : refused) {
    AmqpClient client = client_by(hub, Way::tls);
    EXPECT_EQ(client.sasl("PLAIN", response), 1U) << response;
    EXPECT_FALSE(client.read());
  }
  EXPECT_EQ(hub.amqp_figures().tokens_refused, refused.size());
}

TEST(AmqpSasl, ExternalIsOfferedToThoseWithACertificateAlone) {
  WireHub hub;
  AmqpClient without = client_by(hub, Way::tls);
  EXPECT_EQ(without.sasl("EXTERNAL", ""), 1U);
  const TestCertificate own;
  hub.put(dev1, R"({"authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":")" +
                    own.certificate().sha1_thumbprint() + R"("}}})");
  AmqpClient client = with(hub, {own});
  ASSERT_EQ(client.sasl("EXTERNAL", ""), 0U);
  client.open();
  (void)client.attach(0, true, "/devices/dev1/messages/events");
  EXPECT_TRUE(is_accepted(client.outcome_of(0, message_to("", "21"))));
}

TEST(AmqpX509, ACertificateOpensItsOwnDevicesLinksAlone) {
  WireHub hub;
  const TestCertificate own, other;
  hub.put(dev1, R"({"authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":")" +
                    own.certificate().sha1_thumbprint() + R"("}}})");
  AmqpClient client = with(hub, {own});  // without SASL, as the SDKs
  client.open();
  (void)client.attach(0, true, "/devices/dev1/messages/events");
  EXPECT_TRUE(is_accepted(client.outcome_of(0, message_to("", "21"))));
  EXPECT_EQ(refusal_of(client, 1, true, "/devices/dev2/messages/events"), "amqp:unauthorized-access");
  EXPECT_EQ(refusal_of(client, 2, true, "/messages/devicebound"), "amqp:unauthorized-access");
  AmqpClient stranger = with(hub, {other});
  stranger.open();
  EXPECT_EQ(refusal_of(stranger, 0, true, "/devices/dev1/messages/events"), "amqp:unauthorized-access");
  // Another certificate for the device: the links that rest on the old one end.
  hub.put(dev1, R"({"authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":")" +
                    other.certificate().sha1_thumbprint() + R"("}}})");
  EXPECT_EQ(condition_in(client.expect(0x16).fields[2]), "amqp:unauthorized-access");
}

/// What the hub says before it closes: the condition of its CLOSE, "" without one.
std::string last_word(AmqpClient& client) {
  std::string word;
  while (const auto frame = client.read()) {
    if (frame->code == 0x18) word = condition_in(frame->fields[0]);
  }
  return word;
}

/// Frames that may come only after an OPEN, sent before it.
TEST(AmqpFaults, NothingComesBeforeOpen) {
  WireHub hub;
  const std::array early{begin_frame(),        attach_frame(0, true, "$cbs"),
                         flow_frame(0, 1),     transfer_frame(0, 0, "x"),
                         amqp_frame(0x17, {}), amqp_frame(0x16, {Value::uint(0)})};
  for (const std::string& frame : early) {
    AmqpClient client(hub.amqp_port());
    client.send(amqp_header + frame);
    EXPECT_EQ(client.expect_header(), amqp_header);
    EXPECT_NE(last_word(client), "");
  }
  AmqpClient closing(hub.amqp_port());
  closing.send(amqp_header + amqp_frame(0x18, {}));
  EXPECT_EQ(closing.expect_header(), amqp_header);
  (void)last_word(closing);
  EXPECT_TRUE(hub.still_serves());
}

TEST(AmqpFaults, PerformativesOfNoSessionOrLinkEndTheConnection) {
  WireHub hub;
  const std::array frames{attach_frame(0, true, "$cbs", 3),   transfer_frame(9, 0, "x"), flow_frame(9, 1),
                          amqp_frame(0x16, {Value::uint(9)}), begin_frame(8192),         amqp_frame(0x11, {}, "", 1)};
  for (const std::string& frame : frames) {
    AmqpClient client(hub.amqp_port());
    client.open();
    client.send(frame);
    client.send(amqp_frame(0x18, {}));  // what the hub bears ends with an ordinary CLOSE
    (void)last_word(client);
  }
  EXPECT_TRUE(hub.still_serves());
}

}  // namespace
}  // namespace twinhub::test

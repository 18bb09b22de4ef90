// Pings, pongs and close frames under MQTT. Source: RFC 6455, 5.5.
#include "tests/wire/web_socket_parts.hpp"

#include <gtest/gtest.h>
#include <cstdint>
#include <initializer_list>

namespace twinhub::test {
namespace {

using std::chrono::seconds;

TEST(WebSocketControl, PingsAreAnsweredWithTheirPayload) {
  WireHub hub;
  MqttClient client = connected(hub);
  client.send_raw(frame_bytes({.opcode = opcode::ping, .payload = "are you there"}));
  const auto pong = client.read_frame();
  ASSERT_TRUE(pong);
  EXPECT_EQ(pong->opcode, opcode::pong);
  EXPECT_EQ(pong->payload, "are you there");
  client.send_raw(frame_bytes({.opcode = opcode::pong, .payload = "unasked"}));
  client.send(pingreq);
  EXPECT_EQ(client.expect().first_byte, 0xD0);
}

TEST(WebSocketControl, APingIsAnsweredBehindWhatTheClientHasNotRead) {
  WireHub hub({.output_bytes_max = 64 << 20});
  MqttClient client = connected(hub);
  client.send(subscribe_packet(1, {{desired_changes, 0}}));
  EXPECT_EQ(client.expect().first_byte, 0x90);
  std::string large = R"({"properties":{"desired":{)";
  for (int i = 0; i < 7; ++i) large += '"' + std::to_string(i) + R"(":")" + std::string(4000, 'x') + R"(",)";
  for (int n = 0; n < 300; ++n) hub.patch(dev1, large + R"("n":)" + std::to_string(n) + "}}}");
  client.send_raw(frame_bytes({.opcode = opcode::ping, .payload = "are you there"}));
  auto frame = client.read_frame();
  while (frame && frame->opcode != opcode::pong) frame = client.read_frame();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->payload, "are you there");
}

TEST(WebSocketControl, PingsAreNoSignOfLife) {
  WireHub hub({.connect_timeout = seconds(1)});
  ConnectFields fields = hub.credentials(dev1);
  fields.keep_alive_seconds = 1;
  MqttClient no_connect = web_socket(hub);
  MqttClient client = connected(hub, fields);
  for (MqttClient* pinging : {&no_connect, &client}) {
    std::uint16_t code = 0;
    while (code == 0) {
      pinging->send_raw(frame_bytes({.opcode = opcode::ping}));
      const auto frame = pinging->read_frame();
      if (!frame) break;
      if (frame->opcode == opcode::close) code = frame->close_code();
    }
    EXPECT_EQ(code, 1000);
  }
}

TEST(WebSocketControl, ToCloseIsAPeersRightWhateverItsCode) {
  WireHub hub;
  for (const std::uint16_t code : std::initializer_list<std::uint16_t>{1001, 1011, 4000}) {
    MqttClient client = connected(hub);
    client.send_raw(frame_bytes({.opcode = opcode::close, .payload = close_payload(code)}));
    EXPECT_EQ(client.read_close_code(), code);
    EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
  }
  const auto now = hub.notice_log().figures();
  EXPECT_EQ(now.ended.at(static_cast<std::size_t>(Reason::protocol_fault)), 0U);
  EXPECT_TRUE(eventually(
      [&] { return hub.notice_log().figures().ended.at(static_cast<std::size_t>(Reason::peer_closed)) == 3; }));
}

TEST(WebSocketControl, ACloseFrameIsAnsweredAndTheWillIsSent) {
  WireHub hub;
  ConnectFields fields = hub.credentials(dev1);
  fields.will = WillFields{.topic = events_topic, .message = "bye"};
  MqttClient client = connected(hub, fields);
  client.send_raw(frame_bytes({.opcode = opcode::close, .payload = close_payload(1000)}));
  // The client need not close for that.
  EXPECT_TRUE(eventually([&] { return hub.telemetry(dev1).size() == 1; }));
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
  EXPECT_EQ(client.read_close_code(), 1000);
  EXPECT_FALSE(client.read_frame());
}

TEST(WebSocketControl, APeerThatIgnoresTheGoodbyeIsCut) {
  WireHub hub({.connect_timeout = seconds(1)});
  MqttClient deaf = web_socket(hub);
  EXPECT_TRUE(eventually([&] { return hub.figures().connections == 0; }));
  EXPECT_TRUE(eventually([&] { return hub.figures().web_sockets == 0; }));  // without an answer to the close frame
}

}  // namespace
}  // namespace twinhub::test

// The bounds of one connection that a hub's operator sets, and the answer when each is full.
#include "tests/wire/amqp_parts.hpp"

namespace twinhub::test {
namespace {

using amqp::Value;

/// The condition of the hub's CLOSE after `bytes`.
std::string close_of(AmqpClient& client, const std::string& bytes) {
  client.send(bytes);
  while (const auto frame = client.read()) {
    if (frame->code == 0x18) return condition_in(frame->fields[0]);
  }
  return "";
}

TEST(AmqpBounds, AFrameIsAnnouncedAndALargerOneEndsTheConnection) {
  WireHub hub({}, {}, {.frame_bytes_max = 4096});
  AmqpClient client(hub.amqp_port());
  client.send(amqp_header + open_frame() + begin_frame());
  EXPECT_EQ(client.expect_header(), amqp_header);
  EXPECT_EQ(client.expect(0x10).fields[2], Value::uint(4096));
  (void)client.expect(0x11);
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);
  (void)client.attach(2, true, "/messages/devicebound");
  const std::string message = encode_message(message_to("/devices/dev1/messages/devicebound", std::string(4096, 'x')));
  EXPECT_EQ(close_of(client, transfer_frame(2, client.next_delivery(), message)), "amqp:connection:framing-error");
}

TEST(AmqpBounds, SessionsAreAnnouncedAndOneMoreEndsTheConnection) {
  WireHub hub({}, {}, {.sessions_max = 9});
  AmqpClient client(hub.amqp_port());
  client.send(amqp_header + open_frame() + begin_frame());
  EXPECT_EQ(client.expect_header(), amqp_header);
  EXPECT_EQ(client.expect(0x10).fields[3].integer(), 8);
  (void)client.expect(0x11);
  ASSERT_EQ(client.put_token("hub.local", service_token()), 200);
  for (std::uint16_t channel = 1; channel < 9; ++channel) {
    client.send(begin_frame(channel));
    (void)client.expect(0x11);
  }
  EXPECT_NE(close_of(client, begin_frame(9)), "");
}

TEST(AmqpBounds, TokensForOneIdentityMoreAreRefused) {
  WireHub hub({}, {}, {.tokens_max = 2});
  AmqpClient client(hub.amqp_port());
  client.open();
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);
  EXPECT_EQ(client.put_token(audience_of(dev1), hub.token(dev1)), 200);
  EXPECT_EQ(client.put_token(audience_of(dev2), hub.token(dev2)), 403);
  EXPECT_EQ(client.put_token(audience_of(dev1), hub.token(dev1)), 200) << "a renewal is no further one";
}

TEST(AmqpBounds, MessagesThatHaveNotComeWholeHaveABoundTogether) {
  WireHub hub({}, {}, {.partial_bytes_max = 100'000});
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  (void)client.attach(2, true, "/messages/devicebound");
  std::string condition;
  const std::uint32_t delivery = client.next_delivery();
  const std::string piece = transfer_frame(2, delivery, std::string(60'000, 'x'), true);
  client.send(piece + piece);
  while (condition.empty()) {
    const auto frame = client.read();
    ASSERT_TRUE(frame);
    if (frame->code == 0x16) condition = condition_in(frame->fields[2]);
  }
  EXPECT_EQ(condition, "amqp:resource-limit-exceeded");
}

}  // namespace
}  // namespace twinhub::test

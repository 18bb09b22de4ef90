// Credit, windows and messages in many transfers, both ways: what holds a sender back, and what becomes of a message that
// never ends.
#include "tests/wire/amqp_parts.hpp"

#include <stdexcept>

namespace twinhub::test {
namespace {

using amqp::Value;

const std::string events_of_dev1 = "/devices/dev1/messages/events";
const std::string to_dev1 = "/devices/dev1/messages/devicebound";

/// A device with its telemetry's link on handle 2.
void send_as_device(AmqpClient& client, const WireHub& hub) {
  enter_as(client, hub, dev1);
  (void)client.attach(2, true, events_of_dev1);
}

/// FLOW of a link by the fields that differ: the peer's incoming window, credit and drain.
std::string window_frame(std::uint32_t handle, std::uint32_t window, std::uint32_t credit, bool drain = false) {
  return amqp_frame(0x13, {Value::uint(0),
                           Value::uint(window),
                           Value::uint(0),
                           Value::uint(1000),
                           Value::uint(handle),
                           Value::uint(0),
                           Value::uint(credit),
                           {},
                           Value::boolean(drain)});
}

/// FLOW with echo; without a handle, of the session.
std::string echo_frame(std::optional<std::uint32_t> handle = {}, std::uint32_t delivery_count = 0,
                       std::optional<std::uint32_t> credit = {}) {
  return amqp_frame(0x13, {Value::uint(0),
                           Value::uint(1000),
                           Value::uint(0),
                           Value::uint(1000),
                           handle ? Value::uint(*handle) : Value(),
                           handle ? Value::uint(delivery_count) : Value(),
                           credit ? Value::uint(*credit) : Value(),
                           {},
                           {},
                           Value::boolean(true)});
}

/// AMQP 1.0, 2.7.4: the session's state, and the link's from both ends.
TEST(AmqpFlow, AFlowThatAsksForAnEchoGetsOne) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);  // one message each way
  client.send(echo_frame());
  const AmqpFrame of_session = client.expect_flow();
  EXPECT_EQ(of_session.fields[0], Value::uint(1)) << "next-incoming-id";
  EXPECT_EQ(of_session.fields[1], Value::uint(5000));
  EXPECT_EQ(of_session.fields[2], Value::uint(1)) << "next-outgoing-id";
  EXPECT_TRUE(of_session.fields[4].is_null());

  const AmqpFrame to_device = client.attach(7, false, to_dev1);
  client.send(echo_frame(7, 0, 5));
  const AmqpFrame before = client.expect_flow();
  EXPECT_EQ(before.fields[4], to_device.fields[1]) << "the hub's handle";
  EXPECT_EQ(before.fields[5], Value::uint(0));
  EXPECT_EQ(before.fields[6], Value::uint(5));
  hub.send(dev1, "one");
  hub.send(dev1, std::string(60'000, 'x'));
  (void)client.expect_message();
  (void)client.expect_message();
  client.send(echo_frame(7, 0, 5));
  const AmqpFrame after = client.expect_flow();
  EXPECT_EQ(after.fields[5], Value::uint(2)) << "two messages have left";
  EXPECT_EQ(after.fields[6], Value::uint(3));
  EXPECT_EQ(after.fields[2], Value::uint(3)) << "and as many transfers";

  const AmqpFrame events = client.attach(9, true, events_of_dev1);
  EXPECT_TRUE(is_accepted(client.outcome_of(9, message_to("", "an event"))));
  client.send(echo_frame(9, 1));
  AmqpFrame of_sender = client.expect_flow();
  while (of_sender.fields[5] != Value::uint(1)) of_sender = client.expect_flow();  // the first credit comes as one, too
  EXPECT_EQ(of_sender.fields[4], events.fields[1]);
  EXPECT_EQ(of_sender.fields[6], Value::uint(99));
  EXPECT_EQ(of_sender.fields[0], Value::uint(2));
  client.send(amqp_frame(0x13, {Value::uint(0), Value::uint(1000), Value::uint(0), Value::uint(1000)}) + echo_frame());
  EXPECT_EQ(client.expect_flow().fields[0], Value::uint(2)) << "one FLOW for the one that asked";
  EXPECT_TRUE(is_accepted(client.outcome_of(9, message_to("", "and on"))));
}

TEST(AmqpFlow, AnEchoIsOfItsOwnSession) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  client.send(begin_frame(40));
  const AmqpFrame begin = client.expect(0x11);
  client.send(amqp_frame(
      0x13, {{}, Value::uint(10), Value::uint(0), Value::uint(10), {}, {}, {}, {}, {}, Value::boolean(true)}, "", 40));
  const AmqpFrame flow = client.expect_flow();
  EXPECT_EQ(flow.channel, begin.channel);
  EXPECT_EQ(flow.fields[0], Value::uint(0));
  EXPECT_EQ(flow.fields[2], Value::uint(0));
}

/// Numbers of transfers, deliveries and of a link's deliveries begin where the peer likes, and go round. (2.8.9, RFC 1982)
TEST(AmqpFlow, NumbersGoRound) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  constexpr std::uint32_t first = 0xFFFF'FFFDU;
  client.send(amqp_frame(0x11, {{}, Value::uint(first), Value::uint(1000), Value::uint(1000)}, "", 3));
  const std::uint16_t channel = client.expect(0x11).channel;
  const auto terminus = [](std::uint64_t code, Value address) {
    return Value::described(Value::ulong(code), Value::list({std::move(address)}));
  };
  client.send(amqp_frame(0x12,
                         {Value::string("l"),
                          Value::uint(5),
                          Value::boolean(false),
                          {},
                          {},
                          terminus(0x28, {}),
                          terminus(0x29, Value::string(events_of_dev1)),
                          {},
                          {},
                          Value::uint(first)},
                         "", 3));
  (void)client.expect(0x12);
  const AmqpFrame credit = client.expect_flow();
  EXPECT_EQ(credit.channel, channel);
  EXPECT_EQ(credit.fields[5], Value::uint(first));
  EXPECT_EQ(credit.fields[6], Value::uint(100));
  constexpr std::uint32_t messages = 200;
  for (std::uint32_t i = 0; i < messages; ++i) {
    client.send(transfer_frame(5, first + i, encode_message(message_to("", std::to_string(i))), false, 3));
    AmqpFrame settled = client.expect(0x15);
    ASSERT_EQ(settled.channel, channel);
    ASSERT_EQ(settled.fields[1], Value::uint(first + i));
    ASSERT_TRUE(is_accepted(settled.fields[4]));
  }
  client.send(amqp_frame(0x13,
                         {{},
                          Value::uint(1000),
                          Value::uint(0),
                          Value::uint(1000),
                          Value::uint(5),
                          Value::uint(first + messages),
                          {},
                          {},
                          {},
                          Value::boolean(true)},
                         "", 3));
  AmqpFrame flow = client.expect_flow();
  while (flow.fields[5] != Value::uint(first + messages)) flow = client.expect_flow();
  EXPECT_EQ(flow.fields[0], Value::uint(first + messages));
  EXPECT_EQ(hub.telemetry(dev1).size(), messages);
}

TEST(AmqpFlow, ASenderNeverRunsOutOfCredit) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  send_as_device(client, hub);
  for (int i = 0; i < 350; ++i) ASSERT_TRUE(is_accepted(client.outcome_of(2, message_to("", std::to_string(i))))) << i;
  EXPECT_EQ(hub.telemetry(dev1).size(), 350U);
}

/// The session's window is five thousand frames: it is renewed while messages come.
TEST(AmqpFlow, TheSessionsWindowIsRenewed) {
  WireHub hub({}, {}, {.login_timeout = std::chrono::minutes(10)});  // the peer stays a stranger
  AmqpClient client(hub.amqp_port());
  client.open();
  (void)client.attach(0, true, "$cbs");
  amqp::Message nothing = message_to("");
  nothing.properties.message_id = {};
  const std::string bytes = encode_message(nothing);
  std::uint32_t settled = 0, sent = 0;
  constexpr std::uint32_t messages = 12'000, ahead = 50;
  while (settled < messages) {
    std::string frames;
    for (; sent < messages && sent < settled + ahead; ++sent) frames += transfer_frame(0, sent, bytes);
    client.send(frames);
    const auto frame = client.read();
    ASSERT_TRUE(frame) << settled;
    if (frame->code == 0x15 && frame->fields[0] == Value::boolean(true)) {
      const std::uint64_t last = frame->fields[2].is_null() ? frame->fields[1].bits : frame->fields[2].bits;
      settled = static_cast<std::uint32_t>(last) + 1;
    }
  }
}

/// The engine does not hold senders to their credit: the hub has to.
TEST(AmqpFlow, MessagesBeyondTheCreditEndTheLink) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  send_as_device(client, hub);
  hub.store().hold();  // nothing is settled, so no credit is given again
  std::string frames;
  constexpr std::uint32_t messages = 1000;  // at once: ten times the credit
  for (std::uint32_t i = 0; i < messages; ++i) {
    frames += transfer_frame(2, client.next_delivery(), encode_message(message_to("", std::to_string(i))));
  }
  client.send(frames);
  std::optional<AmqpFrame> frame;
  do {
    frame = client.read();
    ASSERT_TRUE(frame);
  } while (frame->code != 0x16);
  hub.store().release();
  EXPECT_EQ(condition_in(frame->fields[2]), "amqp:link:transfer-limit-exceeded");
  EXPECT_LT(hub.telemetry(dev1).size(), messages);
  client.send(detach_frame(2));
  (void)client.attach(3, true, "/devices/dev1/messages/events");
  EXPECT_TRUE(is_accepted(client.outcome_of(3, message_to("", "the last"))));
}

TEST(AmqpFlow, ADrainedLinkGivesItsCreditBack) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  (void)client.attach(2, false, to_dev1);
  client.send(window_frame(2, 1000, 10, true));
  AmqpFrame flow;
  do {
    const auto frame = client.read();
    ASSERT_TRUE(frame);
    flow = *frame;
  } while (flow.code != 0x13 || flow.fields[5].is_null() || flow.fields[5].bits != 10);
  EXPECT_EQ(flow.fields[6], Value::uint(0));
  EXPECT_EQ(flow.fields[0], Value::uint(1)) << "the token's request has come";
  hub.send(dev1, "not without credit");
  EXPECT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1)), 200);  // nothing came before
  client.send(amqp_frame(0x13, {Value::uint(0), Value::uint(1000), Value::uint(0), Value::uint(1000), Value::uint(2),
                                Value::uint(10), Value::uint(5)}));
  EXPECT_EQ(client.expect_message().message.data.at(0), "not without credit");
}

TEST(AmqpFlow, CreditThatIsTakenBackStopsTheHub) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  (void)client.attach(2, false, to_dev1);
  client.send(window_frame(2, 1000, 5));
  client.send(window_frame(2, 1000, 0));
  EXPECT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1)), 200);  // the hub has heard of both
  hub.send(dev1, "waits");
  EXPECT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1)), 200);
  client.send(window_frame(2, 1000, 1));
  EXPECT_EQ(client.expect_message().message.data.at(0), "waits");
}

TEST(AmqpFlow, AClosedWindowHoldsTransfersAndNothingElse) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  (void)client.attach(2, false, to_dev1);
  hub.send(dev1, "waits for the window");
  // What was sent so far: one reply of $cbs. The window is closed behind it.
  client.send(amqp_frame(0x13, {Value::uint(1), Value::uint(0), Value::uint(0), Value::uint(1000), Value::uint(2),
                                Value::uint(0), Value::uint(5)}));
  EXPECT_EQ(client.attach(3, true, events_of_dev1).fields.size(), 14U);
  EXPECT_TRUE(is_accepted(client.outcome_of(3, message_to("", "dispositions pass"))));
  client.send(amqp_frame(0x13, {Value::uint(1), Value::uint(10), Value::uint(0), Value::uint(1000)}));
  EXPECT_EQ(client.expect_message().message.data.at(0), "waits for the window");
}

TEST(AmqpFlow, AMessageOfTheLargestSizeComesInSmallFrames) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  send_as_device(client, hub);
  const auto send_in_pieces = [&](std::size_t body) {
    amqp::Message message;
    message.data = {std::string(body, 'x')};
    const std::string bytes = encode_message(message);
    const std::uint32_t delivery = client.next_delivery();
    constexpr std::size_t piece = 4000;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      client.send(transfer_frame(2, delivery, std::string_view(bytes).substr(at, piece), at + piece < bytes.size()));
    }
    return client.expect(0x15).fields[4];
  };
  EXPECT_TRUE(is_accepted(send_in_pieces(262'144)));
  EXPECT_EQ(condition_in(send_in_pieces(262'145)), "amqp:link:message-size-exceeded");
  ASSERT_EQ(hub.telemetry(dev1).size(), 1U);
  EXPECT_EQ(hub.telemetry(dev1)[0].body.size(), 262'144U);
}

/// The next DETACH. What is settled before it is "accepted" or "rejected": SDKs know no other end of a message.
AmqpFrame next_detach(AmqpClient& client) {
  for (;;) {
    auto frame = client.read();
    if (!frame) throw std::runtime_error("no DETACH came");
    if (frame->code == 0x16) return *frame;
    if (frame->code == 0x15) {
      EXPECT_GT(frame->fields.size(), 4U);
      EXPECT_TRUE(frame->fields.size() > 4 && !frame->fields[4].is_null());
    }
  }
}

TEST(AmqpFlow, WhatComesToALinkThatIsOverIsNotSettledWithoutAnOutcome) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  send_as_device(client, hub);
  const std::uint32_t delivery = client.next_delivery();
  std::string frames;
  for (int i = 0; i < 20; ++i) frames += transfer_frame(2, delivery, std::string(60'000, 'x'), true);
  client.send(frames);  // those behind the first MiB
  EXPECT_EQ(condition_in(next_detach(client).fields[2]), "amqp:link:message-size-exceeded");
}

TEST(AmqpFlow, AMessageWithoutEndEndsItsLinkAlone) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  send_as_device(client, hub);
  const std::uint32_t delivery = client.next_delivery();
  for (int i = 0; i < 18; ++i) client.send(transfer_frame(2, delivery, std::string(60'000, 'x'), true));
  EXPECT_EQ(condition_in(next_detach(client).fields[2]), "amqp:link:message-size-exceeded");
  client.send(transfer_frame(2, delivery, std::string(60'000, 'x'), true));  // under way when the link ended
  client.send(amqp_frame(0x16, {Value::uint(2), Value::boolean(true)}));
  (void)client.attach(3, true, events_of_dev1);
  EXPECT_TRUE(is_accepted(client.outcome_of(3, message_to("", "whole"))));
  EXPECT_EQ(hub.telemetry(dev1).size(), 1U);
}

TEST(AmqpFlow, UnfinishedMessagesOfManyLinksHaveOneBound) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  constexpr std::uint32_t links = 4, frames = 15;  // 3.6 MB, of 900 KB each
  for (std::uint32_t i = 0; i < links; ++i) (void)client.attach(10 + i, true, "/messages/devicebound");
  for (std::uint32_t i = 0; i < links; ++i) {
    const std::uint32_t delivery = client.next_delivery();
    for (std::uint32_t n = 0; n < frames; ++n) {
      client.send(transfer_frame(10 + i, delivery, std::string(60'000, 'x'), true));
    }
  }
  EXPECT_EQ(condition_in(next_detach(client).fields[2]), "amqp:resource-limit-exceeded");
}

TEST(AmqpFlow, AnAbortedMessageWasNeverSent) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  send_as_device(client, hub);
  const auto aborted = [](std::uint32_t delivery) {
    return amqp_frame(0x14, {Value::uint(2),
                             Value::uint(delivery),
                             Value::binary(std::to_string(delivery)),
                             Value::uint(0),
                             Value::boolean(false),
                             Value::boolean(false),
                             {},
                             {},
                             {},
                             Value::boolean(true)});
  };
  for (int i = 0; i < 150; ++i) {  // more than there is credit for
    const std::uint32_t delivery = client.next_delivery();
    client.send(transfer_frame(2, delivery, "half a mess", true) + aborted(delivery));
  }
  EXPECT_TRUE(is_accepted(client.outcome_of(2, message_to("", "whole"))));
  ASSERT_EQ(hub.telemetry(dev1).size(), 1U);
  EXPECT_EQ(hub.telemetry(dev1)[0].body, "whole");
}

TEST(AmqpFlow, AMessageThatIsCutByItsLinksEndWasNeverSent) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  send_as_device(client, hub);
  client.send(transfer_frame(2, client.next_delivery(), encode_message(message_to("", "whole?")), true));
  client.send(amqp_frame(0x16, {Value::uint(2), Value::boolean(true)}));
  (void)client.expect(0x16);
  (void)client.attach(2, true, events_of_dev1);
  EXPECT_TRUE(is_accepted(client.outcome_of(2, message_to("", "whole"))));
  ASSERT_EQ(hub.telemetry(dev1).size(), 1U);
  EXPECT_EQ(hub.telemetry(dev1)[0].body, "whole");
}

TEST(AmqpFlow, SettledMessagesNeedNoAnswer) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  send_as_device(client, hub);
  for (int i = 0; i < 250; ++i) {
    const std::uint32_t delivery = client.next_delivery();
    client.send(amqp_frame(0x14,
                           {Value::uint(2), Value::uint(delivery), Value::binary(std::to_string(delivery)),
                            Value::uint(0), Value::boolean(true)},
                           encode_message(message_to("", std::to_string(i)))));
  }
  EXPECT_TRUE(eventually([&] { return hub.telemetry(dev1).size() == 250; }));
  EXPECT_TRUE(is_accepted(client.outcome_of(2, message_to("", "the last"))));
}

}  // namespace
}  // namespace twinhub::test

// The hub's rates and quotas as AMQP's peers meet them, and what the hub counts of them.
#include "tests/wire/amqp_parts.hpp"

#include <chrono>

namespace twinhub::test {
namespace {

using namespace std::chrono_literals;
using amqp::Value;

hub::HubOptions throttled(hub::Sku sku, std::chrono::seconds burst, std::chrono::seconds backlog) {
  hub::HubOptions options;
  options.gate.throttle = {.sku = sku, .units = 1, .burst = burst, .backlog = backlog};
  return options;
}

const std::string to_dev1 = "/devices/dev1/messages/devicebound";

TEST(AmqpThrottling, MessagesToDevicesAreRejectedPastTheirRate) {
  WireHub hub({}, throttled(hub::Sku::s1, 0s, 0s));
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  (void)client.attach(2, true, "/messages/devicebound");
  constexpr std::uint64_t count = 40;
  std::string burst;
  for (std::uint64_t i = 0; i < count; ++i)
    burst += transfer_frame(2, client.next_delivery(), encode_message(message_to(to_dev1)));
  client.send(burst);  // comes in one read: the rate allows one message in 600 ms, and no disk lies between these
  std::uint64_t accepted = 0;
  for (std::uint64_t settled = 0; settled < count;) {
    const AmqpFrame disposition = client.expect(0x15);
    const std::uint64_t outcomes = outcomes_in(disposition);
    settled += outcomes;
    if (is_accepted(disposition.fields[4])) {
      accepted += outcomes;
    } else {
      EXPECT_EQ(condition_in(disposition.fields[4]), "com.microsoft:device-container-throttled");
    }
  }
  EXPECT_GT(accepted, 0U);
  EXPECT_LT(accepted, count);
  EXPECT_EQ(hub.messages_of(dev1), accepted);
}

TEST(AmqpThrottling, TelemetryIsHeldBackToItsRate) {
  WireHub hub({}, throttled(hub::Sku::s1, 0s, 60s));  // a hundred a second
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  // A sender that keeps to its credit.
  const auto start = std::chrono::steady_clock::now();
  constexpr std::uint64_t messages = 200;
  std::uint64_t sent = 0;
  CreditWatch watch{.allowed = 100};
  while (watch.accepted < messages) {
    std::string frames;
    for (; sent < std::min(messages, watch.allowed); ++sent) {
      frames += transfer_frame(2, client.next_delivery(), encode_message(message_to("", "t")));
    }
    if (!frames.empty()) client.send(frames);
    watch.read(client);
  }
  EXPECT_GE(std::chrono::steady_clock::now() - start, 400ms);  // the clock that holds back is the same one
}

TEST(AmqpThrottling, AMessageThatAwaitsItsTurnDoesNotHoldUpTheRestOfItsConnection) {
  WireHub hub({}, throttled(hub::Sku::s1, 0s, 600s));  // 100 a minute
  hub.use_up(hub::Operation::c2d_send, 500);           // the next one's turn is in 300 s: no read waits for so long
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  (void)client.attach(2, true, "/messages/devicebound");
  EXPECT_TRUE(is_accepted(client.outcome_of(2, message_to(to_dev1))));
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);
  (void)client.attach(3, false, "/messages/servicebound/feedback");
}

TEST(AmqpThrottling, MessagesToDevicesGetNoNewCreditBeforeTheirTurn) {
  WireHub hub({}, throttled(hub::Sku::s3, 0s, 60s));  // 5,000 a minute
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  (void)client.attach(2, true, "/messages/devicebound");
  const auto start = std::chrono::steady_clock::now();
  std::string burst;
  for (int i = 0; i < 60; ++i) {  // more than half of the credit: it would be topped up
    const std::string to = i % 2 == 0 ? to_dev1 : "/devices/dev2/messages/devicebound";
    burst += transfer_frame(2, client.next_delivery(), encode_message(message_to(to)));
  }
  client.send(burst);
  CreditWatch watch;
  while (watch.allowed <= 100) watch.read(client);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 700ms);  // the sixtieth's turn
  while (watch.accepted < 60) watch.read(client);  // the credit may be there while the last wait for the disk
  EXPECT_EQ(hub.messages_of(dev1), 30U);
}

/// A connection with dev1's telemetry as handle 2 and a token of dev2's, whose turn to connect is five minutes away: no
/// test waits for it.
class AmqpTurns : public ::testing::Test {
 protected:
  explicit AmqpTurns(int connects_before = 30'000) {
    enter_as(client_, hub_, dev1);
    (void)client_.attach(2, true, "/devices/dev1/messages/events");
    EXPECT_EQ(client_.put_token(audience_of(dev2), hub_.token(dev2)), 200);
    hub_.use_up(hub::Operation::connect, connects_before);  // 100 a second
    client_.send(attach_frame(3, true, "/devices/dev2/messages/events") + attach_frame(4, false, "/devices/dev2/twin"));
  }
  void SetUp() override {
    // Nothing but this outcome comes.
    EXPECT_TRUE(is_accepted(client_.outcome_of(2, message_to("", "not held up"))));
  }
  void expect_refusals(const std::string& condition) {
    for (int link = 0; link < 2; ++link) (void)client_.expect(0x12);
    for (int link = 0; link < 2; ++link) EXPECT_EQ(condition_in(client_.expect(0x16).fields[2]), condition);
    EXPECT_TRUE(is_accepted(client_.outcome_of(2, message_to("", "not disturbed"))));
  }

  WireHub hub_{{}, throttled(hub::Sku::s1, 0s, 600s)};
  AmqpClient client_{hub_.amqp_port()};
};

class AmqpShortTurns : public AmqpTurns {
 protected:
  AmqpShortTurns() : AmqpTurns(300) {}
  void SetUp() override {}  // the turn may come before a slow disk's answer
};

TEST_F(AmqpShortTurns, ADevicesLinksAreAnsweredWhenItsTurnHasCome) {
  (void)client_.expect(0x12);
  (void)client_.expect(0x12);
  EXPECT_TRUE(is_accepted(client_.outcome_of(3, message_to("", "in"))));
  EXPECT_TRUE(hub_.is_connected(dev2));
  EXPECT_EQ(hub_.telemetry(dev2).size(), 1U);
}

TEST_F(AmqpTurns, SoManyLinksOfADeviceWaitAndNoMore) {
  std::string attaches;
  for (std::uint32_t handle = 5; handle < 5 + 15; ++handle)
    attaches += attach_frame(handle, true, "/devices/dev2/messages/events");
  client_.send(attaches);
  (void)client_.expect(0x12);
  EXPECT_EQ(condition_in(client_.expect(0x16).fields[2]), "amqp:resource-limit-exceeded");
  EXPECT_TRUE(is_accepted(client_.outcome_of(2, message_to("", "not disturbed"))));
}

TEST_F(AmqpTurns, ALinkMayBeDetachedBeforeItsTurn) {
  client_.send(detach_frame(3) + detach_frame(4));
  int attaches = 0, detaches = 0;
  while (detaches < 2) {
    const auto frame = client_.read();
    ASSERT_TRUE(frame);
    attaches += frame->code == 0x12 ? 1 : 0;
    if (frame->code != 0x16) continue;
    ++detaches;
    EXPECT_LE(detaches, attaches);
    EXPECT_TRUE(frame->fields[2].is_null());
  }
  EXPECT_EQ(attaches, 2);
  EXPECT_TRUE(eventually([&] { return !hub_.is_connected(dev2); }));
}

TEST_F(AmqpTurns, ADeviceMayBeTakenOverBeforeItsTurn) {
  MqttClient elsewhere(hub_.port());
  elsewhere.send(connect_packet(hub_.credentials(dev2)));
  expect_refusals("amqp:link:stolen");
}

TEST_F(AmqpTurns, ADeviceMayBeDeletedBeforeItsTurn) {
  hub_.remove(dev2);
  expect_refusals("amqp:not-found");
}

TEST_F(AmqpTurns, AConnectionMayEndBeforeItsDevicesTurn) {
  client_.transport().reset();
  EXPECT_TRUE(eventually([&] { return hub_.amqp_figures().connections == 0 && !hub_.is_connected(dev2); }));
}

TEST(AmqpThrottling, DevicesThatComeAndGoAreSlowedDown) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 115; ++i) {  // a hundred come back at once
    (void)client.attach(2, true, "/devices/dev1/messages/events");
    client.send(detach_frame(2));
    (void)client.expect(0x16);
  }
  EXPECT_GE(std::chrono::steady_clock::now() - start, 1s);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  EXPECT_TRUE(is_accepted(client.outcome_of(2, message_to("", "t"))));
}

TEST(AmqpThrottling, TheDaysLastMessageIsTheLast) {
  WireHub hub({}, throttled(hub::Sku::f1, 60s, 10s));  // 8,000 of 0.5 KB
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  const amqp::Message big = message_to("", std::string(262'000, 'x'));  // 512 messages each
  std::string condition;
  for (int i = 0; i < 17 && condition.empty(); ++i) condition = condition_in(client.outcome_of(2, big));
  EXPECT_EQ(condition, "amqp:resource-limit-exceeded");
  EXPECT_EQ(condition_in(client.outcome_of(2, message_to("", "t"))), "amqp:resource-limit-exceeded");
}

std::uint64_t refused(const WireHub& hub, Reason reason) {
  return hub.notice_log().figures().refused.at(static_cast<std::size_t>(reason));
}

TEST(AmqpFigures, EachRefusalIsCountedByItsReason) {
  WireHub hub;
  AmqpClient garbage(hub.amqp_port());
  garbage.send("GET / HTTP/1.1\r\n\r\n");
  (void)garbage.expect_header();
  EXPECT_FALSE(garbage.read());
  EXPECT_TRUE(eventually([&] { return refused(hub, Reason::protocol_fault) == 1; }));
  AmqpClient broken(hub.amqp_port());
  broken.send(amqp_header + open_frame() + amqp_frame(0x19, {}));
  EXPECT_TRUE(eventually([&] { return refused(hub, Reason::protocol_fault) == 2; }));
  AmqpClient wrong(hub.amqp_port());
  wrong.open();
  EXPECT_EQ(wrong.put_token("hub.local%2Fdevices%2Fdev2", hub.token(dev1)), 401);
  EXPECT_EQ(refused(hub, Reason::signature_mismatch), 1U);
  AmqpClient plain(MqttClient(hub.amqps_port(), {.ca = hub.ca()}));
  EXPECT_EQ(plain.sasl("PLAIN", plain_response("dev1@sas.hub", "no token")), 1U);
  EXPECT_EQ(refused(hub, Reason::token_unreadable), 1U);
  MqttClient no_tls(hub.amqps_port());
  no_tls.send(amqp_header);
  (void)no_tls.drain();
  EXPECT_TRUE(eventually([&] { return refused(hub, Reason::not_tls) == 1; }));
  WireHub hasty({}, {}, {.login_timeout = 1s});
  AmqpClient silent(hasty.amqp_port());
  EXPECT_FALSE(silent.read());
  EXPECT_TRUE(eventually([&] { return refused(hasty, Reason::no_connect) == 1; }));
}

TEST(AmqpFigures, ConnectionsLinksTokensAndMessagesAreCounted) {
  WireHub hub;
  hub.send(dev1, "hello");
  {
    AmqpClient client(hub.amqp_port());
    enter_as(client, hub, dev1);
    (void)client.attach(2, true, "/devices/dev1/messages/events");
    (void)client.attach(3, false, to_dev1);
    client.send(flow_frame(3, 10));
    (void)client.expect_message();
    ASSERT_TRUE(is_accepted(client.outcome_of(2, message_to("", "21"))));
    EXPECT_EQ(refusal_of(client, 4, true, "/nothing"), "amqp:not-found");
    const amqp_door::DoorFigures now = hub.amqp_figures();
    EXPECT_EQ(now.connections, 1U);
    EXPECT_EQ(now.web_sockets, 0U);
    EXPECT_EQ(now.links, 4U);
    EXPECT_EQ(now.links_refused, 1U);
    EXPECT_EQ(now.tokens_accepted, 1U);
    EXPECT_EQ(now.messages_received, 2U);
    EXPECT_EQ(now.messages_sent, 2U);
    EXPECT_EQ(now.protocol_faults, 0U);
    EXPECT_EQ(hub.figures().connections, 0U) << "MQTT's are counted apart";
  }
  EXPECT_TRUE(eventually([&] { return hub.amqp_figures().connections == 0; }));
  EXPECT_EQ(hub.amqp_figures().links, 0U);
}

}  // namespace
}  // namespace twinhub::test

// How an AMQP connection goes on and ends: tokens that run out or are renewed, silence, peers that do not read, and a
// hub that stops.
#include "tests/wire/amqp_parts.hpp"

#include <chrono>
#include <ctime>

namespace twinhub::test {
namespace {

using amqp::Value;
using std::chrono::milliseconds;
using std::chrono::seconds;

amqp_door::DoorOptions no_grace() {
  amqp_door::DoorOptions options;
  options.token_expiry_grace = seconds(0);
  return options;
}

std::string open_with_idle_timeout(std::uint32_t idle_ms) {
  return amqp_frame(0x10, {Value::string("a-test"), Value::string("hub.local"), {}, {}, Value::uint(idle_ms)});
}

/// Where the hub's clock was put forward: a new token has the hub find the moment at which the next of all runs out.
void let_look_again(AmqpClient& client) { ASSERT_EQ(client.put_token("hub.local", service_token()), 200); }

TEST(AmqpLife, ATokenThatRunsOutEndsItsOwnLinksAlone) {
  WireHub hub({}, {}, no_grace());
  AmqpClient client(hub.amqp_port());
  client.open();
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev2", hub.token(dev2)), 200);
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1)), 200);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  (void)client.attach(3, true, "/devices/dev2/messages/events");
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1, 3)), 200);
  const AmqpFrame detach = client.expect(0x16);
  EXPECT_EQ(detach.fields[0], Value::uint(2));
  EXPECT_EQ(condition_in(detach.fields[2]), "amqp:unauthorized-access");
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
  EXPECT_TRUE(is_accepted(client.outcome_of(3, message_to("", "still here"))));
}

/// The grace is longer than the skew within which a token may be put: the end of one token is no test of another.
TEST(AmqpLife, ATokenWithinItsGraceOutlivesTheEndOfAnother) {
  amqp_door::DoorOptions options;
  options.token_expiry_grace = seconds(1000);
  WireHub hub({}, {}, options);
  AmqpClient client(hub.amqp_port());
  client.open();
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1, 100)), 200);
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev2", hub.token(dev2, 600)), 200);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  (void)client.attach(3, true, "/devices/dev2/messages/events");
  hub.pass_seconds(1101);  // one is past its grace, the other past the skew alone
  let_look_again(client);
  const AmqpFrame detach = client.expect(0x16);
  EXPECT_EQ(detach.fields[0], Value::uint(2));
  EXPECT_EQ(condition_in(detach.fields[2]), "amqp:unauthorized-access");
  EXPECT_TRUE(is_accepted(client.outcome_of(3, message_to("", "still here"))));
}

/// Within the grace its links live on.
TEST(AmqpLife, AnExpiredTokenOpensNoFurtherLinks) {
  amqp_door::DoorOptions options;
  options.token_expiry_grace = std::chrono::hours(1);
  WireHub hub({}, {}, options);
  AmqpClient client(hub.amqp_port());
  client.open();
  const auto soon = static_cast<std::uint64_t>(std::time(nullptr)) + 60;
  ASSERT_EQ(client.put_token("hub.local", iothub::make_sas_token("hub.local", service_key, soon, "service")), 200);
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1, 60)), 200);
  (void)client.attach(2, true, "/messages/devicebound");
  (void)client.attach(3, false, "/messages/servicebound/feedback");
  hub.pass_seconds(60 + 300 + 10);  // clocks may differ by five minutes
  EXPECT_EQ(refusal_of(client, 4, true, "/messages/devicebound"), "amqp:unauthorized-access");
  EXPECT_EQ(refusal_of(client, 5, false, "/messages/servicebound/feedback"), "amqp:unauthorized-access");
  EXPECT_EQ(refusal_of(client, 6, false, "messages/events/$management"), "amqp:unauthorized-access");
  EXPECT_EQ(refusal_of(client, 7, true, "/devices/dev1/messages/events"), "amqp:unauthorized-access");
  EXPECT_TRUE(is_accepted(client.outcome_of(2, message_to("/devices/dev1/messages/devicebound"))));
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);
  (void)client.attach(8, true, "/messages/devicebound");
  EXPECT_TRUE(is_accepted(client.outcome_of(8, message_to("/devices/dev1/messages/devicebound"))));
}

TEST(AmqpLife, ARenewedTokenKeepsItsLinks) {
  WireHub hub({}, {}, no_grace());
  AmqpClient client(hub.amqp_port());
  client.open();
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev2", hub.token(dev2, 200)), 200);
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1, 100)), 200);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  (void)client.attach(3, true, "/devices/dev2/messages/events");
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1)), 200);
  hub.pass_seconds(201);  // the first token of this one would have run out, too
  let_look_again(client);
  EXPECT_EQ(client.expect(0x16).fields[0], Value::uint(3));
  EXPECT_TRUE(is_accepted(client.outcome_of(2, message_to("", "still here"))));
}

TEST(AmqpLife, AConnectionWithoutAnyTokenLeftIsClosed) {
  WireHub hub({}, {}, no_grace());
  AmqpClient client(hub.amqp_port());
  client.open();
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1)), 200);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1, 3)), 200);
  (void)client.expect(0x16);
  EXPECT_EQ(client.expect(0x18).fields.size(), 1U);
  EXPECT_FALSE(client.read());
}

TEST(AmqpLife, AStrangerIsClosedInTime) {
  amqp_door::DoorOptions options;
  options.login_timeout = seconds(3);
  WireHub hub({}, {}, options);
  AmqpClient silent(hub.amqp_port());
  EXPECT_FALSE(silent.read());
  AmqpClient client(hub.amqp_port());
  client.open();
  EXPECT_EQ(client.expect(0x18).fields.size(), 1U);
  EXPECT_FALSE(client.read());
}

TEST(AmqpLife, ASilentPeerIsClosedAfterTwiceTheAnnouncedTime) {
  amqp_door::DoorOptions options;
  options.idle_timeout = milliseconds(500);
  WireHub hub({}, {}, options);
  AmqpClient client(hub.amqp_port());
  const auto began = std::chrono::steady_clock::now();
  client.send(amqp_header + open_frame());
  EXPECT_EQ(client.expect_header(), amqp_header);
  EXPECT_EQ(client.expect(0x10).fields[4], Value::uint(500));
  EXPECT_EQ(condition_in(client.expect(0x18).fields[0]), "amqp:resource-limit-exceeded");
  EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(500));
  EXPECT_FALSE(client.read());
}

TEST(AmqpLife, ThePeersIdleTimeOutIsKept) {
  WireHub hub({}, {}, {.login_timeout = seconds(8)});  // then the CLOSE comes: by the same clock, no sooner than that
  AmqpClient client(hub.amqp_port());
  client.send(amqp_header + open_with_idle_timeout(8000));
  EXPECT_EQ(client.expect_header(), amqp_header);
  EXPECT_EQ(client.expect(0x10).fields[4], Value::uint(120'000));
  // A sign of life within the time that was asked for: an empty frame, which read() passes over.
  const auto bytes = client.transport().read_bytes();
  ASSERT_TRUE(bytes.has_value());
  EXPECT_EQ(*bytes, std::string("\0\0\0\x08\x02\0\0\0", 8));
}

TEST(AmqpLife, AnIdleTimeOutThatIsTooShortIsRefused) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.send(amqp_header + open_with_idle_timeout(100));
  EXPECT_EQ(client.expect_header(), amqp_header);
  (void)client.expect(0x10);
  EXPECT_EQ(condition_in(client.expect(0x18).fields[0]), "amqp:invalid-field");
}

/// It has credit for everything and takes no byte: the hub stops sending at its bound, hears nothing any more, and
/// closes.
TEST(AmqpLife, APeerThatDoesNotReadIsClosed) {
  amqp_door::DoorOptions options;
  options.idle_timeout = milliseconds(2500);
  WireHub hub({}, {}, options);
  constexpr std::uint32_t devices = 3;  // together their messages are more than the system's buffers take
  const auto id_of = [](std::uint32_t i) { return IdentityId{"deaf" + std::to_string(i), ""}; };
  // All that waits for a disk comes before the connection, which may not be silent for long.
  for (std::uint32_t i = 0; i < devices; ++i) {
    hub.put(id_of(i));
    for (int count = 0; count < 50; ++count) hub.send(id_of(i), std::string(60'000, 'x'));
  }
  AmqpClient client(hub.amqp_port());
  client.open();
  for (std::uint32_t i = 0; i < devices; ++i) {
    const IdentityId id = id_of(i);
    ASSERT_EQ(client.put_token("hub.local%2Fdevices%2F" + id.device, hub.token(id)), 200);
    (void)client.attach(10 + i, false, "/devices/" + id.device + "/messages/devicebound");
  }
  for (std::uint32_t i = 0; i < devices; ++i) client.send(flow_frame(10 + i, 1'000'000));
  EXPECT_TRUE(eventually([&] { return hub.amqp_figures().connections == 0; }));
  EXPECT_LT(hub.amqp_figures().messages_sent, devices + devices * 50);
  EXPECT_TRUE(hub.still_serves());
}

TEST(AmqpLife, AHubThatStopsSaysCloseWithoutAnError) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  hub.stop();
  const AmqpFrame close = client.expect(0x18);
  EXPECT_TRUE(close.fields[0].is_null());
  EXPECT_FALSE(client.read());
}

TEST(AmqpLife, ManyDevicesShareAConnection) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open();
  constexpr std::uint32_t devices = 300;
  Value handle_of_the_hub;  // each end numbers its links itself
  for (std::uint32_t i = 0; i < devices; ++i) {
    const IdentityId id{"shared" + std::to_string(i), ""};
    hub.put(id);
    ASSERT_EQ(client.put_token("hub.local%2Fdevices%2F" + id.device, hub.token(id)), 200);
    const AmqpFrame answer = client.attach(10 + i, true, "/devices/" + id.device + "/messages/events");
    if (i == 7) handle_of_the_hub = answer.fields[1];
  }
  hub.remove({"shared7", ""});
  const AmqpFrame detach = client.expect(0x16);
  EXPECT_EQ(detach.fields[0], handle_of_the_hub);
  EXPECT_TRUE(is_accepted(client.outcome_of(10, message_to("", "undisturbed"))));
  EXPECT_TRUE(is_accepted(client.outcome_of(10 + devices - 1, message_to("", "undisturbed"))));
  EXPECT_EQ(hub.amqp_figures().connections, 1U);
}

}  // namespace
}  // namespace twinhub::test

// The AMQP door by raw frames: the door itself, tokens, refusals, cloud-to-device messages and telemetry.
#include "protocol/iothub/property_bag.hpp"
#include "protocol/iothub/sas_token.hpp"
#include "tests/wire/amqp_parts.hpp"
#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>
#include <chrono>

namespace twinhub::test {
namespace {

using amqp::Value;

constexpr std::uint64_t far = far_future;

/// Signed with the key's text, as Event Hubs' clients do.
std::string text_signed_token(const std::string& resource) {
  const std::string encoded = iothub::percent_encode(resource), expiry = std::to_string(far);
  return "SharedAccessSignature sr=" + encoded +
         "&sig=" + iothub::percent_encode(*iothub::sign_with_bytes(encoded, expiry, service_key)) + "&se=" + expiry +
         "&skn=service";
}

TEST(Amqp, EveryPerformativeHasAllOfItsFields) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.send(amqp_header + open_frame());
  EXPECT_EQ(client.expect_header(), amqp_header);
  const AmqpFrame open = client.expect(0x10);
  EXPECT_EQ(open.fields.size(), 10U);
  EXPECT_EQ(open.fields[2], Value::uint(65'536));
  EXPECT_EQ(open.fields[4], Value::uint(240'000));
  client.send(begin_frame());
  const AmqpFrame begin = client.expect(0x11);
  ASSERT_EQ(begin.fields.size(), 8U);
  EXPECT_EQ(begin.fields[4], Value::uint(262'143));
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);
  const AmqpFrame attach = client.attach(2, true, "/messages/devicebound");
  ASSERT_EQ(attach.fields.size(), 14U);
  EXPECT_EQ(attach.fields[10], Value::ulong(1 << 20));
  const AmqpFrame flow = *client.read();
  ASSERT_EQ(flow.code, 0x13);
  EXPECT_EQ(flow.fields.size(), 11U);
  EXPECT_EQ(flow.fields[6], Value::uint(100));
  client.send(amqp_frame(0x16, {Value::uint(2), Value::boolean(true)}));
  EXPECT_EQ(client.expect(0x16).fields.size(), 3U);
  client.send(amqp_frame(0x17, {}));
  EXPECT_EQ(client.expect(0x17).fields.size(), 1U);
  client.send(amqp_frame(0x16, {Value::uint(0), Value::boolean(true)}));  // on the ended channel, as pyamqp does
  client.send(amqp_frame(0x18, {}));
  EXPECT_EQ(client.expect(0x18).fields.size(), 1U);
  EXPECT_FALSE(client.read());
}

TEST(Amqp, AConversationMayComeByteByByte) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  for (const char byte : amqp_header + open_frame() + begin_frame()) client.send(std::string_view(&byte, 1));
  EXPECT_EQ(client.expect_header(), amqp_header);
  (void)client.expect(0x10);
  (void)client.expect(0x11);
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);
}

TEST(Amqp, SaslOffersWhatPlainTcpMayCarry) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.send(sasl_header);
  EXPECT_EQ(client.expect_header(), sasl_header);
  const AmqpFrame mechanisms = client.expect(0x40);
  EXPECT_EQ(mechanisms.fields[0], Value::array({Value::symbol("MSSBCBS"), Value::symbol("ANONYMOUS")}));
  client.send(amqp_frame(0x41, {Value::symbol("MSSBCBS"), Value::binary("")}, "", 0, 1));
  EXPECT_EQ(client.expect(0x44).fields[0], Value::ubyte(0));
  client.open();
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);
}

TEST(Amqp, AnUnknownMechanismIsRefused) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.send(sasl_header);
  (void)client.expect_header();
  (void)client.expect(0x40);
  client.send(amqp_frame(0x41, {Value::symbol("PLAIN"), Value::binary(std::string("\0a\0b", 4))}, "", 0, 1));
  EXPECT_EQ(client.expect(0x44).fields[0], Value::ubyte(1));
  EXPECT_FALSE(client.read());
}

TEST(Amqp, TheAudienceSaysHowATokenIsSigned) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open();
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);
  EXPECT_EQ(client.put_token("hub.local", text_signed_token("hub.local")), 401);
  EXPECT_EQ(client.put_token("sb://hub.local/testhub", text_signed_token("sb://hub.local/testhub")), 200);
  EXPECT_EQ(client.put_token("sb://hub.local/testhub/$management", text_signed_token("sb://hub.local/testhub")), 200);
  EXPECT_EQ(client.put_token("sb://hub.local/testhub2", text_signed_token("sb://hub.local/testhub")), 401);
  EXPECT_EQ(client.put_token("sb://hub.local/testhub", service_token("sb://hub.local/testhub")), 200);
  EXPECT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1)), 200);
  EXPECT_EQ(client.put_token("hub.local%2Fdevices%2Fdev2", hub.token(dev1)), 401);
  EXPECT_EQ(client.put_token("hub.local", "no token"), 400);
  EXPECT_EQ(client.put_token("hub.local", iothub::make_sas_token("hub.local", service_key, 1000, "service")), 401);
  EXPECT_EQ(client.put_token("hub.local", iothub::make_sas_token("hub.local", service_key, far, "nobody")), 401);
}

TEST(Amqp, LinksAreRefusedWithTheirCondition) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open();
  EXPECT_EQ(refusal_of(client, 5, true, "/messages/devicebound"), "amqp:unauthorized-access");
  EXPECT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1)), 200);
  EXPECT_EQ(refusal_of(client, 6, true, "/messages/devicebound"), "amqp:unauthorized-access");
  EXPECT_EQ(refusal_of(client, 7, true, "/devices/dev2/messages/events"), "amqp:unauthorized-access");
  EXPECT_EQ(refusal_of(client, 8, true, "/nothing/here"), "amqp:not-found");
  EXPECT_EQ(refusal_of(client, 9, false, "/devices/dev1/messages/events"), "amqp:not-found");
  EXPECT_EQ(refusal_of(client, 10, true, ""), "amqp:not-found");
  EXPECT_EQ(client.attach(11, true, "amqps://hub.local:5671/Devices/dev1/messages/EVENTS").fields.size(), 14U);
}

/// Clients that register their handlers late hang on an answer and an end in one segment.
TEST(Amqp, TheEndOfARefusedLinkComesAMomentAfterItsAttach) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(refusal_of(client, 2, false, "messages/events/$management"), "amqp:link:redirect");
  EXPECT_EQ(refusal_of(client, 3, true, "/nothing/here"), "amqp:not-found");
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(2 * 20));
}

TEST(Amqp, CloudToDeviceMessagesAreStoredOrRejected) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open();
  ASSERT_EQ(client.put_token("hub.local", service_token()), 200);
  (void)client.attach(2, true, "/messages/devicebound");
  EXPECT_TRUE(is_accepted(client.outcome_of(2, message_to("/devices/dev1/messages/devicebound"))));
  EXPECT_EQ(hub.messages_of(dev1), 1U);

  const auto condition_of = [&](const amqp::Message& message) { return condition_in(client.outcome_of(2, message)); };
  EXPECT_EQ(condition_of(message_to("/devices/nobody/messages/devicebound")), "amqp:not-found");
  EXPECT_EQ(condition_of(message_to("")), "com.microsoft:argument-error");
  EXPECT_EQ(condition_of(message_to("/devices/dev1")), "com.microsoft:argument-error");
  EXPECT_EQ(condition_of(message_to("/devices/dev1/modules/m/messages/devicebound")), "amqp:not-allowed");
  EXPECT_EQ(condition_of(message_to("/devices/dev1/messages/devicebound", std::string(65'537, 'x'))),
            "amqp:link:message-size-exceeded");
  amqp::Message late = message_to("/devices/dev1/messages/devicebound");
  late.properties.absolute_expiry_time = 1;
  EXPECT_EQ(condition_of(late), "com.microsoft:argument-error");
  amqp::Message odd = message_to("/devices/dev1/messages/devicebound");
  odd.application_properties.add(Value::string("iothub-ack"), Value::string("sometimes"));
  EXPECT_EQ(condition_of(odd), "com.microsoft:argument-error");
  EXPECT_EQ(hub.messages_of(dev1), 1U);

  for (int i = 1; i < 50; ++i) {
    ASSERT_TRUE(is_accepted(client.outcome_of(2, message_to("/devices/dev1/messages/devicebound"))));
  }
  EXPECT_EQ(condition_of(message_to("/devices/dev1/messages/devicebound")), "amqp:resource-limit-exceeded");
}

TEST(Amqp, TelemetryIsDurableBeforeItIsAccepted) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open();
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1)), 200);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  EXPECT_TRUE(eventually([&] { return hub.is_connected(dev1); }));
  hub.store().hold();
  amqp::Message message = message_to("", "21.5");
  message.properties.content_type = "application/json";
  message.application_properties.add(Value::string("room"), Value::string("a b"));
  message.application_properties.add(Value::string("count"), Value::int32(3));
  client.send(transfer_frame(2, client.next_delivery(), encode_message(message)));
  EXPECT_TRUE(eventually([&] { return hub.store().waiting() > 0; }));
  hub.store().release();
  EXPECT_TRUE(is_accepted(client.expect(0x15).fields[4]));
  const auto stored = hub.telemetry(dev1);
  ASSERT_EQ(stored.size(), 1U);
  EXPECT_EQ(stored[0].body, "21.5");
  const auto property = [](const std::vector<iothub::Property>& properties, std::string_view name) {
    for (const iothub::Property& one : properties) {
      if (one.name == name) return one.value.value_or("");
    }
    return std::string("absent");
  };
  EXPECT_EQ(property(stored[0].system, "message-id"), "m-1");
  EXPECT_EQ(property(stored[0].system, "content-type"), "application/json");
  EXPECT_EQ(property(stored[0].application, "room"), "a b");
  EXPECT_EQ(property(stored[0].application, "count"), "3");
}

TEST(Amqp, TelemetryMayComeInManyTransfers) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open();
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1)), 200);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  const std::string message = encode_message(message_to("", std::string(200'000, 'x')));
  const std::uint32_t delivery = client.next_delivery();
  constexpr std::size_t piece = 60'000;
  for (std::size_t at = 0; at < message.size(); at += piece) {
    client.send(transfer_frame(2, delivery, message.substr(at, piece), at + piece < message.size()));
  }
  EXPECT_TRUE(is_accepted(client.expect(0x15).fields[4]));
  ASSERT_EQ(hub.telemetry(dev1).size(), 1U);
  EXPECT_EQ(hub.telemetry(dev1)[0].body.size(), 200'000U);
}

TEST(Amqp, ADeviceIsOneConnectionWhicheverDoorItCameBy) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open();
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1)), 200);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  MqttClient newer = hub.connect(dev1);
  EXPECT_EQ(condition_in(client.expect(0x16).fields[2]), "amqp:link:stolen");
  EXPECT_TRUE(hub.is_connected(dev1));
}

TEST(Amqp, ADeletedDeviceLosesItsLinks) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open();
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1)), 200);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  hub.remove(dev1);
  EXPECT_EQ(condition_in(client.expect(0x16).fields[2]), "amqp:not-found");
  EXPECT_EQ(refusal_of(client, 3, true, "/devices/dev1/messages/events"), "amqp:unauthorized-access");
}

/// What the hub says to `bytes` before it closes: the condition of its CLOSE, "" without one.
std::string last_word(WireHub& hub, const std::string& bytes) {
  AmqpClient client(hub.amqp_port());
  client.send(bytes);
  (void)client.expect_header();
  std::string word;
  while (const auto frame = client.read()) {
    if (frame->code == 0x18) word = condition_in(frame->fields[0]);
  }
  return word;
}

TEST(Amqp, HostileBytesEndTheirConnectionAlone) {
  WireHub hub;
  std::string nested(1, '\x45');
  for (int i = 0; i < 60; ++i) nested = std::string("\xC0", 1) + static_cast<char>(nested.size() + 1) + '\x01' + nested;
  const std::string head("\x02\0\0\0", 4);
  const auto frame = [&](const std::string& body) {
    return std::string(2, '\0') + static_cast<char>((body.size() + 8) >> 8U) + static_cast<char>(body.size() + 8) +
           head + body;
  };
  EXPECT_EQ(last_word(hub, "GET / HTTP/1.1\r\n\r\n"), "");
  EXPECT_EQ(last_word(hub, amqp_header + open_frame() + std::string("\x7F\xFF\xFF\xFF\x02\0\0\0", 8)),
            "amqp:connection:framing-error");
  EXPECT_EQ(last_word(hub, amqp_header + open_frame() + std::string("\0\0\0\x04\x02\0\0\0", 8)),
            "amqp:connection:framing-error");
  EXPECT_EQ(last_word(hub, amqp_header + open_frame() + frame("nothing")), "amqp:decode-error");
  EXPECT_EQ(last_word(hub, amqp_header + open_frame() + frame(std::string("\0\x53\x12", 3) + nested)),
            "amqp:decode-error");
  std::string many = amqp_header + open_frame() + begin_frame();
  for (std::uint32_t i = 0; i < 10'000; ++i) many += attach_frame(i, true, "/nothing");
  AmqpClient flood(hub.amqp_port());
  flood.send(many);
  AmqpClient client(hub.amqp_port());
  client.open();
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);
  EXPECT_TRUE(hub.still_serves());
}

}  // namespace
}  // namespace twinhub::test

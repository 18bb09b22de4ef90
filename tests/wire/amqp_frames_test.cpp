// Sessions, channels, handles, link names and frames at the edges of what AMQP allows: what the hub bears, and with which
// condition it ends what it does not.
#include "protocol/amqp/encode.hpp"
#include "tests/wire/amqp_parts.hpp"

#include <array>

namespace twinhub::test {
namespace {

using amqp::Value;

const std::string to_dev1 = "/devices/dev1/messages/devicebound";

std::string raw_frame(std::string_view body, std::uint8_t type = 0) {
  std::string frame;
  amqp::append_big_endian(frame, body.size() + 8, 4);
  frame += '\x02';
  frame += static_cast<char>(type);
  return frame.append("\0\0", 2).append(body);
}

TEST(AmqpFrames, TheLastChannelMayBeUsedAndTheNextOneNot) {
  WireHub hub;
  constexpr std::uint16_t last = 8191;
  AmqpClient client(hub.amqp_port());
  client.open();
  client.send(begin_frame(last));
  const AmqpFrame begin = client.expect(0x11);
  EXPECT_EQ(begin.fields[0], (Value{amqp::Type::ushort_, last}));
  client.send(attach_frame(0, true, "$cbs", last));
  EXPECT_EQ(client.expect(0x12).channel, begin.channel);
  EXPECT_EQ(close_after(hub, begin_frame(last + 1)), "amqp:connection:framing-error");
}

TEST(AmqpFrames, TheLastHandleMayBeUsedAndTheNextOneNot) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open();
  (void)client.attach(262'143, true, "$cbs");
  EXPECT_EQ(close_after(hub, attach_frame(262'144, true, "$cbs")), "amqp:connection:framing-error");
}

TEST(AmqpFrames, FramesWithoutABodyAreSignsOfLife) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open();
  std::string wide = raw_frame(std::string(8, '\0'));  // an extended header of eight bytes, and nothing behind it
  wide[4] = '\x04';
  client.send(raw_frame("") + wide + raw_frame(""));
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);
}

TEST(AmqpFrames, WhatIsNoPerformativeEndsTheConnection) {
  WireHub hub;
  EXPECT_EQ(close_after(hub, amqp_frame(0x19, {})), "amqp:decode-error");
  EXPECT_EQ(close_after(hub, amqp_frame(0x0F, {})), "amqp:decode-error");
  EXPECT_EQ(close_after(hub, amqp_frame(0x18, {{}, {}})), "amqp:decode-error");  // a CLOSE of two fields
  EXPECT_EQ(close_after(hub, raw_frame("\x45")), "amqp:decode-error");
  EXPECT_EQ(close_after(hub, raw_frame(std::string("\0\x53\x12\x45", 4) + "more")), "amqp:decode-error");
  EXPECT_EQ(close_after(hub, raw_frame("x", 2)), "amqp:connection:framing-error");  // a type that is not AMQP's
  EXPECT_EQ(close_after(hub, raw_frame("x", 1)), "amqp:connection:framing-error");  // SASL's, and there is no SASL
  EXPECT_EQ(close_after(hub, open_frame()), "amqp:connection:framing-error");       // a second OPEN
  EXPECT_EQ(close_after(hub, amqp_header), "amqp:connection:framing-error");        // a second header
  std::string short_offset = raw_frame("12345678");
  short_offset[4] = '\x01';
  EXPECT_EQ(close_after(hub, short_offset), "amqp:connection:framing-error");
  short_offset[4] = '\xFF';
  EXPECT_EQ(close_after(hub, short_offset), "amqp:connection:framing-error");
  EXPECT_TRUE(hub.still_serves());
}

/// Termini and properties are a stranger's to write, too.
TEST(AmqpFrames, NestedAndEndlessValuesEndTheConnection) {
  WireHub hub;
  std::string nested(1, '\x45');
  for (int i = 0; i < 1000; ++i) {
    std::string outer = "\xD0";
    amqp::append_big_endian(outer, nested.size() + 4, 4);
    amqp::append_big_endian(outer, 1, 4);
    nested = outer + nested;
  }
  EXPECT_EQ(close_after(hub, raw_frame(std::string("\0\x53\x12", 3) + nested)), "amqp:decode-error");
  std::string nulls = "\xD0";
  amqp::append_big_endian(nulls, 10'004, 4);
  amqp::append_big_endian(nulls, 10'000, 4);
  EXPECT_EQ(close_after(hub, raw_frame(std::string("\0\x53\x12", 3) + nulls + std::string(10'000, '\x40'))),
            "amqp:decode-error");
  std::string array = "\xF0";  // four billion items of no bytes each
  amqp::append_big_endian(array, 5, 4);
  amqp::append_big_endian(array, 0xFFFFFFFF, 4);
  EXPECT_EQ(close_after(hub, raw_frame(std::string("\0\x53\x12\xC0", 4) + '\x0B' + '\x01' + array + '\x40')),
            "amqp:decode-error");
  Value keys = Value::map();
  for (std::uint32_t i = 0; i < 10'000; ++i) keys.add(Value::uint(i), Value::uint(0));
  const std::string map = amqp_frame(
      0x12, {Value::string("l"), Value::uint(5), Value::boolean(false), {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, keys});
  ASSERT_LT(map.size(), 65'536U);
  EXPECT_EQ(close_after(hub, map), "amqp:decode-error");
  EXPECT_TRUE(hub.still_serves());
}

TEST(AmqpFrames, SmallFramesOfAPeerAreKept) {
  WireHub hub;
  hub.send(dev1, std::string(3000, 'y'));
  AmqpClient client(hub.amqp_port());
  client.send(amqp_header + amqp_frame(0x10, {Value::string("a"), Value::string("hub.local"), Value::uint(512)}) +
              begin_frame());
  (void)client.expect_header();
  (void)client.expect(0x10);
  (void)client.expect(0x11);
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1)), 200);
  (void)client.attach(2, false, to_dev1);
  client.send(flow_frame(2, 10));
  std::string bytes;
  AmqpFrame frame;
  do {
    frame = client.expect(0x14);
    // The frame's header, its performative and its payload: no more than the peer takes.
    std::string fields;
    for (const Value& field : frame.fields) append_value(fields, field);
    EXPECT_LE(8 + 3 + 3 + fields.size() + frame.payload.size(), 512U);
    bytes += frame.payload;
  } while (frame.fields.size() > 5 && frame.fields[5] == Value::boolean(true));
  const auto message = amqp::decode_message(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->data.at(0), std::string(3000, 'y'));
}

/// What a peer announces must not decide whether the hub's frames are whole.
TEST(AmqpFrames, LongFramesHaveAllOfTheirFieldsToo) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  const std::string name(2000, 'n');
  client.send(amqp_frame(
      0x12, {Value::string(name),
             Value::uint(2),
             Value::boolean(true),
             {},
             {},
             Value::described(Value::ulong(0x28), Value::list({Value::string("/messages/serviceBound/feedback")})),
             Value::described(Value::ulong(0x29), Value::list({}))}));
  EXPECT_EQ(client.expect(0x12).fields.at(0), Value::string(name));  // the client counts them
}

TEST(AmqpFrames, NamesOfLinksMayBeUsedAgain) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  const auto named = [](std::uint32_t handle, bool sends, std::string_view address, std::uint16_t channel = 0) {
    const auto terminus = [&](std::uint64_t code, bool here) {
      return Value::described(Value::ulong(code), Value::list({here ? Value::string(std::string(address)) : Value()}));
    };
    return amqp_frame(0x12,
                      {Value::string("constant"),
                       Value::uint(handle),
                       Value::boolean(!sends),
                       {},
                       {},
                       terminus(0x28, !sends),
                       terminus(0x29, sends),
                       {},
                       {},
                       sends ? Value::uint(0) : Value()},
                      "", channel);
  };
  client.send(begin_frame(1));
  (void)client.expect(0x11);
  client.send(named(2, true, "/messages/devicebound") + named(3, false, "/messages/servicebound/feedback") +
              named(2, true, "/messages/devicebound", 1));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.expect(0x12).fields.at(0), Value::string("constant"));
  EXPECT_TRUE(is_accepted(client.outcome_of(2, message_to(to_dev1))));
  client.send(transfer_frame(2, 0, encode_message(message_to(to_dev1)), false, 1));
  EXPECT_TRUE(is_accepted(client.expect(0x15).fields[4]));
  // The same handle and the same name once more.
  client.send(amqp_frame(0x16, {Value::uint(2), Value::boolean(true)}));
  (void)client.expect(0x16);
  client.send(named(2, true, "/messages/devicebound"));
  (void)client.expect(0x12);
  EXPECT_TRUE(is_accepted(client.outcome_of(2, message_to(to_dev1))));
  EXPECT_EQ(hub.messages_of(dev1), 3U);
}

TEST(AmqpFrames, ASessionEndsWithItsLinksAlone) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  client.send(begin_frame(1));
  (void)client.expect(0x11);
  client.send(attach_frame(0, true, "/devices/dev1/messages/events", 1));
  (void)client.expect(0x12);
  EXPECT_TRUE(eventually([&] { return hub.is_connected(dev1); }));
  client.send(amqp_frame(0x17, {}, "", 1));
  EXPECT_EQ(client.expect(0x17).fields.size(), 1U);
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
  client.send(amqp_frame(0x16, {Value::uint(0), Value::boolean(true)}, "", 1));  // late: passed over
  EXPECT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1)), 200);
  client.send(begin_frame(1));  // the channel is free again
  (void)client.expect(0x11);
  client.send(attach_frame(0, true, "/devices/dev1/messages/events", 1));
  (void)client.expect(0x12);
  EXPECT_TRUE(eventually([&] { return hub.is_connected(dev1); }));
}

TEST(AmqpFrames, SaslIsFollowedByAmqpsHeaderAlone) {
  WireHub hub;
  const auto after_sasl = [&](const std::string& bytes) {
    AmqpClient client(hub.amqp_port());
    EXPECT_EQ(client.sasl("ANONYMOUS", std::string("\0service", 8)), 0U);
    client.send(bytes);
    std::string word;
    while (const auto frame = client.read()) {
      if (frame->code == 0x18) word = condition_in(frame->fields[0]);
    }
    return word;
  };
  EXPECT_EQ(after_sasl(open_frame()), "") << "closed without a word of AMQP";
  EXPECT_EQ(after_sasl(sasl_header), "amqp:connection:framing-error");
  AmqpClient client(hub.amqp_port());
  EXPECT_EQ(client.sasl("ANONYMOUS", ""), 0U);
  client.open();
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);
  AmqpClient unknown(hub.amqp_port());
  EXPECT_EQ(unknown.sasl("SCRAM-SHA-256", "n,,n=user"), 1U);
  EXPECT_FALSE(unknown.read());
  AmqpClient early(hub.amqp_port());  // the OPEN does not wait for the SASL that was begun
  early.send(sasl_header + amqp_header + open_frame());
  (void)early.expect_header();
  while (early.read()) {
  }
  EXPECT_TRUE(hub.still_serves());
}

TEST(AmqpFrames, AddressesHaveManyForms) {
  WireHub hub;
  const IdentityId odd{"a+b@c", ""};
  hub.put(odd);
  AmqpClient client(hub.amqp_port());
  client.open();
  ASSERT_EQ(client.put_token(
                "hub.local%2Fdevices%2Fa%252Bb%2540c",
                iothub::make_sas_token("hub.local/devices/a%2Bb%40c", hub.identity(odd).primary_key, far_future)),
            200);
  const std::array forms{"devices/a+b@c/messages/events", "/devices/a%2Bb%40c/messages/events",
                         "amqps://h/devices/a%2bb@c/messages/events", "amqps://h:5671/Devices/a+b@c/Messages/Events/"};
  std::uint32_t handle = 10;
  for (const char* const form : forms) {
    const AmqpFrame answer = client.attach(handle++, true, form);
    EXPECT_EQ(answer.fields[6].items.at(1).items.at(0), Value::string(form)) << "echoed as it came";
    // The newer link of the same kind ends the older.
    if (handle > 11) {
      EXPECT_EQ(condition_in(client.expect(0x16).fields[2]), "amqp:link:stolen");
    }
  }
  for (const std::string& none :
       {std::string("/"), std::string(5'000, 'x'), std::string("devices/\xC3\xA4/messages"), std::string("amqps://"),
        std::string("devices//messages/events"), std::string("/devices/a%2Fb/messages/events/more")}) {
    EXPECT_EQ(refusal_of(client, handle++, true, none), "amqp:not-found") << none;
  }
  EXPECT_EQ(refusal_of(client, handle++, true, "devices/a%FFb/messages/events"), "amqp:unauthorized-access");
  EXPECT_EQ(refusal_of(client, handle++, true, "devices/a%00b/messages/events"), "amqp:unauthorized-access");
  EXPECT_TRUE(is_accepted(client.outcome_of(13, message_to("", "still there"))));
}

}  // namespace
}  // namespace twinhub::test

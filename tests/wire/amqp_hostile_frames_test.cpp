// Well-formed performatives that the AMQP engine takes on trust, and by which a stranger could end the hub or make it keep
// what nobody counts: each ends the stranger's connection, and nothing else.
#include "tests/wire/amqp_parts.hpp"

namespace twinhub::test {
namespace {

using amqp::Value;

const std::string attach_requests = attach_frame(0, true, "$cbs"), attach_replies = attach_frame(0, false, "$cbs");

/// A TRANSFER on handle 0, field by field.
struct TransferFields {
  Value handle = Value::uint(0);
  Value id = Value::uint(0);
  Value tag = Value::binary("t");
  Value more = Value::boolean(true);
  Value settled = Value::boolean(false);
};
std::string transfer_of(const TransferFields& fields) {
  return amqp_frame(0x14, {fields.handle, fields.id, fields.tag, Value::uint(0), fields.settled, fields.more}, "x");
}

TEST(AmqpHostileFrames, TheFirstFrameOfADeliveryHasANumberAndATag) {
  WireHub hub;
  for (const TransferFields& fields : {TransferFields{.id = {}},
                                       {.id = {}, .more = Value::boolean(false)},
                                       {.id = Value::ulong(0)},
                                       {.id = Value::string("0")},
                                       {.tag = {}},
                                       {.tag = Value::string("t")},
                                       {.tag = Value::binary(std::string(33, 't'))},
                                       {.handle = {}},
                                       {.handle = Value::ulong(0)},
                                       {.more = Value::uint(1)}}) {
    EXPECT_EQ(close_after(hub, attach_requests + transfer_of(fields)), "amqp:invalid-field");
  }
  EXPECT_TRUE(hub.still_serves());
}

TEST(AmqpHostileFrames, FurtherFramesAreOfTheDeliveryThatWasBegun) {
  WireHub hub;
  const std::string first = attach_requests + transfer_of({});
  const std::string close = amqp_frame(0x18, {});
  EXPECT_EQ(close_after(hub, first + transfer_of({.id = Value::uint(1)})), "amqp:invalid-field");
  EXPECT_EQ(close_after(hub, first + transfer_of({.id = {}, .tag = {}}) + transfer_of({}) + close), "none");
  const std::string last = transfer_of({.id = {}, .tag = {}, .more = {}});
  EXPECT_EQ(close_after(hub, first + last + close), "none");
  EXPECT_EQ(close_after(hub, first + last + last), "amqp:invalid-field") << "what follows the last is a first one";
  EXPECT_TRUE(hub.still_serves());
}

/// The hub drops what still comes on a link that it has ended: a delivery of several frames may be under way there.
TEST(AmqpHostileFrames, ADeliveryOutlivesItsLinkOnTheHubsSide) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open();
  (void)client.attach(0, true, "$cbs");
  std::uint32_t frames = 0;
  const std::string piece(30'000, 'x');  // three are more than $cbs takes
  for (; frames < 3; ++frames) client.send(transfer_frame(0, 0, piece, true));
  EXPECT_EQ(condition_in(client.expect(0x15).fields[4]), "amqp:link:message-size-exceeded");
  EXPECT_EQ(condition_in(client.expect(0x16).fields[2]), "amqp:link:message-size-exceeded");
  client.send(amqp_frame(0x14, {Value::uint(0), {}, {}, {}, {}, Value::boolean(true)}, piece) +
              amqp_frame(0x14, {Value::uint(0)}, piece));
  client.send(amqp_frame(0x14, {Value::uint(0)}, piece));
  while (const auto frame = client.read()) {
    if (frame->code == 0x18) {
      EXPECT_EQ(condition_in(frame->fields[0]), "amqp:invalid-field");
    }
  }
  EXPECT_TRUE(hub.still_serves());
}

TEST(AmqpHostileFrames, NothingIsSentOnALinkThatTheHubSendsOn) {
  WireHub hub;
  for (const bool settled : {true, false}) {
    const std::string transfer = transfer_of({.more = {}, .settled = Value::boolean(settled)});
    const std::string disposition =
        amqp_frame(0x15, {Value::boolean(false), Value::uint(0), Value::uint(0), Value::boolean(true)});
    EXPECT_EQ(close_after(hub, attach_replies + flow_frame(0, 10) + transfer + disposition), "amqp:not-allowed");
  }
  EXPECT_TRUE(hub.still_serves());
}

TEST(AmqpHostileFrames, ABeginAnswersNoSessionAndTakesAFreeChannel) {
  WireHub hub;
  const auto begin = [](const Value& remote_channel, std::uint16_t channel) {
    return amqp_frame(0x11, {remote_channel, Value::uint(0), Value::uint(1000), Value::uint(1000)}, "", channel);
  };
  const auto end = [](std::uint16_t channel) { return amqp_frame(0x17, {}, "", channel); };
  for (const Value& remote : {Value{amqp::Type::ushort_, 0}, Value{amqp::Type::ushort_, 7}, Value::uint(0)}) {
    EXPECT_EQ(close_after(hub, begin(remote, 1) + end(1) + end(0)), "amqp:invalid-field");
  }
  EXPECT_EQ(close_after(hub, begin({}, 0)), "amqp:not-allowed");
  EXPECT_EQ(close_after(hub, end(0) + begin({}, 0) + amqp_frame(0x18, {})), "none");
  EXPECT_TRUE(hub.still_serves());
}

TEST(AmqpHostileFrames, AnAttachTakesAFreeHandle) {
  WireHub hub;
  EXPECT_EQ(close_after(hub, attach_requests + attach_replies), "amqp:session:handle-in-use");
  EXPECT_EQ(close_after(hub, attach_requests + attach_requests), "amqp:session:handle-in-use");
  EXPECT_EQ(close_after(hub, amqp_frame(0x12, {Value::string("l"), Value::ulong(0), Value::boolean(false)})),
            "amqp:invalid-field");
  EXPECT_EQ(close_after(hub, amqp_frame(0x12, {Value::string("l"), Value::uint(0)})), "amqp:invalid-field");
  EXPECT_EQ(close_after(hub, amqp_frame(0x12, {{}, Value::uint(0), Value::boolean(true)})), "amqp:invalid-field");
  EXPECT_EQ(close_after(hub, attach_requests + detach_frame(0) + attach_replies + amqp_frame(0x18, {})), "none");
  EXPECT_TRUE(hub.still_serves());
}

/// What the engine keeps of an OPEN or ATTACH, it keeps several times over.
std::string large_attach(std::uint32_t handle, std::size_t property_bytes) {
  return amqp_frame(0x12, {Value::string("large-" + std::to_string(handle)),
                           Value::uint(handle),
                           Value::boolean(true),
                           {},
                           {},
                           Value::described(Value::ulong(0x28), Value::list({Value::string("$cbs")})),
                           Value::described(Value::ulong(0x29), Value::list({})),
                           {},
                           {},
                           {},
                           {},
                           {},
                           {},
                           Value::map({Value::symbol("k"), Value::string(std::string(property_bytes, 'x'))})});
}

TEST(AmqpHostileFrames, WhatAStrangerAnnouncesHasABound) {
  WireHub hub;
  const std::string large_open =
      amqp_header + amqp_frame(0x10, {Value::string("c"),
                                      Value::string("hub.local"),
                                      {},
                                      {},
                                      {},
                                      {},
                                      {},
                                      {},
                                      {},
                                      Value::map({Value::symbol("k"), Value::string(std::string(60'000, 'x'))})});
  AmqpClient client(hub.amqp_port());
  client.send(large_open + begin_frame());
  (void)client.expect_header();
  (void)client.expect(0x10);
  (void)client.expect(0x11);
  std::uint32_t attached = 0;
  for (; attached < 8; ++attached) {
    client.send(large_attach(attached, 60'000));
    const auto answer = client.read();
    ASSERT_TRUE(answer);
    if (answer->code != 0x18) continue;
    EXPECT_EQ(condition_in(answer->fields[0]), "amqp:resource-limit-exceeded");
    break;
  }
  EXPECT_GE(attached, 1U);
  EXPECT_LT(attached, 8U) << "several megabytes of a peer that has no token";
  EXPECT_TRUE(hub.still_serves());
}

TEST(AmqpHostileFrames, LargeAttachesOfOneConnectionHaveABound) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  constexpr std::uint32_t some = 20, many = 200;
  for (std::uint32_t round = 0; round < 5; ++round) {  // what is detached does not count
    for (std::uint32_t handle = 2; handle < some; ++handle) {
      client.send(large_attach(handle, 60'000));
      (void)client.expect(0x12);
    }
    for (std::uint32_t handle = 2; handle < some; ++handle) client.send(detach_frame(handle));
    for (std::uint32_t handle = 2; handle < some; ++handle) (void)client.expect(0x16);
  }
  for (std::uint32_t handle = 2; handle < many; ++handle) {
    client.send(large_attach(handle, 60'000));
    const auto answer = client.read();
    ASSERT_TRUE(answer);
    if (answer->code == 0x18) {
      EXPECT_EQ(condition_in(answer->fields[0]), "amqp:resource-limit-exceeded");
      EXPECT_GT(handle, some);
      EXPECT_TRUE(hub.still_serves());
      return;
    }
  }
  FAIL() << "no bound";
}

/// A refused link stays in the engine until the peer's DETACH: a peer that says none is not served without end.
TEST(AmqpHostileFrames, TooManyLinksEndTheConnection) {
  WireHub hub;
  std::string eight, nine;
  for (std::uint32_t handle = 0; handle < 9; ++handle) {
    eight = nine;
    nine += attach_frame(handle, true, "/nothing/here");
  }
  EXPECT_EQ(close_after(hub, eight + amqp_frame(0x18, {})), "none");
  EXPECT_EQ(close_after(hub, nine), "amqp:resource-limit-exceeded");
  std::string detached = nine.substr(0, eight.size());
  for (std::uint32_t handle = 0; handle < 8; ++handle) detached += detach_frame(handle);
  EXPECT_EQ(close_after(hub, detached + attach_requests + amqp_frame(0x18, {})), "none");
  EXPECT_TRUE(hub.still_serves());
}

// What the door keeps of well-formed requests

amqp::Message token_request(const Value& id, std::string name = "hub.local", std::string token = service_token()) {
  amqp::Message request;
  request.properties.message_id = id;
  request.application_properties.add(Value::string("operation"), Value::string("put-token"));
  request.application_properties.add(Value::string("type"), Value::string("servicebus.windows.net:sastoken"));
  request.application_properties.add(Value::string("name"), Value::string(std::move(name)));
  request.value = Value::string(std::move(token));
  return request;
}

TEST(AmqpHostileFrames, TheIdOfARequestIsShortAndOfATypeThatIdsHave) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open();
  (void)client.attach(0, true, "$cbs");
  for (const Value& id :
       {Value::string(std::string(257, 'i')), Value::binary(std::string(60'000, 'i')), Value::array({Value::int32(1)}),
        Value::list({}), Value::map(), Value::boolean(true), Value::symbol("i"), Value::int64(1)}) {
    EXPECT_EQ(condition_in(client.outcome_of(0, token_request(id))), "com.microsoft:argument-error");
  }
  // An array of a type that the hub never writes.
  std::string bytes = encode_message(token_request(Value::binary("four")));
  const std::string binary(
      "\xA0\x04"
      "four",
      6),
      array("\xE0\x04\x02\x50\x01\x02", 6);
  bytes.replace(bytes.find(binary), binary.size(), array);
  client.send(transfer_frame(0, client.next_delivery(), bytes));
  EXPECT_EQ(condition_in(client.expect(0x15).fields[4]), "com.microsoft:argument-error");
  for (const Value& id : {Value::string(std::string(256, 'i')), Value::ulong(7), Value::uuid(std::string(16, 'u')),
                          Value::binary("b"), Value()}) {
    EXPECT_TRUE(is_accepted(client.outcome_of(0, token_request(id))));
  }
  EXPECT_TRUE(hub.still_serves());
}

TEST(AmqpHostileFrames, LongTokensAndNamesAreRefused) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open();
  const std::string token = service_token();
  EXPECT_EQ(client.put_token("hub.local", token + "&x=" + std::string(4096 - token.size() - 3, 'x')), 200);
  EXPECT_EQ(client.put_token("hub.local", token + "&x=" + std::string(4096 - token.size() - 2, 'x')), 400);
  EXPECT_EQ(client.put_token("hub.local/" + std::string(1014, 'n'), token), 200);
  EXPECT_EQ(client.put_token("hub.local/" + std::string(1015, 'n'), token), 400);
}

/// A token for a device does not open the hub, whatever the device is called and however the token's name is written.
TEST(AmqpHostileFrames, ATokenForADeviceIsNoneForTheHub) {
  WireHub hub;
  for (const char* const resource : {"hub.local/devices/a%3A%2F%2Fb", "hub.local%2Fdevices%2Fa%253A%252F%252Fb"}) {
    const std::string expiry = std::to_string(far_future);
    const auto signature = iothub::sign(resource, expiry, service_key);
    ASSERT_TRUE(signature);
    std::string token = std::string("SharedAccessSignature sr=") + resource + "&se=" + expiry + "&skn=service&sig=";
    for (const char c : *signature) token += c == '+' ? "%2B" : c == '/' ? "%2F" : c == '=' ? "%3D" : std::string(1, c);
    AmqpClient client(hub.amqp_port());
    client.open();
    EXPECT_EQ(client.put_token("hub.local", token), 401);
    EXPECT_EQ(refusal_of(client, 5, true, "/messages/devicebound"), "amqp:unauthorized-access");
  }
}

TEST(AmqpHostileFrames, ABatchHasABoundOfMessages) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  const auto outcome_of_batch = [&](std::size_t messages) {
    amqp::Message empty, batch;
    empty.data = {""};
    batch.data = std::vector<std::string>(messages, encode_message(empty));
    const std::uint32_t delivery = client.next_delivery();
    client.send(amqp_frame(0x14,
                           {Value::uint(2), Value::uint(delivery), Value::binary(std::to_string(delivery)),
                            Value::uint(amqp::batch_format), Value::boolean(false)},
                           encode_message(batch)));
    return client.expect(0x15).fields[4];
  };
  EXPECT_TRUE(is_accepted(outcome_of_batch(500)));
  EXPECT_EQ(condition_in(outcome_of_batch(501)), "com.microsoft:argument-error");
  EXPECT_EQ(hub.telemetry(dev1).size(), 500U);
}

/// The first frame, which alone has to have the format, may have no payload.
TEST(AmqpHostileFrames, TheFormatOfAMessageIsTheFirstFrames) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  amqp::Message batch;
  batch.data = {encode_message(message_to("", "a")), encode_message(message_to("", "b"))};
  const std::uint32_t delivery = client.next_delivery();
  client.send(amqp_frame(0x14, {Value::uint(2), Value::uint(delivery), Value::binary("t"),
                                Value::uint(amqp::batch_format), Value::boolean(false), Value::boolean(true)}) +
              amqp_frame(0x14, {Value::uint(2)}, encode_message(batch)));
  EXPECT_TRUE(is_accepted(client.expect(0x15).fields[4]));
  EXPECT_EQ(hub.telemetry(dev1).size(), 2U);
}

TEST(AmqpHostileFrames, AConnectionHasFewLinksOfTheSharedKinds) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  for (std::uint32_t i = 0; i < 64; ++i) (void)client.attach(2 + i, false, "/messages/servicebound/feedback");
  EXPECT_EQ(refusal_of(client, 70, false, "/messages/servicebound/feedback"), "amqp:resource-limit-exceeded");
  client.send(detach_frame(2));
  EXPECT_EQ(client.expect(0x16).fields[2], Value());
  const AmqpFrame again = client.attach(71, false, "/messages/servicebound/feedback");
  EXPECT_EQ(again.fields.size(), 14U);
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);  // the refused link is not followed by a DETACH
}

}  // namespace
}  // namespace twinhub::test

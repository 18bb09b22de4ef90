// What may stand in a message, by its types, sizes and bytes: back ends' messages to devices, and devices' telemetry.
#include "protocol/amqp/encode.hpp"
#include "tests/wire/amqp_parts.hpp"

#include <functional>

namespace twinhub::test {
namespace {

using amqp::Value;
using std::chrono::hours;

const std::string to_dev1 = "/devices/dev1/messages/devicebound";
const std::string not_utf8("a\xFF\xC0\xAFz");

std::string bytes_of(const Value& value) {
  std::string bytes;
  append_value(bytes, value);
  return bytes;
}

/// A section of any list or map, written value by value.
std::string section(std::uint8_t code, const Value& value) {
  std::string bytes;
  amqp::append_descriptor(bytes, code);
  return bytes + bytes_of(value);
}

/// Sends `bytes` as a message and returns the condition with which it is rejected, "" when it is accepted.
std::string rejection_of(AmqpClient& client, std::uint32_t handle, const std::string& bytes) {
  client.send(transfer_frame(handle, client.next_delivery(), bytes));
  const Value state = client.expect(0x15).fields[4];
  EXPECT_TRUE(is_accepted(state) || !condition_in(state).empty());
  return condition_in(state);
}

/// Every place of a message that is text.
std::vector<std::string> messages_with(const std::string& text) {
  constexpr std::uint8_t annotations = 0x72, properties = 0x73, application = 0x74, data = 0x75, value = 0x77;
  const Value to = Value::string(to_dev1);
  const auto listed = [](std::vector<Value> fields) { return Value::list(std::move(fields)); };
  const auto mapped = [](Value key, Value of) { return Value::map({std::move(key), std::move(of)}); };
  const std::string body = section(data, Value::binary("body"));
  // The hub's encoder makes no symbol that is not ASCII: the text takes the place of one that is, in the bytes.
  const Value symbol = Value::symbol(std::string(text.size(), '~'));
  const auto with_symbol = [&](std::string message) {
    return message.replace(message.find(symbol.text), text.size(), text);
  };
  return {
      section(properties, listed({Value::string(text), {}, to})) + body,
      section(properties, listed({{}, Value::binary(text), to})) + body,
      section(properties, listed({{}, {}, Value::string("/devices/" + text + "/messages/devicebound")})) + body,
      section(properties, listed({{}, {}, to, Value::string(text)})) + body,
      section(properties, listed({{}, {}, to, {}, Value::string(text)})) + body,
      section(properties, listed({{}, {}, to, {}, {}, Value::string(text)})) + body,
      with_symbol(section(properties, listed({{}, {}, to, {}, {}, {}, symbol}))) + body,
      with_symbol(section(properties, listed({{}, {}, to, {}, {}, {}, {}, symbol}))) + body,
      section(properties, listed({{}, {}, to})) +
          section(application, mapped(Value::string(text), Value::string("v"))) + body,
      section(properties, listed({{}, {}, to})) +
          section(application, mapped(Value::string("n"), Value::string(text))) + body,
      section(annotations, mapped(Value::symbol("dt-subject"), Value::string(text))) +
          section(properties, listed({{}, {}, to})) + body,
      with_symbol(section(annotations, mapped(symbol, Value::string("v")))) +
          section(properties, listed({{}, {}, to})) + body,
      section(properties, listed({{}, {}, to})) + section(value, Value::string(text)),
  };
}

TEST(AmqpTexts, StringsThatAreNotUtf8GetNowhere) {
  WireHub hub;
  AmqpClient device(hub.amqp_port());
  enter_as(device, hub, dev1);
  (void)device.attach(2, true, "/devices/dev1/messages/events");
  AmqpClient back_end(hub.amqp_port());
  enter_as_back_end(back_end);
  (void)back_end.attach(2, true, "/messages/devicebound");
  std::size_t place = 0;
  for (const std::string& message : messages_with(not_utf8)) {
    EXPECT_EQ(rejection_of(device, 2, message), "com.microsoft:argument-error") << place;
    EXPECT_EQ(rejection_of(back_end, 2, message), "com.microsoft:argument-error") << place;
    ++place;
  }
  EXPECT_EQ(hub.telemetry(dev1).size(), 0U);
  EXPECT_EQ(hub.messages_of(dev1), 0U);
  // The same with text goes through: the places are right.
  place = 0;
  for (const std::string& message : messages_with("dev1")) {
    EXPECT_EQ(rejection_of(device, 2, message), "") << place;
    ++place;
  }
  EXPECT_EQ(hub.telemetry(dev1).size(), place);
  // A body is bytes.
  EXPECT_EQ(rejection_of(device, 2, section(0x75, Value::binary(not_utf8))), "");
  EXPECT_EQ(hub.telemetry(dev1).back().body, not_utf8);
}

TEST(AmqpTexts, PerformativesThatAreNotUtf8EndTheConnection) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  client.send(attach_frame(2, true, "/messages/" + not_utf8));
  EXPECT_EQ(condition_in(client.expect(0x18).fields[0]), "amqp:decode-error");
}

/// What a property becomes where only text can stand.
TEST(AmqpTexts, PropertiesOfOtherTypesBecomeText) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  amqp::Message message = message_to("", "21");
  amqp::Value& properties = message.application_properties;
  properties.add(Value::string("int"), Value::int32(-5));
  properties.add(Value::string("yes"), Value::boolean(true));
  properties.add(Value::string("nothing"), {});
  properties.add(Value::string("uuid"), Value::uuid(std::string(16, '\x11')));
  properties.add(Value::string("at"), Value::timestamp(1'700'000'000'000));
  properties.add(Value::string("char"), {amqp::Type::char_, 0xFC});
  properties.add(Value::string("bytes"), Value::binary("text"));
  message.message_annotations.add(Value::symbol("x-opt-list"), Value::list({Value::uint(1)}));  // not the hub's matter
  properties.add(Value::string("iothub-connection-device-id"), Value::string("somebody else"));
  message.message_annotations.add(Value::symbol("iothub-connection-device-id"), Value::string("somebody else"));
  ASSERT_TRUE(is_accepted(client.outcome_of(2, message)));
  std::string shown;
  const storage::Event stored = hub.telemetry(dev1).at(0);
  for (const iothub::Property& one : stored.application) {
    shown += one.name + "=" + one.value.value_or("null") + ";";
  }
  EXPECT_EQ(shown,
            "int=-5;yes=true;nothing=;uuid=11111111-1111-1111-1111-111111111111;"
            "at=1700000000000;char=\u00FC;bytes=text;"
            "iothub-connection-device-id=somebody else;");
  EXPECT_EQ(stored.id, dev1);
}

TEST(AmqpTexts, APropertyThatCannotBeTextIsRefusedAndNotLeftOut) {
  const Value odd[] = {Value::list({Value::uint(1)}), Value::map({Value::string("a"), Value::uint(1)}),
                       Value::array({Value::ulong(1)}), Value::binary(not_utf8)};
  WireHub hub;
  AmqpClient device(hub.amqp_port()), back_end(hub.amqp_port());
  enter_as(device, hub, dev1);
  (void)device.attach(2, true, "/devices/dev1/messages/events");
  enter_as_back_end(back_end);
  (void)back_end.attach(2, true, "/messages/devicebound");
  for (const Value& value : odd) {
    amqp::Message telemetry = message_to("", "21"), to_device = message_to(to_dev1);
    telemetry.application_properties.add(Value::string("odd"), value);
    to_device.application_properties.add(Value::string("odd"), value);
    EXPECT_EQ(condition_in(device.outcome_of(2, telemetry)), "com.microsoft:argument-error");
    EXPECT_EQ(condition_in(back_end.outcome_of(2, to_device)), "com.microsoft:argument-error");
  }
  EXPECT_TRUE(hub.telemetry(dev1).empty());
  EXPECT_EQ(hub.messages_of(dev1), 0U);
}

TEST(AmqpTexts, ABodyMayBeAbsent) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  const std::string properties = section(0x73, Value::list({Value::string("m")}));
  for (const std::string& message : {std::string(), properties, properties + section(0x75, Value::binary("")),
                                     properties + section(0x77, {}), properties + section(0x77, Value::string(""))}) {
    EXPECT_EQ(rejection_of(client, 2, message), "");
  }
  const auto stored = hub.telemetry(dev1);
  ASSERT_EQ(stored.size(), 5U);
  for (const storage::Event& event : stored) EXPECT_EQ(event.body, "");
  EXPECT_EQ(rejection_of(client, 2, section(0x77, Value::map())), "com.microsoft:argument-error");
  EXPECT_EQ(rejection_of(client, 2, section(0x73, Value::list({})) + properties), "com.microsoft:argument-error");
  EXPECT_EQ(rejection_of(client, 2, section(0x79, Value::binary("x"))), "com.microsoft:argument-error");
  EXPECT_EQ(rejection_of(client, 2, "\x45"), "com.microsoft:argument-error");
}

TEST(AmqpTexts, NestedValuesAreRejected) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  Value nested = Value::list({});
  for (int i = 0; i < 1000; ++i) {
    Value outer = Value::list({});
    outer.items.push_back(std::move(nested));
    nested = std::move(outer);
  }
  EXPECT_EQ(rejection_of(client, 2, section(0x77, nested)), "com.microsoft:argument-error");
  Value keys = Value::map();
  for (int i = 0; i < 10'000; ++i) keys.add(Value::string("k"), Value::uint(0));
  EXPECT_EQ(rejection_of(client, 2, section(0x74, keys)), "com.microsoft:argument-error");
  EXPECT_EQ(hub.telemetry(dev1).size(), 0U);
}

TEST(AmqpTexts, AMessageToADeviceMayBeWrittenInManyWays) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  (void)client.attach(2, true, "/messages/devicebound");
  AmqpClient device(hub.amqp_port());
  enter_as(device, hub, dev1);
  (void)device.attach(2, false, to_dev1);
  device.send(flow_frame(2, 1000));
  const auto arrives = [&](const amqp::Message& message) {
    EXPECT_TRUE(is_accepted(client.outcome_of(2, message)));
    AmqpReceived received = device.expect_message();
    device.settle(received.delivery, accepted_outcome());
    EXPECT_TRUE(eventually([&] { return hub.messages_of(dev1) == 0; }));
    return std::move(received.message);
  };
  const auto ack_of = [](const amqp::Message& message) {
    return message.application_properties.find("iothub-ack")->text;
  };

  amqp::Message message = message_to("/DEVICES/dev1/Messages/DeviceBound");
  message.application_properties.add(Value::string("iothub-ack"), Value::string("FULL"));
  EXPECT_EQ(ack_of(arrives(message)), "full");
  message = message_to("/devices/dev%31/messages/devicebound", "");
  EXPECT_EQ(arrives(message).data.at(0), "");
  message = message_to(to_dev1);
  message.data.clear();  // no body at all
  EXPECT_EQ(arrives(message).data.at(0), "");
  message.value = Value::binary("as a value");
  EXPECT_EQ(arrives(message).data.at(0), "as a value");
  message = message_to(to_dev1);
  message.properties.message_id = Value::uuid(std::string(16, '\x11'));
  message.application_properties.add(Value::string("int"), Value::int32(7));
  message.application_properties.add(Value::string("no"), Value::boolean(false));
  const amqp::Message other_types = arrives(message);
  EXPECT_EQ(other_types.properties.message_id, Value::string("11111111-1111-1111-1111-111111111111"));
  EXPECT_EQ(*other_types.application_properties.find("int"), Value::string("7"));
  EXPECT_EQ(*other_types.application_properties.find("no"), Value::string("false"));
  // At most two days: a later expiry is brought forward, as by REST.
  message = message_to(to_dev1);
  message.properties.absolute_expiry_time =
      static_cast<std::int64_t>((hub.now_plus(hours(72)).ticks - unix_epoch_ticks) / 10'000);
  EXPECT_TRUE(arrives(message).properties.absolute_expiry_time.has_value());
}

TEST(AmqpTexts, SizesAreCountedToTheByte) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  (void)client.attach(2, true, "/messages/devicebound");
  amqp::Message message = message_to(to_dev1, std::string(65'536, 'x'));
  message.properties.message_id = {};
  std::size_t body = 65'536;
  // The message's other parts count, too: the largest body that is taken, and one byte more.
  while (body > 65'000 && !is_accepted(client.outcome_of(2, message))) message.data = {std::string(--body, 'x')};
  EXPECT_GT(body, 65'000U);
  message.data = {std::string(body + 1, 'x')};
  EXPECT_EQ(condition_in(client.outcome_of(2, message)), "amqp:link:message-size-exceeded");
  EXPECT_EQ(hub.messages_of(dev1), 1U);
}

TEST(AmqpTexts, ManyMessagesToDevicesAreUnderWayAtOnce) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  (void)client.attach(2, true, "/messages/devicebound");
  constexpr std::uint32_t count = 80;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string to = i % 4 == 3   ? "/devices/nobody/messages/devicebound"
                           : i % 2 == 0 ? to_dev1
                                        : "/devices/dev2/messages/devicebound";
    client.send(transfer_frame(2, client.next_delivery(), encode_message(message_to(to))));
  }
  std::size_t accepted = 0, rejected = 0;
  while (accepted + rejected < count) {
    const AmqpFrame frame = client.expect(0x15);
    const std::uint64_t first = frame.fields[1].bits;
    const std::uint64_t last = frame.fields[2].is_null() ? first : frame.fields[2].bits;
    (is_accepted(frame.fields[4]) ? accepted : rejected) += last - first + 1;
    for (std::uint64_t one = first; one <= last; ++one) {
      EXPECT_EQ(is_accepted(frame.fields[4]), (one - 1) % 4 != 3) << one;  // the first delivery was $cbs's
    }
  }
  EXPECT_EQ(rejected, count / 4);
  EXPECT_EQ(hub.messages_of(dev1), 40U);
  EXPECT_EQ(hub.messages_of(dev2), 20U);
}

}  // namespace
}  // namespace twinhub::test

// Long performatives of a peer's, up to the hub's max-frame-size; and the hub's own, which have to fit into the peer's.
#include "tests/wire/amqp_parts.hpp"

namespace twinhub::test {
namespace {

using amqp::Value;

constexpr std::uint32_t smallest = 512;  // that AMQP allows
const std::string to_dev1 = "/devices/dev1/messages/devicebound";

Value large_map(std::size_t bytes) {
  Value map = Value::map();
  for (std::size_t i = 0; i < bytes / 100; ++i)
    map.add(Value::symbol("key" + std::to_string(i)), Value::string(std::string(90, 'v')));
  return map;
}

Value selector(const std::string& text) {
  return Value::map({Value::symbol("apache.org:selector-filter:string"),
                     Value::described(Value::ulong(0x468C00000004), Value::string(text))});
}

/// A receiver's ATTACH, of the fields that can be long.
struct Receiver {
  std::uint32_t handle = 2;
  std::string name = {};  ///< empty: one of its own
  std::string address = to_dev1;
  Value filter = {};
  Value capabilities = {};
  Value properties = {};
};
std::string receiver_frame(const Receiver& of) {
  Value source = Value::list({Value::string(of.address), {}, {}, {}, {}, {}, {}, of.filter, {}, {}, of.capabilities});
  return amqp_frame(0x12, {Value::string(of.name.empty() ? "r" + std::to_string(of.handle) : of.name),
                           Value::uint(of.handle),
                           Value::boolean(true),
                           {},
                           {},
                           Value::described(Value::ulong(0x28), std::move(source)),
                           Value::described(Value::ulong(0x29), Value::list({})),
                           {},
                           {},
                           {},
                           {},
                           {},
                           {},
                           of.properties});
}

std::string events_address() { return "twinhub/ConsumerGroups/$Default/Partitions/0"; }

TEST(AmqpSizes, PerformativesMayBeAsLongAsAFrame) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  const Value properties = large_map(50'000);
  client.send(
      amqp_header +
      amqp_frame(0x10, {Value::string("c"), Value::string("hub.local"), {}, {}, {}, {}, {}, {}, {}, properties}) +
      amqp_frame(0x11, {{}, Value::uint(0), Value::uint(1000), Value::uint(1000), {}, {}, {}, properties}));
  (void)client.expect_header();
  (void)client.expect(0x10);
  (void)client.expect(0x11);
  ASSERT_EQ(client.put_token("hub.local", service_token()), 200);
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1)), 200);
  client.send(receiver_frame({.properties = properties}));
  EXPECT_EQ(client.expect(0x12).fields.at(0), Value::string("r2"));
  client.send(amqp_frame(0x13, {Value::uint(0),
                                Value::uint(1000),
                                Value::uint(0),
                                Value::uint(1000),
                                Value::uint(2),
                                Value::uint(0),
                                Value::uint(1),
                                {},
                                {},
                                {},
                                properties}));
  hub.send(dev1, "arrives");
  EXPECT_EQ(client.expect_message().message.data.at(0), "arrives");
  client.send(amqp_frame(0x16, {Value::uint(2), Value::boolean(true)}));
  (void)client.expect(0x16);
}

/// A property behind thousands of others counts like the only one.
TEST(AmqpSizes, PropertiesAndFiltersAreReadHoweverManyTheyAre) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  Value properties = Value::map();
  for (int i = 0; i < 3'000; ++i) properties.add(Value::symbol("k" + std::to_string(i)), Value::uint(1));
  properties.add(Value::symbol("com.microsoft:epoch"), Value::int64(5));
  Value filter = selector("amqp.annotation.x-opt-offset > '-1'");
  filter.add(Value::symbol("another"), Value::string(std::string(20'000, 'f')));
  client.send(receiver_frame({.address = events_address(), .filter = filter, .properties = properties}));
  const AmqpFrame answer = client.expect(0x12);
  EXPECT_EQ(answer.fields.at(5).items.at(1).items.at(7), filter) << "echoed whole";
  EXPECT_EQ(refusal_of(client, 3, false, events_address()), "amqp:link:stolen") << "the epoch was read";
}

TEST(AmqpSizes, AnswersFitIntoTheSmallestFrames) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open(smallest);
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1)), 200);
  ASSERT_EQ(client.put_token("hub.local", service_token()), 200);
  const Value echoed = selector("amqp.annotation.x-opt-offset > '-1'");
  client.send(receiver_frame({.address = events_address(), .filter = echoed, .properties = large_map(5'000)}));
  EXPECT_EQ(client.expect(0x12).fields.at(5).items.at(1).items.at(7), echoed);

  // What may be left out is.
  Value capabilities = Value::array({});
  for (int i = 0; i < 100; ++i) capabilities.items.push_back(Value::symbol("capability" + std::to_string(i)));
  client.send(receiver_frame({.handle = 3, .capabilities = capabilities}));
  const AmqpFrame without = client.expect(0x12);
  EXPECT_EQ(without.fields.at(5).items.at(1).items.at(0), Value::string(to_dev1));
  client.send(flow_frame(3, 10));
  hub.send(dev1, std::string(2'000, 'y'));
  EXPECT_EQ(client.expect_message().message.data.at(0), std::string(2'000, 'y'));

  // What decides what the link is may not.
  Value long_filter = selector("amqp.annotation.x-opt-offset > '-1'");
  long_filter.add(Value::symbol("another"), Value::string(std::string(600, 'f')));
  for (const Receiver& receiver : {Receiver{.handle = 4, .address = events_address(), .filter = long_filter},
                                   Receiver{.handle = 5, .address = std::string(600, 'a')}}) {
    client.send(receiver_frame(receiver));
    const AmqpFrame refused = client.expect(0x12);
    EXPECT_FALSE(refused.fields.at(5).is_null());
    const AmqpFrame detach = client.expect(0x16);
    EXPECT_EQ(condition_in(detach.fields[2]), "amqp:frame-size-too-small");
    client.send(detach_frame(receiver.handle));
  }

  // Errors are cut.
  EXPECT_EQ(refusal_of(client, 6, true, "devices/" + std::string(120, 'd') + "/messages/events"),
            "amqp:unauthorized-access");
  (void)client.attach(7, true, "/messages/devicebound");
  const Value rejected = client.outcome_of(7, message_to("/devices/" + std::string(20, '\t') + std::string(400, 'd')));
  EXPECT_FALSE(condition_in(rejected).empty());
  EXPECT_EQ(
      condition_in(client.outcome_of(7, message_to("/devices/" + std::string(100, 'd') + "/messages/devicebound"))),
      "amqp:not-found");
  EXPECT_LE(client.longest_frame(), smallest);
}

TEST(AmqpSizes, ALinkWhoseNameDoesNotFitEndsTheConnection) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open(smallest);
  client.send(receiver_frame({.name = std::string(480, 'n'), .address = "$cbs"}));
  EXPECT_EQ(condition_in(client.expect(0x18).fields[0]), "amqp:frame-size-too-small");
  EXPECT_LE(client.longest_frame(), smallest);
  EXPECT_TRUE(hub.still_serves());
}

/// The answer to an ATTACH has more in it than the ATTACH.
TEST(AmqpSizes, AnswersFitIntoLargeFramesToo) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open(65'536);
  ASSERT_EQ(client.put_token("hub.local", service_token()), 200);
  Receiver receiver{.address = events_address(), .filter = selector("amqp.annotation.x-opt-offset > '-1'")};
  receiver.filter.add(Value::symbol("another"), Value::string(""));
  receiver.filter.items.back().text.resize(65'536 - receiver_frame(receiver).size() - 40, 'f');
  ASSERT_LE(receiver_frame(receiver).size(), 65'536U);
  client.send(receiver_frame(receiver));
  (void)client.expect(0x12);
  EXPECT_EQ(condition_in(client.expect(0x16).fields[2]), "amqp:frame-size-too-small");
  EXPECT_LE(client.longest_frame(), 65'536U);
}

/// A redirect without its address is none.
TEST(AmqpSizes, ARedirectThatDoesNotFitIsAnotherError) {
  WireHub hub;
  for (const bool fits : {true, false}) {
    AmqpClient client(hub.amqp_port());
    client.send(amqp_header +
                amqp_frame(0x10, {Value::string("c"), Value::string(std::string(fits ? 20 : 200, 'h')),
                                  Value::uint(smallest)}) +
                begin_frame());
    (void)client.expect_header();
    (void)client.expect(0x10);
    (void)client.expect(0x11);
    ASSERT_EQ(client.put_token("hub.local", service_token()), 200);
    (void)client.attach(2, false, "/messages/events/ConsumerGroups/$Default/Partitions/0");
    const AmqpFrame detach = client.expect(0x16);
    EXPECT_EQ(condition_in(detach.fields[2]), fits ? "amqp:link:redirect" : "amqp:frame-size-too-small");
    EXPECT_LE(client.longest_frame(), smallest);
  }
}

}  // namespace
}  // namespace twinhub::test

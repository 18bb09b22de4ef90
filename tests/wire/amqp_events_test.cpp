// Reading the event log by AMQP, as Event Hubs' clients do: where a reader begins, what it gets, and how its credit
// holds.
#include "tests/wire/amqp_event_parts.hpp"

namespace twinhub::test {
namespace {

using amqp::Type;
using amqp::Value;

amqp_door::DoorOptions with_groups(std::vector<std::string> groups) {
  amqp_door::DoorOptions options;
  options.consumer_groups = std::move(groups);
  return options;
}

TEST(AmqpEvents, AnEventHasAnnotationsPropertiesAndOneDataSection) {
  WireHub hub;
  AmqpClient device(hub.amqp_port());
  enter_as(device, hub, dev1);
  (void)device.attach(2, true, "/devices/dev1/messages/events");
  amqp::Message sent;
  sent.properties.message_id = Value::string("m-1");
  sent.properties.correlation_id = Value::string("c-1");
  sent.properties.user_id = "u-1";
  sent.properties.content_type = "application/json";
  sent.properties.content_encoding = "utf-8";
  sent.application_properties.add(Value::string("colour"), Value::string("dark red"));
  sent.data = {R"({"t":21})"};
  ASSERT_TRUE(is_accepted(device.outcome_of(2, sent)));

  BackEnd client(hub);
  (void)attach_reader(client, hub, 2, {});
  client.send(any_credit);
  const AmqpReceived received = client.expect_message();
  EXPECT_FALSE(received.settled);
  const amqp::Message& message = received.message;
  EXPECT_TRUE(message.delivery_annotations.items.empty());
  const Value& annotations = message.message_annotations;
  EXPECT_EQ(annotations.items[0].type, Type::symbol);
  const std::uint64_t number = next_number(hub) - 1;
  EXPECT_EQ(*annotations.find("x-opt-sequence-number"), Value::int64(static_cast<std::int64_t>(number)));
  EXPECT_EQ(*annotations.find("x-opt-offset"), Value::string(std::to_string(number)));
  EXPECT_EQ(annotations.find("x-opt-enqueued-time")->type, Type::timestamp);
  EXPECT_EQ(annotations.find("iothub-enqueuedtime")->type, Type::timestamp);
  EXPECT_EQ(*annotations.find("iothub-connection-device-id"), Value::string("dev1"));
  EXPECT_EQ(annotations.find("iothub-connection-module-id"), nullptr);
  EXPECT_EQ(*annotations.find("iothub-connection-auth-method"),
            Value::string(R"({"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null})"));
  EXPECT_EQ(*annotations.find("iothub-connection-auth-generation-id"), Value::string(hub.identity(dev1).generation_id));
  EXPECT_EQ(*annotations.find("iothub-message-source"), Value::string("Telemetry"));
  EXPECT_EQ(message.properties.message_id, Value::string("m-1"));
  EXPECT_EQ(message.properties.correlation_id, Value::string("c-1"));
  EXPECT_EQ(message.properties.user_id, "u-1");
  EXPECT_EQ(message.properties.content_type, "application/json");
  EXPECT_EQ(message.properties.content_encoding, "utf-8");
  EXPECT_EQ(*message.application_properties.find("colour"), Value::string("dark red"));
  EXPECT_EQ(message.data, std::vector<std::string>{R"({"t":21})"});
  EXPECT_FALSE(message.value.has_value());
}

TEST(AmqpEvents, AReaderBeginsWhereItsFilterSays) {
  WireHub hub;
  const std::uint64_t base = next_number(hub);
  const auto text_of = [base](std::uint64_t number) { return std::to_string(base + number); };
  append(hub, numbers(0, 5));
  BackEnd client(hub);
  std::uint32_t handle = 2;
  const auto first_of = [&](const ReaderLink& link) {
    (void)attach_reader(client, hub, ++handle, link);
    client.send(flow(handle, {.credit = 1, .frames = handle - 3}));
    const std::string first = body_of(client.expect_message());
    client.send(detach_frame(handle));
    (void)client.expect(0x16);
    return first;
  };
  EXPECT_EQ(first_of({}), "0");
  EXPECT_EQ(first_of(from("amqp.annotation.x-opt-offset > '-1'")), "0");
  EXPECT_EQ(first_of(from("amqp.annotation.x-opt-offset > '" + text_of(2) + "'")), "3");
  EXPECT_EQ(first_of(from("amqp.annotation.x-opt-offset >= '" + text_of(2) + "'")), "2");
  EXPECT_EQ(first_of(from("amqp.annotation.x-opt-sequence-number>" + text_of(1))), "2");
  EXPECT_EQ(first_of(from("amqp.annotation.x-opt-sequence-number >= '" + text_of(4) + "'")), "4");
  EXPECT_EQ(first_of(from("amqp.annotation.x-opt-enqueued-time > '0'")), "0");
  EXPECT_EQ(first_of(from("amqp.annotation.x-opt-enqueuedtimeutc > 1")), "0");
}

TEST(AmqpEvents, TheFilterMayBeBinaryAndHaveAnyDescriptorOrNone) {
  WireHub hub;
  const std::string text = "amqp.annotation.x-opt-offset > '" + std::to_string(next_number(hub) + 1) + "'";
  append(hub, numbers(0, 3));
  const Value key = Value::symbol("apache.org:selector-filter:string");
  std::uint32_t handle = 2;
  BackEnd client(hub);
  for (const Value& filters : {Value::map({key, Value::described(key, Value::string(text))}),
                               Value::map({key, Value::described(Value::ulong(0x13700000A), Value::binary(text))}),
                               Value::map({key, Value::string(text)}),
                               Value::map({Value::symbol("example:other"), Value::string("unknown"), key,
                                           Value::described(key, Value::string(text))})}) {
    ReaderLink link;
    link.filters = filters;
    const AmqpFrame answer = attach_reader(client, hub, ++handle, link);
    EXPECT_EQ(answer.fields[5].items[1].items[7], filters);  // echoed
    client.send(flow(handle, {.credit = 1, .frames = handle - 3}));
    EXPECT_EQ(body_of(client.expect_message()), "2");
  }
}

TEST(AmqpEvents, LaterThanAMomentIsByTheTimeThatReadersSee) {
  WireHub hub;
  append(hub, {"early"});
  hub.pass_seconds(10);
  append(hub, {"late"});
  BackEnd client(hub);
  (void)attach_reader(client, hub, 2, {});
  client.send(flow(2, {.credit = 2}));
  (void)client.expect_message();
  const std::int64_t late = *client.expect_message().message.message_annotations.find("x-opt-enqueued-time")->integer();
  (void)attach_reader(client, hub, 3, from("amqp.annotation.x-opt-enqueued-time > " + std::to_string(late - 1)));
  client.send(flow(3, {.credit = 1, .frames = 2}));
  EXPECT_EQ(body_of(client.expect_message()), "late");
  (void)attach_reader(client, hub, 4, from("amqp.annotation.x-opt-enqueued-time >= " + std::to_string(late)));
  client.send(flow(4, {.credit = 1, .frames = 3}));
  EXPECT_EQ(body_of(client.expect_message()), "late");
  // Nothing is later than that yet.
  (void)attach_reader(client, hub, 5, from("amqp.annotation.x-opt-enqueued-time > '" + std::to_string(late) + "'"));
  client.send(flow(5, {.credit = 1, .frames = 4}));
  hub.pass_seconds(10);
  append(hub, {"latest"});
  EXPECT_EQ(body_of(client.expect_message()), "latest");
}

TEST(AmqpEvents, AMomentToComeIsWaitedFor) {
  WireHub hub;
  append(hub, {"past"});
  BackEnd client(hub);
  const auto in_an_hour = (hub.now_plus(std::chrono::hours(1)).ticks - unix_epoch_ticks) / (ticks_per_second / 1000);
  (void)attach_reader(client, hub, 2, from("amqp.annotation.x-opt-enqueued-time > " + std::to_string(in_an_hour)));
  client.send(any_credit);
  append(hub, {"too early"});
  hub.pass_seconds(3700);
  append(hub, {"in time"});
  EXPECT_EQ(body_of(client.expect_message()), "in time");
}

TEST(AmqpEvents, LatestIsFixedWhenTheLinkIsAttached) {
  WireHub hub;
  append(hub, numbers(0, 3));
  BackEnd client(hub);
  (void)attach_reader(client, hub, 2, from("amqp.annotation.x-opt-offset > '@latest'"));
  append(hub, {"between attach and credit"});
  client.send(any_credit);
  EXPECT_EQ(body_of(client.expect_message()), "between attach and credit");
}

TEST(AmqpEvents, AWaitingReaderIsWokenByEachEvent) {
  WireHub hub;
  BackEnd client(hub);
  (void)attach_reader(client, hub, 2, {});
  client.send(any_credit);
  for (const char* const body : {"first", "second", "third"}) {
    append(hub, {body});
    EXPECT_EQ(body_of(client.expect_message()), body);
  }
}

TEST(AmqpEvents, APositionBeyondTheEndIsRefused) {
  WireHub hub;
  append(hub, numbers(0, 8));
  const std::uint64_t next = next_number(hub);
  const std::string last = std::to_string(next - 1);
  BackEnd client(hub);
  const Refused offset = refused(client, hub, 2, from_offset(next + 1));
  EXPECT_EQ(offset.condition, "com.microsoft:argument-error");
  EXPECT_EQ(offset.description.find("The supplied offset '" + std::to_string(next + 1) +
                                    "' is invalid. The last offset in the system is '" + last + "'"),
            0U);
  const std::string at_next = "amqp.annotation.x-opt-sequence-number >= '" + std::to_string(next) + "'";
  const Refused number = refused(client, hub, 3, from(at_next));
  EXPECT_EQ(number.condition, "com.microsoft:argument-error");
  EXPECT_EQ(number.description.find("The supplied sequence number '" + std::to_string(next) +
                                    "' is invalid. The last sequence number in the system is '" + last + "'"),
            0U);
  // The last event itself is there.
  (void)attach_reader(client, hub, 4, from_offset(next - 1));
  client.send(flow(4, {.credit = 1}));
  append(hub, {"8"});
  EXPECT_EQ(body_of(client.expect_message()), "8");
}

TEST(AmqpEvents, AnythingElseIsNoFilter) {
  WireHub hub;
  BackEnd client(hub);
  const Refused garbage = refused(client, hub, 2, from("offset=7"));
  EXPECT_EQ(garbage.condition, "com.microsoft:argument-error");
  EXPECT_EQ(garbage.description.find("The filter 'offset=7' is not a valid amqp filter for EventHub entities"), 0U);
  const Value key = Value::symbol("apache.org:selector-filter:string");
  ReaderLink link;
  link.filters = Value::map({key, Value::described(key, Value::int64(7))});
  EXPECT_EQ(refused(client, hub, 3, link).condition, "amqp:not-allowed");
  const Value one = Value::described(key, Value::string("amqp.annotation.x-opt-offset > '-1'"));
  link.filters = Value::map({key, one, key, one});
  EXPECT_EQ(refused(client, hub, 4, link).condition, "com.microsoft:argument-error");
  link.filters = filter_of(std::string("\x7F\0\x1B[2J", 6));
  EXPECT_EQ(refused(client, hub, 5, link).condition, "com.microsoft:argument-error");
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);  // the connection lives
}

TEST(AmqpEvents, EntityGroupAndPartitionHaveToBeThere) {
  WireHub hub({}, {}, with_groups({"Dashboard"}));
  BackEnd client(hub);
  const Refused entity = refused(client, hub, 2, {.entity = "another"});
  EXPECT_EQ(entity.condition, "amqp:not-found");
  EXPECT_EQ(entity.description.find("The messaging entity 'another' could not be found."), 0U);
  EXPECT_EQ(refused(client, hub, 3, {.group = "unknown"}).condition, "amqp:not-found");
  for (const char* const partition : {"4", "x", "-1", "1x", "99999999999999999999"}) {
    EXPECT_EQ(refused(client, hub, 4, {.partition = partition}).condition, "com.microsoft:argument-out-of-range")
        << partition;
  }
  // Entity before group before partition before filter before epoch.
  EXPECT_EQ(refused(client, hub, 5, {.entity = "another", .group = "unknown", .partition = "x"}).condition,
            "amqp:not-found");
  ReaderLink all_wrong{.group = "unknown", .partition = "x"};
  EXPECT_EQ(refused(client, hub, 6, all_wrong).condition, "amqp:not-found");
  all_wrong = from("garbage");
  all_wrong.partition = "x";
  EXPECT_EQ(refused(client, hub, 7, all_wrong).condition, "com.microsoft:argument-out-of-range");
  // Any case will do.
  append(hub, {"event"});
  (void)attach_reader(client, hub, 8, {.entity = "TwinHub", .group = "dashBOARD"});
  client.send(flow(8, {.credit = 1}));
  EXPECT_EQ(body_of(client.expect_message()), "event");
}

TEST(AmqpEvents, NothingIsSentToTheEntity) {
  WireHub hub;
  BackEnd client(hub);
  EXPECT_EQ(refusal_of(client, 2, true, "TwinHub"), "amqp:not-allowed");
  EXPECT_EQ(refusal_of(client, 3, true, "twinhub/Partitions/0"), "amqp:not-allowed");
  EXPECT_EQ(refusal_of(client, 4, true, "another"), "amqp:not-found");
  EXPECT_EQ(refusal_of(client, 5, true, "twinhub/ConsumerGroups/$Default/Partitions/0"), "amqp:not-found");
}

TEST(AmqpEvents, ReadingNeedsTheServicesRight) {
  WireHub hub;
  AmqpClient device(hub.amqp_port());
  enter_as(device, hub, dev1);
  EXPECT_EQ(refused(device, hub, 2, {}).condition, "amqp:unauthorized-access");
  AmqpClient other(hub.amqp_port());
  other.open();
  ASSERT_EQ(other.put_token("sb://hub.local/elsewhere", service_token("sb://hub.local/elsewhere")), 200);
  EXPECT_EQ(refused(other, hub, 2, {}).condition, "amqp:unauthorized-access");
  AmqpClient reader(hub.amqp_port());
  reader.open();
  ASSERT_EQ(reader.put_token("sb://hub.local/twinhub", service_token("sb://hub.local/twinhub")), 200);
  append(hub, {"event"});
  (void)attach_reader(reader, hub, 2, {});
  reader.send(any_credit);
  EXPECT_EQ(body_of(reader.expect_message()), "event");
}

TEST(AmqpEvents, GroupsAndReadersAreIndependent) {
  WireHub hub({}, {}, with_groups({"second"}));
  append(hub, numbers(0, 3));
  BackEnd a(hub), b(hub);
  (void)attach_reader(a, hub, 2, {});
  (void)attach_reader(b, hub, 2, {.group = "second"});
  a.send(any_credit);
  b.send(any_credit);
  EXPECT_EQ(bodies(a, 3), numbers(0, 3));
  EXPECT_EQ(bodies(b, 3), numbers(0, 3));
}

TEST(AmqpEvents, ADeviceIsInOnePartitionAndOthersAreEmpty) {
  WireHub hub;
  append(hub, {"mine"});
  const std::uint32_t other = (hub.partition_of(dev1) + 1) % 4;
  BackEnd client(hub);
  (void)attach_reader(client, hub, 2, {.partition = std::to_string(other)});
  client.send(flow(2, {.credit = 10, .drain = true}));
  const AmqpFrame drained = client.expect_flow();
  EXPECT_EQ(drained.fields[6], Value::uint(0));
}

TEST(AmqpEvents, ACreditIsAnEvent) {
  WireHub hub;
  append(hub, numbers(0, 3));
  BackEnd client(hub);
  (void)attach_reader(client, hub, 2, {});
  for (std::uint32_t i = 0; i < 3; ++i) {
    client.send(flow(2, {.credit = 1, .received = i, .frames = i}));
    EXPECT_EQ(body_of(client.expect_message()), std::to_string(i));
    // An event without credit would come before the answer to this.
    EXPECT_EQ(client.put_token("hub.local", service_token()), 200);
  }
}

TEST(AmqpEvents, ADrainIsAnsweredOnceEverythingIsSent) {
  WireHub hub;
  append(hub, numbers(0, 700));
  BackEnd client(hub);
  (void)attach_reader(client, hub, 2, {});
  client.send(flow(2, {.credit = 900, .drain = true}));
  EXPECT_EQ(bodies(client, 700), numbers(0, 700));
  const AmqpFrame drained = client.expect_flow();
  EXPECT_EQ(drained.fields[5], Value::uint(900));  // the delivery-count ran ahead
  EXPECT_EQ(drained.fields[6], Value::uint(0));
  // New credit counts from there.
  append(hub, {"700"});
  client.send(flow(2, {.credit = 1, .received = 900, .frames = 700}));
  EXPECT_EQ(body_of(client.expect_message()), "700");
}

TEST(AmqpEvents, AReaderMaySettleInAnyWay) {
  WireHub hub;
  append(hub, numbers(0, 3));
  BackEnd client(hub);
  ReaderLink settled;
  settled.sender_settles = 1;
  (void)attach_reader(client, hub, 2, settled);
  client.send(flow(2, {.credit = 3}));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(client.expect_message().settled);

  ReaderLink second;
  second.receiver_settles = 1;
  (void)attach_reader(client, hub, 3, second);
  client.send(flow(3, {.credit = 3, .frames = 3}));
  std::vector<std::uint32_t> deliveries;
  for (int i = 0; i < 3; ++i) {
    const AmqpReceived received = client.expect_message();
    EXPECT_FALSE(received.settled);
    deliveries.push_back(received.delivery);
  }
  const std::vector<Value> outcomes{released_outcome(), rejected_outcome(), modified_outcome(false)};
  for (std::size_t i = 0; i < 3; ++i) {
    client.settle(deliveries[i], outcomes[i], false);
    const AmqpFrame answer = client.expect_disposition();
    EXPECT_EQ(answer.fields[3], Value::boolean(true));
    EXPECT_TRUE(is_accepted(answer.fields[4]));
  }
  // Nothing comes again.
  append(hub, {"3"});
  client.send(flow(3, {.credit = 1, .received = 3, .frames = 6}));
  EXPECT_EQ(body_of(client.expect_message()), "3");
}

TEST(AmqpEvents, NumbersGoOnOverARestartAndACheckpointMissesNothing) {
  WireHub hub;
  append(hub, numbers(0, 10));
  const auto base = static_cast<std::int64_t>(next_number(hub)) - 10;
  std::int64_t checkpoint = -1;
  {
    BackEnd client(hub);
    (void)attach_reader(client, hub, 2, {});
    client.send(flow(2, {.credit = 6}));
    for (int i = 0; i < 6; ++i) checkpoint = number_of(client.expect_message());
  }
  EXPECT_EQ(checkpoint, base + 5);
  hub.restart();
  append(hub, numbers(10, 5));
  BackEnd client(hub);
  (void)attach_reader(client, hub, 2, from_offset(static_cast<std::uint64_t>(checkpoint)));
  client.send(any_credit);
  for (std::int64_t number = 6; number < 15; ++number) {
    const AmqpReceived received = client.expect_message();
    EXPECT_EQ(number_of(received), base + number);
    EXPECT_EQ(body_of(received), std::to_string(number));
  }
}

TEST(AmqpEvents, ThePartitionsFiguresComeToThoseThatAsk) {
  WireHub hub;
  append(hub, numbers(0, 4));
  const auto last = static_cast<std::int64_t>(next_number(hub)) - 1;
  BackEnd client(hub);
  ReaderLink link;
  link.capabilities = {"com.microsoft:enable-receiver-runtime-metric"};
  (void)attach_reader(client, hub, 2, link);
  client.send(flow(2, {.credit = 1}));
  const Value before = client.expect_message().message.delivery_annotations;
  EXPECT_EQ(*before.find("last_enqueued_sequence_number"), Value::int64(last));
  EXPECT_EQ(*before.find("last_enqueued_offset"), Value::string(std::to_string(last)));
  EXPECT_EQ(before.find("last_enqueued_time_utc")->type, Type::timestamp);
  EXPECT_EQ(before.find("runtime_info_retrieval_time_utc")->type, Type::timestamp);
  EXPECT_GE(*before.find("runtime_info_retrieval_time_utc")->integer(),
            *before.find("last_enqueued_time_utc")->integer());
  append(hub, {"4"});
  client.send(flow(2, {.credit = 1, .received = 1, .frames = 1}));
  const Value after = client.expect_message().message.delivery_annotations;
  EXPECT_EQ(*after.find("last_enqueued_sequence_number"), Value::int64(last + 1));
  EXPECT_GE(*after.find("last_enqueued_time_utc")->integer(), *before.find("last_enqueued_time_utc")->integer());
}

}  // namespace
}  // namespace twinhub::test

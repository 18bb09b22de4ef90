// What clients of the Event Hubs-compatible endpoint meet before they read: $management, the redirect from the hub's own
// address, and the refusal of senders.
#include "tests/wire/amqp_parts.hpp"

#include <array>

namespace twinhub::test {
namespace {

using amqp::Value;

const std::string event_hub_type = "com.microsoft:eventhub", partition_type = "com.microsoft:partition";

amqp::Message read_request(const std::string& type, const std::string& name = "twinhub") {
  amqp::Message request;
  request.properties.message_id = Value::string("request-1");
  request.application_properties.add(Value::string("operation"), Value::string("READ"));
  request.application_properties.add(Value::string("type"), Value::string(type));
  request.application_properties.add(Value::string("name"), Value::string(name));
  request.value = Value::list({});  // clients send something, or nothing
  return request;
}

amqp::Message partition_request(Value partition) {
  amqp::Message request = read_request(partition_type);
  request.application_properties.add(Value::string("partition"), std::move(partition));
  return request;
}

/// The pair of links on handles 4 and 5.
void attach_management(AmqpClient& client, const std::string& address = "$management") {
  (void)client.attach(4, true, address);
  (void)client.attach(5, false, address);
  client.send(flow_frame(5, 100));
}

/// outcome_of() expects the disposition before anything else: the reply comes behind it.
amqp::Message answer_to(AmqpClient& client, const amqp::Message& request) {
  EXPECT_TRUE(is_accepted(client.outcome_of(4, request)));
  amqp::Message reply = client.expect_message().message;
  EXPECT_EQ(reply.properties.correlation_id, request.properties.message_id);
  return reply;
}

std::int64_t status_of(const amqp::Message& reply) {
  const Value* const status = reply.application_properties.find("status-code");
  EXPECT_EQ(status->type, amqp::Type::int_);  // .NET casts it
  EXPECT_FALSE(reply.application_properties.find("status-description")->text.empty());
  return *status->integer();
}

std::string refusal_in(const amqp::Message& reply) {
  const Value* const condition = reply.application_properties.find("error-condition");
  return condition == nullptr ? "" : condition->text;
}

class EventHubInfo : public ::testing::Test {
 protected:
  void enter(const std::string& address = "$management") {
    enter_as_back_end(client);
    attach_management(client, address);
  }
  WireHub hub{{}, {}, {.created = timestamp_from_unix(1'700'000'000)}};
  AmqpClient client{hub.amqp_port()};
};

TEST_F(EventHubInfo, TheEventHubIsDescribedInTheTypesThatClientsCast) {
  for (const std::string address :
       {"$management", "twinhub/$management", "amqps://hub.local:5671/TwinHub/$Management"}) {
    AmqpClient own(hub.amqp_port());
    enter_as_back_end(own);
    attach_management(own, address);
    const amqp::Message reply = answer_to(own, read_request(event_hub_type));
    EXPECT_EQ(status_of(reply), 200);
    EXPECT_EQ(
        *reply.value,
        Value::map({Value::string("name"), Value::string("twinhub"), Value::string("type"),
                    Value::string(event_hub_type), Value::string("created_at"), Value::timestamp(1'700'000'000'000),
                    Value::string("partition_count"), Value::int32(4), Value::string("partition_ids"),
                    Value::array({Value::string("0"), Value::string("1"), Value::string("2"), Value::string("3")}),
                    Value::string("georeplication_factor"), Value::int32(1)}));
  }
}

TEST_F(EventHubInfo, AnEmptyPartitionSaysSo) {
  enter();
  const std::uint32_t empty = (hub.store().event_partition_of(dev1) + 1) % 4;
  // Nothing was ever written there but the creation of dev2, perhaps.
  const storage::EventRange range = hub.store().event_ranges()[empty];
  const amqp::Message reply = answer_to(client, partition_request(Value::string(std::to_string(empty))));
  EXPECT_EQ(status_of(reply), 200);
  EXPECT_EQ(*reply.value->find("is_partition_empty"), Value::boolean(range.first == range.next));
  EXPECT_EQ(*reply.value->find("last_enqueued_sequence_number"),
            Value::int64(static_cast<std::int64_t>(range.next) - 1));
}

TEST_F(EventHubInfo, APartitionSaysHowFarItHasCome) {
  AmqpClient device(hub.amqp_port());
  enter_as(device, hub, dev1);
  (void)device.attach(2, true, "/devices/dev1/messages/events");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(is_accepted(device.outcome_of(2, message_to(""))));
  const std::uint32_t number = hub.store().event_partition_of(dev1);
  const storage::EventRange range = hub.store().event_ranges()[number];
  const auto last = static_cast<std::int64_t>(range.next) - 1;
  ASSERT_GE(last, 2);
  enter();
  const amqp::Message reply = answer_to(client, partition_request(Value::string(std::to_string(number))));
  EXPECT_EQ(status_of(reply), 200);
  const std::int64_t newest = reply.value->find("last_enqueued_time_utc")->integer().value();
  EXPECT_EQ(*reply.value,
            Value::map({Value::string("name"), Value::string("twinhub"), Value::string("type"),
                        Value::string(partition_type), Value::string("partition"),
                        Value::string(std::to_string(number)), Value::string("begin_sequence_number"), Value::int64(0),
                        Value::string("last_enqueued_sequence_number"), Value::int64(last),
                        Value::string("last_enqueued_offset"), Value::string(std::to_string(last)),
                        Value::string("last_enqueued_time_utc"), Value::timestamp(newest),
                        Value::string("is_partition_empty"), Value::boolean(false)}));
  Timestamp appended;
  ASSERT_TRUE(hub.store().read_events(number, range.next - 1, [&](const storage::StoredEvent& stored) {
    appended = stored.appended;
    return true;
  }));
  EXPECT_EQ(newest, static_cast<std::int64_t>((appended.ticks - unix_epoch_ticks) / (ticks_per_second / 1000)));
  // uAMQP sends numbers.
  EXPECT_EQ(status_of(answer_to(client, partition_request(Value::int32(static_cast<std::int32_t>(number))))), 200);
}

TEST_F(EventHubInfo, AReplyHasTheRequestsIdInItsOwnType) {
  enter();
  amqp::Message request = read_request(event_hub_type);
  for (const Value& id : {Value::ulong(7), Value::uuid(std::string(16, '\x05')), Value::binary("id"),
                          Value::string("id"), Value::ulong(1'000'000)}) {
    request.properties.message_id = id;
    EXPECT_EQ(status_of(answer_to(client, request)), 200);
  }
  request.properties.message_id = {};  // nobody waits for a reply
  EXPECT_TRUE(is_accepted(client.outcome_of(4, request)));
  request.properties.message_id = Value::string("the next one");
  EXPECT_EQ(status_of(answer_to(client, request)), 200);
}

TEST_F(EventHubInfo, WhatCannotBeReadIsRefusedByName) {
  enter("twinhub/$management");
  const auto refused = [this](const amqp::Message& request, std::int64_t status, const std::string& condition) {
    const amqp::Message reply = answer_to(client, request);
    EXPECT_EQ(status_of(reply), status);
    EXPECT_EQ(refusal_in(reply), condition);
    EXPECT_EQ(reply.application_properties.find("error-condition")->type, amqp::Type::symbol);
  };
  refused(read_request(event_hub_type, "another"), 404, "amqp:not-found");
  for (const Value& partition : {Value::string("9"), Value::string("4"), Value::string("x"), Value::string("-1"),
                                 Value::string("0 "), Value::string(""), Value(), Value::list({})}) {
    refused(partition_request(partition), 400, "com.microsoft:argument-out-of-range");
  }
  refused(read_request(partition_type), 400, "com.microsoft:argument-out-of-range");
  refused(read_request("com.microsoft:consumergroup"), 501, "amqp:not-implemented");
  amqp::Message request = read_request(event_hub_type);
  request.application_properties.items[1] = Value::string("DELETE");
  refused(request, 501, "amqp:not-implemented");
  request.application_properties.items[1] = Value::string("read");
  EXPECT_EQ(status_of(answer_to(client, request)), 200);
  request.application_properties = Value::map();
  refused(request, 501, "amqp:not-implemented");
  // Bytes that are no message at all.
  client.send(transfer_frame(4, client.next_delivery(), "not a message"));
  EXPECT_EQ(condition_in(client.expect(0x15).fields[4]), "com.microsoft:argument-error");
}

TEST_F(EventHubInfo, ATokenInTheRequestDoesWhereThereIsNoOther) {
  client.open();
  attach_management(client);
  amqp::Message request = read_request(event_hub_type);
  EXPECT_EQ(status_of(answer_to(client, request)), 401);
  request.application_properties.add(Value::string("security_token"), Value::string("no token"));
  const amqp::Message refused = answer_to(client, request);
  EXPECT_EQ(status_of(refused), 401);
  EXPECT_EQ(refusal_in(refused), "amqp:unauthorized-access");
  Value& token = request.application_properties.items.back();
  token = Value::string(service_token("sb://hub.local/another"));
  EXPECT_EQ(status_of(answer_to(client, request)), 401);
  // As @azure/event-hubs makes it: for the event hub, signed by the key's text.
  const std::string resource = "sb://hub.local/twinhub";
  token = Value::string(iothub::make_sas_token(resource, base64_encode(service_key), far_future, "service"));
  EXPECT_EQ(status_of(answer_to(client, request)), 200);
}

TEST_F(EventHubInfo, ADescribedTokenDoes) {
  client.open();
  attach_management(client);
  amqp::Message request = read_request(event_hub_type);
  const std::string token = service_token("sb://hub.local/twinhub");
  request.application_properties.add(Value::string("security_token"),
                                     Value::described(Value::binary(token), Value::binary(token)));
  EXPECT_EQ(status_of(answer_to(client, request)), 200);
}

TEST_F(EventHubInfo, ADevicesTokenReadsNothing) {
  enter_as(client, hub, dev1);
  attach_management(client);
  EXPECT_EQ(status_of(answer_to(client, read_request(event_hub_type))), 401);
}

TEST_F(EventHubInfo, AReplyWaitsForItsLink) {
  enter_as_back_end(client);
  (void)client.attach(4, true, "$management");
  EXPECT_TRUE(is_accepted(client.outcome_of(4, read_request(event_hub_type))));
  (void)client.attach(5, false, "$management");
  client.send(flow_frame(5, 10));
  EXPECT_EQ(status_of(client.expect_message().message), 200);
}

/// The info of the DETACH by which a receiver at `address` is refused.
Value redirect_of(AmqpClient& client, std::uint32_t handle, const std::string& address) {
  const AmqpFrame answer = client.attach(handle, false, address);
  EXPECT_EQ(answer.fields.size(), 14U);
  EXPECT_EQ(answer.fields[13].items.size(), 2U);  // the tracking id alone
  const AmqpFrame detach = client.expect(0x16);
  EXPECT_EQ(condition_in(detach.fields[2]), "amqp:link:redirect");
  Value info = detach.fields[2].items[1].items[2];
  for (std::size_t i = 0; i < info.items.size(); i += 2) EXPECT_EQ(info.items[i].type, amqp::Type::symbol);
  return info;
}

TEST(AmqpRedirect, TheHubsOwnAddressLeadsToTheEventHubs) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  const std::string there = "amqps://hub.local:" + std::to_string(hub.amqp_port()) + "/twinhub";
  const std::array pairs{
      std::pair<std::string, std::string>{"messages/events", there},
      std::pair<std::string, std::string>{"amqps://hub.local/messages/events/", there},
      std::pair<std::string, std::string>{"/messages/events/$management", there + "/$management"},
      std::pair<std::string, std::string>{"Messages/Events/ConsumerGroups/$Default/Partitions/0",
                                          there + "/ConsumerGroups/$Default/Partitions/0"},
      std::pair<std::string, std::string>{"messages/events/ConsumerGroups/my%20group/Partitions/0",
                                          there + "/ConsumerGroups/my%20group/Partitions/0"},
  };
  std::uint32_t handle = 2;
  for (const auto& [asked, target] : pairs) {
    const Value info = redirect_of(client, handle++, asked);
    EXPECT_EQ(*info.find("hostname"), Value::string("hub.local"));
    EXPECT_EQ(*info.find("network-host"), Value::string("hub.local"));
    EXPECT_EQ(*info.find("port"), Value::int32(hub.amqp_port()));
    EXPECT_EQ(*info.find("address"), Value::string(target));
  }
}

TEST(AmqpRedirect, ThePortIsTheOneThatTheClientCameBy) {
  WireHub hub;
  AmqpClient secure(MqttClient(hub.amqps_port(), {.ca = hub.ca()}));
  enter_as_back_end(secure);
  EXPECT_EQ(*redirect_of(secure, 2, "messages/events").find("port"), Value::int32(hub.amqps_port()));
  MqttClient web_socket(hub.https_port(), {.ca = hub.ca()});
  ASSERT_TRUE(web_socket.upgrade({.subprotocol = "AMQPWSB10"}).starts_with("HTTP/1.1 101 "));
  AmqpClient client(std::move(web_socket));
  enter_as_back_end(client);
  EXPECT_EQ(*redirect_of(client, 2, "messages/events").find("port"), Value::int32(hub.https_port()));
}

TEST(AmqpRedirect, TheHostIsWhatOpenSays) {
  WireHub hub;
  const std::array hosts{
      std::pair<Value, std::string>{Value::string("my.hub:5671"), "my.hub"},
      std::pair<Value, std::string>{Value::string("::1"), "[::1]"},
      std::pair<Value, std::string>{Value::string("[::1]"), "[::1]"},
      std::pair<Value, std::string>{Value(), "127.0.0.1"},
  };
  for (const auto& [named, host] : hosts) {
    AmqpClient client(hub.amqp_port());
    client.send(amqp_header + amqp_frame(0x10, {Value::string("a-test"), named}) + begin_frame());
    (void)client.expect_header();
    (void)client.expect(0x10);
    (void)client.expect(0x11);
    ASSERT_EQ(client.put_token("hub.local", service_token()), 200);
    const Value info = redirect_of(client, 2, "messages/events");
    EXPECT_EQ(info.find("address")->text, "amqps://" + host + ":" + std::to_string(hub.amqp_port()) + "/twinhub");
  }
}

TEST(AmqpRedirect, IsForBackEndsAlone) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  EXPECT_EQ(refusal_of(client, 2, false, "messages/events"), "amqp:unauthorized-access");
  EXPECT_EQ(refusal_of(client, 3, true, "messages/events"), "amqp:not-found");
}

TEST(AmqpEventHubSenders, AreNotAllowed) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  EXPECT_EQ(refusal_of(client, 2, true, "twinhub"), "amqp:not-allowed");
  EXPECT_EQ(refusal_of(client, 3, true, "amqps://hub.local/TWINHUB/partitions/0"), "amqp:not-allowed");
  EXPECT_EQ(refusal_of(client, 4, true, "twinhub/Publishers/p"), "amqp:not-found");
  AmqpClient device(hub.amqp_port());
  enter_as(device, hub, dev1);
  EXPECT_EQ(refusal_of(device, 2, true, "messages/servicebound/feedback"), "amqp:not-allowed");
  EXPECT_EQ(refusal_of(device, 3, true, "twinhub"), "amqp:unauthorized-access");
}

}  // namespace
}  // namespace twinhub::test

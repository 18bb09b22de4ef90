// What the hub sends by AMQP under a lock: cloud-to-device messages to devices, and the feedback on them to back ends.
// And telemetry in batches.
#include "protocol/amqp/encode.hpp"
#include "tests/wire/amqp_parts.hpp"

#include <set>

namespace twinhub::test {
namespace {

using amqp::Value;

const std::string device_bound = "/devices/dev1/messages/devicebound";
const std::string feedback = "/messages/servicebound/feedback";

hub::HubOptions at_once() {
  hub::HubOptions options;
  options.feedback.batch_wait = std::chrono::seconds(0);
  return options;
}

/// A device with its messages' link on handle 2, and credit.
void receive_as_device(AmqpClient& client, const WireHub& hub, std::uint32_t credit = 100,
                       bool settles_second = false) {
  enter_as(client, hub, dev1);
  (void)client.attach(2, false, device_bound, settles_second);
  client.send(flow_frame(2, credit));
}

std::uint64_t delivery_count(const AmqpReceived& received) {
  return received.message.message_annotations.find("iothub-deliverycount")->bits;
}

TEST(AmqpCloudToDevice, AMessageArrivesWithEverythingThatItsSenderGave) {
  WireHub hub;
  iothub::CloudToDeviceMessage sent;
  sent.message_id = "m-1";
  sent.correlation_id = "c-1";
  sent.user_id = "u-1";
  sent.content_type = "application/json";
  sent.content_encoding = "utf-8";
  sent.acknowledgement = iothub::Acknowledgement::full;
  sent.expiry = hub.now_plus(std::chrono::minutes(5));
  sent.properties = {{"colour", "dark red"}, {"nothing", std::nullopt}};
  sent.body = "{}";
  hub.send(dev1, sent);
  AmqpClient client(hub.amqp_port());
  receive_as_device(client, hub);
  const AmqpReceived received = client.expect_message();
  EXPECT_FALSE(received.settled);
  EXPECT_EQ(received.tag.size(), 16U);
  const amqp::Message& message = received.message;
  EXPECT_EQ(message.properties.message_id, Value::string("m-1"));
  EXPECT_EQ(message.properties.correlation_id, Value::string("c-1"));
  EXPECT_EQ(message.properties.user_id, "u-1");
  EXPECT_EQ(message.properties.to, "/devices/dev1/messages/deviceBound");
  EXPECT_EQ(message.properties.content_type, "application/json");
  EXPECT_EQ(message.properties.content_encoding, "utf-8");
  EXPECT_TRUE(message.properties.absolute_expiry_time.has_value());
  EXPECT_EQ(*message.application_properties.find("iothub-ack"), Value::string("full"));
  EXPECT_EQ(*message.application_properties.find("colour"), Value::string("dark red"));
  EXPECT_TRUE(message.application_properties.find("nothing")->is_null());
  // .NET reads exactly these types.
  const Value& annotations = message.message_annotations;
  EXPECT_EQ(annotations.find("iothub-enqueuedtime")->type, amqp::Type::timestamp);
  EXPECT_EQ(*annotations.find("iothub-deliverycount"), Value::ubyte(0));
  EXPECT_EQ(*annotations.find("x-opt-sequence-number"), Value::ulong(1));
  const Value* const lock_token = annotations.find("x-opt-lock-token");
  ASSERT_NE(lock_token, nullptr);
  // The tag is the lock token as .NET writes a Guid: its last eight bytes stand as in the text.
  EXPECT_EQ(amqp::uuid_bytes(lock_token->text)->substr(8), received.tag.substr(8));
  client.settle(received.delivery, accepted_outcome());
  EXPECT_TRUE(eventually([&] { return hub.messages_of(dev1) == 0; }));
}

TEST(AmqpCloudToDevice, EachOutcomeHasItsEffect) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  receive_as_device(client, hub);
  hub.send(dev1, "rejected");
  client.settle(client.expect_message().delivery, rejected_outcome());
  EXPECT_TRUE(eventually([&] { return hub.messages_of(dev1) == 0; }));
  hub.send(dev1, "not for this one");
  client.settle(client.expect_message().delivery, modified_outcome(true));
  EXPECT_TRUE(eventually([&] { return hub.messages_of(dev1) == 0; }));
  hub.send(dev1, "again and again");
  for (std::uint64_t i = 0; i < 10; ++i) {
    const AmqpReceived received = client.expect_message();
    EXPECT_EQ(delivery_count(received), i);
    client.settle(received.delivery, i % 2 == 0 ? released_outcome() : modified_outcome(false));
  }
  EXPECT_TRUE(eventually([&] { return hub.messages_of(dev1) == 0; }));  // abandoned ten times: dead
}

TEST(AmqpCloudToDevice, CreditIsTheWindow) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  receive_as_device(client, hub, 1);
  hub.send(dev1, "first");
  hub.send(dev1, "second");
  EXPECT_EQ(client.expect_message().message.data.front(), "first");
  // An answer to something else comes before the second message, though the first is not settled.
  EXPECT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1", hub.token(dev1)), 200);
  client.send(flow_frame(2, 2));
  EXPECT_EQ(client.expect_message().message.data.front(), "second");
}

TEST(AmqpCloudToDevice, WhatALinkHoldsIsFreeWhenItEnds) {
  WireHub hub;
  hub.send(dev1, "hello");
  AmqpClient client(hub.amqp_port());
  receive_as_device(client, hub);
  (void)client.expect_message();
  client.send(amqp_frame(0x16, {Value::uint(2), Value::boolean(true)}));
  (void)client.expect(0x16);
  (void)client.attach(3, false, device_bound);
  client.send(flow_frame(3, 10));
  const AmqpReceived again = client.expect_message();
  EXPECT_EQ(delivery_count(again), 0U);  // a lost link is nobody's fault
  AmqpClient newer(hub.amqp_port());
  receive_as_device(newer, hub);
  EXPECT_EQ(condition_in(client.expect(0x16).fields[2]), "amqp:link:stolen");
  newer.settle(newer.expect_message().delivery, accepted_outcome());
  EXPECT_TRUE(eventually([&] { return hub.messages_of(dev1) == 0; }));
}

TEST(AmqpCloudToDevice, ALateOutcomeIsAnsweredWhereAnAnswerIsAwaited) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  receive_as_device(client, hub, 2, true);
  hub.send(dev1, "hello");
  const AmqpReceived first = client.expect_message();
  hub.pass_seconds(61);
  const AmqpReceived second = client.expect_message();
  client.settle(first.delivery, accepted_outcome(), false);
  EXPECT_EQ(condition_in(client.expect(0x15).fields[4]), "com.microsoft:message-lock-lost");
  client.settle(second.delivery, released_outcome(), false);
  EXPECT_TRUE(is_accepted(client.expect(0x15).fields[4]));  // even of an abandoned one: .NET asks for it
  client.send(flow_frame(2, 10));
  const AmqpReceived third = client.expect_message();
  client.settle(third.delivery, accepted_outcome(), false);
  const AmqpFrame answer = client.expect(0x15);
  EXPECT_TRUE(is_accepted(answer.fields[4]));
  EXPECT_EQ(answer.fields[3], Value::boolean(true));
  EXPECT_EQ(hub.messages_of(dev1), 0U);
}

TEST(AmqpCloudToDevice, InputsOfModulesAreAcceptedAndSilent) {
  WireHub hub;
  const IdentityId module{"dev1", "m"};
  hub.put(module);
  AmqpClient client(hub.amqp_port());
  client.open();
  ASSERT_EQ(client.put_token("hub.local%2Fdevices%2Fdev1%2Fmodules%2Fm", hub.token(module)), 200);
  (void)client.attach(2, false, "/devices/dev1/modules/m/messages/devicebound");
  (void)client.attach(3, false, "/devices/dev1/modules/m/messages/events");
  EXPECT_TRUE(eventually([&] { return hub.is_connected(module); }));
}

/// Sends `count` messages that ask for feedback, and completes them.
void bring_feedback_about(WireHub& hub, int count) {
  AmqpClient device(hub.amqp_port());
  receive_as_device(device, hub, 1000);
  for (int i = 0; i < count; ++i) {
    iothub::CloudToDeviceMessage sent;
    sent.message_id = "m-" + std::to_string(i);
    sent.acknowledgement = iothub::Acknowledgement::full;
    hub.send(dev1, sent);
    device.settle(device.expect_message().delivery, accepted_outcome());
    EXPECT_TRUE(eventually([&] { return hub.messages_of(dev1) == 0; }));
  }
}

void read_feedback(AmqpClient& client, bool settles_second = false, std::uint32_t credit = 1000) {
  enter_as_back_end(client);
  (void)client.attach(2, false, feedback, settles_second);
  client.send(flow_frame(2, credit));
}

std::size_t records_in(const AmqpReceived& batch) {
  const std::string& json = batch.message.data.at(0);
  std::size_t count = 0;
  for (std::size_t at = 0; (at = json.find("originalMessageId", at)) != std::string::npos; ++at) ++count;
  return count;
}

TEST(AmqpFeedback, ABatchHasWhatReadersInsistOn) {
  WireHub hub({}, at_once());
  bring_feedback_about(hub, 1);
  AmqpClient client(hub.amqp_port());
  read_feedback(client, false, 1);
  const AmqpReceived batch = client.expect_message();
  EXPECT_EQ(batch.tag.size(), 16U);
  EXPECT_EQ(batch.message.properties.content_type, "application/vnd.microsoft.iothub.feedback.json");
  EXPECT_EQ(batch.message.properties.content_encoding, "utf-8");
  EXPECT_EQ(batch.message.properties.user_id, "twinhub");
  EXPECT_EQ(batch.message.message_annotations.find("iothub-enqueuedtime")->type, amqp::Type::timestamp);
  EXPECT_EQ(records_in(batch), 1U);
  EXPECT_NE(batch.message.data[0].find(R"("statusCode":"Success")"), std::string::npos);
  client.settle(batch.delivery, accepted_outcome());
  AmqpClient next(hub.amqp_port());
  read_feedback(next);
  bring_feedback_about(hub, 1);
  EXPECT_EQ(records_in(next.expect_message()), 1U);  // the completed one is gone
}

TEST(AmqpFeedback, EachOutcomeHasItsEffect) {
  WireHub hub({}, at_once());
  bring_feedback_about(hub, 1);
  AmqpClient client(hub.amqp_port());
  read_feedback(client, true);
  for (const Value& again : {released_outcome(), modified_outcome(false)}) {
    client.settle(client.expect_message().delivery, again, false);
    EXPECT_TRUE(is_accepted(client.expect(0x15).fields[4]));
  }
  const AmqpReceived late = client.expect_message();
  hub.pass_seconds(61);
  const AmqpReceived anew = client.expect_message();
  client.settle(late.delivery, accepted_outcome(), false);
  EXPECT_EQ(condition_in(client.expect(0x15).fields[4]), "com.microsoft:message-lock-lost");
  client.settle(anew.delivery, rejected_outcome(), false);
  EXPECT_TRUE(is_accepted(client.expect(0x15).fields[4]));
  bring_feedback_about(hub, 1);
  EXPECT_EQ(records_in(client.expect_message()), 1U);
}

TEST(AmqpFeedback, ReadersShareTheQueueAndALostOneGivesBackWhatItHeld) {
  WireHub hub({}, at_once());
  AmqpClient second(hub.amqp_port());
  {
    AmqpClient first(hub.amqp_port());
    read_feedback(first);
    bring_feedback_about(hub, 1);
    EXPECT_EQ(records_in(first.expect_message()), 1U);
    read_feedback(second);
    // Both wait: what comes now goes to either, once.
    first.transport().reset();
  }
  EXPECT_EQ(records_in(second.expect_message()), 1U);
}

TEST(AmqpFeedback, ALostReaderGivesBackAWholeBatch) {
  WireHub hub;
  bring_feedback_about(hub, 64);
  std::string records;
  {
    AmqpClient lost(hub.amqp_port());
    read_feedback(lost);
    const AmqpReceived batch = lost.expect_message();
    EXPECT_EQ(records_in(batch), 64U);
    records = batch.message.data.at(0);
    lost.transport().reset();
  }
  AmqpClient next(hub.amqp_port());
  read_feedback(next, true);
  const AmqpReceived again = next.expect_message();
  EXPECT_EQ(again.message.data.at(0), records);
  next.settle(again.delivery, accepted_outcome(), false);
  EXPECT_TRUE(is_accepted(next.expect(0x15).fields[4]));
  bring_feedback_about(hub, 1);
  hub.pass_seconds(16);
  EXPECT_EQ(records_in(next.expect_message()), 1U) << "none of the 64 comes a third time";
}

TEST(AmqpFeedback, ABatchWaitsForItsTimeOrForSixtyFourRecords) {
  hub::HubOptions options;
  options.feedback.batch_wait = std::chrono::minutes(10);  // longer than any disk takes for the records
  WireHub hub({}, options);
  AmqpClient client(hub.amqp_port());
  read_feedback(client);
  bring_feedback_about(hub, 64);
  const AmqpReceived full = client.expect_message();
  EXPECT_EQ(records_in(full), 64U);
  client.settle(full.delivery, accepted_outcome());
  bring_feedback_about(hub, 1);
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);  // nothing came before this
  hub.pass_seconds(601);
  EXPECT_EQ(records_in(client.expect_message()), 1U);
}

TEST(AmqpFeedback, FileNotificationsAreAcceptedAndSilent) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  (void)client.attach(2, false, "/messages/serviceBound/filenotifications");
  client.send(flow_frame(2, 1000));
  hub.pass_seconds(3600);
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);
  client.send(amqp_frame(0x16, {Value::uint(2), Value::boolean(true)}));
  EXPECT_TRUE(client.expect(0x16).fields[2].is_null());
  AmqpClient device(hub.amqp_port());
  enter_as(device, hub, dev1);
  EXPECT_EQ(refusal_of(device, 2, false, "/messages/serviceBound/filenotifications"), "amqp:unauthorized-access");
  EXPECT_EQ(refusal_of(device, 3, false, feedback), "amqp:unauthorized-access");
}

std::string batch_of(const std::vector<amqp::Message>& messages) {
  amqp::Message batch;
  for (const amqp::Message& one : messages) batch.data.push_back(encode_message(one));
  return encode_message(batch);
}

std::string batch_frame(std::uint32_t handle, std::uint32_t delivery, const std::string& batch) {
  return amqp_frame(0x14,
                    {Value::uint(handle), Value::uint(delivery), Value::binary(std::to_string(delivery)),
                     Value::uint(amqp::batch_format), Value::boolean(false)},
                    batch);
}

TEST(AmqpTelemetry, ABatchIsStoredWholeOrNotAtAll) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  std::vector<amqp::Message> messages;
  for (int i = 0; i < 500; ++i) messages.push_back(message_to("", std::to_string(i)));
  client.send(batch_frame(2, client.next_delivery(), batch_of(messages)));
  EXPECT_TRUE(is_accepted(client.expect(0x15).fields[4]));
  const auto stored = hub.telemetry(dev1);
  ASSERT_EQ(stored.size(), 500U);
  EXPECT_EQ(stored[499].body, "499");

  amqp::Message bad = message_to("", "bad");
  bad.properties.message_id = Value::string(std::string(129, 'x'));
  client.send(batch_frame(2, client.next_delivery(), batch_of({message_to("", "good"), bad})));
  EXPECT_EQ(condition_in(client.expect(0x15).fields[4]), "com.microsoft:argument-error");
  amqp::Message garbage;
  garbage.data = {"no message"};
  client.send(batch_frame(2, client.next_delivery(), encode_message(garbage)));
  EXPECT_EQ(condition_in(client.expect(0x15).fields[4]), "com.microsoft:argument-error");
  client.send(batch_frame(2, client.next_delivery(), encode_message(amqp::Message())));
  EXPECT_EQ(condition_in(client.expect(0x15).fields[4]), "com.microsoft:argument-error");
  amqp::Message inner;  // a batch within a batch
  inner.data = {encode_message(message_to("", "a")), encode_message(message_to("", "b"))};
  client.send(batch_frame(2, client.next_delivery(), batch_of({message_to("", "good"), inner})));
  EXPECT_EQ(condition_in(client.expect(0x15).fields[4]), "com.microsoft:argument-error");
  EXPECT_EQ(hub.telemetry(dev1).size(), 500U);
}

}  // namespace
}  // namespace twinhub::test

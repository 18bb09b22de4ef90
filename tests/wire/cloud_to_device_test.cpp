// Cloud-to-device messages as they look on the wire: packet identifiers, DUP, topics, and who gets what when.
#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>
#include <chrono>

namespace twinhub::test {
namespace {

const Filters device_bound{{"devices/dev1/messages/devicebound/#", 1}};
const Filters device_bound_at_0{{"devices/dev1/messages/devicebound/#", 0}};
const std::string topic_start = "devices/dev1/messages/devicebound/%24.to=%2Fdevices%2Fdev1%2Fmessages%2FdeviceBound";

/// A PUBLISH at QoS 1 taken apart.
struct Sent {
  std::uint8_t first_byte = 0;
  std::string topic;
  std::string packet_id;
  std::string payload;

  bool operator==(const Sent&) const = default;
};

Sent expect_sent(MqttClient& client) {
  const Packet packet = client.expect();
  EXPECT_EQ(packet.first_byte & 0xF6, 0x32) << "a PUBLISH at QoS 1";
  const auto length = static_cast<std::size_t>(static_cast<unsigned char>(packet.body[0]) << 8 |
                                               static_cast<unsigned char>(packet.body[1]));
  return {packet.first_byte, packet.body.substr(2, length), packet.body.substr(2 + length, 2),
          packet.body.substr(4 + length)};
}

std::string puback(const Sent& sent) { return packet(0x40, sent.packet_id); }

/// Connects with clean session 0; `filters` empty: subscribes to nothing, and expects the session to be there.
MqttClient connect_kept(const WireHub& hub, const Filters& filters = {}) {
  MqttClient client(hub.port());
  client.send(connect_packet(hub.credentials(dev1)));
  const Packet connack = client.expect();
  EXPECT_EQ(connack, (Packet{0x20, filters.empty() ? std::string("\x01\0", 2) : std::string("\0\0", 2)}));
  if (filters.empty()) return client;
  client.send(subscribe_packet(9, filters));
  EXPECT_EQ(client.expect().first_byte, 0x90);
  return client;
}

/// Nothing but a PINGRESP comes.
void expect_silence(MqttClient& client) {
  client.send(pingreq);
  EXPECT_EQ(client.expect().first_byte, 0xD0);
}

TEST(CloudToDevice, AMessageComesAtQos1WithItsPropertiesInTheTopic) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, device_bound);
  iothub::CloudToDeviceMessage message;
  message.body = "hello";
  message.message_id = "m/1";
  message.content_type = "text/plain; charset=utf-8";
  message.acknowledgement = iothub::Acknowledgement::full;
  message.properties = {{"k&=%/ $", "v&=%/ +\xC3\xBC"}, {"empty", ""}, {"none", std::nullopt}};
  hub.send(dev1, message);
  const Sent sent = expect_sent(client);
  EXPECT_EQ(sent.first_byte, 0x32);
  EXPECT_EQ(sent.topic,
            "devices/dev1/messages/devicebound/%24.mid=m%2F1&%24.to=%2Fdevices%2Fdev1%2Fmessages%2FdeviceBound&"
            "%24.ct=text%2Fplain%3B%20charset%3Dutf-8&iothub-ack=full&"
            "k%26%3D%25%2F%20%24=v%26%3D%25%2F%20%2B%C3%BC&empty=&none");
  EXPECT_EQ(sent.payload, "hello");
  EXPECT_NE(sent.packet_id, integer16(0));
}

TEST(CloudToDevice, WhatWasNotAcknowledgedComesAgainAsItWasWithDup) {
  WireHub hub;
  Sent first;
  {
    MqttClient client = connect_kept(hub, device_bound);
    hub.send(dev1, "hello");
    first = expect_sent(client);
    EXPECT_EQ(first.first_byte, 0x32);
    client.reset();
  }
  Sent again = first;
  again.first_byte = 0x3A;
  MqttClient client = connect_kept(hub);
  EXPECT_EQ(expect_sent(client), again) << "the same packet identifier too [MQTT-4.4.0-1]";
  client.send(puback(again));
  EXPECT_TRUE(eventually([&] { return hub.messages_of(dev1) == 0; }));
  client.send(disconnect);
  EXPECT_EQ(client.drain(), 0U);
  MqttClient third = connect_kept(hub);
  expect_silence(third);
}

TEST(CloudToDevice, AtTakeOverTheNewerConnectionGetsWhatTheOlderHeld) {
  WireHub hub;
  MqttClient older = connect_kept(hub, device_bound);
  hub.send(dev1, "hello");
  EXPECT_EQ(expect_sent(older).payload, "hello");
  MqttClient newer = connect_kept(hub);
  const Sent again = expect_sent(newer);
  EXPECT_EQ(again.first_byte, 0x3A);
  EXPECT_EQ(again.payload, "hello");
}

TEST(CloudToDevice, SubscriptionsAndUnacknowledgedMessagesSurviveARestart) {
  WireHub hub;
  Sent first;
  {
    MqttClient client = connect_kept(hub, device_bound);
    hub.send(dev1, "one");
    first = expect_sent(client);
  }
  hub.send(dev1, "two");
  hub.restart();
  MqttClient client = connect_kept(hub);
  Sent again = first;
  again.first_byte = 0x3A;
  EXPECT_EQ(expect_sent(client), again);
  EXPECT_EQ(expect_sent(client).payload, "two");
}

TEST(CloudToDevice, AtQos0AMessageIsGoneWhenItWasWritten) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, device_bound_at_0);
  for (int n = 0; n < 50; ++n) hub.send(dev1, std::to_string(n));
  for (int n = 0; n < 50; ++n) {
    const Message message = client.expect_message();
    EXPECT_EQ(message.first_byte, 0x30);
    EXPECT_EQ(message.topic, topic_start);
    EXPECT_EQ(message.payload, std::to_string(n));
  }
  EXPECT_TRUE(eventually([&] { return hub.messages_of(dev1) == 0; }));
  expect_silence(client);
}

TEST(CloudToDevice, AtQos0AllThatWaitedComeAtOnce) {
  WireHub hub;
  for (int n = 0; n < 50; ++n) hub.send(dev1, std::to_string(n));
  MqttClient client = hub.subscriber(dev1, device_bound_at_0);
  for (int n = 0; n < 50; ++n) EXPECT_EQ(client.expect_message().payload, std::to_string(n));
  EXPECT_TRUE(eventually([&] { return hub.messages_of(dev1) == 0; }));
  expect_silence(client);
}

TEST(CloudToDevice, MessagesWaitForASubscriptionWhateverTheCleanSession) {
  WireHub hub;
  hub.send(dev1, "early");
  for (const bool clean : {true, false}) {
    ConnectFields fields = hub.credentials(dev1);
    fields.clean_session = clean;
    MqttClient client = hub.connect(fields);
    expect_silence(client);
  }
  MqttClient client = hub.subscriber(dev1, device_bound);
  const Sent sent = expect_sent(client);
  EXPECT_EQ(sent.payload, "early");
  EXPECT_EQ(sent.first_byte, 0x32) << "never sent before";
}

TEST(CloudToDevice, SixteenAreUnacknowledgedAtMostInOrderWithIdentifiersOfTheirOwn) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, device_bound);
  for (int n = 0; n < 20; ++n) hub.send(dev1, std::to_string(n));
  std::vector<Sent> sent;
  for (int n = 0; n < 16; ++n) {
    sent.push_back(expect_sent(client));
    EXPECT_EQ(sent.back().payload, std::to_string(n));
    for (int before = 0; before < n; ++before) {
      EXPECT_NE(sent[static_cast<std::size_t>(before)].packet_id, sent.back().packet_id);
    }
  }
  expect_silence(client);
  client.send(puback(sent[7]));  // out of order is fine
  EXPECT_EQ(expect_sent(client).payload, "16");
  client.send(packet(0x40, integer16(9999)));  // of nothing that was sent
  expect_silence(client);
}

TEST(CloudToDevice, AMessageThatExpiresWhileTheDeviceIsAwayDoesNotCome) {
  WireHub hub;
  iothub::CloudToDeviceMessage message;
  message.body = "soon over";
  message.expiry = hub.now_plus(std::chrono::minutes(5));
  hub.send(dev1, message);
  hub.send(dev1, "stays");
  hub.pass_seconds(301);
  EXPECT_TRUE(eventually([&] {
    hub.tick();
    return hub.messages_of(dev1) == 1;
  }));
  MqttClient client = hub.subscriber(dev1, device_bound);
  EXPECT_EQ(expect_sent(client).payload, "stays");
}

TEST(CloudToDevice, ALockThatLapsesBringsTheMessageAgainOnTheSameConnection) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, device_bound);
  hub.send(dev1, "hello");
  const Sent first = expect_sent(client);
  Sent again = first;
  again.first_byte = 0x3A;
  hub.pass_seconds(61);
  EXPECT_EQ(expect_sent(client), again);
  client.send(puback(again));
  EXPECT_TRUE(eventually([&] { return hub.messages_of(dev1) == 0; }));
}

TEST(CloudToDevice, UnsubscribingStopsThemAndDeletingTheDeviceEndsAll) {
  WireHub hub;
  MqttClient client = connect_kept(hub, device_bound);
  client.send(unsubscribe_packet(4, {device_bound[0].first}));
  EXPECT_EQ(client.expect().first_byte, 0xB0);
  hub.send(dev1, "unheard");
  expect_silence(client);
  hub.remove(dev1);
  EXPECT_EQ(client.drain(), 0U);
  hub.put(dev1);
  EXPECT_EQ(hub.messages_of(dev1), 0U);
}

TEST(CloudToDevice, ADeviceThatAcknowledgesNothingStillGetsItsTwinAtOnce) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, {device_bound[0], {twin_responses, 0}});
  for (int n = 0; n < 50; ++n) hub.send(dev1, std::string(60 * 1024, 'x'));
  for (int n = 0; n < 16; ++n) (void)expect_sent(client);
  EXPECT_EQ(get_twin(client, "now").topic, "$iothub/twin/res/200/?$rid=now");
}

TEST(CloudToDevice, ADeviceThatDoesNotReadKeepsItsMessagesInTheHubAndNobodyElseWaits) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, device_bound_at_0);
  for (int n = 0; n < 50; ++n) hub.send(dev1, std::string(60 * 1024, static_cast<char>('a' + n % 26)));
  EXPECT_TRUE(hub.still_serves());
  EXPECT_EQ(hub.figures().slow_readers_closed, 0U);
  for (int n = 0; n < 50; ++n) {
    EXPECT_EQ(client.expect_message().payload, std::string(60 * 1024, static_cast<char>('a' + n % 26)));
  }
  EXPECT_TRUE(eventually([&] { return hub.messages_of(dev1) == 0; }));
}

TEST(CloudToDevice, ASessionWhoseClientStaysAwayIsDroppedAndOneThatCameBackIsNot) {
  hub::HubOptions options;
  options.session_life = std::chrono::seconds(2);
  WireHub hub({}, options);
  {
    MqttClient client = connect_kept(hub, device_bound);
    for (int n = 0; n < 100; ++n) hub.tick();
    client.send(disconnect);
    EXPECT_EQ(client.drain(), 0U);
  }
  (void)connect_kept(hub);
  EXPECT_TRUE(eventually([&] {
    hub.tick();
    return !hub.store().read_session(dev1)->session;
  }));
}

}  // namespace
}  // namespace twinhub::test

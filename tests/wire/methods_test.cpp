// Direct methods as a device sees them: the request's topic, which answer counts, and what becomes of a call when the
// device is not there, says nothing or goes away.
#include "tests/wire/method_calls.hpp"
#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>
#include <set>

namespace twinhub::test {
namespace {

const std::string all_methods = "$iothub/methods/POST/#";

/// The rid of a request for the method `name`; "" when the message is something else.
std::string rid_of(const Message& message, std::string_view name) {
  const std::string prefix = "$iothub/methods/POST/" + std::string(name) + "/?$rid=";
  return message.topic.starts_with(prefix) ? message.topic.substr(prefix.size()) : "";
}

std::string response_topic(std::string_view status, std::string_view rid) {
  return "$iothub/methods/res/" + std::string(status) + "/?$rid=" + std::string(rid);
}

void respond(MqttClient& client, std::string_view rid, std::string_view status, std::string_view payload) {
  client.send(publish_packet({.topic = response_topic(status, rid), .payload = std::string(payload)}));
}

/// What the client sent before has been acted on.
void settle(MqttClient& client) {
  client.send(pingreq);
  EXPECT_EQ(client.expect().first_byte, 0xD0);
}

TEST(MethodsWire, ARequestIsAPublishWithNothingBehindItsRid) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, {{all_methods, 1}});
  Call call = hub.invoke(dev1, {.name = "reboot", .payload = R"({"delay":5})"});
  const Message request = client.expect_message();
  EXPECT_EQ(request.first_byte, 0x30);  // QoS 0, though 1 was granted
  EXPECT_EQ(request.payload, R"({"delay":5})");
  const std::string rid = rid_of(request, "reboot");
  ASSERT_FALSE(rid.empty()) << request.topic;
  EXPECT_EQ(rid.find_first_not_of("0123456789"), std::string::npos) << rid;
  EXPECT_LE(std::stoull(rid), 2147483647U);  // some client reads it into an int
  respond(client, rid, "200", R"({"ok":true})");
  EXPECT_EQ(outcome(call), R"(200 {"ok":true})");
}

TEST(MethodsWire, WithoutAPayloadTheMessageIsEmptyAndNullIsWritten) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, {{all_methods, 0}});
  Call without = hub.invoke(dev1, {.name = "m"});
  EXPECT_EQ(client.expect_message().payload, "");
  Call with_null = hub.invoke(dev1, {.name = "m", .payload = "null"});
  EXPECT_EQ(client.expect_message().payload, "null");
}

TEST(MethodsWire, TheAnswerIsWhatTheDeviceSays) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, {{all_methods, 0}});
  const std::string full = '"' + std::string(hub::method_payload_bytes_max - 2, 'x') + '"';
  const struct {
    std::string status;
    std::string payload;
    std::string outcome;
  } cases[] = {
      {"0", "{}", "0 {}"},
      {"-1", "null", "-1 null"},
      {"999", R"("")", R"(999 "")"},
      {"500", "", "500 null"},
      {"200", full, "200 " + full},
      {"abc", "{}", "InvalidResponseWhileProxying"},
      {"200", std::string("{\"ok\":1}\0", 9), "200 " + std::string("{\"ok\":1}\0", 9)},  // the bytes go through
      {"200", "hello", "InvalidResponseWhileProxying"},
      {"200", full + " ", "InvalidResponseWhileProxying"},
  };
  for (const auto& row : cases) {
    Call call = hub.invoke(dev1, {.name = "m"});
    respond(client, rid_of(client.expect_message(), "m"), row.status, row.payload);
    EXPECT_EQ(outcome(call), row.outcome) << row.status << ' ' << row.payload.substr(0, 20);
  }
  settle(client);
}

TEST(MethodsWire, PayloadsOf128KiBAndManyAtOnceArrive) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, {{all_methods, 0}});
  const std::string full = '"' + std::string(hub::method_payload_bytes_max - 2, 'x') + '"';
  EXPECT_EQ(outcome(hub.invoke(dev1, {.name = "m", .payload = full + " "})), "MessageTooLarge");
  for (int round = 0; round < 3; ++round) {
    Call call = hub.invoke(dev1, {.name = "m", .payload = full});
    const Message request = client.expect_message();
    EXPECT_EQ(request.payload, full);
    respond(client, rid_of(request, "m"), "200", "");
    EXPECT_EQ(outcome(call), "200 null");
  }
}

TEST(MethodsWire, WhoDoesNotSubscribeIsNotOnline) {
  WireHub hub;
  EXPECT_EQ(outcome(hub.invoke(dev1, {.name = "m"})), "DeviceNotOnline");
  MqttClient client = hub.subscriber(dev1, {{twin_responses, 0}});
  EXPECT_EQ(outcome(hub.invoke(dev1, {.name = "m"})), "DeviceNotOnline");
  client.send(subscribe_packet(2, {{all_methods, 0}}));
  EXPECT_EQ(client.expect().first_byte, 0x90);
  Call call = hub.invoke(dev1, {.name = "m"});
  EXPECT_NE(rid_of(client.expect_message(), "m"), "");
  client.send(unsubscribe_packet(3, {all_methods}));
  EXPECT_EQ(client.expect().first_byte, 0xB0);
  EXPECT_EQ(outcome(hub.invoke(dev1, {.name = "m"})), "DeviceNotOnline");
  EXPECT_TRUE(is_open(call));  // it was sent before
}

TEST(MethodsWire, AFilterOfOneMethodTakesThatMethodOnly) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, {{"$iothub/methods/POST/reboot/#", 0}, {"$iothub/methods/POST/a*b/#", 0}});
  for (const char* name : {"rebo", "reboots", "Reboot", "a", "b"}) {
    EXPECT_EQ(outcome(hub.invoke(dev1, {.name = name})), "DeviceNotOnline") << name;
  }
  for (const char* name : {"reboot", "a*b"}) {
    Call call = hub.invoke(dev1, {.name = name});
    respond(client, rid_of(client.expect_message(), name), "200", "");
    EXPECT_EQ(outcome(call), "200 null") << name;
  }
}

TEST(MethodsWire, ASilentDeviceTimesOutAndItsLateAnswerIsIgnored) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, {{all_methods, 0}});
  Call call = hub.invoke(dev1, {.name = "m", .response_timeout = 10});
  const std::string rid = rid_of(client.expect_message(), "m");
  hub.pass_seconds(9);
  EXPECT_TRUE(is_open(call));
  hub.pass_seconds(1);
  EXPECT_EQ(outcome(call), "GatewayTimeout");
  client.send(publish_packet({.topic = response_topic("200", rid), .payload = "1", .qos = 1, .packet_id = 5}));
  EXPECT_EQ(client.expect(), (Packet{0x40, std::string("\x00\x05", 2)}));
  Call next = hub.invoke(dev1, {.name = "m"});
  const std::string next_rid = rid_of(client.expect_message(), "m");
  EXPECT_NE(next_rid, rid);
  respond(client, next_rid, "200", "2");
  EXPECT_EQ(outcome(next), "200 2");
}

TEST(MethodsWire, SecondWrongAndStrangeAnswersAreIgnored) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, {{all_methods, 0}});
  Call first = hub.invoke(dev1, {.name = "m"});
  const std::string rid = rid_of(client.expect_message(), "m");
  for (const std::string& wrong : {std::string("0"), rid + "0", rid + "x", std::string("x"), std::string(),
                                   std::string("99999999999999999999"), "-" + rid}) {
    respond(client, wrong, "200", "0");
  }
  settle(client);
  EXPECT_TRUE(is_open(first));
  client.send(publish_packet({.topic = response_topic("200", rid), .payload = "1", .qos = 1, .packet_id = 8}));
  EXPECT_EQ(client.expect(), (Packet{0x40, std::string("\x00\x08", 2)}));
  EXPECT_EQ(outcome(first), "200 1");
  Call second = hub.invoke(dev1, {.name = "m"});
  const std::string second_rid = rid_of(client.expect_message(), "m");
  respond(client, rid, "200", "2");
  settle(client);
  EXPECT_TRUE(is_open(second));
  respond(client, second_rid, "200", "3");
  EXPECT_EQ(outcome(second), "200 3");
}

TEST(MethodsWire, OnlyTheConnectionThatWasAskedMayAnswer) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, {{all_methods, 0}});
  MqttClient other = hub.subscriber(dev2, {{all_methods, 0}});
  Call call = hub.invoke(dev1, {.name = "m"});
  const std::string rid = rid_of(client.expect_message(), "m");
  respond(other, rid, "200", "\"not mine\"");
  settle(other);
  EXPECT_TRUE(is_open(call));
  respond(client, rid, "200", "\"mine\"");
  EXPECT_EQ(outcome(call), "200 \"mine\"");
}

TEST(MethodsWire, CallsRunSideBySideAndAreAnsweredInAnyOrder) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, {{all_methods, 0}});
  constexpr int count = 100;
  std::vector<Call> calls;
  for (int i = 0; i < count; ++i) calls.push_back(hub.invoke(dev1, {.name = "m", .payload = std::to_string(i)}));
  std::vector<std::pair<std::string, std::string>> requests;
  std::set<std::string> rids;
  for (int i = 0; i < count; ++i) {
    const Message request = client.expect_message();
    requests.emplace_back(rid_of(request, "m"), request.payload);
    rids.insert(requests.back().first);
  }
  EXPECT_EQ(rids.size(), static_cast<std::size_t>(count));
  for (std::size_t i = requests.size(); i-- > 0;) respond(client, requests[i].first, "200", requests[i].second);
  for (int i = 0; i < count; ++i) EXPECT_EQ(outcome(calls[static_cast<std::size_t>(i)]), "200 " + std::to_string(i));
}

TEST(MethodsWire, ASilentDeviceDoesNotHoldUpAnother) {
  WireHub hub;
  MqttClient silent = hub.subscriber(dev1, {{all_methods, 0}, {twin_responses, 0}});
  MqttClient client = hub.subscriber(dev2, {{all_methods, 0}});
  Call waiting = hub.invoke(dev1, {.name = "m"});
  EXPECT_NE(rid_of(silent.expect_message(), "m"), "");
  Call call = hub.invoke(dev2, {.name = "m"});
  respond(client, rid_of(client.expect_message(), "m"), "200", "");
  EXPECT_EQ(outcome(call), "200 null");
  EXPECT_EQ(get_twin(silent).topic, "$iothub/twin/res/200/?$rid=1");
  EXPECT_TRUE(is_open(waiting));
}

TEST(MethodsWire, ADeviceLostInMidCallIsToldAtOnce) {
  WireHub hub;
  for (const bool in_order : {true, false}) {
    MqttClient client = hub.subscriber(dev1, {{all_methods, 0}});
    Call call = hub.invoke(dev1, {.name = "m"});
    EXPECT_NE(rid_of(client.expect_message(), "m"), "");
    if (in_order) {
      client.send(disconnect);
    } else {
      client.reset();
    }
    EXPECT_EQ(outcome(call), "DeviceConnectionClosedRemotely");
  }
  EXPECT_EQ(hub.pending_methods(), 0U);
}

TEST(MethodsWire, ATakeOverEndsTheCallsOfTheOlderConnectionAndItsAnswersDoNotCountOnTheNewer) {
  WireHub hub;
  MqttClient older = hub.subscriber(dev1, {{all_methods, 0}});
  Call call = hub.invoke(dev1, {.name = "m"});
  const std::string rid = rid_of(older.expect_message(), "m");
  MqttClient newer = hub.subscriber(dev1, {{all_methods, 0}});
  EXPECT_EQ(outcome(call), "DeviceConnectionClosedRemotely");
  Call next = hub.invoke(dev1, {.name = "m"});
  const std::string next_rid = rid_of(newer.expect_message(), "m");
  EXPECT_NE(next_rid, rid);
  respond(newer, rid, "200", "\"of the older\"");
  settle(newer);
  EXPECT_TRUE(is_open(next));
  respond(newer, next_rid, "200", "\"of the newer\"");
  EXPECT_EQ(outcome(next), "200 \"of the newer\"");
}

TEST(MethodsWire, DeletingADeviceEndsItsCalls) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, {{all_methods, 0}});
  Call call = hub.invoke(dev1, {.name = "m"});
  EXPECT_NE(rid_of(client.expect_message(), "m"), "");
  hub.remove(dev1);
  EXPECT_EQ(outcome(call), "DeviceConnectionClosedRemotely");
  EXPECT_EQ(outcome(hub.invoke(dev1, {.name = "m"})), "DeviceNotFound");
}

TEST(MethodsWire, ACallWaitsForItsDeviceToComeAndSubscribe) {
  WireHub hub;
  Call call = hub.invoke(dev1, {.name = "reboot", .connect_timeout = 20});
  MqttClient client = hub.connect(dev1);
  client.send(subscribe_packet(1, {{"$iothub/methods/POST/other/#", 0}}));
  EXPECT_EQ(client.expect().first_byte, 0x90);
  settle(client);
  EXPECT_TRUE(is_open(call));
  client.send(subscribe_packet(2, {{"$iothub/methods/POST/reboot/#", 0}}));
  // The request may come before SUBACK, which waits for the disk.
  std::string rid;
  for (bool subscribed = false; rid.empty() || !subscribed;) {
    const Packet packet = client.expect();
    if (packet.first_byte == 0x90) {
      subscribed = true;
      continue;
    }
    ASSERT_EQ(packet.first_byte, 0x30);
    rid = packet.body.substr(packet.body.find("$rid=") + 5);
    rid = rid.substr(0, rid.find("null"));
  }
  respond(client, rid, "200", "");
  EXPECT_EQ(outcome(call), "200 null");
}

TEST(MethodsWire, AKeptSubscriptionIsEnoughForACallThatWaits) {
  WireHub hub;
  {
    MqttClient before = hub.connect(dev1);
    before.send(subscribe_packet(1, {{all_methods, 0}}));
    EXPECT_EQ(before.expect().first_byte, 0x90);
  }
  ASSERT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
  EXPECT_EQ(outcome(hub.invoke(dev1, {.name = "m"})), "DeviceNotOnline");
  Call call = hub.invoke(dev1, {.name = "m", .connect_timeout = 20});
  MqttClient client = hub.connect(dev1);
  respond(client, rid_of(client.expect_message(), "m"), "200", "");
  EXPECT_EQ(outcome(call), "200 null");
}

TEST(MethodsWire, ACallThatWaitsGivesUpAfterTheConnectTimeout) {
  WireHub hub;
  Call call = hub.invoke(dev1, {.name = "m", .connect_timeout = 10});
  hub.pass_seconds(9);
  EXPECT_TRUE(is_open(call));
  hub.pass_seconds(1);
  EXPECT_EQ(outcome(call), "DeviceNotOnline");
  MqttClient client = hub.subscriber(dev1, {{all_methods, 0}});
  settle(client);  // and nothing else came
  EXPECT_EQ(hub.pending_methods(), 0U);
}

TEST(MethodsWire, ADeviceThatDoesNotReadIsNotClosedForWhatBackEndsSend) {
  WireHub hub({.output_bytes_max = 512 * 1024});
  MqttClient client = hub.subscriber(dev1, {{all_methods, 0}});
  std::vector<Call> calls = call_until_refused(hub, dev1, [&] { return hub.figures().publishes_sent; });
  ASSERT_FALSE(calls.empty());
  EXPECT_TRUE(hub.is_connected(dev1));
  // Whoever reads what was sent is heard again.
  std::vector<std::string> rids;
  for (std::size_t i = 0; i < calls.size(); ++i) rids.push_back(rid_of(client.expect_message(), "m"));
  respond(client, rids.front(), "200", "");
  EXPECT_EQ(outcome(calls.front()), "200 null");
}

}  // namespace
}  // namespace twinhub::test

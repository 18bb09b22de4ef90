// Limits and injected faults as a device meets them.
#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>
#include <chrono>

namespace twinhub::test {
namespace {

using namespace std::chrono_literals;

const std::string events_topic = "devices/dev1/messages/events/";

/// Limits of an S1 hub, with these many seconds of burst and backlog.
hub::HubOptions s1(std::chrono::seconds burst, std::chrono::seconds backlog) {
  hub::HubOptions options;
  options.gate.throttle = {.sku = hub::Sku::s1, .units = 1, .burst = burst, .backlog = backlog};
  return options;
}

hub::HubOptions with_faults() {
  hub::HubOptions options;
  options.gate.faults = true;
  return options;
}

std::string fault_bag(const std::string& type, const std::string& delay = "0", const std::string& duration = "60") {
  return "AzIoTHub_FaultOperationType=" + type + "&AzIoTHub_FaultOperationCloseReason=boom" +
         "&AzIoTHub_FaultOperationDelayInSecs=" + delay + "&AzIoTHub_FaultOperationDurationInSecs=" + duration;
}

std::string fault_message(const std::string& type, const std::string& delay = "0", const std::string& duration = "60",
                          std::uint16_t packet_id = 7) {
  return publish_packet(
      {.topic = events_topic + fault_bag(type, delay, duration), .payload = "fault", .qos = 1, .packet_id = packet_id});
}

void expect_puback(MqttClient& client, std::uint16_t packet_id) {
  EXPECT_EQ(client.expect(), (Packet{0x40, integer16(packet_id)}));
}

/// Is acknowledged in its turn, and waits for no disk.
std::string late_method_response(std::uint16_t packet_id) {
  return publish_packet(
      {.topic = "$iothub/methods/res/200/?$rid=0", .payload = "{}", .qos = 1, .packet_id = packet_id});
}

std::string telemetry(std::uint16_t packet_id) {
  return publish_packet({.topic = events_topic, .payload = "t", .qos = 1, .packet_id = packet_id});
}

int code_of(const WireHub& hub) {
  MqttClient client(hub.port());
  return connect_code(client, hub.credentials(dev1));
}

}  // namespace

TEST(Throttling, OverTheRateAcknowledgementsComeAtTheRate) {
  WireHub hub({}, s1(0s, 60s));  // a hundred messages a second, from the first on
  MqttClient client = hub.connect(dev1);
  const auto start = std::chrono::steady_clock::now();
  std::string burst;
  for (std::uint16_t id = 1; id <= 51; ++id) burst += telemetry(id);
  client.send(burst);
  for (std::uint16_t id = 1; id <= 51; ++id) expect_puback(client, id);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 450ms);
  EXPECT_EQ(hub.telemetry(dev1).size(), 51U);
  EXPECT_GT(hub.gate_figures().delayed[static_cast<std::size_t>(hub::Operation::telemetry)], 0U);
}

TEST(Throttling, TelemetryThatWouldWaitTooLongEndsTheConnection) {
  WireHub hub({}, s1(0s, 0s));
  MqttClient client = hub.connect(dev1);
  std::string burst;
  for (std::uint16_t id = 1; id <= 5; ++id) burst += telemetry(id);
  client.send(burst);
  EXPECT_LT(client.drain(), 5U);
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
  EXPECT_LT(hub.telemetry(dev1).size(), 5U);
}

TEST(Throttling, TwinRequestsOverTheRateAreAnsweredWith429) {
  WireHub hub({}, s1(0s, 0s));
  MqttClient client = hub.subscriber(dev1, {{twin_responses, 0}});
  std::string burst;
  for (int i = 0; i < 3; ++i) burst += publish_packet({.topic = get_topic("g"), .payload = " "});
  for (int i = 0; i < 3; ++i) burst += publish_packet({.topic = reported_topic("p"), .payload = R"({"a":1})"});
  client.send(burst);
  int reads_refused = 0, updates_refused = 0, done = 0;
  for (int i = 0; i < 6; ++i) {
    const Message answer = client.expect_message();
    if (answer.topic == "$iothub/twin/res/429/?$rid=g") ++reads_refused;
    if (answer.topic == "$iothub/twin/res/429/?$rid=p") ++updates_refused;
    if (answer.topic.find("/429/") == std::string::npos) {
      ++done;
    } else {
      EXPECT_NE(answer.payload.find(R"("errorCode":429001)"), std::string::npos) << answer.payload;
    }
  }
  EXPECT_GT(reads_refused, 0);
  EXPECT_GT(updates_refused, 0);
  EXPECT_GE(done, 2);
  client.send(pingreq);
  EXPECT_EQ(client.expect().first_byte, 0xD0);  // the connection goes on
}

TEST(Throttling, TooManyConnectionsAreRefusedWithThree) {
  WireHub hub({}, s1(0s, 0s));
  int refused = 0;
  for (int i = 0; i < 50 && refused == 0; ++i) {
    // At once: the rate allows one in ten milliseconds, and a CONNACK may take longer.
    MqttClient first(hub.port()), second(hub.port());
    const std::string by_dev1 = connect_packet(hub.credentials(dev1)), by_dev2 = connect_packet(hub.credentials(dev2));
    first.send(by_dev1);
    second.send(by_dev2);
    for (MqttClient* const client : {&first, &second}) {
      const Packet connack = client->expect();
      EXPECT_TRUE(connack == (Packet{0x20, std::string("\0\0", 2)}) ||
                  connack == (Packet{0x20, std::string("\1\0", 2)}) ||
                  connack == (Packet{0x20, std::string("\0\3", 2)}));
      if (connack.body[1] == 3) ++refused;
    }
  }
  EXPECT_GT(refused, 0);
}

TEST(Throttling, TooManyConnectionsFirstWaitForTheirConnack) {
  WireHub hub({}, s1(0s, 60s));
  std::vector<std::unique_ptr<MqttClient>> clients;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 30; ++i) {
    clients.push_back(std::make_unique<MqttClient>(hub.port()));
    clients.back()->send(connect_packet(hub.credentials(i % 2 == 0 ? dev1 : dev2)) + std::string(pingreq));
  }
  // The last two were not taken over.
  for (std::size_t i = clients.size() - 2; i < clients.size(); ++i) {
    EXPECT_EQ(clients[i]->expect().first_byte, 0x20);
    EXPECT_EQ(clients[i]->expect().first_byte, 0xD0);
  }
  EXPECT_GE(std::chrono::steady_clock::now() - start, 200ms);
}

TEST(Throttling, AStopDoesNotWaitForWhoIsHeldBack) {
  WireHub hub({}, s1(0s, 60s));
  MqttClient client = hub.connect(dev1);
  std::string burst;
  constexpr std::uint16_t count = 3000;  // thirty seconds' worth
  for (std::uint16_t id = 1; id <= count; ++id) burst += telemetry(id);
  client.send(burst);
  EXPECT_TRUE(eventually([&] { return !hub.telemetry(dev1).empty(); }));
  hub.stop(60s);
  EXPECT_LT(client.drain(), count) << "or it would have been waited for";
}

TEST(Quota, TheDaysLastMessageIsTheLast) {
  hub::HubOptions options = s1(60s, 10s);
  options.gate.throttle.sku = hub::Sku::f1;  // 8000 of 0.5 KB
  WireHub hub({}, options);
  MqttClient client = hub.subscriber(dev1, {{twin_responses, 0}});
  const std::string big(262'000, 'x');  // 512 messages each
  for (std::uint16_t id = 1; id <= 16; ++id) {
    client.send(publish_packet({.topic = events_topic, .payload = big, .qos = 1, .packet_id = id}));
    expect_puback(client, id);
  }
  EXPECT_EQ(get_twin(client).topic, "$iothub/twin/res/403/?$rid=1");
  client.send(telemetry(20));
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_EQ(code_of(hub), 3);
}

TEST(Quota, AWillIsAMessageToo) {
  hub::HubOptions options = s1(60s, 10s);
  options.gate.throttle.sku = hub::Sku::f1;
  WireHub hub({}, options);
  ConnectFields fields = hub.credentials(dev1);
  fields.will = WillFields{.topic = events_topic, .message = std::string(51'200, 'w')};  // 100 messages of 0.5 KB
  {
    MqttClient client = hub.connect(fields);
    client.reset();
    EXPECT_TRUE(eventually([&] { return hub.telemetry(dev1).size() == 1; }));
  }
  EXPECT_EQ(hub.gate_figures().messages_today, 100U);
}

TEST(Faults, AWillIsRefusedLikeAnyMessage) {
  WireHub hub({}, with_faults());
  ConnectFields fields = hub.credentials(dev1);
  fields.will = WillFields{.topic = events_topic, .message = "bye"};
  MqttClient client = hub.connect(fields);
  client.send(fault_message("InvokeMaxMessageQuota"));
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
  EXPECT_EQ(code_of(hub), 3);
  EXPECT_TRUE(hub.telemetry(dev1).empty());
}

TEST(Faults, ThatWaitForTheirTimeAreBounded) {
  WireHub hub({}, with_faults());
  MqttClient client = hub.connect(dev1);
  const std::string order = publish_packet({.topic = events_topic + fault_bag("KillTcp", "3600")});
  std::string orders;
  for (int i = 0; i < 1000; ++i) orders += order;
  client.send(orders + std::string(pingreq));
  EXPECT_EQ(client.expect().first_byte, 0xD0);
  client.send(order);
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_TRUE(hub.still_serves());
}

TEST(Faults, AreOrdinaryPropertiesUnlessTheHubObeysThem) {
  WireHub hub;
  MqttClient client = hub.connect(dev1);
  client.send(fault_message("KillTcp"));
  expect_puback(client, 7);
  EXPECT_EQ(hub.telemetry(dev1).size(), 1U);
}

TEST(Faults, KillTcpCutsTheConnectionWithoutPubackAndTheDeviceMayComeBack) {
  WireHub hub({}, with_faults());
  MqttClient client = hub.connect(dev1);
  client.send(telemetry(1));
  expect_puback(client, 1);
  client.send(fault_message("KillTcp"));
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));

  MqttClient again = hub.connect(dev1);
  again.send(fault_message("KillTcp"));  // sent again, as clients do
  expect_puback(again, 7);
  again.send(telemetry(8));
  expect_puback(again, 8);
  EXPECT_EQ(hub.telemetry(dev1).size(), 2U);  // orders are no telemetry
  EXPECT_EQ(hub.gate_figures().faults, 1U);
}

TEST(Faults, ShutDownMqttClosesInOrderOverTls) {
  WireHub hub({}, with_faults());
  MqttClient client(hub.tls_port(), {.ca = hub.ca()});
  ASSERT_EQ(connect_code(client, hub.credentials(dev1)), 0);
  client.send(fault_message("ShutDownMqtt"));
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_EQ(code_of(hub), 0);
}

TEST(Faults, WaitForTheirDelayAndHoldUpNobodyElsesPuback) {
  WireHub hub({}, with_faults());
  MqttClient client = hub.connect(dev1);
  const auto start = std::chrono::steady_clock::now();
  client.send(fault_message("ShutDownMqtt", "0.3") + late_method_response(8));
  expect_puback(client, 8);
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 300ms);
}

TEST(Faults, ThrottlingEndsTelemetryAndAnswersTwinRequestsWith429UntilItIsOver) {
  WireHub hub({}, with_faults());
  MqttClient first = hub.connect(dev1);
  first.send(fault_message("InvokeThrottling", "0", "60"));
  EXPECT_EQ(first.drain(), 0U);

  MqttClient second = hub.subscriber(dev1, {{twin_responses, 0}});
  const Message answer = get_twin(second);
  EXPECT_EQ(answer.topic, "$iothub/twin/res/429/?$rid=1");
  EXPECT_NE(answer.payload.find(R"("errorCode":429001)"), std::string::npos);
  second.send(telemetry(2));
  EXPECT_EQ(second.drain(), 0U);
  EXPECT_TRUE(hub.still_serves());  // others are not concerned

  hub.pass_seconds(61);
  MqttClient later = hub.subscriber(dev1, {{twin_responses, 0}});
  EXPECT_EQ(get_twin(later).topic, "$iothub/twin/res/200/?$rid=1");
}

TEST(Faults, QuotaAndAuthErrorsRefuseConnectUntilTheyAreOver) {
  for (const auto& [type, code] : {std::pair{"InvokeMaxMessageQuota", 3}, std::pair{"InvokeAuthError", 5}}) {
    WireHub hub({}, with_faults());
    MqttClient client = hub.connect(dev1);
    client.send(fault_message(type, "0", "60"));
    EXPECT_EQ(client.drain(), 0U);
    EXPECT_EQ(code_of(hub), code) << type;
    hub.pass_seconds(61);
    EXPECT_EQ(code_of(hub), 0) << type;
  }
}

TEST(Faults, OfAmqpAreOrdinaryProperties) {
  WireHub hub({}, with_faults());
  MqttClient client = hub.connect(dev1);
  client.send(fault_message("KillAmqpSession"));
  expect_puback(client, 7);
  EXPECT_EQ(hub.telemetry(dev1).size(), 1U);
}

TEST(Faults, ADelayedOneOutlivesItsConnection) {
  WireHub hub({}, with_faults());
  {
    MqttClient client = hub.connect(dev1);
    client.send(fault_message("InvokeAuthError", "0.2", "60") + late_method_response(8));
    expect_puback(client, 8);
  }
  EXPECT_TRUE(eventually([&] { return code_of(hub) == 5; }));
}

}  // namespace twinhub::test

// What a device sends, whatever it is, counts in its rate of bytes: past it the device is held back, over HTTPS
// refused, and its neighbours are served. The rates are so low that nothing runs out while a test lasts.
#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>

namespace twinhub::test {
namespace {

hub::HubOptions nearly_no_rate() {
  hub::HubOptions options;
  options.gate.device_bytes = {.per_second = 1, .burst = 64 * 1024};
  return options;
}

const std::string large(60'000, 'x');
const std::string past_the_burst(8'000, 'y');  // comes in one read

void send_telemetry(MqttClient& client, const IdentityId& id, const std::string& payload) {
  client.send(publish_packet(
      {.topic = "devices/" + id.device + "/messages/events/", .payload = payload, .qos = 1, .packet_id = 7}));
}

TEST(ByteRateWire, ADeviceOverItsRateIsHeldBackAndItsNeighbourIsNot) {
  WireHub hub({}, nearly_no_rate());
  MqttClient client = hub.connect(dev1);
  send_telemetry(client, dev1, large);
  EXPECT_EQ(client.expect().first_byte, 0x40);
  EXPECT_EQ(hub.figures().held_back, 0U);
  send_telemetry(client, dev1, past_the_burst);
  EXPECT_EQ(client.expect(), (Packet{0x40, integer16(7)})) << "what has come is stored and acknowledged";
  EXPECT_EQ(hub.figures().held_back, 1U);
  send_telemetry(client, dev1, "held back");
  EXPECT_TRUE(hub.still_serves());
  MqttClient neighbour = hub.subscriber(dev2, {{twin_responses, 0}});
  EXPECT_EQ(report(neighbour, R"({"a":1})").topic, "$iothub/twin/res/204/?$rid=1&$version=2");
  EXPECT_EQ(hub.telemetry(dev1).size(), 2U);
  EXPECT_EQ(hub.figures().held_back, 1U);
}

TEST(ByteRateWire, TwinPatchesCountToo) {
  WireHub hub({}, nearly_no_rate());
  MqttClient client = hub.subscriber(dev1, {{twin_responses, 0}});
  const std::string patch = R"({"a":")" + std::string(3'900, 'x') + R"("})";
  for (int n = 0; hub.figures().held_back == 0 && n < 40; ++n)
    client.send(publish_packet({.topic = reported_topic(std::to_string(n)), .payload = patch, .qos = 0}));
  EXPECT_TRUE(eventually([&] { return hub.figures().held_back == 1; }));
}

TEST(ByteRateWire, ADeviceThatComesBackIsHeldBackAgain) {
  WireHub hub({}, nearly_no_rate());
  {
    MqttClient client = hub.connect(dev1);
    send_telemetry(client, dev1, large);
    EXPECT_EQ(client.expect().first_byte, 0x40);
  }
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
  MqttClient client = hub.connect(dev1);
  EXPECT_EQ(hub.figures().held_back, 0U);
  send_telemetry(client, dev1, past_the_burst);
  EXPECT_EQ(client.expect().first_byte, 0x40);
  EXPECT_EQ(hub.figures().held_back, 1U);
}

std::string post_event(const WireHub& hub, std::string_view body) {
  MqttClient client(hub.http_port());
  return client.request(
      "POST /devices/dev1/messages/events?api-version=2021-04-12 HTTP/1.1\r\nHost: hub.local\r\nAuthorization: " +
      hub.token(dev1) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
}

TEST(ByteRateWire, OverHttpsADevicePastItsRateIsAnsweredWith429) {
  WireHub hub({}, nearly_no_rate());
  EXPECT_TRUE(post_event(hub, large + past_the_burst).starts_with("HTTP/1.1 204"));
  const std::string refused = post_event(hub, "more");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 429")) << refused;
  EXPECT_NE(refused.find("Throttling"), std::string::npos) << refused;
  EXPECT_EQ(hub.telemetry(dev1).size(), 1U);
  MqttClient client = hub.connect(dev1);
  send_telemetry(client, dev1, "by another door");
  EXPECT_EQ(client.expect().first_byte, 0x40);
  EXPECT_EQ(hub.figures().held_back, 1U) << "one rate for every door";
}

TEST(ByteRateWire, ADeviceWithManyBytesThatWaitForTheDiskIsNotRead) {
  mqtt_door::DoorOptions options;
  options.in_flight_bytes_max = 150'000;
  WireHub hub(options);
  MqttClient client = hub.connect(dev1);
  hub.store().hold();
  for (int n = 0; n < 10; ++n) send_telemetry(client, dev1, large);
  EXPECT_TRUE(eventually([&] { return hub.store().waiting() == 3; }));
  EXPECT_EQ(hub.store().waiting(), 3U);
  hub.store().release();
  for (int n = 0; n < 10; ++n) EXPECT_EQ(client.expect().first_byte, 0x40);
}

}  // namespace
}  // namespace twinhub::test

// Connections in the event log, among everything else that happened.
#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>

namespace twinhub::test {
namespace {

std::string property(const std::vector<iothub::Property>& properties, std::string_view name) {
  for (const auto& found : properties) {
    if (found.name == name) return found.value.value_or("(null)");
  }
  return "(absent)";
}

/// opType of what the hub tells, "telemetry" of what the device sent.
std::vector<std::string> story_of(const WireHub& hub, const IdentityId& id) {
  std::vector<std::string> story;
  for (const auto& event : hub.events(id)) {
    const bool sent = event.source == storage::EventSource::telemetry;
    story.push_back(sent ? "telemetry" : property(event.application, "opType"));
  }
  return story;
}

using Story = std::vector<std::string>;

}  // namespace

TEST(ConnectionEventsWire, AllKindsStandInTheOrderInWhichTheyHappened) {
  WireHub hub;
  {
    MqttClient client = hub.subscriber(dev1, {{twin_responses, 0}});
    client.send(publish_packet({.topic = "devices/dev1/messages/events/", .payload = "1", .qos = 1, .packet_id = 1}));
    EXPECT_EQ(client.expect().first_byte, 0x40);
    (void)report(client, R"({"a":1})");
    hub.patch(dev1, R"({"tags":{"t":1}})");
    client.send(disconnect);
    EXPECT_EQ(client.drain(), 0U);
  }
  EXPECT_TRUE(eventually([&] { return story_of(hub, dev1).size() == 6; }));
  EXPECT_EQ(story_of(hub, dev1), (Story{"createDeviceIdentity", "deviceConnected", "telemetry", "updateTwin",
                                        "updateTwin", "deviceDisconnected"}));
}

TEST(ConnectionEventsWire, ATakeOverIsNoChangeAndARefusedConnectIsNone) {
  WireHub hub;
  MqttClient older = hub.connect(dev1);
  MqttClient newer = hub.connect(dev1);
  EXPECT_EQ(older.drain(), 0U);
  ConnectFields wrong = hub.credentials(dev1);
  wrong.password = hub.token(dev2);
  MqttClient stranger(hub.port());
  EXPECT_EQ(connect_code(stranger, wrong), 5);
  newer.send(disconnect);
  EXPECT_EQ(newer.drain(), 0U);
  EXPECT_TRUE(eventually([&] { return story_of(hub, dev1).size() == 3; }));
  EXPECT_EQ(story_of(hub, dev1), (Story{"createDeviceIdentity", "deviceConnected", "deviceDisconnected"}));
}

TEST(ConnectionEventsWire, AStopTellsTheEndAndARestartRemembersWhen) {
  WireHub hub;
  MqttClient client = hub.connect(dev1);
  EXPECT_TRUE(hub.is_connected(dev1));
  hub.restart();
  EXPECT_EQ(story_of(hub, dev1), (Story{"createDeviceIdentity", "deviceConnected", "deviceDisconnected"}));
  const auto shown = hub.activity(dev1);
  EXPECT_FALSE(shown.connected);
  EXPECT_GT(shown.last_activity.ticks, 0U);
  EXPECT_GE(shown.connection_state_updated, shown.last_activity);
}

TEST(ConnectionEventsWire, AsTheCloudTellsThemAKeptCloudToDeviceSubscriptionCounts) {
  hub::HubOptions options;
  options.connection_events = hub::ConnectionEvents::when_used;
  WireHub hub({}, options);
  {
    MqttClient client = hub.connect(dev1);
    client.send(subscribe_packet(1, {{twin_responses, 0}}));
    EXPECT_EQ(client.expect().first_byte, 0x90);
    EXPECT_EQ(story_of(hub, dev1), (Story{"createDeviceIdentity"}));
    client.send(subscribe_packet(2, {{"devices/dev1/messages/devicebound/#", 1}}));
    EXPECT_EQ(client.expect().first_byte, 0x90);
    EXPECT_EQ(story_of(hub, dev1), (Story{"createDeviceIdentity", "deviceConnected"}));
  }
  EXPECT_TRUE(eventually([&] { return story_of(hub, dev1).size() == 3; }));
  MqttClient again = hub.connect(dev1);  // its session is kept: it does not subscribe again
  EXPECT_TRUE(eventually([&] { return story_of(hub, dev1).size() == 4; }));
}

}  // namespace twinhub::test

// How long a connection lives, and who ends it.
#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>
#include <stdexcept>
#include <thread>
#include <utility>

namespace twinhub::test {
namespace {

using std::chrono::seconds;

const std::string events_topic = "devices/dev1/messages/events/";

std::string identity_body(const iothub::Identity& keys, std::string_view status, std::string_view primary_key) {
  return R"({"deviceId":"dev1","status":")" + std::string(status) +
         R"(","authentication":{"type":"sas","symmetricKey":{"primaryKey":")" + std::string(primary_key) +
         R"(","secondaryKey":")" + keys.secondary_key + R"("}}})";
}

TEST(Life, ASilentClientIsClosedAfterItsKeepAlive) {
  WireHub hub;
  ConnectFields fields = hub.credentials(dev1);
  fields.keep_alive_seconds = 1;
  MqttClient client = hub.connect(fields);
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
}

TEST(Life, EveryClientHasItsOwnKeepAlive) {
  WireHub hub;
  ConnectFields quiet = hub.credentials(dev2);
  quiet.keep_alive_seconds = 2;
  ConnectFields lively = hub.credentials(dev1);
  lively.keep_alive_seconds = 60;
  MqttClient lively_client = hub.connect(lively);
  MqttClient quiet_client = hub.connect(quiet);
  // The silence of one is the other's measure of time: no clock of the test's own is compared with the hub's.
  EXPECT_EQ(quiet_client.drain(), 0U);
  lively_client.send(pingreq);
  EXPECT_EQ(lively_client.expect().first_byte, 0xD0);
}

TEST(Life, WhateverIsSentIsASignOfLife) {
  WireHub hub;
  ConnectFields quiet = hub.credentials(dev2);
  quiet.keep_alive_seconds = 3;
  ConnectFields lively = hub.credentials(dev1);
  lively.keep_alive_seconds = 1;
  MqttClient quiet_client = hub.connect(quiet);
  MqttClient lively_client = hub.connect(lively);
  // Alive for three times its own patience: for as long as the quiet one is.
  for (std::uint16_t id = 1; hub.is_connected(dev2); ++id) {
    // Telemetry, and what is acknowledged without the disk: while that is slow, this client would be silent.
    lively_client.send(
        publish_packet({.topic = events_topic, .payload = "alive"}) +
        publish_packet({.topic = "$iothub/methods/res/200/?$rid=0", .payload = "{}", .qos = 1, .packet_id = id}));
    ASSERT_EQ(lively_client.expect(), (Packet{0x40, integer16(id)}));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(quiet_client.drain(), 0U);
  lively_client.send(pingreq);
  EXPECT_EQ(lively_client.expect().first_byte, 0xD0);
}

TEST(Life, AClientThatIsNotListenedToIsNotSilent) {
  WireHub hub({.in_flight_max = 4});
  ConnectFields held_back = hub.credentials(dev1);
  held_back.keep_alive_seconds = 1;
  ConnectFields quiet = hub.credentials(dev2);
  quiet.keep_alive_seconds = 3;
  quiet.clean_session = true;
  MqttClient quiet_client = hub.connect(quiet);
  MqttClient client = hub.connect(held_back);
  hub.store().hold();
  std::string messages;
  for (std::uint16_t id = 1; id <= 8; ++id) {
    messages += publish_packet({.topic = events_topic, .payload = "m", .qos = 1, .packet_id = id});
  }
  client.send(messages + std::string(pingreq));
  EXPECT_EQ(quiet_client.drain(), 0U);  // by then the other's time is over, too
  hub.store().release();
  // PUBACKs in their order, and the PINGRESP somewhere behind the fourth: it waits for no disk.
  std::uint16_t acknowledged = 0;
  bool pinged = false;
  while (acknowledged < 8 || !pinged) {
    const Packet packet = client.expect();
    if (packet.first_byte == 0xD0) {
      EXPECT_GE(acknowledged, 4);
      pinged = true;
    } else {
      ASSERT_EQ(packet, (Packet{0x40, integer16(++acknowledged)}));
    }
  }
}

TEST(Life, KeepAliveZeroAndTooLongOnesGetTheCap) {
  WireHub hub({.keep_alive_max = seconds(1)});
  for (const std::uint16_t keep_alive : {std::uint16_t{0}, std::uint16_t{65'535}}) {
    ConnectFields fields = hub.credentials(dev1);
    fields.keep_alive_seconds = keep_alive;
    MqttClient client = hub.connect(fields);
    EXPECT_EQ(client.drain(), 0U) << keep_alive;
  }
}

TEST(Life, ATokenThatEndsEndsTheConnectionAfterTheGrace) {
  WireHub hub({.token_expiry_grace = seconds(0)});
  ConnectFields fields = hub.credentials(dev1);
  fields.password = hub.token(dev1, 1);
  fields.will = WillFields{.topic = events_topic, .message = "expired"};
  MqttClient client = hub.connect(fields);
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
  EXPECT_TRUE(eventually([&] { return hub.telemetry(dev1).size() == 1; }));
}

TEST(Life, ATokenEndsForWhoIsHeldBackToo) {
  WireHub hub({.token_expiry_grace = seconds(0), .in_flight_max = 4});
  ConnectFields fields = hub.credentials(dev1);
  fields.password = hub.token(dev1, 1);
  MqttClient client = hub.connect(fields);
  hub.store().hold();
  std::string messages;
  for (std::uint16_t id = 1; id <= 8; ++id) {
    messages += publish_packet({.topic = events_topic, .payload = "m", .qos = 1, .packet_id = id});
  }
  client.send(messages);
  EXPECT_EQ(client.drain(), 0U);
}

TEST(Life, ATokenUntilTheEndOfTimeDoesNotEndTheConnection) {
  WireHub hub({.token_expiry_grace = seconds(0)});
  ConnectFields short_lived = hub.credentials(dev2);
  short_lived.password = hub.token(dev2, 1);
  ConnectFields fields = hub.credentials(dev1);
  fields.password = hub.token(dev1, std::int64_t{1} << 60);
  MqttClient client = hub.connect(fields);
  MqttClient other = hub.connect(short_lived);
  EXPECT_EQ(other.drain(), 0U);
  client.send(pingreq);
  EXPECT_EQ(client.expect().first_byte, 0xD0);
}

TEST(Life, DisablingTheDeviceEndsItsConnectionAndItsModules) {
  WireHub hub;
  const IdentityId module{"dev1", "m"};
  hub.put(module);
  const auto keys = hub.identity(dev1);
  MqttClient client = hub.connect(dev1);
  MqttClient modules_client = hub.connect(module);
  MqttClient bystander = hub.subscriber(dev2, {{twin_responses, 0}});
  hub.put(dev1, identity_body(keys, "disabled", keys.primary_key));
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_EQ(modules_client.drain(), 0U);
  MqttClient again(hub.port());
  EXPECT_EQ(connect_code(again, hub.credentials(dev1)), 5);
  hub.put(dev1, identity_body(keys, "enabled", keys.primary_key));
  MqttClient enabled = hub.connect(dev1);
  EXPECT_EQ(get_twin(bystander).topic, "$iothub/twin/res/200/?$rid=1");
}

TEST(Life, DeletingTheDeviceEndsItsConnectionAndItsModules) {
  WireHub hub;
  const IdentityId module{"dev1", "m"};
  hub.put(module);
  ConnectFields fields = hub.credentials(dev1);
  fields.will = WillFields{.topic = events_topic, .message = "from the grave"};
  MqttClient client = hub.connect(fields);
  MqttClient modules_client = hub.connect(module);
  hub.remove(dev1);
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_EQ(modules_client.drain(), 0U);
  MqttClient again(hub.port());
  EXPECT_EQ(connect_code(again, fields), 5);
  EXPECT_TRUE(hub.still_serves());
  EXPECT_TRUE(hub.telemetry(dev1).empty());
}

TEST(Life, ReplacingTheKeyInUseEndsTheConnectionAndSwappingItDoesNot) {
  WireHub hub;
  const auto keys = hub.identity(dev1);
  MqttClient client = hub.subscriber(dev1, {{twin_responses, 0}});
  auto swapped = keys;
  std::swap(swapped.primary_key, swapped.secondary_key);
  hub.put(dev1, identity_body(swapped, "enabled", swapped.primary_key));
  EXPECT_EQ(get_twin(client).topic, "$iothub/twin/res/200/?$rid=1");
  const std::string fresh = base64_encode(std::string(32, 'n'));
  auto rolled = keys;
  rolled.secondary_key = base64_encode(std::string(32, 'o'));
  hub.put(dev1, identity_body(rolled, "enabled", fresh));
  EXPECT_EQ(client.drain(), 0U);
}

TEST(Life, AKeyThatWasSwappedAndThenReplacedEndsTheConnectionThatCameWithIt) {
  WireHub hub;
  const auto keys = hub.identity(dev1);
  MqttClient client = hub.subscriber(dev1, {{twin_responses, 0}});  // by the primary key
  auto swapped = keys;
  std::swap(swapped.primary_key, swapped.secondary_key);
  hub.put(dev1, identity_body(swapped, "enabled", swapped.primary_key));
  EXPECT_EQ(get_twin(client).topic, "$iothub/twin/res/200/?$rid=1");
  swapped.secondary_key = base64_encode(std::string(32, 'o'));
  hub.put(dev1, identity_body(swapped, "enabled", swapped.primary_key));
  EXPECT_EQ(client.drain(), 0U);
}

TEST(Life, AConnectThatDoesNotComeInTimeIsNotWaitedFor) {
  WireHub hub({.connect_timeout = seconds(1)});
  MqttClient silent(hub.port());
  MqttClient half_a_packet(hub.port());
  half_a_packet.send(connect_packet(hub.credentials(dev1)).substr(0, 20));
  MqttClient drip(hub.port());
  drip.send("\x10");
  MqttClient no_handshake(hub.tls_port());
  EXPECT_EQ(silent.drain(), 0U);
  EXPECT_EQ(half_a_packet.drain(), 0U);
  EXPECT_EQ(drip.drain(), 0U);
  EXPECT_EQ(no_handshake.drain(), 0U);
  EXPECT_TRUE(eventually([&] { return hub.figures().connections == 0; }));
  EXPECT_TRUE(hub.still_serves());
}

TEST(Life, TheConnectTimeoutIsNoLimitForTheConnection) {
  WireHub hub({.connect_timeout = seconds(1)});
  MqttClient client = hub.connect(dev1);
  MqttClient silent(hub.port());  // comes later, so when it is closed the client is past its own second
  EXPECT_EQ(silent.drain(), 0U);
  client.send(pingreq);
  EXPECT_EQ(client.expect().first_byte, 0xD0);
}

TEST(Life, PacketsBehindConnectWaitForIt) {
  WireHub hub;
  MqttClient client(hub.port());
  client.send(connect_packet(hub.credentials(dev1)) + subscribe_packet(1, {{twin_responses, 0}}) +
              publish_packet({.topic = get_topic("pipelined"), .payload = " "}));
  EXPECT_EQ(client.expect().first_byte, 0x20);
  bool subscribed = false;
  bool answered = false;
  for (int i = 0; i < 2; ++i) {
    const Packet packet = client.expect();
    subscribed = subscribed || packet.first_byte == 0x90;
    answered = answered || packet.first_byte == 0x30;
  }
  EXPECT_TRUE(subscribed);
  EXPECT_TRUE(answered);
}

TEST(Life, ASecondConnectEndsTheConnection) {
  WireHub hub;
  MqttClient client = hub.connect(dev1);
  client.send(connect_packet(hub.credentials(dev1)));
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_TRUE(hub.still_serves());
}

TEST(Life, AStoppingHubAnswersWhatItAccepted) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, {{twin_responses, 0}});
  hub.store().hold();
  client.send(publish_packet({.topic = events_topic, .payload = "last", .qos = 1, .packet_id = 1}));
  client.send(publish_packet({.topic = reported_topic("2"), .payload = R"({"last":true})"}));
  EXPECT_TRUE(eventually([&] { return hub.store().waiting() == 2; }));
  // Released from another thread while stop() waits for the answers to leave.
  std::thread release([&hub, port = hub.port()] {
    EXPECT_TRUE(eventually([port] {
      try {
        const MqttClient probe(port);
        return false;
      } catch (const std::exception&) {
        return true;  // the listener is closed: the hub is stopping
      }
    }));
    hub.store().release();
  });
  hub.stop();
  release.join();
  EXPECT_EQ(client.expect(), (Packet{0x40, integer16(1)}));
  EXPECT_EQ(client.expect_message().topic, "$iothub/twin/res/204/?$rid=2&$version=2");
  EXPECT_EQ(client.drain(), 0U);
}

TEST(Life, AStoppingHubDoesNotWaitForeverForADisk) {
  WireHub hub;
  MqttClient client = hub.connect(dev1);
  hub.store().hold();
  client.send(publish_packet({.topic = events_topic, .payload = "last", .qos = 1, .packet_id = 1}));
  EXPECT_TRUE(eventually([&] { return hub.store().waiting() == 1; }));
  hub.stop(std::chrono::milliseconds(50));
  EXPECT_EQ(client.drain(), 0U);
  hub.start();
  EXPECT_TRUE(hub.still_serves());
}

}  // namespace
}  // namespace twinhub::test

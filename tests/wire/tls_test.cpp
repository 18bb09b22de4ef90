// The same door over TLS.
#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>
#include <stdexcept>

namespace twinhub::test {
namespace {

class TlsVersions : public ::testing::TestWithParam<int> {};

TEST_P(TlsVersions, ADeviceIsServed) {
  WireHub hub;
  MqttClient client(hub.tls_port(), {.ca = hub.ca(), .version_max = GetParam()});
  ConnectFields fields = hub.credentials(dev1);
  fields.clean_session = true;
  EXPECT_EQ(connect_code(client, fields), 0);
  client.send(subscribe_packet(1, {{twin_responses, 0}, {desired_changes, 0}}));
  EXPECT_EQ(client.expect().first_byte, 0x90);
  EXPECT_EQ(get_twin(client).topic, "$iothub/twin/res/200/?$rid=1");
  hub.patch(dev1, R"({"properties":{"desired":{"a":1}}})");
  EXPECT_EQ(client.expect_message().payload, R"({"a":1,"$version":2})");
  client.send(disconnect);
  EXPECT_EQ(client.drain(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Tls, TlsVersions, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) { return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST(Tls, OlderVersionsAreRefused) {
  WireHub hub;
  EXPECT_THROW(MqttClient(hub.tls_port(), {.ca = hub.ca(), .version_max = TLS1_1_VERSION}), std::runtime_error);
  EXPECT_TRUE(hub.still_serves());
}

TEST(Tls, AClientCertificateThatNobodyVouchesForIsNoObstacle) {
  WireHub hub;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    MqttClient client(hub.tls_port(), {.ca = hub.ca(), .version_max = version, .with_certificate = true});
    EXPECT_EQ(connect_code(client, hub.credentials(dev1)), 0);  // the token decides
  }
}

TEST(Tls, ARefusalArrivesBeforeTheClose) {
  WireHub hub;
  MqttClient client(hub.tls_port(), {.ca = hub.ca()});
  ConnectFields fields = hub.credentials(dev1);
  fields.password = hub.token(dev2);
  EXPECT_EQ(connect_code(client, fields), 5);
}

TEST(Tls, LargeMessagesGoBothWays) {
  WireHub hub;
  MqttClient client(hub.tls_port(), {.ca = hub.ca()});
  EXPECT_EQ(connect_code(client, hub.credentials(dev1)), 0);
  client.send(publish_packet(
      {.topic = "devices/dev1/messages/events/", .payload = std::string(262'144, 'x'), .qos = 1, .packet_id = 1}));
  EXPECT_EQ(client.expect(), (Packet{0x40, integer16(1)}));
  client.send(subscribe_packet(1, {{twin_responses, 0}}));
  EXPECT_EQ(client.expect().first_byte, 0x90);
  for (const char key : {'a', 'b', 'c', 'd', 'e', 'f', 'g'}) {
    EXPECT_TRUE(report(client, R"({")" + std::string(1, key) + R"(":")" + std::string(4000, key) + R"("})")
                    .topic.starts_with("$iothub/twin/res/204/"));
  }
  std::string requests;
  for (int i = 0; i < 300; ++i) requests += publish_packet({.topic = get_topic(std::to_string(i)), .payload = " "});
  client.send(requests);  // 8 MB of answers: the socket fills, and is written to again
  for (int i = 0; i < 300; ++i) {
    const Message answer = client.expect_message();
    ASSERT_EQ(answer.topic, "$iothub/twin/res/200/?$rid=" + std::to_string(i));
    ASSERT_GT(answer.payload.size(), 28'000U);
  }
}

TEST(Tls, BytesThatAreNoHandshakeAreClosed) {
  WireHub hub;
  MqttClient client(hub.tls_port());
  client.send(connect_packet(hub.credentials(dev1)));
  // An alert may come first; it is not a packet to wait for.
  client.drain();
  EXPECT_TRUE(eventually([&] { return hub.figures().connections == 0; }));
  EXPECT_TRUE(hub.still_serves());
}

}  // namespace
}  // namespace twinhub::test

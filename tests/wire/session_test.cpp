// What a client leaves behind and finds again: clean session, subscriptions, take-over.
#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>

namespace twinhub::test {
namespace {

const Packet accepted_new{0x20, std::string("\0\0", 2)};
const Packet accepted_present{0x20, std::string("\x01\0", 2)};

/// Sends CONNECT and returns what comes back.
Packet connack(MqttClient& client, const ConnectFields& fields) {
  client.send(connect_packet(fields));
  return client.expect();
}

/// SUBACK's codes.
std::string subscribe(MqttClient& client, const Filters& filters, std::uint16_t packet_id = 1) {
  client.send(subscribe_packet(packet_id, filters));
  const Packet suback = client.expect();
  EXPECT_EQ(suback.first_byte, 0x90);
  EXPECT_EQ(suback.body.substr(0, 2), integer16(packet_id));
  return suback.body.substr(2);
}

/// With clean session 0, both twin filters subscribed, and gone again.
void subscribe_and_leave(WireHub& hub) {
  MqttClient client(hub.port());
  EXPECT_EQ(connack(client, hub.credentials(dev1)), accepted_new);
  EXPECT_EQ(subscribe(client, {{twin_responses, 1}, {desired_changes, 0}}), std::string("\x01\x00", 2));
  client.send(disconnect);
  EXPECT_EQ(client.drain(), 0U);
}

void expect_both_filters_work(WireHub& hub, MqttClient& client, std::uint64_t next_version) {
  EXPECT_EQ(get_twin(client, "back").topic, "$iothub/twin/res/200/?$rid=back");
  hub.patch(dev1, R"({"properties":{"desired":{"news":true}}})");
  EXPECT_EQ(client.expect_message().topic,
            "$iothub/twin/PATCH/properties/desired/?$version=" + std::to_string(next_version));
}

TEST(Session, SubscriptionsAreKeptOverAReconnect) {
  WireHub hub;
  subscribe_and_leave(hub);
  MqttClient client(hub.port());
  EXPECT_EQ(connack(client, hub.credentials(dev1)), accepted_present);
  expect_both_filters_work(hub, client, 2);
}

TEST(Session, SubscriptionsAreKeptOverARestartOfTheHub) {
  WireHub hub;
  subscribe_and_leave(hub);
  hub.restart();
  MqttClient client(hub.port());
  EXPECT_EQ(connack(client, hub.credentials(dev1)), accepted_present);
  expect_both_filters_work(hub, client, 2);
}

/// Everything that a device can subscribe to, kept over a restart: SDKs say each only once.
TEST(Session, AllFourFeaturesServeAKeptSessionAndNoneACleanOne) {
  WireHub hub;
  {
    MqttClient client = hub.connect(dev1);
    EXPECT_EQ(subscribe(client, {{"devices/dev1/messages/devicebound/#", 1},
                                 {twin_responses, 0},
                                 {desired_changes, 0},
                                 {"$iothub/methods/POST/#", 0}}),
              std::string("\x01\0\0\0", 4));
  }
  hub.restart();
  {
    MqttClient client(hub.port());
    EXPECT_EQ(connack(client, hub.credentials(dev1)), accepted_present);
    expect_both_filters_work(hub, client, 2);
    hub.send(dev1, "from the cloud");
    EXPECT_TRUE(client.expect().body.ends_with("from the cloud"));
    auto call = hub.invoke(dev1, {.name = "reboot"});
    const Message request = client.expect_message();
    ASSERT_TRUE(request.topic.starts_with("$iothub/methods/POST/reboot/?$rid="));
    const std::string rid = request.topic.substr(request.topic.find("$rid=") + 5);
    client.send(publish_packet({.topic = "$iothub/methods/res/200/?$rid=" + rid, .payload = "1"}));
    const auto answer = call.get();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->payload, "1");
  }
  ConnectFields clean = hub.credentials(dev1);
  clean.clean_session = true;
  MqttClient client(hub.port());
  EXPECT_EQ(connack(client, clean), accepted_new);
  hub.patch(dev1, R"({"properties":{"desired":{"unheard":true}}})");
  EXPECT_FALSE(hub.invoke(dev1, {.name = "reboot"}).get());  // not online
  client.send(publish_packet({.topic = get_topic("1"), .payload = " "}));
  client.send(pingreq);
  EXPECT_EQ(client.expect().first_byte, 0xD0);  // neither message nor delta nor answer came before it
}

TEST(Session, ATokenIsRenewedByConnectingAgainWithoutSubscribing) {
  WireHub hub;
  subscribe_and_leave(hub);
  for (std::uint64_t version = 2; version < 6; ++version) {
    MqttClient client(hub.port());
    EXPECT_EQ(connack(client, hub.credentials(dev1)), accepted_present);
    expect_both_filters_work(hub, client, version);
    client.send(disconnect);
    EXPECT_EQ(client.drain(), 0U);
  }
}

TEST(Session, CleanSessionOneForgetsWhatWasKept) {
  WireHub hub;
  subscribe_and_leave(hub);
  ConnectFields clean = hub.credentials(dev1);
  clean.clean_session = true;
  {
    MqttClient client(hub.port());
    EXPECT_EQ(connack(client, clean), accepted_new);
    hub.patch(dev1, R"({"properties":{"desired":{"news":true}}})");
    client.send(publish_packet({.topic = get_topic("1"), .payload = " "}));
    client.send(pingreq);
    EXPECT_EQ(client.expect().first_byte, 0xD0);  // neither delta nor answer came before it
  }
  MqttClient client(hub.port());
  EXPECT_EQ(connack(client, hub.credentials(dev1)), accepted_new);
}

TEST(Session, OneWithoutSubscriptionsIsKeptWhenItsConnectionEnds) {
  WireHub hub;
  {
    MqttClient client(hub.port());
    EXPECT_EQ(connack(client, hub.credentials(dev1)), accepted_new);
    client.send(disconnect);
    EXPECT_EQ(client.drain(), 0U);
  }
  {
    MqttClient client(hub.port());
    EXPECT_EQ(connack(client, hub.credentials(dev1)), accepted_present);
  }
  hub.restart();
  MqttClient client(hub.port());
  EXPECT_EQ(connack(client, hub.credentials(dev1)), accepted_present);
}

TEST(Session, OneWithoutSubscriptionsIsNotWrittenOverAnother) {
  WireHub hub;
  MqttClient client(hub.port());
  EXPECT_EQ(connack(client, hub.credentials(dev1)), accepted_new);
  // As an older connection does whose SUBSCRIBE was on its way when this one took over.
  const storage::Session session{.subscriptions = {{std::string(desired_changes), 0}}};
  ASSERT_TRUE(hub.store().put_session(dev1, &session, {}));
  client.send(disconnect);
  EXPECT_EQ(client.drain(), 0U);
  MqttClient again(hub.port());
  EXPECT_EQ(connack(again, hub.credentials(dev1)), accepted_present);
  hub.patch(dev1, R"({"properties":{"desired":{"news":true}}})");
  EXPECT_EQ(again.expect_message().topic, "$iothub/twin/PATCH/properties/desired/?$version=2");
}

TEST(Session, OneWithoutSubscriptionsIsTakenOver) {
  WireHub hub;
  MqttClient older(hub.port());
  EXPECT_EQ(connack(older, hub.credentials(dev1)), accepted_new);
  MqttClient newer(hub.port());
  EXPECT_EQ(connack(newer, hub.credentials(dev1)), accepted_present);
  EXPECT_EQ(older.drain(), 0U);
  ConnectFields clean = hub.credentials(dev1);
  clean.clean_session = true;
  {
    MqttClient newest(hub.port());
    EXPECT_EQ(connack(newest, clean), accepted_new);
    EXPECT_EQ(newer.drain(), 0U);
  }
  MqttClient again(hub.port());
  EXPECT_EQ(connack(again, hub.credentials(dev1)), accepted_new);  // what had nothing in it was discarded
}

TEST(Session, TheSessionOfADeletedDeviceIsNotKeptWhenItsConnectionEnds) {
  WireHub hub;
  MqttClient client(hub.port());
  EXPECT_EQ(connack(client, hub.credentials(dev1)), accepted_new);
  hub.remove(dev1);
  EXPECT_EQ(client.drain(), 0U);
  hub.put(dev1);
  MqttClient again(hub.port());
  EXPECT_EQ(connack(again, hub.credentials(dev1)), accepted_new);
}

TEST(Session, ASubscribeThatChangesNothingWaitsForTheOneThatDid) {
  WireHub hub;
  MqttClient client(hub.port());
  EXPECT_EQ(connack(client, hub.credentials(dev1)), accepted_new);
  hub.store().hold();
  client.send(subscribe_packet(1, {{twin_responses, 1}}));
  ASSERT_TRUE(eventually([&] { return hub.store().waiting() == 1; }));  // durable, the news of it held back
  client.send(subscribe_packet(2, {{twin_responses, 1}}));
  client.send(pingreq);
  EXPECT_EQ(client.expect().first_byte, 0xD0);  // neither SUBACK is due
  hub.store().release();
  EXPECT_EQ(client.expect().body, integer16(1) + '\x01');
  EXPECT_EQ(client.expect().body, integer16(2) + '\x01');
}

TEST(Session, ASubscribeThatChangesNothingWritesNothing) {
  WireHub hub;
  MqttClient client(hub.port());
  EXPECT_EQ(connack(client, hub.credentials(dev1)), accepted_new);
  EXPECT_EQ(subscribe(client, {{twin_responses, 1}}), "\x01");
  hub.store().refuse_writes();
  EXPECT_EQ(subscribe(client, {{twin_responses, 1}}, 2), "\x01");
  hub.store().accept_writes();
}

TEST(Session, WithCleanSessionOneNothingIsKept) {
  WireHub hub;
  ConnectFields clean = hub.credentials(dev1);
  clean.clean_session = true;
  {
    MqttClient client = hub.connect(clean);
    EXPECT_EQ(subscribe(client, {{twin_responses, 0}}), std::string(1, '\0'));
  }
  MqttClient client(hub.port());
  EXPECT_EQ(connack(client, hub.credentials(dev1)), accepted_new);
}

TEST(Session, AnUnsubscribedFilterStaysAway) {
  WireHub hub;
  subscribe_and_leave(hub);
  {
    MqttClient client(hub.port());
    EXPECT_EQ(connack(client, hub.credentials(dev1)), accepted_present);
    client.send(unsubscribe_packet(5, {desired_changes, "never/subscribed"}));
    EXPECT_EQ(client.expect(), (Packet{0xB0, integer16(5)}));
    client.send(unsubscribe_packet(6, {"never/subscribed"}));
    EXPECT_EQ(client.expect(), (Packet{0xB0, integer16(6)}));
  }
  hub.restart();
  MqttClient client(hub.port());
  EXPECT_EQ(connack(client, hub.credentials(dev1)), accepted_present);
  hub.patch(dev1, R"({"properties":{"desired":{"news":true}}})");
  EXPECT_EQ(get_twin(client, "only-this").topic, "$iothub/twin/res/200/?$rid=only-this");
}

TEST(Session, SubackWaitsForTheDiskAndTheFilterDoesNot) {
  WireHub hub;
  MqttClient client = hub.connect(dev1);
  hub.store().hold();
  client.send(subscribe_packet(3, {{twin_responses, 0}}));
  client.send(publish_packet({.topic = get_topic("early"), .payload = " "}));
  EXPECT_EQ(client.expect_message().topic, "$iothub/twin/res/200/?$rid=early");
  hub.store().release();
  EXPECT_EQ(client.expect(), (Packet{0x90, integer16(3) + std::string(1, '\0')}));
}

TEST(Session, AStoreThatRefusesTheSessionEndsTheConnection) {
  WireHub hub;
  MqttClient client = hub.connect(dev1);
  hub.store().refuse_writes();
  client.send(subscribe_packet(3, {{twin_responses, 0}}));
  EXPECT_EQ(client.drain(), 0U);
}

TEST(Session, FiltersOutsideTheContractAreRefusedAndTheConnectionLives) {
  WireHub hub;
  MqttClient client = hub.connect(dev1);
  EXPECT_EQ(subscribe(client, {{"#", 0},
                               {"+/#", 1},
                               {"devices/other/messages/devicebound/#", 1},
                               {"$SYS/#", 0},
                               {"devices/dev1/#", 0},
                               {"$iothub/twin/res/200/#", 0}}),
            std::string(6, '\x80'));
  EXPECT_EQ(subscribe(client, {{"devices/+/messages/devicebound/#", 1}}), std::string(1, '\x01'));
}

TEST(Session, QosTwoIsGrantedAsOne) {
  WireHub hub;
  MqttClient client = hub.connect(dev1);
  EXPECT_EQ(subscribe(client, {{twin_responses, 2}}), std::string(1, '\x01'));
  EXPECT_EQ(get_twin(client).first_byte, 0x30);  // and answered at 0 whatever was granted
}

TEST(Session, FiveFiltersAtMostAndTheSameOneTwiceCountsOnce) {
  WireHub hub;
  MqttClient client = hub.connect(dev1);
  const Filters five{{"devices/dev1/messages/devicebound/#", 1},
                     {twin_responses, 0},
                     {desired_changes, 0},
                     {"$iothub/methods/POST/#", 0},
                     {"$iothub/methods/POST/reboot/#", 1}};
  EXPECT_EQ(subscribe(client, five), std::string("\x01\0\0\0\x01", 5));
  EXPECT_EQ(subscribe(client, {{"$iothub/methods/POST/stop/#", 0}}), std::string(1, '\x80'));
  EXPECT_EQ(subscribe(client, {{twin_responses, 1}}), std::string(1, '\x01'));
  client.send(unsubscribe_packet(4, {"$iothub/methods/POST/reboot/#"}));
  EXPECT_EQ(client.expect().first_byte, 0xB0);
  EXPECT_EQ(subscribe(client, {{"$iothub/methods/POST/stop/#", 0}}), std::string(1, '\0'));
}

TEST(Session, ANewerConnectionTakesOver) {
  WireHub hub;
  MqttClient older = hub.subscriber(dev1, {{twin_responses, 0}});
  MqttClient newer = hub.subscriber(dev1, {{twin_responses, 0}});
  EXPECT_EQ(older.drain(), 0U);
  EXPECT_EQ(get_twin(newer).topic, "$iothub/twin/res/200/?$rid=1");
  EXPECT_TRUE(hub.is_connected(dev1));
  EXPECT_EQ(hub.figures().take_overs, 1U);
}

TEST(Session, ManyTakeOversInARowLeaveOneConnection) {
  WireHub hub;
  std::vector<MqttClient> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(hub.subscriber(dev1, {{twin_responses, 0}}));
  for (int i = 0; i < 19; ++i) EXPECT_EQ(clients[static_cast<std::size_t>(i)].drain(), 0U);
  EXPECT_EQ(get_twin(clients.back()).topic, "$iothub/twin/res/200/?$rid=1");
  EXPECT_TRUE(eventually([&] { return hub.figures().connections == 1; }));
  EXPECT_TRUE(hub.is_connected(dev1));
  clients.back().send(disconnect);
  EXPECT_EQ(clients.back().drain(), 0U);
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
}

TEST(Session, ARefusedConnectDoesNotTakeOver) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, {{twin_responses, 0}});
  ConnectFields thief = hub.credentials(dev1);
  thief.password = hub.token(dev2);
  MqttClient other(hub.port());
  EXPECT_EQ(connect_code(other, thief), 5);
  EXPECT_EQ(get_twin(client).topic, "$iothub/twin/res/200/?$rid=1");
}

TEST(Session, DeletingTheDeviceDeletesItsSession) {
  WireHub hub;
  subscribe_and_leave(hub);
  hub.remove(dev1);
  hub.put(dev1);
  MqttClient client(hub.port());
  EXPECT_EQ(connack(client, hub.credentials(dev1)), accepted_new);
}

}  // namespace
}  // namespace twinhub::test

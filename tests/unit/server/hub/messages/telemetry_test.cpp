#include "server/hub/messages/telemetry.hpp"

#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>

namespace twinhub::hub {

struct TelemetryTest : testing::Test {
  Result<void> send(const TelemetryMessage& message) {
    return answer_of<void>([&](auto done) { world.hub.telemetry.ingest(login, message, std::move(done)); });
  }
  /// The one event that `bag` made.
  storage::Event event_of(std::string_view bag, std::string_view body = "b") {
    EXPECT_TRUE(send({.property_bag = bag, .body = body}));
    const auto events = world.events(login.id);
    EXPECT_FALSE(events.empty());
    return events.empty() ? storage::Event{} : events.back();
  }

  World world;
  DeviceLogin login{d1, "637131779299315265", KeyUsed::primary, "", 0};
};

TEST_F(TelemetryTest, KeepsBodyAndApplicationPropertiesAsSent) {
  const auto event = event_of("a=1&b=&c&d=x%20y%2Bz%26%3D&e=1+2&f=p=q&a=2", R"({"t":21.5})");
  EXPECT_EQ(event.source, storage::EventSource::telemetry);
  EXPECT_EQ(event.id, d1);
  EXPECT_EQ(event.body, R"({"t":21.5})");
  EXPECT_EQ(event.enqueued, world.clock.now());
  ASSERT_EQ(event.application.size(), 7U);
  EXPECT_EQ(value_of(event.application, "a"), "1");
  EXPECT_EQ(value_of(event.application, "b"), "");
  EXPECT_EQ(value_of(event.application, "c"), "");
  EXPECT_EQ(value_of(event.application, "d"), "x y+z&=");
  EXPECT_EQ(value_of(event.application, "e"), "1+2");
  EXPECT_EQ(value_of(event.application, "f"), "p=q");
  EXPECT_EQ(event.application.back().value, "2");
}

TEST_F(TelemetryTest, SystemPropertiesGetTheirBackEndNamesHoweverTheyAreWritten) {
  const std::pair<std::string_view, std::string_view> names[] = {{"mid", "message-id"},
                                                                 {"cid", "correlation-id"},
                                                                 {"uid", "user-id"},
                                                                 {"ct", "content-type"},
                                                                 {"ce", "content-encoding"},
                                                                 {"ctime", "iothub-creation-time-utc"},
                                                                 {"on", "iothub-outputname"},
                                                                 {"sub", "dt-subject"},
                                                                 {"ifid", "iothub-interface-id"},
                                                                 {"schema", "iothub-message-schema"},
                                                                 {"diagid", "Diagnostic-Id"},
                                                                 {"diagctx", "Correlation-Context"}};
  for (const std::string_view dollar : {"$.", "%24."}) {
    std::string bag = "user=1";
    for (const auto& [name, back_end] : names) bag.append("&").append(dollar).append(name).append("=v-").append(name);
    const auto event = event_of(bag);
    for (const auto& [name, back_end] : names) EXPECT_EQ(value_of(event.system, back_end), "v-" + std::string(name));
    ASSERT_EQ(event.application.size(), 1U);
  }
  const auto event = event_of("%24.ct=application%2Fjson%3Bcharset%3Dutf-8&iothub-ack=full&iothub-operation=d2c");
  EXPECT_EQ(value_of(event.system, "content-type"), "application/json;charset=utf-8");
  EXPECT_EQ(value_of(event.system, "iothub-ack"), "full");
  EXPECT_EQ(value_of(event.system, "iothub-operation"), "d2c");
}

TEST_F(TelemetryTest, WhatTheHubStampsCannotBeForged) {
  const auto event =
      event_of("$.cdid=other&$.cmid=m9&$.to=%2Fx&$.exp=2030&iothub-connection-device-id=other&$.unknown=1");
  EXPECT_EQ(value_of(event.system, "iothub-connection-device-id"), "d1");
  EXPECT_EQ(value_of(event.system, "iothub-connection-module-id"), "(absent)");
  EXPECT_EQ(value_of(event.system, "to"), "(absent)");
  EXPECT_EQ(value_of(event.system, "iothub-connection-auth-method"),
            R"({"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null})");
  EXPECT_EQ(value_of(event.system, "iothub-connection-auth-generation-id"), "637131779299315265");
  EXPECT_EQ(value_of(event.system, "iothub-message-source"), "Telemetry");
  EXPECT_EQ(event.system.size(), 4U);
  EXPECT_EQ(value_of(event.application, "iothub-connection-device-id"),
            "other");  // an application property like any other
  EXPECT_EQ(value_of(event.application, "$.unknown"), "1");
  EXPECT_EQ(event.application.size(), 2U);
}

TEST_F(TelemetryTest, HowItCameIsWrittenOnTheMessage) {
  ASSERT_TRUE(send({.property_bag = "iothub-MessageType=mine",
                    .body = "",
                    .retain = true,
                    .dup = true,
                    .is_will = true,
                    .model_id = "dtmi:com:example:Thermostat;1"}));
  const auto event = world.events(d1).back();
  EXPECT_EQ(event.body, "");
  EXPECT_EQ(value_of(event.application, "mqtt-retain"), "true");
  EXPECT_EQ(value_of(event.application, "mqtt-dup"), "true");
  EXPECT_EQ(value_of(event.application, "iothub-MessageType"), "Will");
  EXPECT_EQ(value_of(event.system, "dt-dataschema"), "dtmi:com:example:Thermostat;1");

  const auto plain = event_of("");
  EXPECT_TRUE(plain.application.empty());
  EXPECT_EQ(value_of(plain.system, "dt-dataschema"), "(absent)");
}

TEST_F(TelemetryTest, AModuleIsNamedWithItsDevice) {
  login.id = m1;
  const auto event = event_of("");
  EXPECT_EQ(value_of(event.system, "iothub-connection-device-id"), "d1");
  EXPECT_EQ(value_of(event.system, "iothub-connection-module-id"), "m1");
  EXPECT_EQ(value_of(event.system, "iothub-connection-auth-method"),
            R"({"scope":"module","type":"sas","issuer":"iothub","acceptingIpFilterRule":null})");
}

TEST_F(TelemetryTest, ExactlyTheLimitIsTakenAndOneByteMoreIsNot) {
  const std::string full(telemetry_bytes_max, 'x');
  EXPECT_TRUE(send({.property_bag = "", .body = full}));
  const std::string_view all = full;
  // Counted: "v" of the system property, "name" and "vv" of the application property. Not: "$.ct", '=' and '&'.
  EXPECT_TRUE(send({.property_bag = "%24.ct=v&name=vv", .body = all.substr(7)}));
  EXPECT_EQ(send({.property_bag = "%24.ct=v&name=vv", .body = all.substr(6)}).error().code, Errc::message_too_large);
  EXPECT_EQ(send({.property_bag = "", .body = full + "x"}).error().code, Errc::message_too_large);
  EXPECT_EQ(world.events(d1).size(), 2U);
}

TEST_F(TelemetryTest, AMessageIdHasOneHundredAndTwentyEightCharacters) {
  const std::string id(128, 'i');
  EXPECT_EQ(value_of(event_of("%24.mid=" + id).system, "message-id"), id);
  EXPECT_EQ(send({.property_bag = "%24.mid=" + id + "i"}).error().code, Errc::argument_invalid);
  EXPECT_EQ(value_of(event_of("%24.cid=" + id + "i").system, "correlation-id"), id + "i");  // no rule is known
}

TEST_F(TelemetryTest, WhatBackEndsGetIsAlwaysText) {
  const auto event = event_of("a=%ff&%C3%28=%E2%82%AC%E2%82&b=50%&c=%zz&d=%00&e=%c3%a9");
  ASSERT_EQ(event.application.size(), 6U);
  EXPECT_EQ(value_of(event.application, "a"), "%FF");
  EXPECT_EQ(value_of(event.application, "%C3("), "\u20AC%E2%82");
  EXPECT_EQ(value_of(event.application, "b"), "50%");
  EXPECT_EQ(value_of(event.application, "c"), "%zz");
  EXPECT_EQ(value_of(event.application, "d"), std::string(1, '\0'));
  EXPECT_EQ(value_of(event.application, "e"), "\u00E9");
}

TEST_F(TelemetryTest, TakesAsManyPropertiesAsATopicHolds) {
  std::string bag;
  for (int i = 0; i < 5000; ++i) bag += "p" + std::to_string(i) + "=" + std::to_string(i) + "&";
  const auto event = event_of(bag);
  ASSERT_EQ(event.application.size(), 5000U);
  EXPECT_EQ(value_of(event.application, "p4999"), "4999");
}

TEST_F(TelemetryTest, KeepsTheOrderOfOneDevice) {
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(send({.property_bag = "", .body = std::to_string(i)}));
  const auto events = world.events(d1);
  ASSERT_EQ(events.size(), 100U);
  for (std::size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].body, std::to_string(i));
}

TEST_F(TelemetryTest, IsASignOfLife) {
  world.hub.presence.connected(d1);
  world.clock.advance_seconds(7);
  ASSERT_TRUE(send({.property_bag = "", .body = "x"}));
  EXPECT_EQ(world.hub.presence.activity_of(d1).last_activity, world.clock.now());
}

}  // namespace twinhub::hub

// A device reads its twin, reports, and hears of desired changes.
#include "protocol/json/document.hpp"
#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>

namespace twinhub::test {
namespace {

const Filters both_filters{{twin_responses, 1}, {desired_changes, 1}};
const std::string desired_topic = "$iothub/twin/PATCH/properties/desired/?$version=";

std::string response(unsigned status, std::string_view rid) {
  return "$iothub/twin/res/" + std::to_string(status) + "/?$rid=" + std::string(rid);
}

/// A member of a JSON object as canonical text; "" when absent.
std::string member(std::string_view text, std::string_view name) {
  const auto document = json::parse(text);
  if (!document) return "(no JSON)";
  const auto value = document->root().find(name);
  return value ? std::string(value->text()) : "";
}

/// An object with `depth` objects below its root.
std::string nested(std::size_t depth) {
  std::string text = "1";
  for (std::size_t i = 0; i <= depth; ++i) text = R"({"a":)" + text + "}";
  return text;
}

TEST(TwinWire, AFreshTwinHasBothSectionsAtVersionOne) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, both_filters);
  const Message answer = get_twin(client, "0f3a");
  EXPECT_EQ(answer.first_byte, 0x30);
  EXPECT_EQ(answer.topic, response(200, "0f3a"));
  EXPECT_EQ(answer.payload, R"({"desired":{"$version":1},"reported":{"$version":1}})");
}

TEST(TwinWire, TheRequestsPayloadIsIgnoredByGet) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, both_filters);
  for (const auto* payload : {"", " ", "{\xFF\x01 garbage"}) {
    client.send(publish_packet({.topic = get_topic("1"), .payload = payload}));
    EXPECT_EQ(client.expect_message().topic, response(200, "1"));
  }
}

TEST(TwinWire, TheRidComesBackByteForByte) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, both_filters);
  for (const auto* rid : {"c8a5f1c4-6b5e-4b62-9c0f-5a4f6e6a2a11", "1", "0123456789012345678901234567890123456789",
                          "a%20b%2Fc", "x=y", "\xC3\xA9t\xC3\xA9"}) {
    EXPECT_EQ(get_twin(client, rid).topic, response(200, rid));
  }
}

TEST(TwinWire, AReportedPatchIsAnsweredWithItsVersion) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, both_filters);
  const Message answer = report(client, R"({"fw":{"version":"1.1","sizes":[1,2]},"gone":1})", "5");
  EXPECT_EQ(answer.first_byte, 0x30);
  EXPECT_EQ(answer.topic, response(204, "5") + "&$version=2");
  EXPECT_EQ(answer.payload, "");
  EXPECT_EQ(report(client, R"({"gone":null,"fw":{"version":"1.2"}})", "6").topic, response(204, "6") + "&$version=3");
  EXPECT_EQ(member(get_twin(client).payload, "reported"), R"({"fw":{"version":"1.2","sizes":[1,2]},"$version":3})");
}

/// azure-sdk-for-c's PnP sample publishes its whole buffer.
TEST(TwinWire, NulBytesBehindAReportedPatchAreWhiteSpace) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, both_filters);
  const std::string padded = R"({"fw":"1.1"})" + std::string(200, '\0');
  EXPECT_EQ(report(client, padded, "1").topic, response(204, "1") + "&$version=2");
  EXPECT_EQ(member(get_twin(client).payload, "reported"), R"({"fw":"1.1","$version":2})");
  EXPECT_EQ(report(client, std::string("{\"a\":\0 1}", 9), "2").topic, response(400, "2"));
}

TEST(TwinWire, ContentThatBreaksTheRulesIsAnsweredWithAnError) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, both_filters);
  const struct {
    const char* what;
    std::string body;
    unsigned status;
    const char* code;
  } cases[] = {
      {"truncated", R"({"a":)", 400, "400006"},
      {"not UTF-8", "{\"a\":\"\xFF\"}", 400, "400006"},
      {"empty", "", 400, "400006"},
      {"null", "null", 400, "400004"},
      {"an array", "[]", 400, "400004"},
      {"a string", R"("x")", 400, "400004"},
      {"too deep", nested(11), 400, "400004"},
      {"key with a dot", R"({"a.b":1})", 400, "400004"},
      {"key with a dollar", R"({"$a":1})", 400, "400004"},
      {"key with a blank", R"({"a b":1})", 400, "400004"},
      {"an integer too large", R"({"a":4503599627370496})", 400, "400004"},
      {"null in an array", R"({"a":[null]})", 400, "400004"},
      {"a long string", R"({"a":")" + std::string(4097, 'x') + R"("})", 400, "400004"},
  };
  for (const auto& row : cases) {
    const Message answer = report(client, row.body, "7");
    EXPECT_EQ(answer.topic, response(row.status, "7")) << row.what;
    EXPECT_EQ(member(answer.payload, "errorCode"), row.code) << row.what;
    EXPECT_NE(member(answer.payload, "message"), "") << row.what;
    EXPECT_NE(member(answer.payload, "trackingId"), "") << row.what;
  }
  EXPECT_EQ(report(client, nested(10), "8").topic, response(204, "8") + "&$version=2");
  EXPECT_EQ(report(client, "{}", "9").topic, response(204, "9") + "&$version=3");
}

TEST(TwinWire, ASectionBeyondItsLimitIsForbidden) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, both_filters);
  for (const auto* key : {"a", "b", "c", "d", "e", "f", "g"}) {
    const std::string body = "{\"" + std::string(key) + "\":\"" + std::string(4096, 'x') + "\"}";
    EXPECT_TRUE(report(client, body).topic.starts_with(response(204, "1"))) << key;
  }
  const Message answer = report(client, R"({"h":")" + std::string(4096, 'x') + R"("})", "8");
  EXPECT_EQ(answer.topic, response(403, "8"));
  EXPECT_EQ(member(answer.payload, "errorCode"), "403100");
  EXPECT_EQ(report(client, R"({"a":null})", "9").topic, response(204, "9") + "&$version=9");
}

TEST(TwinWire, AVersionInTheRequestIsAPrecondition) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, both_filters);
  EXPECT_EQ(report(client, R"({"a":1})", "1&$version=1").topic, response(204, "1") + "&$version=2");
  const Message stale = report(client, R"({"a":2})", "2&$version=1");
  EXPECT_EQ(stale.topic, response(412, "2"));
  EXPECT_EQ(member(stale.payload, "errorCode"), "412001");
  for (const auto* version : {"abc", "", "-1", "1x", "99999999999999999999999"}) {
    const Message wrong = report(client, R"({"a":2})", "3&$version=" + std::string(version));
    EXPECT_EQ(wrong.topic, response(400, "3")) << version;
    EXPECT_EQ(member(wrong.payload, "errorCode"), "400004") << version;
  }
  EXPECT_EQ(member(hub.device_view(dev1), "reported"), R"({"a":1,"$version":2})");
}

TEST(TwinWire, APatchWithoutRidIsAppliedAndNotAnswered) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, both_filters);
  client.send(publish_packet({.topic = "$iothub/twin/PATCH/properties/reported/", .payload = R"({"a":1})"}));
  EXPECT_EQ(report(client, R"({"b":1})", "2").topic, response(204, "2") + "&$version=3");
  EXPECT_EQ(member(hub.device_view(dev1), "reported"), R"({"a":1,"b":1,"$version":3})");
}

TEST(TwinWire, AtQosOneThereIsAPubackBesidesTheAnswer) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, both_filters);
  client.send(publish_packet({.topic = get_topic("1"), .payload = "", .qos = 1, .packet_id = 77}));
  bool acknowledged = false;
  bool answered = false;
  for (int i = 0; i < 2; ++i) {
    const Packet packet = client.expect();
    acknowledged = acknowledged || packet == Packet{0x40, integer16(77)};
    answered = answered || packet.first_byte == 0x30;
  }
  EXPECT_TRUE(acknowledged);
  EXPECT_TRUE(answered);
}

TEST(TwinWire, WithoutTheResponseFilterThereIsNoAnswerAndNoHarm) {
  WireHub hub;
  ConnectFields fields = hub.credentials(dev1);
  fields.clean_session = true;
  MqttClient client = hub.connect(fields);
  client.send(publish_packet({.topic = get_topic("1"), .payload = " "}));
  client.send(publish_packet({.topic = reported_topic("2"), .payload = R"({"a":1})", .qos = 1, .packet_id = 5}));
  EXPECT_EQ(client.expect(), (Packet{0x40, integer16(5)}));
  client.send(pingreq);
  EXPECT_EQ(client.expect().first_byte, 0xD0);
  EXPECT_TRUE(eventually([&] { return member(hub.device_view(dev1), "reported") == R"({"a":1,"$version":2})"; }));
}

TEST(TwinWire, ARidThatCannotBeEchoedEndsTheConnection) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, both_filters);
  client.send(publish_packet({.topic = get_topic(std::string(65'510, 'r')), .payload = " "}));
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_TRUE(hub.still_serves());
}

TEST(TwinWire, DeltasComeInOrderWithoutGaps) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, both_filters);
  for (int i = 0; i < 10; ++i) {
    hub.patch(dev1, R"({"properties":{"desired":{"n":)" + std::to_string(i) + "}}}");
  }
  for (int i = 0; i < 10; ++i) {
    const Message delta = client.expect_message();
    const std::string version = std::to_string(i + 2);
    EXPECT_EQ(delta.first_byte, 0x30);
    EXPECT_EQ(delta.topic, desired_topic + version);
    EXPECT_EQ(delta.payload, R"({"n":)" + std::to_string(i) + R"(,"$version":)" + version + "}");
  }
}

TEST(TwinWire, ADeltaIsWhatTheBackEndSent) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, both_filters);
  const auto desired = [&](std::string_view text) {
    hub.patch(dev1, R"({"properties":{"desired":)" + std::string(text) + "}}");
    return client.expect_message().payload;
  };
  EXPECT_EQ(desired(R"({"a":{"b":1,"c":2},"d":3})"), R"({"a":{"b":1,"c":2},"d":3,"$version":2})");
  EXPECT_EQ(desired(R"({"a":{"b":null}})"), R"({"a":{"b":null},"$version":3})");
  EXPECT_EQ(desired(R"({"d":3})"), R"({"d":3,"$version":4})");        // values are not compared
  hub.patch(dev1, R"({"properties":{"desired":{"missing":null}}})");  // touches nothing: nobody is told
  hub.patch(dev1, R"({"tags":{"room":"12"}})");                       // of this a device hears nothing
  hub.replace(dev1, R"({"properties":{"desired":{"e":4}}})");
  EXPECT_EQ(client.expect_message().payload, R"({"a":null,"d":null,"e":4,"$version":5})");
  hub.patch(dev1, R"({"properties":{"desired":null}})");
  EXPECT_EQ(client.expect_message().payload, R"({"e":null,"$version":6})");
}

TEST(TwinWire, OwnReportsAreNotDeltas) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, both_filters);
  EXPECT_TRUE(report(client, R"({"a":1})").topic.starts_with(response(204, "1")));
  hub.patch(dev1, R"({"properties":{"desired":{"a":1}}})");
  EXPECT_EQ(client.expect_message().topic, desired_topic + "2");
}

TEST(TwinWire, WhatHappenedWhileAwayIsInTheTwinAndNotInDeltas) {
  WireHub hub;
  {
    MqttClient client = hub.connect(dev1);
    client.send(subscribe_packet(1, both_filters));
    EXPECT_EQ(client.expect().first_byte, 0x90);
    client.send(disconnect);
    EXPECT_EQ(client.drain(), 0U);
  }
  hub.patch(dev1, R"({"properties":{"desired":{"missed":true}}})");
  MqttClient client = hub.connect(dev1);
  const Message twin = get_twin(client);
  EXPECT_EQ(twin.topic, response(200, "1"));
  EXPECT_EQ(member(twin.payload, "desired"), R"({"missed":true,"$version":2})");
  hub.patch(dev1, R"({"properties":{"desired":{"heard":true}}})");
  EXPECT_EQ(client.expect_message().topic, desired_topic + "3");
}

TEST(TwinWire, AnUpdateRightAfterSubackIsSeenByDeltaOrByGet) {
  WireHub hub;
  for (int round = 0; round < 20; ++round) {
    MqttClient client = hub.subscriber(dev1, both_filters);
    client.send(publish_packet({.topic = get_topic("1"), .payload = " "}));
    hub.patch(dev1, R"({"properties":{"desired":{"round":)" + std::to_string(round) + "}}}");
    const std::string wanted = R"("round":)" + std::to_string(round);
    // The delta and the answer come in any order; if the answer is older, the delta must come.
    bool seen = false;
    for (int i = 0; i < 2 && !seen; ++i) seen = client.expect_message().payload.find(wanted) != std::string::npos;
    EXPECT_TRUE(seen) << round;
  }
}

TEST(TwinWire, NothingIsToldBeforeItIsDurable) {
  WireHub hub;
  MqttClient client = hub.subscriber(dev1, both_filters);
  hub.store().hold();
  client.send(publish_packet({.topic = reported_topic("1"), .payload = R"({"a":1})"}));
  EXPECT_TRUE(eventually([&] { return hub.store().waiting() == 1; }));
  client.send(pingreq);
  EXPECT_EQ(client.expect().first_byte, 0xD0);  // no 204 came before it
  hub.store().release();
  EXPECT_EQ(client.expect_message().topic, response(204, "1") + "&$version=2");
}

}  // namespace
}  // namespace twinhub::test

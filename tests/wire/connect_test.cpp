// Who is let in, and what everybody else is told.
#include "protocol/iothub/sas_token.hpp"
#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>

namespace twinhub::test {
namespace {

constexpr int accepted = 0;
constexpr int unacceptable_protocol_version = 1;
constexpr int bad_user_name_or_password = 4;
constexpr int not_authorized = 5;
constexpr int closed_without_connack = -1;

int code_for(const WireHub& hub, const ConnectFields& fields) {
  MqttClient client(hub.port());
  return connect_code(client, fields);
}

int code_for_password(const WireHub& hub, const std::string& password, const IdentityId& id = dev1) {
  ConnectFields fields = hub.credentials(id);
  fields.password = password;
  return code_for(hub, fields);
}

int code_for_user_name(const WireHub& hub, const std::string& user_name) {
  ConnectFields fields = hub.credentials(dev1);
  fields.user_name = user_name;
  return code_for(hub, fields);
}

std::string percent(std::string_view base64) {
  std::string text;
  for (const char c : base64) {
    text += c == '+' ? "%2B" : c == '/' ? "%2F" : c == '=' ? "%3D" : std::string(1, c);
  }
  return text;
}

constexpr std::string_view far_future = "4000000000";

std::string signature(std::string_view resource, std::string_view key) {
  return percent(*iothub::sign(resource, far_future, key));
}

std::string token_for(std::string_view resource, std::string_view key, std::string_view policy = {}) {
  std::string token = "SharedAccessSignature sr=" + std::string(resource) + "&sig=" + signature(resource, key) +
                      "&se=" + std::string(far_future);
  if (!policy.empty()) token += "&skn=" + std::string(policy);
  return token;
}

TEST(Connect, ADeviceWithItsTokenIsLetIn) {
  WireHub hub;
  MqttClient client(hub.port());
  client.send(connect_packet(hub.credentials(dev1)));
  EXPECT_EQ(client.expect(), (Packet{0x20, std::string("\0\0", 2)}));
  client.send(pingreq);
  EXPECT_EQ(client.expect(), (Packet{0xD0, ""}));
  EXPECT_TRUE(hub.is_connected(dev1));
}

TEST(Connect, TheResourceMayBeSpelledAsAnySdkSpellsIt) {
  WireHub hub;
  const std::string key = hub.identity(dev1).primary_key;
  for (const auto* resource : {"hub.local%2Fdevices%2Fdev1", "hub.local%2fdevices%2fdev1", "hub.local/devices/dev1",
                               "HUB.LOCAL/devices/dev1"}) {
    EXPECT_EQ(code_for_password(hub, token_for(resource, key)), accepted) << resource;
  }
}

TEST(Connect, TheFieldsOfATokenMayComeInAnyOrder) {
  WireHub hub;
  const std::string key = hub.identity(dev1).primary_key;
  const std::string sr = "sr=hub.local%2Fdevices%2Fdev1";
  const std::string sig = "sig=" + signature("hub.local%2Fdevices%2Fdev1", key);
  const std::string se = "se=" + std::string(far_future);
  for (const auto& fields : {sr + "&" + sig + "&" + se + "&skn=", sig + "&" + se + "&" + sr, se + "&" + sr + "&" + sig,
                             sr + "&" + sig + "&skn=&" + se}) {
    EXPECT_EQ(code_for_password(hub, "SharedAccessSignature " + fields), accepted) << fields;
  }
}

TEST(Connect, BothKeysOfTheIdentityAndOfAPolicyOpenTheDoor) {
  WireHub hub;
  EXPECT_EQ(code_for_password(hub, token_for("hub.local/devices/dev1", hub.identity(dev1).secondary_key)), accepted);
  const std::string primary = base64_encode(std::string(32, 'd'));
  const std::string secondary = base64_encode(std::string(32, 'e'));
  for (const auto* resource : {"hub.local", "hub.local/devices", "hub.local/devices/dev1"}) {
    EXPECT_EQ(code_for_password(hub, token_for(resource, primary, "device")), accepted) << resource;
    EXPECT_EQ(code_for_password(hub, token_for(resource, secondary, "device")), accepted) << resource;
  }
}

TEST(Connect, APolicysDeviceLeavesWhenThePolicysKeyIsRenewed) {
  WireHub hub;
  ConnectFields fields = hub.credentials(dev1);
  fields.password = token_for("hub.local", base64_encode(std::string(32, 'd')), "device");
  MqttClient by_policy = hub.connect(fields);
  MqttClient by_own_key = hub.connect(dev2);
  const std::string renewed = base64_encode(std::string(32, 'r'));
  hub.set_policies({{"device", hub::Right::device_connect, renewed, renewed}});
  EXPECT_EQ(by_policy.drain(), 0U);
  by_own_key.send(pingreq);
  EXPECT_EQ(by_own_key.expect().first_byte, 0xD0);
  MqttClient refused(hub.port());
  EXPECT_EQ(connect_code(refused, fields), 5);
  fields.password = token_for("hub.local", renewed, "device");
  (void)hub.connect(fields);
}

TEST(Connect, ATokenThatDoesNotProveTheDeviceIsRefused) {
  WireHub hub;
  const std::string key = hub.identity(dev1).primary_key;
  const std::string policy_key = base64_encode(std::string(32, 'd'));
  const std::string service_key = base64_encode(std::string(32, 's'));
  const std::pair<const char*, std::string> cases[] = {
      {"no token at all", "let me in"},
      {"empty", ""},
      {"signed by another key", token_for("hub.local/devices/dev1", base64_encode(std::string(32, 'x')))},
      {"another device's token", hub.token(dev2)},
      {"own key, another device's resource", token_for("hub.local/devices/dev2", key)},
      {"a prefix of the id", token_for("hub.local/devices/dev", key)},
      {"own key, the whole hub", token_for("hub.local", key)},
      {"a policy's token for a prefix of the id", token_for("hub.local/devices/dev", policy_key, "device")},
      {"a policy without DeviceConnect", token_for("hub.local", service_key, "service")},
      {"an unknown policy", token_for("hub.local", policy_key, "nobody")},
      {"expired beyond the clock skew", hub.token(dev1, -360)},
      {"a signature that is no base64", "SharedAccessSignature sr=hub.local%2Fdevices%2Fdev1&sig=%%%&se=4000000000"},
      {"half a signature", token_for("hub.local/devices/dev1", key).substr(0, 80) + "&se=4000000000"},
      {"no time",
       token_for("hub.local/devices/dev1", key).substr(0, token_for("hub.local/devices/dev1", key).find("&se="))},
      {"no signature", "SharedAccessSignature sr=hub.local%2Fdevices%2Fdev1&se=4000000000"},
  };
  for (const auto& [what, password] : cases) EXPECT_EQ(code_for_password(hub, password), not_authorized) << what;
  EXPECT_FALSE(hub.is_connected(dev1));
  EXPECT_TRUE(hub.still_serves());
}

TEST(Connect, TokensOfOddButHonestMakeAreAccepted) {
  WireHub hub;
  const std::string key = hub.identity(dev1).primary_key;
  const auto token = [&](const std::string& expiry) {
    return "SharedAccessSignature sr=hub.local/devices/DEV1&sig=" +
           percent(*iothub::sign("hub.local/devices/DEV1", expiry, key)) + "&se=" + expiry;
  };
  // azure-iot-sdk-c can send the largest number that there is; Python's time.time() has a fraction.
  for (const auto* expiry : {"18446744073709551615", "4000000000.25", "99999999999999999999999"}) {
    EXPECT_EQ(code_for_password(hub, token(expiry)), accepted) << expiry;
  }
  EXPECT_EQ(code_for_password(hub, " " + token("4000000000")), not_authorized);
  std::string spaced = token("4000000000") + " \t";
  spaced.insert(spaced.find(' '), "  ");
  EXPECT_EQ(code_for_password(hub, spaced), accepted);
  EXPECT_EQ(code_for_password(hub, token("4000000000") + " &skn="), not_authorized);
}

TEST(Connect, ATokenThatEndedWithinTheClockSkewIsAccepted) {
  WireHub hub;
  EXPECT_EQ(code_for_password(hub, hub.token(dev1, -240)), accepted);
}

TEST(Connect, UnknownAndDisabledDevicesAreNotAuthorized) {
  WireHub hub;
  ConnectFields stranger = hub.credentials(dev1);
  stranger.client_id = "nobody";
  stranger.user_name = "hub.local/nobody/?api-version=2021-04-12";
  EXPECT_EQ(code_for(hub, stranger), not_authorized);

  const ConnectFields fields = hub.credentials(dev1);
  const auto keys = hub.identity(dev1);
  const std::string with_keys = R"(,"authentication":{"type":"sas","symmetricKey":{"primaryKey":")" + keys.primary_key +
                                R"(","secondaryKey":")" + keys.secondary_key + R"("}}})";
  hub.put(dev1, R"({"deviceId":"dev1","status":"disabled")" + with_keys);
  EXPECT_EQ(code_for(hub, fields), not_authorized);
  hub.put(dev1, R"({"deviceId":"dev1","status":"enabled")" + with_keys);
  EXPECT_EQ(code_for(hub, fields), accepted);
  hub.remove(dev1);
  EXPECT_EQ(code_for(hub, fields), not_authorized);
  EXPECT_TRUE(hub.still_serves());
}

TEST(Connect, TheClientIdentifierIsTheIdentity) {
  WireHub hub;
  hub.put({"dev1", "mod"});
  for (const auto* client_id : {"dev2", "Dev1", "dev1/mod", "dev1 ", "hub.local/dev1"}) {
    ConnectFields fields = hub.credentials(dev1);
    fields.client_id = client_id;
    EXPECT_EQ(code_for(hub, fields), not_authorized) << client_id;
  }
  ConnectFields module = hub.credentials({"dev1", "mod"});
  EXPECT_EQ(code_for(hub, module), accepted);
  module.client_id = "dev1";
  EXPECT_EQ(code_for(hub, module), not_authorized);
}

TEST(Connect, UserNamesOfAllTimesAreRead) {
  WireHub hub;
  for (const auto* user_name :
       {"hub.local/dev1/?api-version=2021-04-12", "hub.local/dev1/api-version=2016-11-14", "hub.local/dev1",
        "hub.local/dev1/?", "hub.local/dev1/?api-version=2020-09-30&model-id=dtmi%3Acom%3Aexample%3AThermostat%3B1",
        "hub.local/dev1/?api-version=2020-09-30&model-id=dtmi:com:example:Thermostat;1",
        "hub.local/dev1/?api-version=2021-04-12&api-version=nonsense",
        "hub.local/dev1/api-version=2017-06-30/DeviceClientType=Microsoft.Azure.Devices.Client/1.5.1-preview-003",
        "another.name/dev1/?api-version=2021-04-12&DeviceClientType=a%2Fb", "hub.local/dev1/",
        "hub.local/dev1/?DeviceClientType=x", "hub.local/dev1/DeviceClientType=x&api-version=2016-11-14",
        "hub.local/dev1/DeviceClientType=azure-iot-device%2F1.0.14"}) {
    EXPECT_EQ(code_for_user_name(hub, user_name), accepted) << user_name;
  }
}

TEST(Connect, AUserNameThatCannotBeReadIsABadUserName) {
  WireHub hub;
  for (const auto* user_name : {"", "dev1", "hub.local/", "hub.local/a b", "hub.local/dev1/mod\"ule"}) {
    EXPECT_EQ(code_for_user_name(hub, user_name), bad_user_name_or_password) << user_name;
  }
  ConnectFields without = hub.credentials(dev1);
  without.user_name.reset();
  without.password.reset();
  EXPECT_EQ(code_for(hub, without), bad_user_name_or_password);

  for (const bool clean_session : {false, true}) {
    ConnectFields nameless = hub.credentials(dev1);
    nameless.client_id.clear();
    nameless.clean_session = clean_session;
    EXPECT_EQ(code_for(hub, nameless), bad_user_name_or_password);
  }
}

TEST(Connect, APasswordIsNeeded) {
  WireHub hub;
  ConnectFields fields = hub.credentials(dev1);
  fields.password.reset();
  EXPECT_EQ(code_for(hub, fields), not_authorized);
}

TEST(Connect, AWillOfQosTwoIsRefused) {
  WireHub hub;
  ConnectFields fields = hub.credentials(dev1);
  fields.will = WillFields{.topic = "devices/dev1/messages/events/", .message = "bye", .qos = 2};
  EXPECT_EQ(code_for(hub, fields), not_authorized);
  EXPECT_TRUE(hub.telemetry(dev1).empty());
}

TEST(Connect, OtherProtocolVersionsAreToldSo) {
  WireHub hub;
  ConnectFields fields = hub.credentials(dev1);
  fields.level = 3;
  EXPECT_EQ(code_for(hub, fields), unacceptable_protocol_version);
  fields.protocol_name = "MQIsdp";
  EXPECT_EQ(code_for(hub, fields), closed_without_connack);

  MqttClient five(hub.port());
  fields = hub.credentials(dev1);
  fields.level = 5;
  five.send(connect_packet(fields));
  EXPECT_EQ(five.expect(), (Packet{0x20, std::string("\x00\x84\x00", 3)}));
  EXPECT_EQ(five.drain(), 0U);
  EXPECT_TRUE(hub.still_serves());
}

TEST(Connect, IdsMayHoldEveryCharacterThatTheRegistryTakes) {
  WireHub hub;
  for (const std::string& name : {std::string("a%41"), std::string("a#b"), std::string("a?b"), std::string("a$b+c"),
                                  std::string(128, 'x'), std::string("aA")}) {
    const IdentityId id{name, ""};
    hub.put(id);
    MqttClient client = hub.subscriber(id, {{twin_responses, 0}, {"devices/" + name + "/messages/devicebound/#", 1}});
    EXPECT_EQ(get_twin(client).topic, "$iothub/twin/res/200/?$rid=1") << name;
    client.send(publish_packet(
        {.topic = "devices/" + name + "/messages/events/", .payload = "from " + name, .qos = 1, .packet_id = 7}));
    EXPECT_EQ(client.expect(), (Packet{0x40, integer16(7)})) << name;
    ASSERT_EQ(hub.telemetry(id).size(), 1U) << name;
    EXPECT_EQ(hub.telemetry(id)[0].body, "from " + name);
  }
  ConnectFields decoded = hub.credentials({"a%41", ""});
  decoded.client_id = "aA";
  EXPECT_EQ(code_for(hub, decoded), not_authorized);
}

TEST(Connect, ADeviceAndItsModuleOfTheSameNameAreTwo) {
  WireHub hub;
  const IdentityId module{"dev1", "dev1"};
  hub.put(module);
  MqttClient device = hub.subscriber(dev1, {{twin_responses, 0}, {desired_changes, 0}});
  MqttClient modules = hub.subscriber(module, {{twin_responses, 0}, {desired_changes, 0}});
  hub.patch(module, R"({"properties":{"desired":{"for":"the module"}}})");
  hub.patch(dev1, R"({"properties":{"desired":{"for":"the device"}}})");
  EXPECT_EQ(modules.expect_message().payload, R"({"for":"the module","$version":2})");
  EXPECT_EQ(device.expect_message().payload, R"({"for":"the device","$version":2})");
  EXPECT_EQ(hub.figures().take_overs, 0U);
}

TEST(Connect, TheModelIdIsKeptInTheTwin) {
  WireHub hub;
  ConnectFields fields = hub.credentials(dev1);
  *fields.user_name += "&model-id=dtmi:com:example:Thermostat;1";
  MqttClient client = hub.connect(fields);
  EXPECT_EQ(hub.store().read(dev1)->entity.twin->model_id, "dtmi:com:example:Thermostat;1");
  client.send(publish_packet({.topic = "devices/dev1/messages/events/", .payload = "{}", .qos = 1, .packet_id = 1}));
  EXPECT_EQ(client.expect().first_byte, 0x40);
  const auto sent = hub.telemetry(dev1);
  ASSERT_EQ(sent.size(), 1U);
  bool stamped = false;
  for (const auto& property : sent[0].system) {
    stamped = stamped || (property.name == "dt-dataschema" && property.value == "dtmi:com:example:Thermostat;1");
  }
  EXPECT_TRUE(stamped);
}

TEST(Connect, WhatIsNoModelIdIsNeitherKeptNorStampedOnTelemetry) {
  WireHub hub;
  for (const std::string& odd : {"dtmi:" + std::string(30'000, 'x') + ";1", std::string("dtmi:%0A;1"),
                                 std::string("a%20b"), std::string("%C3%BC")}) {
    ConnectFields fields = hub.credentials(dev1);
    *fields.user_name += "&model-id=" + odd;
    MqttClient client = hub.connect(fields);
    client.send(publish_packet({.topic = "devices/dev1/messages/events/", .payload = "{}", .qos = 1, .packet_id = 1}));
    EXPECT_EQ(client.expect().first_byte, 0x40);
    const auto events = hub.telemetry(dev1);
    for (const auto& property : events.back().system) EXPECT_NE(property.name, "dt-dataschema");
  }
  EXPECT_EQ(hub.store().read(dev1)->entity.twin->model_id, "");
}

TEST(Connect, AStoreThatFailsIsNoFaultOfTheClient) {
  WireHub hub;
  const ConnectFields fields = hub.credentials(dev1);
  hub.store().refuse_writes();
  EXPECT_EQ(code_for(hub, fields), 3);  // its session could not be opened
}

}  // namespace
}  // namespace twinhub::test

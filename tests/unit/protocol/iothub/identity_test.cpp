#include "protocol/iothub/identity.hpp"

#include <gtest/gtest.h>

namespace twinhub::iothub {
namespace {

const IdentityId device{"d1", ""};
const IdentityId module{"d1", "m1"};
const std::string key = "MDEyMzQ1Njc4OWFiY2RlZg==";  // 16 bytes
const std::string sha1(40, 'A');

Identity wanted(const std::string& body, const IdentityId& id = device) {
  const auto request = parse_identity_request(id, body);
  if (!request) throw std::runtime_error(request.error().detail);
  return request->wanted;
}
bool generates(const std::string& body) {
  const auto request = parse_identity_request(device, body);
  return request && request->generate_keys;
}
std::optional<Errc> refusal(const std::string& body, const IdentityId& id = device) {
  const auto request = parse_identity_request(id, body);
  return request ? std::nullopt : std::optional{request.error().code};
}

TEST(IdentityRequests, WithoutKeysAskForThem) {
  for (const char* body :
       {"{}", R"({"deviceId":"d1"})", R"({"authentication":{"symmetricKey":{"primaryKey":"","secondaryKey":""}}})",
        R"({"authentication":{"type":"sas","symmetricKey":{"primaryKey":null}}})", R"({"authentication":null})"}) {
    EXPECT_TRUE(generates(body)) << body;
  }
}

TEST(IdentityRequests, TakeKeysOf16To64BytesBothOrNeither) {
  const auto with_keys = [](const std::string& primary, const std::string& secondary) {
    return R"({"authentication":{"symmetricKey":{"primaryKey":")" + primary + R"(","secondaryKey":")" + secondary +
           "\"}}}";
  };
  EXPECT_EQ(wanted(with_keys(key, key)).primary_key, key);
  const auto of = [](std::size_t bytes) { return base64_encode(std::string(bytes, 'k')); };
  EXPECT_EQ(refusal(with_keys(of(64), of(16))), std::nullopt);
  for (const auto& body : {with_keys(of(15), of(16)), with_keys(of(16), of(65)), with_keys(key, ""), with_keys("", key),
                           with_keys("no base64!", key)}) {
    EXPECT_EQ(refusal(body), Errc::argument_invalid) << body;
  }
}

TEST(IdentityRequests, ThumbprintsMakeItSelfSigned) {
  const Identity identity = wanted(R"({"authentication":{"x509Thumbprint":{"primaryThumbprint":")" + sha1 + "\"}}}");
  EXPECT_EQ(identity.authentication, AuthenticationType::self_signed);
  EXPECT_EQ(identity.primary_thumbprint, sha1);
  EXPECT_FALSE(generates(R"({"authentication":{"type":"selfSigned"}})"));
  EXPECT_EQ(refusal(R"({"authentication":{"x509Thumbprint":{"primaryThumbprint":"A:B"}}})"), Errc::argument_invalid);
  EXPECT_EQ(refusal(R"({"authentication":{"type":"selfSigned","symmetricKey":{"primaryKey":")" + key +
                    R"(","secondaryKey":")" + key + "\"}}}"),
            Errc::argument_invalid);
}

TEST(IdentityRequests, NoneIsRefusedForDevicesAndSasForModules) {
  EXPECT_EQ(refusal(R"({"authentication":{"type":"none"}})"), Errc::argument_invalid);
  EXPECT_EQ(wanted(R"({"authentication":{"type":"none"}})", module).authentication, AuthenticationType::sas);
  EXPECT_EQ(refusal(R"({"authentication":{"type":"bogus"}})"), Errc::argument_invalid);
}

TEST(IdentityRequests, StatusInAnyCaseAndABoundedReason) {
  EXPECT_EQ(wanted(R"({"status":"Disabled"})").status, Status::disabled);
  EXPECT_EQ(wanted(R"({"status":"enabled"})").status, Status::enabled);
  EXPECT_EQ(refusal(R"({"status":"off"})"), Errc::argument_invalid);
  std::string reason;
  for (int i = 0; i < 128; ++i) reason += "é";
  EXPECT_EQ(wanted(R"({"statusReason":")" + reason + "\"}").status_reason, reason);
  EXPECT_EQ(refusal(R"({"statusReason":")" + reason + "x\"}"), Errc::argument_invalid);
}

TEST(IdentityRequests, ABooleanMayBeATextAndNothingElseIsTakenForFalse) {
  const auto edge = [](const std::string& value) { return R"({"capabilities":{"iotEdge":)" + value + "}}"; };
  for (const char* value : {"true", R"("true")", R"("True")", R"(" TRUE ")", "1"})
    EXPECT_TRUE(wanted(edge(value)).iot_edge) << value;
  for (const char* value : {"false", R"("false")", "0", "null"}) EXPECT_FALSE(wanted(edge(value)).iot_edge) << value;
  for (const char* value : {R"("yes")", R"("")", "{}", "[true]", "1.5"})
    EXPECT_EQ(refusal(edge(value)), Errc::argument_invalid) << value;
}

TEST(IdentityRequests, MembersOfAnotherKindAreRefusedNotPassedOver) {
  for (const char* body :
       {R"({"capabilities":"iotEdge"})", R"({"capabilities":true})", R"({"parentScopes":"ms-azure-iot-edge://e-1"})",
        R"({"authentication":{"symmetricKey":"MDEy"}})", R"({"authentication":{"x509Thumbprint":[]}})"}) {
    EXPECT_EQ(refusal(body), Errc::argument_invalid) << body;
  }
  EXPECT_EQ(refusal(R"({"capabilities":null,"parentScopes":null,"authentication":{"symmetricKey":null}})"),
            std::nullopt);
}

TEST(IdentityRequests, WhatARecordKeepsIsBounded) {
  const auto scopes = [](std::size_t count, std::size_t bytes) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += (i > 0 ? ",\"" : "\"") + std::string(bytes, 's') + '"';
    return R"({"parentScopes":[)" + text + "]}";
  };
  const auto text = [](const std::string& name, std::size_t bytes) {
    return "{\"" + name + "\":\"" + std::string(bytes, 'x') + "\"}";
  };
  EXPECT_EQ(refusal(scopes(16, 256)), std::nullopt);
  EXPECT_EQ(refusal(text("deviceScope", 256)), std::nullopt);
  EXPECT_EQ(refusal(text("managedBy", 1024), module), std::nullopt);
  EXPECT_EQ(refusal(scopes(17, 1)), Errc::argument_invalid);
  EXPECT_EQ(refusal(scopes(1, 257)), Errc::argument_invalid);
  EXPECT_EQ(refusal(text("deviceScope", 257)), Errc::argument_invalid);
  EXPECT_EQ(refusal(text("managedBy", 1025), module), Errc::argument_invalid);
  EXPECT_EQ(refusal(text("statusReason", 129)), Errc::argument_invalid);
}

TEST(IdentityRequests, TheBodysIdsMustBeThePaths) {
  EXPECT_EQ(refusal(R"({"deviceId":"other"})"), Errc::argument_invalid);
  EXPECT_EQ(refusal(R"({"deviceId":"d1","moduleId":"other"})", module), Errc::argument_invalid);
  EXPECT_EQ(refusal(R"({"deviceId":"d1","moduleId":"m1","managedBy":"me"})", module), std::nullopt);
}

TEST(IdentityRequests, ReadOnlyAndUnknownMembersAreIgnored) {
  const Identity identity = wanted(
      R"({"etag":"x","generationId":"9","connectionState":"Connected","cloudToDeviceMessageCount":7,"foo":[1]})");
  EXPECT_EQ(identity.etag, 0U);
  EXPECT_EQ(identity.generation_id, "");
}

TEST(IdentityRequests, WhatIsNoJsonObjectIsAFormatError) {
  for (const char* body : {"", "[]", "{", "null", "\"d1\""})
    EXPECT_EQ(refusal(body), Errc::iot_hub_format_error) << body;
  EXPECT_EQ(refusal(R"({"authentication":"sas"})"), Errc::argument_invalid);
  EXPECT_EQ(refusal(R"({"status":1})"), Errc::argument_invalid);
}

TEST(IdentityJson, OfADeviceIsAsDocumented) {
  Identity identity;
  identity.id = device;
  identity.generation_id = "637131779299315265";
  identity.etag = 580089003;
  identity.primary_key = identity.secondary_key = key;
  std::string out;
  append_identity(out, identity, {});
  EXPECT_EQ(
      out,
      R"({"deviceId":"d1","generationId":"637131779299315265","etag":"NTgwMDg5MDAz","connectionState":"Disconnected",)"
      R"("status":"enabled","statusReason":null,"connectionStateUpdatedTime":"0001-01-01T00:00:00Z",)"
      R"("statusUpdatedTime":"0001-01-01T00:00:00Z","lastActivityTime":"0001-01-01T00:00:00Z","cloudToDeviceMessageCount":0,)"
      R"("authentication":{"symmetricKey":{"primaryKey":"MDEyMzQ1Njc4OWFiY2RlZg==","secondaryKey":"MDEyMzQ1Njc4OWFiY2RlZg=="},)"
      R"("x509Thumbprint":{"primaryThumbprint":null,"secondaryThumbprint":null},"type":"sas"},"capabilities":{"iotEdge":false},"parentScopes":[]})");
}

TEST(IdentityJson, OfAModuleHasNoStatus) {
  Identity identity;
  identity.id = module;
  identity.managed_by = "me";
  std::string out;
  append_identity(out, identity, {true, {}, {}, 0});
  EXPECT_EQ(out.find(R"({"moduleId":"m1","managedBy":"me","deviceId":"d1",)"), 0U) << out;
  EXPECT_EQ(out.find("status"), std::string::npos);
  EXPECT_NE(out.find(R"("connectionState":"Connected")"), std::string::npos);
}

}  // namespace
}  // namespace twinhub::iothub

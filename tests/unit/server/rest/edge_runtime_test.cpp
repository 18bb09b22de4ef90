// What the IoT Edge runtime asks the hub for first, by the device's own key, as its sources send it: the identity service
// lists the device's modules and writes them, edge agent's and edge hub's own among them.
// Source: Azure/iot-identity-service (hub client); Azure/iotedge (edge-agent ModuleManagementHttpClient).
#include "rest_hub.hpp"

#include "protocol/iothub/sas_token.hpp"
#include "protocol/json/document.hpp"

#include <gtest/gtest.h>

namespace twinhub::test {
namespace {

void expect_error(const Answer& answer, unsigned status, const std::string& name) {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_EQ(answer.error_name(), name) << answer.body;
}

std::string primary_key(const Answer& identity) {
  const auto document = json::parse(identity.body);
  return document->root().find("authentication")->find("symmetricKey")->find("primaryKey")->string().value_or("");
}

std::string signed_by(const std::string& key, const std::string& resource) {
  return "Authorization: " + iothub::make_sas_token(resource, key, 4'000'000'000U) + "\r\n";
}

const std::string any = "If-Match: *\r\n";
const std::string runtime_version = "?api-version=2017-11-08-preview";
const std::string keys = R"("authentication":{"type":"sas","symmetricKey":{"primaryKey":")" + std::string(policy_key) +
                         R"(","secondaryKey":")" + std::string(policy_key) + R"("}})";

class RestEdgeRuntime : public ::testing::Test {
 protected:
  RestEdgeRuntime() {
    const Answer made = hub.call("PUT", "/devices/e", R"({"deviceId":"e","capabilities":{"iotEdge":true}})");
    key = primary_key(made);
    device = signed_by(key, "hub.local/devices/e");
  }
  RestHub hub;
  std::string key;
  std::string device;  ///< the Authorization header of the device's own token
};

TEST_F(RestEdgeRuntime, ListsItsModulesAndTakesItsSystemModulesInHand) {
  const Answer listed = hub.call("GET", "/devices/e/modules" + runtime_version, "", device);
  EXPECT_EQ(listed.status, 200U) << listed.body;
  EXPECT_NE(listed.body.find(R"("moduleId":"$edgeAgent")"), std::string::npos) << listed.body;
  EXPECT_NE(listed.body.find(R"("moduleId":"$edgeHub")"), std::string::npos);
  EXPECT_NE(listed.body.find(R"("type":"none")"), std::string::npos);
  for (const std::string module : {"$edgeAgent", "$edgeHub"}) {
    const std::string body = R"({"moduleId":")" + module + R"(","managedBy":"iotEdge","deviceId":"e",)" + keys + "}";
    const Answer written = hub.call("PUT", "/devices/e/modules/" + module + runtime_version, body, device + any);
    EXPECT_EQ(written.status, 200U) << written.body;
    EXPECT_EQ(primary_key(written), policy_key);
    const Answer got = hub.call("GET", "/devices/e/modules/%24" + module.substr(1) + runtime_version, "", device);
    EXPECT_EQ(got.body, written.body);
  }
}

TEST_F(RestEdgeRuntime, MakesUpdatesAndDeletesAModuleOfItsOwn) {
  const std::string module = "/devices/e/modules/sensor" + runtime_version;
  const std::string body = R"({"moduleId":"sensor","managedBy":"iotEdge","deviceId":"e",)" + keys + "}";
  EXPECT_EQ(hub.call("PUT", module, body, device).status, 200U);
  expect_error(hub.call("PUT", module, body, device), 409, "ModuleAlreadyExistsOnDevice");
  EXPECT_EQ(hub.call("PUT", module, body, device + any).status, 200U);
  EXPECT_EQ(hub.call("DELETE", module, "", device + any).status, 204U);
  expect_error(hub.call("GET", module, "", device), 404, "ModuleNotFound");
}

TEST_F(RestEdgeRuntime, ATokenForAModuleSignedByItsDeviceOpensThatModule) {
  ASSERT_EQ(hub.call("PUT", "/devices/e/modules/m", "{}").status, 200U);
  const std::string below = signed_by(key, "hub.local/devices/e/modules/m");
  EXPECT_EQ(hub.call("GET", "/devices/e/modules/m", "", below).status, 200U);
  expect_error(hub.call("GET", "/devices/e/modules/%24edgeHub", "", below), 401, "IotHubUnauthorizedAccess");
  expect_error(hub.call("GET", "/devices/e/modules", "", below), 401, "IotHubUnauthorizedAccess");
}

TEST_F(RestEdgeRuntime, ATokenForItsModulesSignedByADeviceOpensTheirListAndEachOfThem) {
  ASSERT_EQ(hub.call("PUT", "/devices/e/modules/m", "{}").status, 200U);
  const std::string below = signed_by(key, "hub.local/devices/e/modules");
  EXPECT_EQ(hub.call("GET", "/devices/e/modules", "", below).status, 200U);
  EXPECT_EQ(hub.call("GET", "/devices/e/modules/m", "", below).status, 200U);
  expect_error(hub.call("GET", "/devices/e", "", below), 401, "IotHubUnauthorizedAccess");
  expect_error(hub.call("GET", "/devices/other/modules", "", below), 401, "IotHubUnauthorizedAccess");
}

TEST_F(RestEdgeRuntime, SystemModulesAreForEdgeDevicesAlone) {
  const std::string leaf = signed_by(primary_key(hub.call("PUT", "/devices/leaf", "{}")), "hub.local/devices/leaf");
  EXPECT_EQ(hub.call("PUT", "/devices/leaf/modules/$edgeAgent", "{}", leaf).status, 400U);
  EXPECT_EQ(hub.call("GET", "/devices/leaf/modules", "", leaf).body, "[]");
}

TEST_F(RestEdgeRuntime, NobodyReachesWhatIsNotItsOwn) {
  hub.create("other");
  ASSERT_EQ(hub.call("PUT", "/devices/other/modules/m", "{}").status, 200U);
  const Answer sensor = hub.call("PUT", "/devices/e/modules/sensor", "{}");
  const std::string module = signed_by(primary_key(sensor), "hub.local/devices/e/modules/sensor");
  struct Case {
    std::string method, target, headers;
  };
  for (const Case& c :
       {Case{"GET", "/devices/other/modules", device}, Case{"GET", "/devices/other/modules/m", device},
        Case{"PUT", "/devices/other/modules/n", device}, Case{"DELETE", "/devices/other/modules/m", device + any},
        // a token that names more than the device, and one that names another
        Case{"GET", "/devices/e/modules", signed_by(key, "hub.local")},
        Case{"GET", "/devices/e/modules", signed_by(key, "hub.local/devices")},
        Case{"GET", "/devices/e/modules", signed_by(key, "hub.local/devices/other")},
        // a module is not its device, and a policy that lets devices connect is no registry's
        Case{"GET", "/devices/e/modules", module}, Case{"PUT", "/devices/e/modules/sensor", module + any},
        Case{"GET", "/devices/e/modules", "Authorization: " + hub.token("device") + "\r\n"},
        Case{"GET", "/devices/e/modules", "Authorization: " + hub.token("device", "hub.local/devices/e") + "\r\n"},
        // the registry's other routes stay the back ends'
        Case{"GET", "/devices/e", device}, Case{"PUT", "/devices/e", device + any},
        Case{"DELETE", "/devices/e", device + any}, Case{"GET", "/devices", device},
        Case{"GET", "/twins/e/modules/sensor", device}, Case{"POST", "/devices", device},
        Case{"GET", "/devices/none/modules", device}}) {
    SCOPED_TRACE(c.method + " " + c.target + " " + c.headers);
    expect_error(hub.call(c.method, c.target, c.method == "PUT" ? "{}" : "", c.headers), 401,
                 "IotHubUnauthorizedAccess");
  }
  EXPECT_EQ(hub.call("GET", "/devices/other/modules/m").status, 200U);
}

TEST_F(RestEdgeRuntime, ADisabledDeviceIsKeptOut) {
  ASSERT_EQ(hub.call("PUT", "/devices/e",
                     R"({"status":"disabled","capabilities":{"iotEdge":true},"authentication":{"symmetricKey":)"
                     R"({"primaryKey":")" +
                         key + R"(","secondaryKey":")" + key + R"("}}})",
                     any)
                .status,
            200U);
  expect_error(hub.call("GET", "/devices/e/modules", "", device), 403, "DeviceDisabled");
}

TEST_F(RestEdgeRuntime, OfItsSystemModulesBackEndsChangeNothing) {
  for (const std::string module : {"$edgeAgent", "$edgeHub"}) {
    for (const std::string method : {"PATCH", "PUT"}) {
      expect_error(hub.call(method, "/twins/e/modules/" + module, R"({"properties":{"desired":{"x":1}}})"), 401,
                   "SystemModuleModifyUnauthorizedAccess");
    }
    expect_error(hub.call("DELETE", "/devices/e/modules/" + module, "", any), 401,
                 "SystemModuleModifyUnauthorizedAccess");
    EXPECT_EQ(hub.call("GET", "/twins/e/modules/" + module).status, 200U);
  }
  const std::string content = R"({"modulesContent":{"$edgeAgent":{"properties.desired":{"modules":{}}}}})";
  EXPECT_EQ(hub.call("POST", "/devices/e/applyConfigurationContent", content).status, 204U);
}

TEST_F(RestEdgeRuntime, ItsEdgeHubStartsWithTheScopeThatItMayAuthenticateWhileOffline) {
  // The identity service gives edge hub its keys; edge hub then asks for its device's scope, before any client comes.
  const std::string written = R"({"moduleId":"$edgeHub","managedBy":"iotEdge","deviceId":"e",)" + keys + "}";
  ASSERT_EQ(hub.call("PUT", "/devices/e/modules/$edgeHub" + runtime_version, written, device + any).status, 200U);
  const std::string edge_hub = signed_by(std::string(policy_key), "hub.local/devices/e/modules/%24edgeHub");
  const Answer scope = hub.call(
      "POST", "/devices/e/modules/$edgeHub/devicesAndModulesInTargetDeviceScope?api-version=2020-06-30-preview",
      R"({"pageSize":1000,"authChain":"e"})", edge_hub);
  EXPECT_EQ(scope.status, 200U) << scope.body;
  const auto document = json::parse(scope.body);
  ASSERT_TRUE(document) << scope.body;
  EXPECT_NE(document->root().find("devices")->text().find(R"("deviceId":"e")"), std::string::npos) << scope.body;
  EXPECT_NE(document->root().find("modules")->text().find(R"("moduleId":"$edgeAgent")"), std::string::npos);
  EXPECT_TRUE(document->root().find("continuationLink")->is_null());
  // A client that edge hub does not know: it asks once more, and hears that the client is none of its own.
  hub.create("stray");
  expect_error(
      hub.call("POST", "/devices/e/modules/$edgeHub/getDeviceAndModuleOnBehalfOf?api-version=2020-06-30-preview",
               R"({"targetDeviceId":"stray","targetModuleId":null,"authChain":"e"})", edge_hub),
      401, "IotHubUnauthorizedAccess");
}

TEST(RestIfMatch, AnEmptyEtagIsNoCondition) {
  const RestHub hub;
  const std::string none = "If-Match: \"\"\r\n";
  const std::string configuration =
      R"({"id":"c","content":{"deviceContent":{"properties.desired.a":1}},"targetCondition":"*"})";
  for (const auto& [target, body] :
       {std::pair{"/devices/a", std::string(R"({"deviceId":"a"})")},
        std::pair{"/devices/a/modules/m", std::string("{}")}, std::pair{"/configurations/c", configuration}}) {
    const Answer made = hub.call("PUT", target, body, none);
    EXPECT_EQ(made.status, 200U) << target << made.body;
    EXPECT_EQ(hub.call("PUT", target, body, none).status, 409U) << target;
  }
  EXPECT_EQ(hub.call("PATCH", "/twins/a", R"({"tags":{"x":1}})", none).status, 200U);
  EXPECT_EQ(hub.call("PATCH", "/twins/a/modules/m", R"({"tags":{"x":1}})", none).status, 200U);
  EXPECT_EQ(hub.call("PUT", "/twins/a", "{}", none).status, 200U);
  EXPECT_EQ(hub.call("DELETE", "/configurations/c", "", none).status, 204U);
  // A device or module is deleted under a condition only.
  for (const std::string target : {"/devices/a/modules/m", "/devices/a"}) {
    const Answer refused = hub.call("DELETE", target, "", none);
    expect_error(refused, 412, "PreconditionFailed");
    EXPECT_NE(refused.body.find("Etag missing"), std::string::npos) << refused.body;
  }
}

}  // namespace
}  // namespace twinhub::test

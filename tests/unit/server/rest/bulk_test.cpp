// Many identities at a time, statistics, exports, and what needs a storage account: good and bad input on each route.
#include "rest_hub.hpp"

#include "protocol/json/document.hpp"

#include <gtest/gtest.h>

namespace twinhub::test {
namespace {

const std::string newest = "?api-version=2024-03-31";

void expect_error(const Answer& answer, unsigned status, std::string_view name) {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_EQ(answer.error_name(), name) << answer.body;
  EXPECT_EQ(answer.headers.at("iothub-errorcode"), name);
  EXPECT_EQ(answer.headers.at("content-type"), "application/json; charset=utf-8");
}

std::string everything(const RestHub& hub) { return hub.call("GET", "/registry/export").body; }

TEST(RestBulk, AnswersAsIotHubDoes) {
  const RestHub hub;
  const Answer created = hub.call("POST", "/devices", R"([{"id":"d1","importMode":"create"},{"id":"d2"}])");
  EXPECT_EQ(created.status, 200U);
  EXPECT_EQ(created.body, R"({"isSuccessful":true,"errors":[],"warnings":[]})");
  EXPECT_EQ(created.headers.at("content-type"), "application/json; charset=utf-8");

  const Answer partly = hub.call("POST", "/devices/", R"([{"id":"d1","importMode":"Create"},{"id":"d3"}])");
  EXPECT_EQ(partly.status, 400U);
  EXPECT_EQ(partly.headers.at("iothub-errorcode"), "BulkRegistryOperationFailure");
  EXPECT_EQ(partly.body, R"({"isSuccessful":false,"errors":[{"deviceId":"d1","errorCode":"DeviceAlreadyExists",)"
                         R"("errorStatus":"A device with ID 'd1' is already registered."}],"warnings":[]})");
  EXPECT_EQ(hub.call("GET", "/devices/d3").status, 200U);
}

TEST(RestBulk, BadBulkRequestsChangeNothing) {
  const RestHub hub;
  hub.create("d1");
  const std::string before = everything(hub);
  struct Case {
    std::string body;
    unsigned status;
    const char* name;
  };
  std::string many = "[";
  for (int i = 0; i < 101; ++i) many += (i > 0 ? "," : "") + (R"({"id":"x)" + std::to_string(i) + "\"}");
  for (const Case& c :
       {Case{"", 400, "IotHubFormatError"}, Case{"{", 400, "IotHubFormatError"}, Case{"{}", 400, "IotHubFormatError"},
        Case{"null", 400, "IotHubFormatError"}, Case{"[1]", 400, "IotHubFormatError"},
        Case{R"({"devices":[{"id":"x"}]})", 400, "IotHubFormatError"}, Case{"[]", 400, "ArgumentInvalid"},
        Case{R"([{"deviceId":"x"}])", 400, "ArgumentInvalid"},
        Case{R"([{"id":"x"},{"id":"y","importMode":"merge"}])", 400, "ArgumentInvalid"},
        Case{R"([{"id":"x"},{"id":"x"}])", 400, "DeviceDefinedMultipleTimes"}, Case{many + "]", 413, "TooManyDevices"},
        Case{std::string(1 << 20, ' ') + "[]", 413, "MessageTooLarge"}}) {
    expect_error(hub.call("POST", "/devices", c.body), c.status, c.name);
  }
  expect_error(hub.call("POST", "/devices?x=1", R"([{"id":"x"}])"), 400, "InvalidProtocolVersion");
  expect_error(hub.call("POST", "/devices", R"([{"id":"x"}])", "Authorization: " + hub.token("registryRead") + "\r\n"),
               401, "IotHubUnauthorizedAccess");
  EXPECT_EQ(everything(hub), before);

  // One that is wrong by itself is named; it too changes nothing.
  const std::vector<std::string> bad{
      R"({"id":"a/b"})",
      R"({"id":"d1","status":"off"})",
      R"({"id":"d1","tags":{"a b":1}})",
      R"({"id":"d1","properties":{"desired":{"x":[null]}}})",
      R"({"id":"d1","authentication":{"symmetricKey":{"primaryKey":"AAAA","secondaryKey":"AAAA"}}})",
      R"({"id":"d1","tags":{"t":")" + std::string(5000, 'x') + "\"}}"};
  for (const std::string& item : bad) {
    const Answer answer = hub.call("POST", "/devices", "[" + item + "]");
    EXPECT_EQ(answer.status, 400U);
    EXPECT_NE(answer.body.find(R"("errorCode":"ArgumentInvalid")"), std::string::npos) << answer.body;
  }
  EXPECT_EQ(everything(hub), before);
}

TEST(RestBulk, StatisticsCountDevicesAndConnections) {
  const RestHub hub;
  EXPECT_EQ(hub.call("GET", "/statistics/devices").body,
            R"({"totalDeviceCount":0,"enabledDeviceCount":0,"disabledDeviceCount":0})");
  ASSERT_EQ(hub.call("POST", "/devices", R"([{"id":"d1"},{"id":"d2","status":"disabled"},{"id":"d1","moduleId":"m"}])")
                .status,
            200U);
  EXPECT_EQ(hub.call("GET", "/statistics/devices").body,
            R"({"totalDeviceCount":2,"enabledDeviceCount":1,"disabledDeviceCount":1})");
  hub.hub().presence.connected({"d1", ""});
  hub.hub().presence.connected({"d1", "m"});
  EXPECT_EQ(hub.call("GET", "/statistics/service").body, R"({"connectedDeviceCount":1})");
  hub.hub().presence.disconnected({"d1", ""});
  EXPECT_EQ(hub.call("GET", "/statistics/service").body, R"({"connectedDeviceCount":0})");
  for (const char* target : {"/statistics/devices", "/statistics/service"}) {
    expect_error(hub.call("GET", std::string(target) + "?api-version=1"), 400, "InvalidProtocolVersion");
    expect_error(hub.call("POST", target), 405, "GenericMethodNotAllowed");
  }
}

TEST(RestBulk, KeysAreRegenerated) {
  const RestHub hub;
  hub.create("d1");
  const std::string before = hub.call("GET", "/devices/d1").body;
  const std::string good = R"({"policyKey":"secondaryKey","devices":[{"id":"d1","moduleId":null}]})";
  struct Case {
    std::string body;
    unsigned status;
    const char* name;
  };
  std::string many;
  for (int i = 0; i < 101; ++i) many += (i > 0 ? "," : "") + (R"({"id":"x)" + std::to_string(i) + "\"}");
  for (const Case& c :
       {Case{"", 400, "IotHubFormatError"}, Case{"[]", 400, "IotHubFormatError"}, Case{"{}", 400, "ArgumentInvalid"},
        Case{R"({"policyKey":"both","devices":[{"id":"d1"}]})", 400, "ArgumentInvalid"},
        Case{R"({"policyKey":"primaryKey","devices":"d1"})", 400, "ArgumentInvalid"},
        Case{R"({"policyKey":"primaryKey","devices":[{"id":"d1"},{"id":"d1"}]})", 400, "DeviceDefinedMultipleTimes"},
        Case{R"({"policyKey":"primaryKey","devices":[)" + many + "]}", 413, "TooManyDevices"}}) {
    expect_error(hub.call("POST", "/devices/keys/regenerate" + newest, c.body), c.status, c.name);
  }
  expect_error(hub.call("POST", "/devices/keys/regenerate" + newest, good,
                        "Authorization: " + hub.token("registryRead") + "\r\n"),
               401, "IotHubUnauthorizedAccess");
  EXPECT_EQ(hub.call("GET", "/devices/d1").body, before);
  const Answer rotated = hub.call("POST", "/devices/keys/regenerate" + newest, good);
  EXPECT_EQ(rotated.status, 200U);
  EXPECT_NE(rotated.body.find(R"("rotatedKeys":[{"id":"d1","moduleId":null,"primaryKey":")"), std::string::npos)
      << rotated.body;
  EXPECT_NE(hub.call("GET", "/devices/d1").body, before);
}

TEST(RestBodies, NamesOfMembersCountInAnyCase) {
  const RestHub hub;
  const auto holds = [&](const std::string& method, const std::string& target, const std::string& body,
                         const std::string& wanted) {
    const Answer answer = hub.call(method, target, body);
    EXPECT_EQ(answer.status, 200U) << target << " " << answer.body;
    EXPECT_NE(answer.body.find(wanted), std::string::npos) << target << " " << answer.body;
  };
  holds("PUT", "/devices/a",
        R"({"DeviceId":"a","Status":"disabled","STATUSREASON":"x","Capabilities":{"IotEdge":true}})",
        R"("status":"disabled","statusReason":"x")");
  holds("GET", "/devices/a", "", R"("capabilities":{"iotEdge":true})");
  holds("PUT", "/devices/x",
        R"({"Authentication":{"Type":"selfSigned","X509Thumbprint":{"PrimaryThumbprint":")" + std::string(40, 'A') +
            R"("}}})",
        R"("type":"selfSigned")");
  holds("PUT", "/devices/a/modules/m", R"({"ModuleId":"m","ManagedBy":"me"})", R"("managedBy":"me")");
  EXPECT_EQ(hub.call("PUT", "/devices/b", R"({"DeviceId":"c"})").status, 400U);
  holds("POST", "/devices", R"([{"ID":"b","ImportMode":"Create","Status":"disabled","Tags":{"T":1},
                                 "Properties":{"Desired":{"P":1}}}])",
        R"("isSuccessful":true)");
  holds("GET", "/twins/b", "", R"("tags":{"T":1})");
  holds("GET", "/twins/b", "", R"("desired":{"P":1)");
  holds("GET", "/devices/b", "", R"("status":"disabled")");
  holds("POST", "/twins/b/methods", R"({"MethodName":"echo","Payload":{"Key":1}})", R"("payload":{"Key":1})");
  EXPECT_EQ(hub.call("POST", "/twins/b/methods", R"({"MethodName":"echo","ResponseTimeoutInSeconds":1})").status, 400U);
  holds("PUT", "/jobs/v2/j",
        R"({"Type":"ScheduleUpdateTwin","QueryCondition":"*","UpdateTwin":{"ETag":"*","tags":{"x":1}}})", "queued");
  holds("PUT", "/configurations/c",
        R"({"Id":"c","Content":{"DeviceContent":{"properties.desired.a":1}},"TargetCondition":"*","Priority":7,
            "Metrics":{"Queries":{"Q":"select deviceId from devices"}}})",
        R"("priority":7)");
  holds("GET", "/configurations/c", "", R"("content":{"deviceContent":{"properties.desired.a":1}})");
  holds("POST", "/devices/query", R"({"Query":"select deviceId from devices where deviceId = 'b'"})",
        R"("deviceId":"b")");
}

TEST(RestBulk, AnExportIsPagedLikeAQuery) {
  const RestHub hub;
  for (const char* device : {"a", "b", "c"}) hub.create(device);
  ASSERT_EQ(hub.call("PUT", "/devices/b/modules/m", "{}").status, 200U);
  const Answer whole = hub.call("GET", "/registry/export");
  EXPECT_EQ(whole.headers.at("content-type"), "application/x-ndjson");
  EXPECT_EQ(whole.headers.count("x-ms-continuation"), 0U);
  EXPECT_EQ(std::count(whole.body.begin(), whole.body.end(), '\n'), 4);
  EXPECT_NE(whole.body.find(R"("primaryKey":")"), std::string::npos);

  std::string lines, continuation;
  for (int page = 0; page < 4; ++page) {
    const Answer answer =
        hub.call("GET", "/registry/export", "",
                 "x-ms-max-item-count: 1\r\n" +
                     (continuation.empty() ? std::string() : "x-ms-continuation: " + continuation + "\r\n"));
    lines += answer.body;
    EXPECT_EQ(answer.headers.count("x-ms-continuation"), page < 3 ? 1U : 0U);
    if (page < 3) continuation = answer.headers.at("x-ms-continuation");
  }
  EXPECT_EQ(lines, whole.body);
  const std::string bare =
      hub.call("GET", "/registry/export?api-version=2021-04-12&excludeKeys=true&excludeETags=true").body;
  EXPECT_EQ(bare.find(R"("primaryKey":")"), std::string::npos) << bare;
  EXPECT_EQ(bare.find("eTag"), std::string::npos) << bare;
  EXPECT_EQ(bare.find("twinETag"), std::string::npos) << bare;

  EXPECT_EQ(hub.call("GET", "/registry/export?api-version=2021-04-12&excludeKeys=True&excludeETags=TRUE").body, bare);
  for (const char* odd : {"yes", "1", "", "truee"}) {
    const std::string target = "/registry/export?api-version=2021-04-12&excludeKeys=" + std::string(odd);
    expect_error(hub.call("GET", target), 400, "ArgumentInvalid");
  }
  expect_error(hub.call("GET", "/registry/export", "", "x-ms-continuation: nonsense\r\n"), 400, "ArgumentInvalid");
  expect_error(hub.call("GET", "/registry/export?x=1"), 400, "InvalidProtocolVersion");
  for (const std::string policy : {"service", "device", "registryRead", "registryReadWrite"}) {
    expect_error(hub.call("GET", "/registry/export", "", "Authorization: " + hub.token(policy) + "\r\n"), 401,
                 "IotHubUnauthorizedAccess");
  }
}

TEST(RestStorageAccount, JobsAreRefusedInIotHubsWords) {
  const RestHub hub;
  const std::string uri = R"("outputBlobContainerUri":"https://x.blob.core.windows.net/c?sig=s")";
  expect_error(hub.call("POST", "/jobs/create", R"({"type":"export",)" + uri + "}"), 400,
               "BlobContainerValidationError");
  expect_error(hub.call("POST", "/jobs/create", R"({"type":"import","inputBlobContainerUri":"https://x",)" + uri + "}"),
               400, "BlobContainerValidationError");
  expect_error(hub.call("POST", "/jobs/create", R"({"type":"import",)" + uri + "}"), 400, "ArgumentNull");
  expect_error(hub.call("POST", "/jobs/create", R"({"type":"export"})"), 400, "ArgumentNull");
  expect_error(hub.call("POST", "/jobs/create", R"({"type":"move",)" + uri + "}"), 400, "GenericBadRequest");
  expect_error(hub.call("POST", "/jobs/create", "[]"), 400, "IotHubFormatError");
  expect_error(hub.call("POST", "/jobs/create", ""), 400, "IotHubFormatError");
  EXPECT_EQ(hub.call("GET", "/jobs").body, "[]");
  expect_error(hub.call("GET", "/jobs/j1"), 404, "JobNotFound");
  expect_error(hub.call("DELETE", "/jobs/j1"), 404, "JobNotFound");
  for (const std::string policy : {"service", "device", "registryRead"}) {
    expect_error(hub.call("GET", "/jobs", "", "Authorization: " + hub.token(policy) + "\r\n"), 401,
                 "IotHubUnauthorizedAccess");
  }
}

TEST(RestStorageAccount, FileUploadIsAnsweredAsByAHubWithoutAStorageEndpoint) {
  const RestHub hub;
  hub.create("d1");
  const std::string device = "Authorization: " + hub.token("device") + "\r\n";
  for (const char* target :
       {"/devices/d1/files", "/devices/d1/files/notifications", "/devices/d1/files/notifications/c1"}) {
    const Answer answer = hub.call("POST", target, R"({"blobName":"x"})", device);
    EXPECT_EQ(answer.status, 400U);
    EXPECT_EQ(answer.headers.at("iothub-errorcode"), "DefaultStorageEndpointNotConfigured");
    const auto document = json::parse(answer.body);
    ASSERT_TRUE(document) << answer.body;
    const auto inner = json::parse(document->root().find("Message")->string().value());
    ASSERT_TRUE(inner) << answer.body;
    EXPECT_EQ(inner->root().find("errorCode")->integer(), 400014);
    EXPECT_EQ(inner->root().find("message")->string(), "BadRequest");
  }
  expect_error(hub.call("POST", "/devices/d1/files", "{}", "Authorization: " + hub.token("service") + "\r\n"), 401,
               "IotHubUnauthorizedAccess");
}

}  // namespace
}  // namespace twinhub::test

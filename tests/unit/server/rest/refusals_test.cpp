// The words of refusals that clients compare or show: those of IoT Hub where public material has them.
// Source: azure-iot-sdk-csharp issues 875 and 3481, its ExceptionHandlingHelper tests; azure-docs issue 29484;
// Azure/AI-PredictiveMaintenance issue 153;
// mwalser/terraform-provider-iothub; crossplane-contrib/provider-upjet-azure issue 299.
#include "rest_hub.hpp"

#include <gtest/gtest.h>

namespace twinhub::test {
namespace {

void expect_words(const Answer& answer, unsigned status, const std::string& words) {
  EXPECT_EQ(answer.status, status) << answer.body;
  const std::string message = R"({"Message":"ErrorCode:)" + words + R"(","ExceptionMessage":"Tracking ID:)";
  EXPECT_TRUE(answer.body.starts_with(message)) << answer.body;
}

TEST(RestRefusals, ANameThatCannotBeTakenIsABadRequest) {
  const RestHub hub;
  hub.create("d");
  for (const std::string target : {"/devices/a%20b", "/devices/d/modules/a%20b", "/devices/d/modules/$mine"})
    expect_words(hub.call("PUT", target, "{}"), 400, "ArgumentInvalid;BadRequest");
  for (const std::string target : {"/devices/a%20b", "/devices/a%20b/modules", "/devices/d/modules/a%20b"})
    expect_words(hub.call("GET", target), 400, "ArgumentInvalid;BadRequest");
  const std::string job = R"({"type":"scheduleTwinUpdate","queryCondition":"*","updateTwin":{"etag":"*","tags":{}}})";
  expect_words(hub.call("PUT", "/jobs/v2/j", job), 400, "GenericBadRequest;BadRequest");
}

TEST(RestRefusals, AMemberThatNoTwinHasIsABadRequest) {
  const RestHub hub;
  hub.create("d");
  ASSERT_EQ(hub.call("PUT", "/devices/d/modules/m", "{}").status, 200U);
  for (const std::string target : {"/twins/d", "/twins/d/modules/m"}) {
    for (const std::string method : {"PATCH", "PUT"}) {
      const Answer answer = hub.call(method, target, R"({"tags":{"simulated":true},"desiredProperties":{}})");
      EXPECT_EQ(answer.status, 400U) << answer.body;
      EXPECT_TRUE(answer.body.starts_with(R"({"Message":"ErrorCode:GenericBadRequest;BadRequest: 'desiredProperties')"))
          << answer.body;
    }
  }
}

TEST(RestRefusals, AnIdentityThatIsNamedTwiceIsNamedAsTheCloudNamesIt) {
  const RestHub hub;
  const std::string words = "DeviceDefinedMultipleTimes;DeviceDefinedMultipleTimes, device ID d";
  expect_words(hub.call("POST", "/devices", R"([{"id":"d"},{"id":"d"}])"), 400, words);
  expect_words(
      hub.call("POST", "/devices/keys/regenerate", R"({"policyKey":"primaryKey","devices":[{"id":"d"},{"id":"d"}]})"),
      400, words);
}

TEST(RestRefusals, AStaleEtagIsNamedAsTheCloudNamesIt) {
  const RestHub hub;
  hub.create("d");
  const std::string stale = "If-Match: \"MQ==\"\r\n";
  const Answer identity = hub.call("PUT", "/devices/d", "{}", stale);
  EXPECT_EQ(identity.status, 412U);
  EXPECT_NE(
      identity.body.find("PreconditionFailed;Precondition failed: Device version did not match, existingVersion:"),
      std::string::npos)
      << identity.body;
  EXPECT_NE(identity.body.find(" newVersion:1\""), std::string::npos) << identity.body;
  const std::string words = "PreconditionFailed;PreconditionFailed, ETag may be invalid.";
  expect_words(hub.call("PATCH", "/twins/d", R"({"tags":{"a":1}})", stale), 412, words);
  const std::string configuration =
      R"({"id":"c","content":{"deviceContent":{"properties.desired.a":1}},"targetCondition":"*"})";
  ASSERT_EQ(hub.call("PUT", "/configurations/c", configuration).status, 200U);
  expect_words(hub.call("PUT", "/configurations/c", configuration, "If-Match: \"Mg==\"\r\n"), 412, words);
  expect_words(hub.call("DELETE", "/devices/d"), 412, "PreconditionFailed;Etag missing");
}

}  // namespace
}  // namespace twinhub::test

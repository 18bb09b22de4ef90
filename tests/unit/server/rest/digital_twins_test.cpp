// /digitaltwins over HTTP. What the view and the patch are is tested in tests/unit/protocol/twin.
#include "rest_hub.hpp"

#include <gtest/gtest.h>

namespace twinhub::test {
namespace {

void expect_error(const Answer& answer, unsigned status, const std::string& name) {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_EQ(answer.headers.at("iothub-errorcode"), name);
}

TEST(RestDigitalTwins, AreReadWithTheTwinsEtag) {
  const RestHub hub;
  hub.create("d1");
  const Answer twin = hub.call("GET", "/digitaltwins/d1");
  EXPECT_EQ(twin.status, 200U);
  EXPECT_EQ(twin.body, R"({"$dtId":"d1","$metadata":{"$model":""}})");
  EXPECT_EQ(twin.headers.at("etag"), "\"AAAAAAAAAAE=\"");
  expect_error(hub.call("GET", "/digitaltwins/d2"), 404, "DeviceNotFound");
}

TEST(RestDigitalTwins, APatchChangesDesiredProperties) {
  const RestHub hub;
  hub.create("d1");
  const std::string patch = R"([{"op":"add","path":"/thermostat1/targetTemperature","value":21.5}])";
  const Answer accepted = hub.call("PATCH", "/digitaltwins/d1", patch);
  EXPECT_EQ(accepted.status, 202U);
  EXPECT_EQ(accepted.body, "");
  EXPECT_EQ(accepted.headers.at("etag"), "\"AAAAAAAAAAI=\"");
  EXPECT_EQ(accepted.headers.at("location"), "/digitaltwins/d1");
  EXPECT_NE(hub.call("GET", "/twins/d1").body.find(R"("thermostat1":{"__t":"c","targetTemperature":21.5})"),
            std::string::npos);
  EXPECT_EQ(
      hub.call("GET", "/digitaltwins/d1").body,
      R"({"$dtId":"d1","thermostat1":{"$metadata":{"targetTemperature":{"desiredValue":21.5,"desiredVersion":2}}},)"
      R"("$metadata":{"$model":""}})");
}

TEST(RestDigitalTwins, RefusedPatchesChangeNothing) {
  const RestHub hub;
  hub.create("d1");
  expect_error(hub.call("PATCH", "/digitaltwins/d2", "[]"), 404, "DeviceNotFound");
  expect_error(hub.call("PATCH", "/digitaltwins/d1", "["), 400, "IotHubFormatError");
  expect_error(hub.call("PATCH", "/digitaltwins/d1", "{}"), 400, "InvalidDigitalTwinPatch");
  expect_error(hub.call("PATCH", "/digitaltwins/d1", R"([{"op":"remove","path":"/p"}])"), 400,
               "InvalidDigitalTwinPatch");
  const std::string good = R"([{"op":"add","path":"/p","value":1}])";
  expect_error(hub.call("PATCH", "/digitaltwins/d1", good, "If-Match: \"AAAAAAAAAAI=\"\r\n"), 412,
               "PreconditionFailed");
  EXPECT_EQ(hub.call("GET", "/digitaltwins/d1").headers.at("etag"), "\"AAAAAAAAAAE=\"");
  EXPECT_EQ(hub.call("PATCH", "/digitaltwins/d1", good, "If-Match: \"AAAAAAAAAAE=\"\r\n").status, 202U);
  EXPECT_EQ(hub.call("PATCH", "/digitaltwins/d1", good, "If-Match: *\r\n").status, 202U);
}

TEST(RestDigitalTwins, CommandsAreDirectMethods) {
  const RestHub hub;
  hub.create("d1");
  const Answer root = hub.call("POST", "/digitaltwins/d1/commands/echo", R"({"since":"now"})");
  EXPECT_EQ(root.status, 200U);
  EXPECT_EQ(root.body, R"({"since":"now"})");
  EXPECT_EQ(root.headers.at("x-ms-command-statuscode"), "200");
  const Answer component = hub.call("POST", "/digitaltwins/d1/components/thermostat1/commands/fail", "5");
  EXPECT_EQ(component.status, 200U);
  EXPECT_EQ(component.body, "null");
  EXPECT_EQ(component.headers.at("x-ms-command-statuscode"), "500");
  EXPECT_EQ(hub.call("POST", "/digitaltwins/d1/commands/echo").body, "null");
}

TEST(RestDigitalTwins, CommandsThatFailSayWhyAsMethodsDo) {
  const RestHub hub;
  hub.create("d1");
  const std::string commands = "/digitaltwins/d1/commands/";
  const auto post = [&](const std::string& target, std::string_view body = "{}") {
    return hub.call("POST", target, body);
  };
  expect_error(post(commands + "unknown"), 404, "DeviceNotOnline");
  expect_error(post("/digitaltwins/d2/commands/echo"), 404, "DeviceNotFound");
  expect_error(post(commands + "echo", "{"), 400, "IotHubFormatError");
  for (const char* query : {"responseTimeoutInSeconds=4", "responseTimeoutInSeconds=x", "connectTimeoutInSeconds=31",
                            "connectTimeoutInSeconds=-1", "responseTimeoutInSeconds=30s"}) {
    expect_error(post(commands + "echo?api-version=2021-04-12&" + query), 400, "ArgumentInvalid");
  }
  EXPECT_EQ(post(commands + "echo?api-version=2021-04-12&connectTimeoutInSeconds=5&responseTimeoutInSeconds=60").status,
            200U);
}

}  // namespace
}  // namespace twinhub::test

// POST .../methods: what is asked, what is refused, and that errors have the shape that SDKs read of this route.
#include "server/hub/methods/methods.hpp"

#include "protocol/json/document.hpp"
#include "rest_hub.hpp"

#include <gtest/gtest.h>
#include <chrono>
#include <thread>

namespace twinhub::test {
namespace {

const std::string methods = "/twins/d1/methods";

std::string invoke(std::string_view name, std::string_view more = {}) {
  return R"({"methodName":")" + std::string(name) + '"' + std::string(more) + "}";
}

/// Shape C: Message is JSON text; .NET reads it as a string to string map and compares its number with the header's
/// name.
void expect_error(const Answer& answer, unsigned status, std::string_view number, const std::string& name) {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_EQ(answer.headers.at("iothub-errorcode"), name);
  const auto outer = json::parse(answer.body);
  ASSERT_TRUE(outer) << answer.body;
  EXPECT_EQ(outer->root().find("ExceptionMessage")->text(), R"("")");
  const auto inner = json::parse(outer->root().find("Message")->string().value_or(""));
  ASSERT_TRUE(inner) << answer.body;
  EXPECT_EQ(inner->root().find("errorCode")->text(), number);
  EXPECT_GT(inner->root().find("message")->string().value_or("").size(), 5U);
  EXPECT_NE(inner->root().find("trackingId")->text(), R"("")");
  EXPECT_TRUE(inner->root().find("timestampUtc")->string().value_or("").ends_with('Z'));
  EXPECT_TRUE(inner->root().find("info")->is_null());
}

TEST(RestMethods, EveryKindOfPayloadGoesThereAndBack) {
  const RestHub hub;
  hub.create("d1");
  for (const char* payload : {"null", R"("")", R"("foo")", "{}", R"({"k":"v"})", "[1,2.50,true]", "0"}) {
    const Answer answer = hub.call("POST", methods, invoke("echo", R"(,"payload":)" + std::string(payload)));
    EXPECT_EQ(answer.status, 200U);
    EXPECT_EQ(answer.body, R"({"status":200,"payload":)" + std::string(payload) + "}");
    EXPECT_NE(answer.headers.at("content-type").find("application/json"), std::string::npos);
  }
  EXPECT_EQ(hub.call("POST", methods, invoke("echo")).body, R"({"status":200,"payload":null})");
}

TEST(RestMethods, ABodyIsReadAsLenientlyAsTheCloudReadsIt) {
  const RestHub hub;
  hub.create("d1");
  EXPECT_EQ(hub.call("POST", methods, R"({"methodName":"echo","payload":'on'})").body,
            R"({"status":200,"payload":"on"})");
  EXPECT_EQ(hub.call("POST", methods, R"({methodName:'echo',/* twice */payload:{'a':[1,.5,],},})").body,
            R"({"status":200,"payload":{"a":[1,0.5]}})");
  EXPECT_EQ(hub.call("POST", "/digitaltwins/d1/commands/echo", "'on'").body, R"("on")");
  expect_error(hub.call("POST", methods, R"({"methodName":"echo","payload":on})"), 400, "400006", "IotHubFormatError");
}

TEST(RestMethods, TheDevicesStatusIsNotTheRequests) {
  const RestHub hub;
  hub.create("d1");
  const Answer answer = hub.call("POST", methods, invoke("fail"));
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.body, R"({"status":500,"payload":null})");
}

TEST(RestMethods, ModulesHaveMethodsOfTheirOwn) {
  const RestHub hub;
  hub.create("d1");
  const std::string target = "/twins/d1/modules/m1/methods";
  expect_error(hub.call("POST", target, invoke("echo")), 404, "404010", "ModuleNotFound");
  ASSERT_EQ(hub.call("PUT", "/devices/d1/modules/m1", "{}").status, 200U);
  EXPECT_EQ(hub.call("POST", target, invoke("echo", R"(,"payload":1)")).body, R"({"status":200,"payload":1})");
  expect_error(hub.call("POST", "/twins/d2/modules/m1/methods", invoke("echo")), 404, "404001", "DeviceNotFound");
}

TEST(RestMethods, MembersThatNobodyKnowsAreIgnored) {
  const RestHub hub;
  hub.create("d1");
  EXPECT_EQ(
      hub.call("POST", methods, invoke("echo", R"(,"timeoutInSeconds":"soon","responseTimeoutInSeconds":null,"x":{})"))
          .status,
      200U);
}

/// As back ends send them that take their numbers from a form or an environment variable.
TEST(RestMethods, TimeoutsMayBeWrittenAsText) {
  const RestHub hub;
  hub.create("d1");
  const std::string body = invoke("echo", R"(,"responseTimeoutInSeconds":"200","connectTimeoutInSeconds":"0")");
  EXPECT_EQ(hub.call("POST", methods, body).status, 200U);
}

TEST(RestMethods, BadRequestsAreRefusedInTheShapeOfThisRoute) {
  const RestHub hub;
  hub.create("d1");
  expect_error(hub.call("POST", methods, ""), 400, "400006", "IotHubFormatError");
  expect_error(hub.call("POST", methods, "{"), 400, "400006", "IotHubFormatError");
  for (const std::string& body :
       {std::string("[]"), std::string("null"), std::string("{}"), std::string(R"({"methodName":5})"), invoke(""),
        invoke("a/b"), invoke("echo", R"(,"responseTimeoutInSeconds":4)"),
        invoke("echo", R"(,"responseTimeoutInSeconds":301)"), invoke("echo", R"(,"responseTimeoutInSeconds":"30s")"),
        invoke("echo", R"(,"responseTimeoutInSeconds":30.5)"), invoke("echo", R"(,"connectTimeoutInSeconds":-1)"),
        invoke("echo", R"(,"connectTimeoutInSeconds":301)"),
        invoke("echo", R"(,"responseTimeoutInSeconds":10,"connectTimeoutInSeconds":11)")}) {
    expect_error(hub.call("POST", methods, body), 400, "400004", "ArgumentInvalid");
  }
  const std::string large(hub::method_payload_bytes_max - 1, 'x');
  expect_error(hub.call("POST", methods, invoke("echo", R"(,"payload":")" + large + '"')), 413, "413001",
               "MessageTooLarge");
  const std::string full = R"(,"payload":")" + large.substr(1) + '"';
  EXPECT_EQ(hub.call("POST", methods, invoke("echo", full)).status, 200U);
}

TEST(RestMethods, WhatTheDeviceDoesNotDoIsSaidInIotHubsWords) {
  const RestHub hub;
  hub.create("d1");
  expect_error(hub.call("POST", "/twins/d2/methods", invoke("echo")), 404, "404001", "DeviceNotFound");
  expect_error(hub.call("POST", methods, invoke("unknown")), 404, "404103", "DeviceNotOnline");
  expect_error(hub.call("POST", methods, invoke("lost")), 404, "404104", "DeviceConnectionClosedRemotely");
  expect_error(hub.call("POST", methods, invoke("nonsense")), 502, "502001", "InvalidResponseWhileProxying");
}

TEST(RestMethods, ASilentDeviceIsAGatewayTimeout) {
  const RestHub hub;
  hub.create("d1");
  Peer peer(hub.port());
  peer.send(
      hub.request("POST", methods + "?api-version=2021-04-12", invoke("silent", R"(,"responseTimeoutInSeconds":5)")));
  const auto sent = std::chrono::steady_clock::now();
  while (hub.hub().methods.figures().timed_out == 0) {
    hub.hub().tick();
    ASSERT_LT(std::chrono::steady_clock::now() - sent, std::chrono::seconds(60));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  expect_error(peer.receive(), 504, "504101", "GatewayTimeout");
}

TEST(RestMethods, ACallerThatLeavesLeavesNothingBehind) {
  const RestHub hub;
  hub.create("d1");
  {
    Peer peer(hub.port());
    peer.send(hub.request("POST", methods + "?api-version=2021-04-12", invoke("silent")));
    while (hub.hub().methods.figures().pending == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  hub.hub().methods.shut_down(std::chrono::milliseconds(0));
  hub.hub().tick();
  EXPECT_EQ(hub.hub().methods.figures().pending, 0U);
  EXPECT_EQ(hub.call("GET", "/twins/d1").status, 200U);
}

}  // namespace
}  // namespace twinhub::test

// Cloud-to-device messages and the device-side API over HTTP.
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

/// The Authorization header of a device, by its own key.
std::string as_device(const RestHub& hub, const std::string& device) {
  const Answer identity = hub.call("GET", "/devices/" + device);
  const auto document = json::parse(identity.body);
  const auto key = document->root().find("authentication")->find("symmetricKey")->find("primaryKey")->string();
  return "Authorization: " + iothub::make_sas_token("hub.local/devices/" + device, *key, 4'000'000'000U) + "\r\n";
}

TEST(RestMessages, AMessageGoesFromTheBackEndToTheDevice) {
  const RestHub hub;
  hub.create("d1");
  const std::string device = as_device(hub, "d1");
  EXPECT_EQ(hub.call("GET", "/devices/d1/messages/devicebound", "", device).status, 204U);
  const Answer sent = hub.call("POST", "/devices/d1/messages/deviceBound", "hello",
                               "iothub-messageid: m1\r\niothub-app-Colour: red\r\nIoTHub-CorrelationId: c1\r\n"
                               "iothub-ack: full\r\nContent-Encoding: utf-8\r\niothub-app-latin: \xFC\r\n"
                               "iothub-expiry: 2999-01-01T00:00:00Z\r\n");
  EXPECT_EQ(sent.status, 204U) << sent.body;
  EXPECT_NE(hub.call("GET", "/twins/d1").body.find("\"cloudToDeviceMessageCount\":1"), std::string::npos);

  const Answer got = hub.call("GET", "/devices/d1/messages/deviceBound", "", device);
  EXPECT_EQ(got.status, 200U);
  EXPECT_EQ(got.body, "hello");
  EXPECT_EQ(got.headers.at("iothub-messageid"), "m1");
  EXPECT_EQ(got.headers.at("iothub-correlationid"), "c1");
  EXPECT_EQ(got.headers.at("iothub-app-colour"), "red");
  EXPECT_EQ(got.headers.at("iothub-app-latin"), "\xC3\xBC");
  EXPECT_EQ(got.headers.at("iothub-contentencoding"), "utf-8");
  EXPECT_EQ(got.headers.at("iothub-ack"), "full");
  EXPECT_EQ(got.headers.at("iothub-to"), "/devices/d1/messages/deviceBound");
  EXPECT_EQ(got.headers.at("iothub-deliverycount"), "0");
  EXPECT_EQ(got.headers.at("iothub-sequencenumber"), "1");
  EXPECT_TRUE(got.headers.contains("iothub-expiry") && got.headers.contains("iothub-enqueuedtime"));
  EXPECT_EQ(got.headers.at("content-type"), "application/octet-stream");
  const std::string etag = got.headers.at("etag");
  ASSERT_TRUE(etag.size() > 2 && etag.front() == '"' && etag.back() == '"') << etag;
  const std::string token = etag.substr(1, etag.size() - 2);
  EXPECT_EQ(hub.call("GET", "/devices/d1/messages/devicebound", "", device).status, 204U) << "it is locked";

  EXPECT_EQ(hub.call("POST", "/devices/d1/messages/devicebound/" + token + "/abandon", "", device).status, 204U);
  expect_error(hub.call("DELETE", "/devices/d1/messages/devicebound/" + token, "", device), 412,
               "DeviceMessageLockLost");
  const Answer again = hub.call("GET", "/devices/d1/messages/devicebound", "", device);
  EXPECT_EQ(again.headers.at("iothub-deliverycount"), "1");
  const std::string second = again.headers.at("etag").substr(1, again.headers.at("etag").size() - 2);
  EXPECT_EQ(hub.call("DELETE", "/devices/d1/messages/devicebound/" + second, "", device).status, 204U);
  EXPECT_EQ(hub.call("GET", "/devices/d1/messages/devicebound", "", device).status, 204U);
  expect_error(hub.call("DELETE", "/devices/d1/messages/devicebound/nonsense", "", device), 412,
               "DeviceMessageLockLost");
}

TEST(RestMessages, WhatTheHubDoesNotTakeIsRefusedInIoTHubsWords) {
  const RestHub hub;
  hub.create("d1");
  const std::string path = "/devices/d1/messages/deviceBound";
  expect_error(hub.call("POST", "/devices/nobody/messages/deviceBound", "x"), 404, "DeviceNotFound");
  expect_error(hub.call("POST", path, "x", "iothub-ack: maybe\r\n"), 400, "ArgumentInvalid");
  expect_error(hub.call("POST", path, "x", "iothub-expiry: tomorrow\r\n"), 400, "ArgumentInvalid");
  expect_error(hub.call("POST", path, std::string(64 * 1024 + 1, 'x')), 413, "MessageTooLarge");
  for (int n = 0; n < 50; ++n) EXPECT_EQ(hub.call("POST", path, "x").status, 204U);
  expect_error(hub.call("POST", path, "x"), 403, "DeviceMaximumQueueDepthExceeded");
  const Answer purged = hub.call("DELETE", "/devices/d1/commands");
  EXPECT_EQ(purged.status, 200U);
  EXPECT_EQ(purged.body, R"({"deviceId":"d1","moduleId":null,"totalMessagesPurged":50})");
  expect_error(hub.call("DELETE", "/devices/nobody/commands"), 404, "DeviceNotFound");
}

TEST(RestMessages, FeedbackIsReadAndDeletedByItsLockToken) {
  hub::HubOptions options;
  options.feedback.batch_wait = std::chrono::seconds(0);
  const RestHub hub({}, options);
  hub.create("d1");
  EXPECT_EQ(hub.call("GET", "/messages/serviceBound/feedback").status, 204U);
  EXPECT_EQ(
      hub.call("POST", "/devices/d1/messages/deviceBound", "x", "iothub-ack: full\r\niothub-messageid: m1\r\n").status,
      204U);
  EXPECT_EQ(hub.call("DELETE", "/devices/d1/commands").status, 200U);
  const Answer batch = hub.call("GET", "/messages/servicebound/feedback");
  EXPECT_EQ(batch.status, 200U);
  EXPECT_NE(batch.headers.at("content-type").find("application/vnd.microsoft.iothub.feedback.json"), std::string::npos);
  EXPECT_NE(batch.body.find(R"("originalMessageId":"m1")"), std::string::npos) << batch.body;
  EXPECT_NE(batch.body.find(R"("statusCode":"Purged")"), std::string::npos) << batch.body;
  const auto token = [](const Answer& answer) {
    return answer.headers.at("etag").substr(1, answer.headers.at("etag").size() - 2);
  };
  EXPECT_EQ(hub.call("POST", "/messages/serviceBound/feedback/" + token(batch) + "/abandon").status, 204U);
  const Answer again = hub.call("GET", "/messages/serviceBound/feedback");
  EXPECT_EQ(again.body, batch.body);
  EXPECT_EQ(hub.call("DELETE", "/messages/serviceBound/feedback/" + token(again)).status, 204U);
  expect_error(hub.call("DELETE", "/messages/serviceBound/feedback/" + token(again)), 412, "DeviceMessageLockLost");
  EXPECT_EQ(hub.call("GET", "/messages/serviceBound/feedback").status, 204U);
}

TEST(RestDeviceApi, TelemetryIsInTheEventLogBeforeItIsAnswered) {
  const RestHub hub;
  hub.create("d1");
  const std::string device = as_device(hub, "d1");
  EXPECT_EQ(
      hub.call("POST", "/devices/d1/messages/events", "21.5",
               device + "iothub-app-Alert: yes & no\r\nIoTHub-MessageId: m1\r\niothub-contenttype: text/plain\r\n")
          .status,
      204U);
  EXPECT_EQ(hub.call("POST", "/devices/d1/messages/events",
                     R"([{"body":"YQ==","properties":{"iothub-app-n":"1"}},{"body":"b","base64Encoded":false}])",
                     device + "Content-Type: application/vnd.microsoft.iothub.json\r\n")
                .status,
            204U);
  const auto events = hub.telemetry("d1");
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].body, "21.5");
  ASSERT_EQ(events[0].application.size(), 1U);
  EXPECT_EQ(events[0].application[0].name, "Alert");
  EXPECT_EQ(events[0].application[0].value, "yes & no");
  EXPECT_EQ(events[1].body, "a");
  EXPECT_EQ(events[1].application[0].value, "1");
  EXPECT_EQ(events[2].body, "b");
}

TEST(RestDeviceApi, ABatchIsReadAsLenientlyAsAnyBodyAndAMessageNotAtAll) {
  const RestHub hub;
  hub.create("d1");
  const std::string device = as_device(hub, "d1"), target = "/devices/d1/messages/events";
  EXPECT_EQ(hub.call("POST", target, "\xEF\xBB\xBF[{'body':'YQ==','properties':{'iothub-app-n':'1',},}, // one\n]",
                     device + "Content-Type: application/vnd.microsoft.iothub.json\r\n")
                .status,
            204U);
  EXPECT_EQ(hub.call("POST", target, "{'a':1,}", device + "Content-Type: application/json\r\n").status, 204U);
  const auto events = hub.telemetry("d1");
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].body, "a");
  EXPECT_EQ(events[0].application[0].value, "1");
  EXPECT_EQ(events[1].body, "{'a':1,}");
}

TEST(RestDeviceApi, ABatchIsTakenWholeOrRefused) {
  const RestHub hub;
  hub.create("d1");
  const std::string headers = as_device(hub, "d1") + "Content-Type: application/vnd.microsoft.iothub.json\r\n";
  for (const char* body : {"", "{}", "[]", "[1]", R"([{"body":1}])", R"([{"body":"not base64"}])",
                           R"([{"body":"YQ=="},{"properties":{}}])"}) {
    EXPECT_EQ(hub.call("POST", "/devices/d1/messages/events", body, headers).status, 400U) << body;
  }
  expect_error(hub.call("POST", "/devices/d1/messages/events",
                        R"([{"base64Encoded":false,"body":")" + std::string(256 * 1024 + 1, 'x') + "\"}]", headers),
               413, "MessageTooLarge");
  EXPECT_TRUE(hub.telemetry("d1").empty());
}

TEST(RestDeviceApi, ADeviceReachesItselfAloneAndNoBackEndRoute) {
  const RestHub hub;
  hub.create("d1");
  hub.create("d2");
  const std::string device = as_device(hub, "d1");
  for (const auto& [method, target] : {std::pair{"POST", "/devices/d2/messages/events"},
                                       {"GET", "/devices/d2/messages/devicebound"},
                                       {"POST", "/devices/nobody/messages/events"},
                                       {"POST", "/devices/d1/messages/devicebound"},
                                       {"DELETE", "/devices/d1/commands"},
                                       {"GET", "/twins/d1"}}) {
    expect_error(hub.call(method, target, "", device), 401, "IotHubUnauthorizedAccess");
  }
  const auto by = [&](const char* policy) {
    return hub.call("GET", "/devices/d2/messages/devicebound", "", "Authorization: " + hub.token(policy) + "\r\n");
  };
  EXPECT_EQ(by("device").status, 204U) << "a policy with DeviceConnect reaches every device";
  expect_error(by("service"), 401, "IotHubUnauthorizedAccess");
  expect_error(
      hub.call("GET", "/devices/nobody/messages/devicebound", "", "Authorization: " + hub.token("device") + "\r\n"),
      404, "DeviceNotFound");
  EXPECT_EQ(hub.call("PUT", "/devices/d2", R"({"status":"disabled"})", "If-Match: *\r\n").status, 200U);
  expect_error(by("device"), 403, "DeviceDisabled");
}

}  // namespace
}  // namespace twinhub::test

#include "rest_hub.hpp"

#include <gtest/gtest.h>
#include <future>

namespace twinhub::test {
namespace {

void expect_error(const Answer& answer, unsigned status, const std::string& name) {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_EQ(answer.error_name(), name) << answer.body;
  EXPECT_EQ(answer.headers.at("iothub-errorcode"), name);
  EXPECT_NE(answer.headers.at("content-type").find("application/json"), std::string::npos);
}

TEST(RestDevices, CreateOnceUpdateByIfMatchDeleteByIfMatch) {
  const RestHub hub;
  const Answer created = hub.call("PUT", "/devices/d1", R"({"deviceId":"d1"})");
  EXPECT_EQ(created.status, 200U);
  const std::string etag = created.headers.at("etag");
  EXPECT_TRUE(etag.starts_with('"') && etag.ends_with('"')) << etag;
  expect_error(hub.call("PUT", "/devices/d1", "{}"), 409, "DeviceAlreadyExists");
  expect_error(hub.call("PUT", "/devices/missing", "{}", "If-Match: \"*\"\r\n"), 404, "DeviceNotFound");
  expect_error(hub.call("PUT", "/devices/d1", "{}", "If-Match: \"stale\"\r\n"), 412, "PreconditionFailed");
  const Answer updated = hub.call("PUT", "/devices/d1", R"({"status":"disabled"})", "If-Match: " + etag + "\r\n");
  EXPECT_EQ(updated.status, 200U);
  EXPECT_NE(updated.headers.at("etag"), etag);
  expect_error(hub.call("DELETE", "/devices/d1"), 412, "PreconditionFailed");
  expect_error(hub.call("DELETE", "/devices/d1", "", "If-Match: " + etag + "\r\n"), 412, "PreconditionFailed");
  const Answer removed = hub.call("DELETE", "/devices/d1", "", "If-Match: \"*\"\r\n");
  EXPECT_EQ(removed.status, 204U);
  EXPECT_EQ(removed.body, "");
  expect_error(hub.call("DELETE", "/devices/d1", "", "If-Match: *\r\n"), 404, "DeviceNotFound");
  expect_error(hub.call("GET", "/devices/d1"), 404, "DeviceNotFound");
}

TEST(RestDevices, IdsOfEveryAllowedCharacter) {
  const RestHub hub;
  for (const char* encoded : {"a%25b", "a'b", "a:b", "a+b", "a%23b", "a%3Fb", "a%3Db", "$a", "a%2Cb", "a@b"}) {
    EXPECT_EQ(hub.call("PUT", "/devices/" + std::string(encoded), "{}").status, 200U) << encoded;
    EXPECT_EQ(hub.call("GET", "/twins/" + std::string(encoded)).status, 200U) << encoded;
  }
  EXPECT_EQ(hub.call("PUT", "/devices/" + std::string(128, 'x'), "{}").status, 200U);
  expect_error(hub.call("PUT", "/devices/" + std::string(129, 'x'), "{}"), 400, "ArgumentInvalid");
  EXPECT_LT(hub.call("PUT", "/devices/a%2Fb", "{}").status, 500U);
  expect_error(hub.call("PUT", "/devices/a%00b", "{}"), 400, "ArgumentInvalid");
}

TEST(RestDevices, ListsInIdOrder) {
  const RestHub hub;
  for (const char* id : {"b", "a", "c"}) hub.create(id);
  const Answer all = hub.call("GET", "/devices/?top=2&api-version=2021-04-12");
  EXPECT_EQ(all.status, 200U);
  EXPECT_LT(all.body.find("\"deviceId\":\"a\""), all.body.find("\"deviceId\":\"b\""));
  EXPECT_EQ(all.body.find("\"deviceId\":\"c\""), std::string::npos);
  for (const char* top : {"0", "1001", "x", "-1"}) {
    EXPECT_NE(
        hub.call("GET", "/devices?api-version=2021-04-12&top=" + std::string(top)).body.find("\"deviceId\":\"c\""),
        std::string::npos)
        << top;
  }
}

TEST(RestDevices, AFailedRequestChangesNothing) {
  const RestHub hub;
  hub.create("d1");
  const std::string before = hub.call("GET", "/devices/d1").body;
  for (const char* body :
       {"", "[]", "{", R"({"status":"off"})", R"({"deviceId":"d2"})", R"({"authentication":{"type":"none"}})"}) {
    EXPECT_EQ(hub.call("PUT", "/devices/d1", body, "If-Match: *\r\n").status, 400U) << body;
  }
  EXPECT_EQ(hub.call("GET", "/devices/d1").body, before);
}

TEST(RestTwins, IfMatchInEverySpelling) {
  const RestHub hub;
  hub.create("d1");
  const std::string body = R"({"tags":{"a":1}})";
  EXPECT_EQ(hub.call("PATCH", "/twins/d1", body, "If-Match: \"AAAAAAAAAAE=\"\r\n").status, 200U);
  EXPECT_EQ(hub.call("PATCH", "/twins/d1", body, "If-Match: AAAAAAAAAAI=\r\n").status, 200U);
  EXPECT_EQ(hub.call("PATCH", "/twins/d1", body, "If-Match: \"*\"\r\n").status, 200U);
  EXPECT_EQ(hub.call("PATCH", "/twins/d1", body, "If-Match: *\r\n").status, 200U);
  const Answer unconditional = hub.call("PATCH", "/twins/d1", body);
  EXPECT_EQ(unconditional.headers.at("etag"), "\"AAAAAAAAAAY=\"");
  expect_error(hub.call("PATCH", "/twins/d1", body, "If-Match: \"abc\"\r\n"), 412, "PreconditionFailed");
  EXPECT_EQ(hub.call("GET", "/twins/d1").headers.at("etag"), "\"AAAAAAAAAAY=\"");
}

TEST(RestTwins, ErrorsAreIoTHubs) {
  const RestHub hub;
  hub.create("d1");
  expect_error(hub.call("GET", "/twins/missing"), 404, "DeviceNotFound");
  expect_error(hub.call("GET", "/twins/d1/modules/missing"), 404, "DeviceNotFound");
  expect_error(hub.call("PATCH", "/twins/d1", "{"), 400, "IotHubFormatError");
  expect_error(hub.call("PATCH", "/twins/d1", R"({"tags":{"a b":1}})"), 400, "ArgumentInvalid");
  std::string tags;
  for (int i = 0; i < 3; ++i)
    tags += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":\"" + std::string(4000, 'x') + '"';
  expect_error(hub.call("PATCH", "/twins/d1", R"({"tags":{)" + tags + "}}"), 403, "DeviceModelMaxPropertiesExceeded");
  expect_error(hub.call("PATCH", "/twins/d1?api-version=2018-06-30", R"({"tags":{"a":[1]}})"), 400, "ArgumentInvalid");
  EXPECT_EQ(hub.call("GET", "/twins/d1").headers.at("etag"), "\"AAAAAAAAAAE=\"");
}

TEST(RestTwins, ThirtyConcurrentPatchesAllCount) {
  const RestHub hub;
  hub.create("d1");
  std::vector<std::future<unsigned>> patches;
  for (int i = 0; i < 30; ++i) {
    patches.push_back(std::async(std::launch::async, [&hub, i] {
      return hub
          .call("PATCH", "/twins/d1", R"({"properties":{"desired":{"k)" + std::to_string(i) + R"(":1}}})",
                "If-Match: *\r\n")
          .status;
    }));
  }
  for (auto& patch : patches) EXPECT_EQ(patch.get(), 200U);
  const Answer twin = hub.call("GET", "/twins/d1");
  EXPECT_EQ(twin.headers.at("etag"), "\"AAAAAAAAAB8=\"");  // 31
  for (int i = 0; i < 30; ++i) EXPECT_NE(twin.body.find("\"k" + std::to_string(i) + "\":1"), std::string::npos);
}

TEST(RestRoutes, PathsInEverySpelling) {
  const RestHub hub;
  hub.create("d1");
  for (const char* target : {"/twins%2Fd1", "/twins/d1/", "/TWINS/d1"})
    EXPECT_EQ(hub.call("GET", target).status, 200U) << target;
  expect_error(hub.call("GET", "/twins/D1"), 404, "DeviceNotFound");
}

TEST(RestRoutes, UnknownPathsAndVerbs) {
  const RestHub hub;
  for (const char* target : {"/", "/nothing", "/devices/a/b/c/d", "/twins"})
    EXPECT_EQ(hub.call("GET", target).status, 404U) << target;
  const Answer wrong_verb = hub.call("POST", "/twins/d1", "{}");
  EXPECT_EQ(wrong_verb.status, 405U);
  EXPECT_EQ(wrong_verb.headers.at("allow"), "GET, PATCH, PUT");
  EXPECT_EQ(hub.call("OPTIONS", "/devices/d1").status, 405U);
}

TEST(RestRoutes, AnApiVersionIsRequired) {
  const RestHub hub;
  expect_error(hub.call("GET", "/devices?x=1"), 400, "InvalidProtocolVersion");
  expect_error(hub.call("GET", "/devices?api-version=now"), 400, "InvalidProtocolVersion");
}

}  // namespace
}  // namespace twinhub::test

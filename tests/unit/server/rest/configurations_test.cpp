// The configurations' routes on the wire: statuses, headers, errors. What they do is tests/unit/server/hub's.
#include "rest_hub.hpp"

#include <gtest/gtest.h>

namespace twinhub::test {
namespace {

const std::string body = R"({"content":{"deviceContent":{"properties.desired.a":1}},"targetCondition":"*"})";

void expect_error(const Answer& answer, unsigned status, const std::string& name) {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_EQ(answer.error_name(), name) << answer.body;
  EXPECT_EQ(answer.headers.at("iothub-errorcode"), name);
}

TEST(RestConfigurations, TheLifeOfOne) {
  const RestHub hub;
  EXPECT_EQ(hub.call("GET", "/configurations").body, "[]");
  expect_error(hub.call("GET", "/configurations/c"), 404, "ConfigurationNotFound");
  const Answer created = hub.call("PUT", "/configurations/c", body);
  EXPECT_EQ(created.status, 200U) << created.body;
  EXPECT_EQ(created.headers.at("etag"), "\"MQ==\"");
  EXPECT_EQ(created.headers.at("content-type").find("application/json"), 0U);
  expect_error(hub.call("PUT", "/configurations/c", body), 409, "ConfigurationAlreadyExists");
  expect_error(hub.call("PUT", "/configurations/c", body, "If-Match: \"abc\"\r\n"), 412, "PreconditionFailed");
  expect_error(hub.call("PUT", "/configurations/d", body, "If-Match: \"*\"\r\n"), 404, "ConfigurationNotFound");
  EXPECT_EQ(hub.call("PUT", "/configurations/c", body, "If-Match: \"MQ==\"\r\n").headers.at("etag"), "\"Mg==\"");
  EXPECT_EQ(hub.call("PUT", "/configurations/c", body, "If-Match: Mg==\r\n").headers.at("etag"), "\"Mw==\"");

  const Answer shown = hub.call("GET", "/configurations/c");
  EXPECT_EQ(shown.status, 200U);
  EXPECT_EQ(shown.headers.at("etag"), "\"Mw==\"");
  EXPECT_NE(shown.body.find(R"("results":{"targetedCount":0,"appliedCount":0})"), std::string::npos);
  EXPECT_EQ(hub.call("GET", "/configurations/?top=0&api-version=2018-06-30").body, "[" + shown.body + "]");
  EXPECT_EQ(hub.call("GET", "/Configurations%2Fc?api-version=2020-09-30").body, shown.body);

  expect_error(hub.call("DELETE", "/configurations/c", "", "If-Match: \"MQ==\"\r\n"), 412, "PreconditionFailed");
  const Answer deleted = hub.call("DELETE", "/configurations/c");
  EXPECT_EQ(deleted.status, 204U);
  EXPECT_EQ(deleted.body, "");
  expect_error(hub.call("DELETE", "/configurations/c"), 404, "ConfigurationNotFound");
}

TEST(RestConfigurations, TwinsAndCountsFollow) {
  const RestHub hub;
  hub.create("d1");
  EXPECT_EQ(hub.call("PUT", "/configurations/c", body).status, 200U);
  for (int i = 0; i < 1000 && hub.call("GET", "/twins/d1").body.find("Applied") == std::string::npos; ++i)
    hub.hub().tick();
  const Answer twin = hub.call("GET", "/twins/d1");
  EXPECT_NE(twin.body.find(R"("configurations":{"c":{"status":"Applied"}},"capabilities":)"), std::string::npos)
      << twin.body;
  EXPECT_NE(hub.call("GET", "/configurations/c").body.find(R"("results":{"targetedCount":1,"appliedCount":1})"),
            std::string::npos);
  const Answer found =
      hub.call("POST", "/devices/query",
               R"({"query":"SELECT deviceId FROM devices WHERE configurations.[[c]].status='Applied'"})");
  EXPECT_EQ(found.body, R"([{"deviceId":"d1"}])");
}

TEST(RestConfigurations, BadInputIsRefusedAndChangesNothing) {
  const RestHub hub;
  const std::string content = R"("content":{"deviceContent":{"properties.desired.a":1}})";
  struct Case {
    const char* id;
    std::string body;
    const char* error;
  };
  const Case cases[] = {
      {"c", "", "IotHubFormatError"},
      {"c", "{", "IotHubFormatError"},
      {"c", "[]", "IotHubFormatError"},
      {"c", "{}", "InvalidConfigurationContent"},
      {"c", R"({"content":{"deviceContent":{"tags.a":1}}})", "InvalidConfigurationContent"},
      {"c", R"({"content":{"modulesContent":{"m":{}}}})", "InvalidConfigurationContent"},
      {"c", "{" + content + R"(,"targetCondition":"tags."})", "InvalidConfigurationTargetCondition"},
      {"c", "{" + content + R"(,"targetCondition":"status='enabled'"})", "InvalidConfigurationTargetCondition"},
      {"c", "{" + content + R"(,"metrics":{"queries":{"m":"SELEC"}}})", "InvalidConfigurationCustomMetricsQuery"},
      {"c", "{" + content + R"(,"priority":-1})", "ArgumentInvalid"},
      {"c", "{" + content + R"(,"id":"other"})", "ArgumentInvalid"},
      {"Upper", "{" + content + "}", "ArgumentInvalid"},
      {"a%20b", "{" + content + "}", "ArgumentInvalid"},
      {"%c3%28", "{" + content + "}", "ArgumentInvalid"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.body);
    expect_error(hub.call("PUT", "/configurations/" + std::string(one.id), one.body), 400, one.error);
  }
  EXPECT_EQ(hub.call("GET", "/configurations").body, "[]");
  ASSERT_EQ(hub.call("PUT", "/configurations/c", body).status, 200U);
  const std::string before = hub.call("GET", "/configurations/c").body;
  for (const Case& one : cases) {
    SCOPED_TRACE(one.body);
    expect_error(hub.call("PUT", "/configurations/" + std::string(one.id), one.body, "If-Match: *\r\n"), 400,
                 one.error);
  }
  EXPECT_EQ(hub.call("GET", "/configurations/c").body, before);
  EXPECT_EQ(hub.call("PUT", "/configurations/c", std::string(2U << 20, ' '), "If-Match: *\r\n").status, 413U);
  expect_error(hub.call("POST", "/configurations/c"), 405, "GenericMethodNotAllowed");
  expect_error(hub.call("PUT", "/configurations", body), 405, "GenericMethodNotAllowed");
}

TEST(RestConfigurations, QueriesAreTested) {
  const RestHub hub;
  const Answer good = hub.call("POST", "/configurations/testQueries",
                               R"({"targetCondition":"tags.a=1","customMetricQueries":{"m":"SELECT * FROM devices"}})");
  EXPECT_EQ(good.status, 200U);
  EXPECT_EQ(good.body, R"({"targetConditionError":null,"customMetricQueryErrors":{}})");
  const Answer bad =
      hub.call("POST", "/configurations/testQueries", R"({"targetCondition":"*","customMetricQueries":{"m":"SELEC"}})");
  EXPECT_EQ(bad.status, 200U);
  EXPECT_NE(bad.body.find(R"("m":)"), std::string::npos);
  expect_error(hub.call("POST", "/configurations/testQueries", ""), 400, "IotHubFormatError");
  expect_error(hub.call("POST", "/configurations/testQueries", R"({"customMetricQueries":[]})"), 400,
               "ArgumentInvalid");
}

TEST(RestConfigurations, ContentIsAppliedToAnEdgeDevice) {
  const RestHub hub;
  const std::string content = R"({"modulesContent":{"$edgeAgent":{"properties.desired":{"modules":{}}}}})";
  expect_error(hub.call("POST", "/devices/d1/applyConfigurationContent", content), 404, "DeviceNotFound");
  hub.create("d1");
  expect_error(hub.call("POST", "/devices/d1/applyConfigurationContent", content), 400, "ArgumentInvalid");
  ASSERT_EQ(hub.call("PUT", "/devices/e1", R"({"capabilities":{"iotEdge":true}})").status, 200U);
  expect_error(hub.call("POST", "/devices/e1/applyConfigurationContent", "["), 400, "IotHubFormatError");
  expect_error(hub.call("POST", "/devices/e1/applyConfigurationContent", "{}"), 400, "InvalidConfigurationContent");
  expect_error(
      hub.call("POST", "/devices/e1/applyConfigurationContent", R"({"deviceContent":{"properties.desired.a":1}})"), 400,
      "InvalidConfigurationContent");
  EXPECT_EQ(hub.call("GET", "/twins/e1/modules/$edgeAgent").body.find(R"("desired":{"modules")"), std::string::npos);
  EXPECT_EQ(hub.call("POST", "/devices/e1/applyConfigurationContent", content).status, 204U);
  EXPECT_NE(hub.call("GET", "/twins/e1/modules/$edgeAgent").body.find(R"("desired":{"modules":{},)"),
            std::string::npos);
}

}  // namespace
}  // namespace twinhub::test

// A configuration on the service API: what is read, refused and shown.
#include "protocol/configuration/configuration.hpp"

#include "fixture.hpp"

namespace twinhub::configuration {
namespace {

const std::string content = R"("content":{"deviceContent":{"properties.desired.a":1}})";

Errc refusal(const std::string& members, std::string_view id = "c") {
  const auto parsed = parse_configuration(id, "{" + members + "}", false);
  EXPECT_FALSE(parsed) << members;
  return parsed ? Errc::server_error : parsed.error().code;
}

TEST(Configuration, IsShownInIotHubsOrder) {
  auto read = parse_configuration("chiller",
                                  R"({"id":"chiller","schemaVersion":"1.0","labels":{"a":"b"},)" + content +
                                      R"(,"targetCondition":"tags.environment='chillers'","priority":10,
      "metrics":{"results":{"x":9},"queries":{"pending":"SELECT deviceId FROM devices"}},"etag":"zzz","more":1})",
                                  false);
  ASSERT_TRUE(read) << read.error().detail;
  read->created = read->updated = timestamp_from_unix(1'800'000'000);
  std::string shown;
  append_configuration(shown, *read, {{"targetedCount", 2}, {"appliedCount", 1}}, {{"pending", 3}});
  EXPECT_EQ(
      shown,
      R"({"id":"chiller","schemaVersion":"1.0","labels":{"a":"b"},"content":{"deviceContent":{"properties.desired.a":1}},)"
      R"("targetCondition":"tags.environment='chillers'","createdTimeUtc":"2027-01-15T08:00:00Z",)"
      R"("lastUpdatedTimeUtc":"2027-01-15T08:00:00Z","priority":10,"systemMetrics":{"results":{"targetedCount":2,)"
      R"("appliedCount":1},"queries":{"targetedCount":"select deviceId from devices where tags.environment='chillers'",)"
      R"("appliedCount":"select deviceId from devices where configurations.[[chiller]].status = 'Applied'"}},)"
      R"("metrics":{"results":{"pending":3},"queries":{"pending":"SELECT deviceId FROM devices"}},"etag":"MQ=="})");
}

TEST(Configuration, WhatIsNotSaidHasADefault) {
  const auto read = parse_configuration("c", "{" + content + "}", false);
  ASSERT_TRUE(read);
  std::string shown;
  append_configuration(shown, *read, {}, {});
  EXPECT_NE(shown.find(R"("schemaVersion":null,"labels":null,)"), std::string::npos);
  EXPECT_NE(shown.find(R"("targetCondition":"",)"), std::string::npos);
  EXPECT_NE(shown.find(R"("priority":0,"systemMetrics":{"results":{},"queries":{"targetedCount":"",)"),
            std::string::npos);
  EXPECT_NE(shown.find(R"("metrics":{"results":{},"queries":{}})"), std::string::npos);
}

TEST(Configuration, SystemMetricsAreQueriesThatWork) {
  for (const Wanted& wanted :
       {Wanted{"a'*!%+-_9", sets("properties.desired.a", "1"), "*"},
        Wanted{"m", R"({"moduleContent":{"properties.desired.a":1}})",
               "FROM devices.modules WHERE tags.x = 1 OR tags.y = 1"},
        Wanted{"e", R"({"modulesContent":{"$edgeAgent":{"properties.desired":{}}}})", "tags.x = 1 OR tags.y = 1"}}) {
    for (const Metric& metric : make(wanted)->system_metrics()) {
      EXPECT_TRUE(metric.query) << metric.text;
      EXPECT_TRUE(parse_metric(metric.name, metric.text, true)) << metric.text;
    }
  }
  const auto edge =
      make({"e", R"({"modulesContent":{"$edgeAgent":{"properties.desired":{}}}})", "tags.x = 1 OR tags.y = 1"});
  ASSERT_EQ(edge->system_metrics().size(), 4U);
  EXPECT_EQ(edge->system_metrics()[0].text,
            "select deviceId from devices where capabilities.iotEdge = true and (tags.x = 1 OR tags.y = 1)");
  EXPECT_EQ(edge->system_metrics()[3].name, "reportedFailedCount");
}

TEST(Configuration, IdsAreInLowerCase) {
  for (const std::string_view id : {"a", "0", "a-b+c%d_e*f!g'h", "node_e2e_device_1234"})
    EXPECT_TRUE(is_valid_configuration_id(id));
  EXPECT_TRUE(is_valid_configuration_id(std::string(128, 'a')));
  for (const std::string_view id : {"", "A", "a b", "a.b", "a/b", "a[", "é", "a\"", "a&"})
    EXPECT_FALSE(is_valid_configuration_id(id));
  EXPECT_FALSE(is_valid_configuration_id(std::string(129, 'a')));
  EXPECT_EQ(refusal(content, "UPPER"), Errc::argument_invalid);
  EXPECT_EQ(refusal(content + R"(,"id":"other")"), Errc::argument_invalid);
}

TEST(Configuration, WhatIsKeptIsBounded) {
  const auto label = [](std::size_t bytes) { return R"(,"labels":{"l":")" + std::string(bytes, 'x') + "\"}"; };
  EXPECT_TRUE(parse_configuration("c", "{" + content + label(8192 - 8) + "}", false));
  EXPECT_EQ(refusal(content + label(8192 - 7)), Errc::argument_invalid);
  EXPECT_EQ(refusal(content + R"(,"schemaVersion":")" + std::string(129, '1') + '"'), Errc::argument_invalid);
  std::string brackets = "[[]";
  for (int i = 0; i < 8000; ++i) brackets += ",[]";
  std::string many;
  for (int i = 0; i < 12; ++i) many += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":" + brackets + "]";
  EXPECT_EQ(refusal(R"("content":{"deviceContent":{"properties.desired":{)" + many + "}}}"),
            Errc::invalid_configuration_content);
}

TEST(Configuration, IsRefusedWithIotHubsErrors) {
  EXPECT_EQ(parse_configuration("c", "[]", false).error().code, Errc::iot_hub_format_error);
  EXPECT_EQ(parse_configuration("c", "", false).error().code, Errc::iot_hub_format_error);
  EXPECT_EQ(refusal(""), Errc::invalid_configuration_content);
  EXPECT_EQ(refusal(R"("content":null)"), Errc::invalid_configuration_content);
  for (const std::string_view priority : {"-1", "1.5", "\"x\"", "\"-1\"", "2147483648", "1e3"})
    EXPECT_EQ(refusal(content + R"(,"priority":)" + std::string(priority)), Errc::argument_invalid) << priority;
  EXPECT_EQ(refusal(content + R"(,"labels":[])"), Errc::argument_invalid);
  EXPECT_EQ(refusal(content + R"(,"labels":{"a":1})"), Errc::argument_invalid);
  EXPECT_EQ(refusal(content + R"(,"targetCondition":1)"), Errc::argument_invalid);
  for (const std::string_view target : {"tags.x =", "edgeDeviceVM", "deviceId=edge", "properties.desired.x = 1",
                                        "status = 'enabled'", "SELECT 1", "FROM devices.jobs WHERE deviceId = 'd'",
                                        "FROM devices.modules WHERE tags.x = 1", "tags.x = 1 GROUP BY tags.x"}) {
    EXPECT_EQ(refusal(content + R"(,"targetCondition":")" + std::string(target) + '"'),
              Errc::invalid_configuration_target_condition)
        << target;
  }
  EXPECT_EQ(refusal(R"("content":{"moduleContent":{"properties.desired.a":1}},"targetCondition":"tags.x = 1")"),
            Errc::invalid_configuration_target_condition);
  const auto metrics = [](const std::string& queries) { return content + R"(,"metrics":{"queries":)" + queries + "}"; };
  EXPECT_EQ(refusal(metrics(R"({"m":"SELEC nope"})")), Errc::invalid_configuration_custom_metrics_query);
  EXPECT_EQ(refusal(metrics(R"({"m":"SELECT * FROM devices.jobs"})")),
            Errc::invalid_configuration_custom_metrics_query);
  EXPECT_EQ(refusal(metrics(R"({"m":1})")), Errc::argument_invalid);
  EXPECT_EQ(refusal(metrics("[]")), Errc::argument_invalid);
  std::string six = "{";
  for (int i = 0; i < 6; ++i) six += (i > 0 ? ",\"" : "\"") + std::to_string(i) + R"(":"SELECT * FROM devices")";
  EXPECT_EQ(refusal(metrics(six + "}")), Errc::argument_invalid);
}

TEST(Configuration, QueriesCanBeTested) {
  const auto tested = [](const std::string& body) { return *test_queries(body, false); };
  EXPECT_EQ(tested("{}"), R"({"targetConditionError":null,"customMetricQueryErrors":{}})");
  EXPECT_EQ(tested(R"({"targetCondition":"tags.x = 1","customMetricQueries":{"m":"SELECT * FROM devices"}})"),
            R"({"targetConditionError":null,"customMetricQueryErrors":{}})");
  EXPECT_EQ(tested(R"({"targetCondition":"FROM devices.modules WHERE moduleId = 'm'"})"),
            R"({"targetConditionError":null,"customMetricQueryErrors":{}})");
  const std::string wrong =
      tested(R"({"targetCondition":"tags.","customMetricQueries":{"bad":"SELEC","good":"SELECT * FROM devices"}})");
  EXPECT_EQ(wrong.find(R"({"targetConditionError":"BadRequest: )"), 0U) << wrong;
  EXPECT_NE(wrong.find(R"("customMetricQueryErrors":{"bad":"Metric 'bad': BadRequest: )"), std::string::npos) << wrong;
  EXPECT_EQ(wrong.find("good"), std::string::npos);
  EXPECT_NE(tested(R"({"targetCondition":"*"})").find(R"("targetConditionError":"BadRequest)"), std::string::npos);
  EXPECT_EQ(test_queries("[]", false).error().code, Errc::iot_hub_format_error);
  EXPECT_EQ(test_queries(R"({"targetCondition":5})", false).error().code, Errc::argument_invalid);
  EXPECT_EQ(test_queries(R"({"customMetricQueries":{"m":5}})", false).error().code, Errc::argument_invalid);
}

}  // namespace
}  // namespace twinhub::configuration

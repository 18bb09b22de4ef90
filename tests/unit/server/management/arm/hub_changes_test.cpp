// What a PUT may ask of the hub beside its labels: what it says already is accepted, anything else names the setting.
#include "server/management/arm/hub_changes.hpp"

#include "tests/unit/server/management/arm/arm_world.hpp"

#include <gmock/gmock.h>

namespace twinhub::management {
namespace {

using testing::HasSubstr;

/// `made` with one of its properties changed.
std::string with(std::string body, const std::string& from, const std::string& to) {
  const std::size_t place = body.find(from);
  EXPECT_NE(place, std::string::npos) << from;
  return body.replace(place, from.size(), to);
}

TEST(HubChanges, ADocumentThatComesBackAsItWasIsAccepted) {
  ArmOptions options;
  options.routing.routes = {{"hot", "DeviceMessages", "level = 'high'", {"broker"}, true}};
  ArmWorld arm(options);
  const ArmAnswer made = arm.create_hub();
  EXPECT_EQ(arm.ask("PUT", hub_path, made.body).status, 200);
  // Python's SDK sends durations and empty members in its own way.
  std::string spelled = with(made.body, R"("defaultTtlAsIso8601":"PT1H")", R"("defaultTtlAsIso8601":"PT60M")");
  spelled =
      with(spelled, R"("features":"None")", R"("features":"None","networkRuleSets":null,"disableLocalAuth":false)");
  const ArmAnswer again = arm.ask("PUT", hub_path, spelled);
  EXPECT_EQ(again.status, 200) << again.body;
}

TEST(HubChanges, AnUpdateThatAsksForMoreNamesTheSetting) {
  ArmWorld arm;
  const ArmAnswer made = arm.create_hub();
  struct Case {
    const char* from;
    const char* to;
    const char* named;
  };
  for (const Case& one : {
           Case{R"("cloudToDevice":{"maxDeliveryCount":10)", R"("cloudToDevice":{"maxDeliveryCount":5)",
                "c2d.max_delivery_count"},
           Case{R"("defaultTtlAsIso8601":"PT1H")", R"("defaultTtlAsIso8601":"PT2H")", "c2d.ttl_default_seconds"},
           Case{R"("partitionCount":4)", R"("partitionCount":8)", "events.partitions"},
           Case{R"("routes":[])",
                R"("routes":[{"name":"r","source":"DeviceMessages","endpointNames":["events"],"isEnabled":true}])",
                "[[routes]]"},
           Case{R"("isEnabled":true)", R"("isEnabled":false)", "[fallback]"},
           Case{R"("eventHubs":[])", R"("eventHubs":[{"name":"e"}])", "[[endpoints]]"},
           Case{R"("routes":[])", R"("routes":[],"enrichments":[{"key":"k","value":"v","endpointNames":["events"]}])",
                "[[enrichments]]"},
           Case{R"("ipFilterRules":[])",
                R"("ipFilterRules":[{"filterName":"f","action":"Reject","ipMask":"0.0.0.0/0"}])", "ipFilterRules"},
           Case{R"("features":"None")", R"("features":"None","publicNetworkAccess":"Disabled")", "publicNetworkAccess"},
           Case{R"("enableFileUploadNotifications":false)", R"("enableFileUploadNotifications":true)",
                "enableFileUploadNotifications"},
       }) {
    const ArmAnswer refused = arm.ask("PUT", hub_path, with(made.body, one.from, one.to));
    EXPECT_EQ(refused.status, 400) << one.to;
    EXPECT_THAT(message_of(refused), HasSubstr(one.named));
  }
  EXPECT_EQ(arm.ask("GET", hub_path).body, made.body);
}

TEST(HubChanges, ACreationTakesDefaultsOfItsClientButNoRoutes) {
  ArmWorld arm;
  ASSERT_EQ(arm.ask("PUT", group_path, R"({"location":"x"})").status, 201);
  const auto create = [&](const std::string& properties) {
    return arm.ask("PUT", hub_path, R"({"location":"x","properties":)" + properties + "}").status;
  };
  EXPECT_EQ(create(R"({"routing":{"routes":[{"name":"r","source":"DeviceMessages","endpointNames":["x"]}]}})"), 400);
  EXPECT_EQ(create(R"({"disableLocalAuth":true})"), 400);
  EXPECT_EQ(
      create(
          R"({"eventHubEndpoints":{"events":{"partitionCount":2,"retentionTimeInDays":7}},"cloudToDevice":{"maxDeliveryCount":99}})"),
      200);
  EXPECT_EQ(at(arm.ask("GET", hub_path).body, "properties/eventHubEndpoints/events/partitionCount"), "4");
  EXPECT_EQ(create(R"({"somethingNew":{"a":1}})"), 200);
  EXPECT_EQ(create("[]"), 400);
  EXPECT_EQ(create("null"), 200);
}

TEST(HubChanges, DurationsAreReadInAnySpelling) {
  EXPECT_EQ(seconds_of_duration("PT1H"), 3600U);
  EXPECT_EQ(seconds_of_duration("PT60M"), 3600U);
  EXPECT_EQ(seconds_of_duration("P1DT1H2M3S"), 86'400U + 3723U);
  EXPECT_EQ(seconds_of_duration("P2D"), 172'800U);
  for (const char* wrong : {"", "P", "PT", "1H", "PT1", "PTH", "P1H", "PT1D", "PT1234567890S", "PT1.5S"})
    EXPECT_EQ(seconds_of_duration(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace twinhub::management

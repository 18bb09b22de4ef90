// The hub as a resource: created, found in every spelling, updated under its etag; one process is one hub.
#include "tests/unit/server/management/arm/arm_world.hpp"

#include <gmock/gmock.h>

namespace twinhub::management {
namespace {

using testing::HasSubstr;

constexpr const char* az_create =
    R"({"location":"westus2","sku":{"name":"F1","capacity":1},"properties":{"eventHubEndpoints":{"events":)"
    R"({"retentionTimeInDays":1,"partitionCount":4}},"storageEndpoints":{"$default":{"sasTtlAsIso8601":"PT1H",)"
    R"("connectionString":"","containerName":""}},"messagingEndpoints":{"fileNotifications":{"lockDurationAsIso8601":)"
    R"("PT5S","ttlAsIso8601":"PT1H","maxDeliveryCount":10}},"enableFileUploadNotifications":false,"cloudToDevice":)"
    R"({"maxDeliveryCount":10,"defaultTtlAsIso8601":"PT1H","feedback":{"lockDurationAsIso8601":"PT5S",)"
    R"("ttlAsIso8601":"PT1H","maxDeliveryCount":10}}}})";

TEST(ArmHubs, TheDocumentHasWhatClientsRead) {
  ArmWorld arm;
  ASSERT_EQ(arm.ask("PUT", group_path, R"({"location":"westus2"})").status, 201);
  const ArmAnswer made = arm.ask("PUT", hub_path, az_create);
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(at(made.body, "id"), '"' + hub_path + '"');
  EXPECT_EQ(at(made.body, "name"), "\"hub-1\"");
  EXPECT_EQ(at(made.body, "type"), "\"Microsoft.Devices/IotHubs\"");
  EXPECT_EQ(at(made.body, "resourcegroup"), "\"g1\"");
  EXPECT_EQ(at(made.body, "subscriptionid"), '"' + subscription + '"');
  EXPECT_EQ(at(made.body, "sku/name"), "\"F1\"");
  EXPECT_EQ(at(made.body, "sku/tier"), "\"Free\"");
  EXPECT_EQ(at(made.body, "properties/hostName"), "\"hub.example\"");
  EXPECT_EQ(at(made.body, "properties/provisioningState"), "\"Succeeded\"");
  EXPECT_EQ(at(made.body, "properties/eventHubEndpoints/events/partitionIds"), R"(["0","1","2","3"])");
  EXPECT_EQ(at(made.body, "properties/eventHubEndpoints/events/path"), "\"localhost\"");
  EXPECT_EQ(at(made.body, "properties/eventHubEndpoints/events/endpoint"), "\"sb://hub.example/\"");
  EXPECT_EQ(at(made.body, "properties/routing/fallbackRoute/endpointNames"), R"(["events"])");
  EXPECT_EQ(at(made.body, "properties/authorizationPolicies"), "");
  EXPECT_EQ(arm.ask("GET", hub_path).body, made.body);
  arm.restart();
  EXPECT_EQ(arm.ask("GET", hub_path).body, made.body);
}

TEST(ArmHubs, TheEventHubIsShownWhereItsClientsFindIt) {
  ArmWorld arm(ArmOptions{.event_hub = "factory", .event_hub_port = 15671, .partitions = 2, .retention_hours = 25});
  const ArmAnswer made = arm.create_hub();
  EXPECT_EQ(at(made.body, "properties/eventHubEndpoints"),
            R"({"events":{"retentionTimeInDays":2,"partitionCount":2,"partitionIds":["0","1"],"path":"factory",)"
            R"("endpoint":"sb://hub.example:15671/"}})");
}

TEST(ArmHubs, APathIsReadAsClientsSpellIt) {
  ArmWorld arm;
  ASSERT_EQ(arm.create_hub().status, 200);
  for (const std::string& path :
       {in_subscription + "/resourcegroups/G1/providers/microsoft.devices/iothubs/HUB-1",
        group_path + "/providers/Microsoft.Devices//IotHubs/hub-1",
        "/SUBSCRIPTIONS/" + subscription + "/resourceGroups/g1/providers/Microsoft.Devices/IotHubs/Hub-1"}) {
    const ArmAnswer found = arm.ask("GET", path);
    EXPECT_EQ(found.status, 200) << path;
    EXPECT_EQ(at(found.body, "name"), "\"hub-1\"") << path;
  }
  EXPECT_EQ(arm.ask("HEAD", hub_path).status, 204);
}

TEST(ArmHubs, ListsShowTheHubInItsGroupAlone) {
  ArmWorld arm;
  ASSERT_EQ(arm.create_hub().status, 200);
  ASSERT_EQ(arm.ask("PUT", in_subscription + "/resourceGroups/g2", R"({"location":"x"})").status, 201);
  EXPECT_THAT(arm.ask("GET", in_subscription + "/providers/Microsoft.Devices/IotHubs").body, HasSubstr("hub-1"));
  EXPECT_THAT(arm.ask("GET", hubs_path).body, HasSubstr("hub-1"));
  EXPECT_EQ(arm.ask("GET", in_subscription + "/resourceGroups/g2/providers/Microsoft.Devices/IotHubs").body,
            R"({"value":[]})");
  EXPECT_EQ(arm.ask("GET", in_subscription + "/providers/Microsoft.Devices/provisioningServices").body,
            R"({"value":[]})");
}

TEST(ArmHubs, OneProcessIsOneHub) {
  ArmWorld arm;
  ASSERT_EQ(arm.create_hub().status, 200);
  ASSERT_EQ(arm.ask("PUT", in_subscription + "/resourceGroups/g2", R"({"location":"x"})").status, 201);
  const ArmAnswer second = arm.ask("PUT", hubs_path + "/hub-2", R"({"location":"westus2"})");
  EXPECT_EQ(second.status, 409);
  EXPECT_EQ(code_of(second), "\"ResourceConflict\"");
  EXPECT_THAT(message_of(second), HasSubstr("one process is one hub"));
  const ArmAnswer elsewhere =
      arm.ask("PUT", in_subscription + "/resourceGroups/g2/providers/Microsoft.Devices/IotHubs/HUB-1",
              R"({"location":"westus2"})");
  EXPECT_EQ(elsewhere.status, 409);
  EXPECT_EQ(arm.ask("PUT", hubs_path + "/HUB-1", R"({"location":"westus2"})").status, 200);
}

TEST(ArmHubs, AConfiguredHubIsThereFromTheStartAndIsAdoptedIntoAGroup) {
  ArmWorld arm(ArmOptions{.hub_name = "factory", .resource_group = "site"});
  EXPECT_THAT(arm.ask("GET", in_subscription + "/providers/Microsoft.Devices/IotHubs").body, HasSubstr("factory"));
  EXPECT_EQ(arm.ask("GET", in_subscription + "/resourceGroups/SITE").status, 200);
  ASSERT_EQ(arm.ask("PUT", group_path, R"({"location":"x"})").status, 201);
  EXPECT_EQ(arm.ask("PUT", hub_path, R"({"location":"x"})").status, 409);
  EXPECT_EQ(at(arm.ask("PUT", hubs_path + "/FACTORY", R"({"location":"x"})").body, "name"), "\"factory\"");
  EXPECT_EQ(arm.ask("GET", in_subscription + "/resourceGroups/site").status, 404);
  arm.restart();
  EXPECT_EQ(arm.ask("GET", hubs_path + "/factory").status, 200);
}

TEST(ArmHubs, AConfiguredHubThatIsChangedKeepsItsGroup) {
  ArmWorld arm(ArmOptions{.hub_name = "factory", .resource_group = "site"});
  const std::string site = in_subscription + "/resourceGroups/site";
  const std::string path = site + "/providers/Microsoft.Devices/IotHubs/factory";
  ASSERT_EQ(arm.ask("PATCH", path, R"({"tags":{"a":"b"}})").status, 200);
  for (int start = 0; start < 2; ++start) {
    const ArmAnswer found = arm.ask("GET", path);
    EXPECT_EQ(found.status, 200) << found.body;
    EXPECT_EQ(at(found.body, "tags/a"), "\"b\"");
    EXPECT_EQ(at(arm.ask("GET", site).body, "location"), at(found.body, "location"));
    arm.restart();
  }
}

TEST(ArmHubs, WhatIsMissingIsNotFound) {
  ArmWorld arm;
  EXPECT_EQ(code_of(arm.ask("GET", hub_path)), "\"ResourceGroupNotFound\"");
  ASSERT_EQ(arm.ask("PUT", group_path, R"({"location":"x"})").status, 201);
  const ArmAnswer missing = arm.ask("GET", hub_path);
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(code_of(missing), "\"ResourceNotFound\"");
  EXPECT_EQ(code_of(arm.ask("POST", hub_path + "/listkeys")), "\"ResourceNotFound\"");
}

TEST(ArmHubs, ANameIsTakenOnceThereIsAHub) {
  ArmWorld arm;
  const auto check = [&](const std::string& name) {
    return arm.ask("POST", in_subscription + "/providers/Microsoft.Devices/checkNameAvailability",
                   R"({"name":")" + name + "\"}");
  };
  EXPECT_EQ(check("hub-1").body, R"({"nameAvailable":true,"reason":"Invalid","message":null})");
  ASSERT_EQ(arm.create_hub().status, 200);
  EXPECT_EQ(at(check("HUB-1").body, "reason"), "\"AlreadyExists\"");
  EXPECT_EQ(at(check("other").body, "nameAvailable"), "true");
}

TEST(ArmHubs, ANameThatNoHubCanHaveIsNotAvailable) {
  ArmWorld arm;
  for (const std::string& name :
       {std::string(), std::string("ab"), std::string("ends-"), std::string("a_b"), std::string("a.b"),
        std::string("a b"), std::string("h\u00fcb"), std::string(51, 'a')}) {
    const ArmAnswer answer = arm.ask("POST", in_subscription + "/providers/Microsoft.Devices/checkNameAvailability",
                                     R"({"name":")" + name + "\"}");
    EXPECT_EQ(answer.status, 200) << name;
    EXPECT_EQ(at(answer.body, "nameAvailable"), "false") << name;
    EXPECT_EQ(at(answer.body, "reason"), "\"Invalid\"") << name;
    EXPECT_NE(at(answer.body, "message").find("3 to 50"), std::string::npos) << answer.body;
  }
}

TEST(ArmHubs, NamesSizesAndLocationsAreChecked) {
  ArmWorld arm;
  ASSERT_EQ(arm.ask("PUT", group_path, R"({"location":"x"})").status, 201);
  for (const std::string& name : {std::string("ab"), std::string("ends-"), std::string("a_b"), std::string(51, 'a')})
    EXPECT_EQ(arm.ask("PUT", hubs_path + "/" + name, R"({"location":"x"})").status, 400) << name;
  EXPECT_EQ(code_of(arm.ask("PUT", hub_path, "{}")), "\"LocationRequired\"");
  for (const char* sku : {R"({"name":"S9"})", R"({"name":"F1","capacity":2})", R"({"name":"S1","capacity":0})", "{}"})
    EXPECT_EQ(arm.ask("PUT", hub_path, R"({"location":"x","sku":)" + std::string(sku) + "}").status, 400) << sku;
  EXPECT_EQ(arm.ask("PUT", hubs_path + "/" + std::string(50, 'a'), R"({"location":"x","sku":{"name":"s2"}})").status,
            200);
  EXPECT_EQ(code_of(arm.ask("PUT", hubs_path + "/" + std::string(50, 'a'), R"({"location":"y"})")),
            "\"InvalidResourceLocation\"");
}

TEST(ArmHubs, AnIdentityIsRefusedAndNoneIsNone) {
  ArmWorld arm;
  ASSERT_EQ(arm.create_hub().status, 200);
  const auto put = [&](const std::string& identity) {
    return arm.ask("PUT", hub_path, R"({"location":"westus2","identity":)" + identity + "}");
  };
  for (const char* identity : {R"({"type":"SystemAssigned"})", R"({"type":"UserAssigned","userAssignedIdentities":{}})",
                               R"({"type":1})", R"("SystemAssigned")"}) {
    const ArmAnswer refused = put(identity);
    EXPECT_EQ(refused.status, 400) << identity;
    EXPECT_EQ(code_of(refused), "\"NotImplemented\"") << identity;
  }
  for (const char* identity : {R"({"type":"None"})", R"({"type":null})", "{}", "null"})
    EXPECT_EQ(put(identity).status, 200) << identity;
}

TEST(ArmHubs, TheSettingSkuWinsOverTheLabel) {
  ArmWorld arm(ArmOptions{.sku = "S2", .units = 3});
  EXPECT_EQ(at(arm.create_hub().body, "sku"), R"({"name":"S2","tier":"Standard","capacity":3})");
}

TEST(ArmHubs, CreationLeavesTheLimitsAsTheyAre) {
  ArmWorld arm;
  ASSERT_EQ(arm.create_hub().status, 200);
  EXPECT_EQ(arm.world->hub.gate.figures().daily_messages, 0U);
}

TEST(ArmHubs, IfMatchIsReadAsAzSendsIt) {
  ArmWorld arm;
  const ArmAnswer made = arm.create_hub();
  const std::string etag = at(made.body, "etag").substr(1, 12);
  EXPECT_EQ(arm.ask("PUT", hub_path, made.body, "AAAAAAAAAAE=").status, 412);
  const ArmAnswer stale = arm.ask("PATCH", hub_path, R"({"tags":{"a":"1"}})", "{'IF-MATCH': 'AAAAAAAAAAE='}");
  EXPECT_EQ(stale.status, 412);
  EXPECT_EQ(code_of(stale), "\"PreconditionFailed\"");
  const ArmAnswer updated = arm.ask("PUT", hub_path, made.body, "{'IF-MATCH': '" + etag + "'}");
  EXPECT_EQ(updated.status, 200) << updated.body;
  EXPECT_NE(at(updated.body, "etag"), at(made.body, "etag"));
  EXPECT_EQ(arm.ask("PUT", hub_path, made.body, etag).status, 412);
  EXPECT_EQ(arm.ask("PATCH", hub_path, R"({"tags":{"a":"2"}})", "*").status, 200);
  EXPECT_EQ(at(arm.ask("GET", hub_path).body, "tags/a"), "\"2\"");
}

TEST(ArmHubs, AnEtagOfAHubThatIsNotThereIsRefused) {
  ArmWorld arm;
  ASSERT_EQ(arm.ask("PUT", group_path, R"({"location":"x"})").status, 201);
  EXPECT_EQ(arm.ask("PUT", hub_path, R"({"location":"x"})", "*").status, 412);
}

TEST(ArmHubs, FiguresAreTheHubsOwn) {
  ArmWorld arm;
  ASSERT_EQ(arm.create_hub().status, 200);
  ASSERT_TRUE(arm.world->put(hub::d1));
  ASSERT_TRUE(arm.world->put({"d2", ""}, R"({"status":"disabled"})"));
  const ArmAnswer stats = arm.ask("GET", hub_path + "/IotHubStats");
  EXPECT_EQ(stats.body, R"({"totalDeviceCount":2,"enabledDeviceCount":1,"disabledDeviceCount":1})");
  EXPECT_THAT(arm.ask("GET", hub_path + "/quotaMetrics").body,
              HasSubstr(R"({"name":"TotalDeviceCount","currentValue":2)"));
  EXPECT_THAT(arm.ask("GET", hub_path + "/skus").body, HasSubstr(R"("sku":{"name":"F1","tier":"Free"},"capacity":)"
                                                                 R"({"minimum":1,"maximum":1)"));
  EXPECT_THAT(arm.ask("GET", in_subscription + "/providers/Microsoft.Devices/usages").body, HasSubstr("paidHubCount"));
}

TEST(ArmHubs, FailoverSaysThatThereIsNoOtherRegion) {
  ArmWorld arm;
  ASSERT_EQ(arm.create_hub().status, 200);
  const ArmAnswer answer = arm.ask("POST", hub_path + "/failover", R"({"failoverRegion":"eastus"})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(code_of(answer), "\"NotImplemented\"");
}

}  // namespace
}  // namespace twinhub::management

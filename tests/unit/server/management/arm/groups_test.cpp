// Subscriptions, providers and resource groups: what az and the SDKs read of them.
#include "tests/unit/server/management/arm/arm_world.hpp"

#include <gmock/gmock.h>

namespace twinhub::management {
namespace {

TEST(ArmGroups, TheSubscriptionIsTheDataFoldersOwn) {
  ArmWorld arm;
  const ArmAnswer list = arm.ask("GET", "/subscriptions");
  EXPECT_EQ(list.status, 200);
  EXPECT_THAT(list.body, testing::HasSubstr(subscription));
  const ArmAnswer one = arm.ask("GET", in_subscription);
  EXPECT_EQ(at(one.body, "subscriptionId"), '"' + subscription + '"');
  EXPECT_EQ(at(one.body, "state"), "\"Enabled\"");
  EXPECT_EQ(at(one.body, "tenantId"), '"' + arm.options.tenant + '"');
  EXPECT_EQ(arm.ask("GET", "/tenants").status, 200);
}

TEST(ArmGroups, AnotherSubscriptionIsNotFound) {
  ArmWorld arm;
  for (const char* path : {"", "/resourceGroups", "/resourceGroups/g1/providers/Microsoft.Devices/IotHubs/h1"}) {
    const ArmAnswer answer = arm.ask("GET", std::string("/subscriptions/00000000-0000-0000-0000-000000000000") + path);
    EXPECT_EQ(answer.status, 404);
    EXPECT_EQ(code_of(answer), "\"SubscriptionNotFound\"");
  }
}

TEST(ArmGroups, ARequestWithoutApiVersionIsRefused) {
  ArmWorld arm;
  ArmRequest request{.method = "GET", .segments = {"subscriptions"}};
  const ArmAnswer answer = arm.manager->answer(request);
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(code_of(answer), "\"MissingApiVersionParameter\"");
}

TEST(ArmGroups, EveryAnswerHasARequestId) {
  ArmWorld arm;
  const auto headers = arm.ask("GET", "/subscriptions").headers;
  ASSERT_EQ(headers.size(), 2U);
  EXPECT_EQ(headers[0].first, "x-ms-request-id");
  EXPECT_EQ(headers[0].second.size(), 32U);
}

TEST(ArmGroups, AGroupIsMadeChangedAndGone) {
  ArmWorld arm;
  EXPECT_EQ(arm.ask("HEAD", group_path).status, 404);
  EXPECT_EQ(arm.ask("HEAD", group_path).body, "");
  const ArmAnswer made = arm.ask("PUT", group_path, R"({"location":"centralus","tags":{"a":"b"}})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(at(made.body, "id"), '"' + group_path + '"');
  EXPECT_EQ(at(made.body, "tags/a"), "\"b\"");
  EXPECT_EQ(at(made.body, "properties/provisioningState"), "\"Succeeded\"");
  EXPECT_EQ(arm.ask("HEAD", group_path).status, 204);

  EXPECT_EQ(arm.ask("PUT", group_path, R"({"location":"Central US"})").status, 200);
  EXPECT_EQ(at(arm.ask("GET", group_path).body, "tags"), "{}");
  EXPECT_EQ(at(arm.ask("PATCH", group_path, R"({"tags":{"c":"d"}})").body, "tags/c"), "\"d\"");

  arm.restart();
  EXPECT_EQ(at(arm.ask("GET", group_path).body, "tags/c"), "\"d\"");
  EXPECT_EQ(arm.ask("DELETE", group_path).status, 200);
  const ArmAnswer gone = arm.ask("GET", group_path);
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(code_of(gone), "\"ResourceGroupNotFound\"");
  arm.restart();
  EXPECT_EQ(arm.ask("GET", group_path).status, 404);
}

TEST(ArmGroups, NamesKeepTheirCaseAndAreFoundInAny) {
  ArmWorld arm;
  ASSERT_EQ(arm.ask("PUT", in_subscription + "/resourcegroups/Tutorial-RG", R"({"location":"westus2"})").status, 201);
  const ArmAnswer found = arm.ask("GET", in_subscription + "/RESOURCEGROUPS/tutorial-rg");
  EXPECT_EQ(at(found.body, "name"), "\"Tutorial-RG\"");
  EXPECT_EQ(arm.ask("PUT", in_subscription + "/resourceGroups/TUTORIAL-RG", R"({"location":"westus2"})").status, 200);
  EXPECT_EQ(at(arm.ask("GET", in_subscription + "/resourceGroups").body, "value").find("TUTORIAL"), std::string::npos);
}

TEST(ArmGroups, BadNamesLocationsAndTagsAreRefused) {
  ArmWorld arm;
  const auto code = [&](const std::string& name, const std::string& body) {
    const ArmAnswer answer = arm.ask("PUT", in_subscription + "/resourceGroups/" + name, body);
    EXPECT_GE(answer.status, 400) << name;
    return code_of(answer);
  };
  EXPECT_EQ(code("a.", R"({"location":"x"})"), "\"InvalidResourceGroup\"");
  EXPECT_EQ(code(std::string(91, 'a'), R"({"location":"x"})"), "\"InvalidResourceGroup\"");
  EXPECT_EQ(code("\xff", R"({"location":"x"})"), "\"InvalidResourceGroup\"");
  EXPECT_EQ(code("g", "{}"), "\"LocationRequired\"");
  EXPECT_EQ(code("g", R"({"location":""})"), "\"LocationRequired\"");
  EXPECT_EQ(code("g", "nonsense"), "\"InvalidRequestContent\"");
  EXPECT_EQ(code("g", "[]"), "\"InvalidRequestContent\"");
  EXPECT_EQ(code("g", R"({"location":"x","tags":{"a":1}})"), "\"InvalidTags\"");
  EXPECT_EQ(code("g", R"({"location":"x","tags":{"a":")" + std::string(257, 'v') + "\"}}"), "\"InvalidTags\"");
  ASSERT_EQ(arm.ask("PUT", in_subscription + "/resourceGroups/" + std::string(90, 'a'), R"({"location":"x"})").status,
            201);
  EXPECT_EQ(code(std::string(90, 'A'), R"({"location":"y"})"), "\"InvalidResourceGroupLocation\"");
}

TEST(ArmGroups, AConfiguredGroupTakesTheFirstLocation) {
  ArmWorld arm(ArmOptions{.hub_name = "factory", .resource_group = "site"});
  const std::string site = in_subscription + "/resourceGroups/site";
  const ArmAnswer made = arm.ask("PUT", site, R"({"location":"centralus"})");
  EXPECT_EQ(made.status, 200) << made.body;
  for (int start = 0; start < 2; ++start) {
    EXPECT_EQ(at(arm.ask("GET", site).body, "location"), "\"centralus\"");
    EXPECT_EQ(arm.ask("PUT", site, R"({"location":"westus2"})").status, 409);
    arm.restart();
  }
}

TEST(ArmGroups, AConfiguredGroupThatIsTaggedKeepsItsLocation) {
  ArmWorld arm(ArmOptions{.hub_name = "factory", .resource_group = "site"});
  const std::string site = in_subscription + "/resourceGroups/site";
  ASSERT_EQ(arm.ask("PATCH", site, R"({"tags":{"a":"b"}})").status, 200);
  EXPECT_EQ(arm.ask("PUT", site, R"({"location":"centralus"})").status, 409);
}

TEST(ArmGroups, ThereAreNoMoreThanTheBound) {
  ArmWorld arm;
  for (int i = 0; i < 200; ++i)
    ASSERT_EQ(arm.ask("PUT", in_subscription + "/resourceGroups/g" + std::to_string(i), R"({"location":"x"})").status,
              201);
  const ArmAnswer refused = arm.ask("PUT", in_subscription + "/resourceGroups/more", R"({"location":"x"})");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(code_of(refused), "\"ResourceGroupQuotaExceeded\"");
  EXPECT_EQ(arm.ask("PUT", in_subscription + "/resourceGroups/g7", R"({"location":"x"})").status, 200);
}

TEST(ArmGroups, ProvidersAreThoseThatThereAre) {
  ArmWorld arm;
  const ArmAnswer devices = arm.ask("GET", in_subscription + "/providers/microsoft.devices");
  EXPECT_EQ(at(devices.body, "namespace"), "\"Microsoft.Devices\"");
  EXPECT_EQ(at(devices.body, "registrationState"), "\"Registered\"");
  EXPECT_EQ(arm.ask("POST", in_subscription + "/providers/Microsoft.Devices/register").status, 200);
  const ArmAnswer other = arm.ask("GET", in_subscription + "/providers/Microsoft.Web");
  EXPECT_EQ(other.status, 404);
  EXPECT_EQ(code_of(other), "\"InvalidResourceNamespace\"");
}

TEST(ArmGroups, WhatIsNotThereIsAnsweredInResourceManagersShape) {
  ArmWorld arm;
  const auto ask = [&](std::string_view method, const std::string& path, int status, std::string_view code) {
    const ArmAnswer answer = arm.ask(method, path);
    EXPECT_EQ(answer.status, status) << path;
    EXPECT_EQ(code_of(answer), '"' + std::string(code) + '"') << path;
  };
  ask("GET", "/nothing", 404, "InvalidResourceType");
  ask("GET", in_subscription + "/providers/Microsoft.Devices/Elasticpools", 404, "InvalidResourceType");
  ask("GET", in_subscription + "/resourceGroups/g/providers/Microsoft.Web/sites/s", 404, "InvalidResourceNamespace");
  ask("DELETE", "/subscriptions", 405, "MethodNotAllowed");
  ask("GET", in_subscription + "/resourceGroups/g/resources", 404, "ResourceGroupNotFound");
}

}  // namespace
}  // namespace twinhub::management

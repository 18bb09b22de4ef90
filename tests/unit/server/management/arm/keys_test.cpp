// Shared access policies through Resource Manager: shown, and set for real.
#include "server/management/arm/hub_keys.hpp"

#include "tests/unit/server/management/arm/arm_world.hpp"

#include <gmock/gmock.h>

namespace twinhub::management {
namespace {

using hub::test_key;
using testing::HasSubstr;
using testing::Not;

std::string key(const std::string& name, const std::string& rights, const std::string& more = "") {
  return R"({"keyName":")" + name + R"(","rights":")" + rights + '"' + more + "}";
}
const std::string owner = key("iothubowner", "RegistryWrite, ServiceConnect, DeviceConnect");

struct ArmKeys : testing::Test {
  ArmKeys() { EXPECT_EQ(arm.create_hub().status, 200); }
  ArmAnswer set(const std::string& policies) {
    return arm.ask("PUT", hub_path,
                   R"({"location":"westus2","properties":{"authorizationPolicies":[)" + policies + "]}}");
  }
  ArmAnswer one(const std::string& name) { return arm.ask("POST", hub_path + "/IotHubKeys/" + name + "/listkeys"); }
  ArmWorld arm;
};

TEST_F(ArmKeys, AreListedInTheOrderAndWordsThatClientsExpect) {
  const ArmAnswer keys = arm.ask("POST", hub_path + "/listKeys");
  EXPECT_EQ(keys.status, 200);
  EXPECT_THAT(keys.body, testing::StartsWith(R"({"value":[{"keyName":"iothubowner","primaryKey":")" + test_key('A') +
                                             R"(","secondaryKey":")" + test_key('B') +
                                             R"(","rights":"RegistryWrite, ServiceConnect, DeviceConnect"})"));
  EXPECT_THAT(keys.body, HasSubstr(R"("rights":"RegistryRead"})"));
  EXPECT_EQ(at(one("SERVICE").body, "primaryKey"), '"' + test_key('C') + '"');
  EXPECT_EQ(one("nobody").status, 404);
}

TEST_F(ArmKeys, ANewPolicyGetsKeysAndOldOnesKeepTheirs) {
  ASSERT_EQ(set(owner + "," + key("mine", "RegistryRead, ServiceConnect")).status, 200);
  EXPECT_EQ(at(one("iothubowner").body, "primaryKey"), '"' + test_key('A') + '"');
  EXPECT_EQ(at(one("mine").body, "primaryKey").size(), 46U);
  EXPECT_NE(at(one("mine").body, "primaryKey"), at(one("mine").body, "secondaryKey"));
  EXPECT_EQ(at(one("mine").body, "rights"), "\"RegistryRead, ServiceConnect\"");
  EXPECT_EQ(one("service").status, 404);
  ASSERT_EQ(arm.kept.size(), 2U);
  EXPECT_EQ(arm.kept[1].name, "mine");
}

TEST_F(ArmKeys, ARenewedKeyCountsAtOnce) {
  const std::string renewed = test_key('z');
  ASSERT_EQ(set(owner + "," + key("service", "ServiceConnect", R"(,"primaryKey":")" + renewed + '"')).status, 200);
  const auto policies = arm.world->hub.authenticator.policies();
  ASSERT_EQ(policies->size(), 2U);
  EXPECT_EQ((*policies)[1].primary_key, renewed);
  EXPECT_EQ((*policies)[1].secondary_key, test_key('D'));
}

TEST_F(ArmKeys, ADocumentsEtagChangesWithThePolicies) {
  const std::string before = at(arm.ask("GET", hub_path).body, "etag");
  ASSERT_EQ(set(owner).status, 200);
  EXPECT_NE(at(arm.ask("GET", hub_path).body, "etag"), before);
  EXPECT_THAT(arm.ask("GET", hub_path).body, Not(HasSubstr("authorizationPolicies")));
}

TEST_F(ArmKeys, WhatIsNoPolicyIsRefusedAndChangesNothing) {
  const auto before = arm.world->hub.authenticator.policies();
  for (const std::string& wrong : {
           std::string(),
           key("service", "ServiceConnect"),
           key("iothubowner", "RegistryWrite, ServiceConnect"),
           owner + "," + key("a b", "ServiceConnect"),
           owner + "," + key("management", "ServiceConnect"),
           owner + "," + key("x", ""),
           owner + "," + key("x", "Everything"),
           owner + "," + owner,
           owner + "," + key("x", "ServiceConnect", R"(,"primaryKey":"short")"),
           std::string("1"),
       })
    EXPECT_EQ(set(wrong).status, 400) << wrong;
  std::string many = owner;
  for (std::size_t i = 0; i < policies_max; ++i) many += "," + key("p" + std::to_string(i), "ServiceConnect");
  EXPECT_EQ(set(many).status, 400);
  EXPECT_EQ(arm.world->hub.authenticator.policies(), before);
  EXPECT_TRUE(arm.kept.empty());
}

TEST_F(ArmKeys, WhatCannotBeKeptIsNotInForce) {
  const auto before = arm.world->hub.authenticator.policies();
  arm.keeping_fails = true;
  EXPECT_EQ(set(owner).status, 503);
  EXPECT_EQ(arm.world->hub.authenticator.policies(), before);
}

}  // namespace
}  // namespace twinhub::management

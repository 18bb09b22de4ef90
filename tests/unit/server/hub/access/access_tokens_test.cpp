// Access tokens from their log-in to the route that takes them.
#include "server/hub/access/access_tokens.hpp"

#include "server/hub/access/authenticator.hpp"
#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>
#include <algorithm>

namespace twinhub::hub {
namespace {

struct AccessTokensTest : testing::Test {
  AccessTokensTest() { world.hub.authenticator.accept(tokens); }

  [[nodiscard]] std::optional<Policy> find(const std::string& name) const {
    const auto policies = world.hub.authenticator.policies();
    const auto found =
        std::find_if(policies->begin(), policies->end(), [&](const auto& each) { return each.name == name; });
    return found == policies->end() ? std::nullopt : std::optional(*found);
  }
  [[nodiscard]] std::string token(Audience audience, const std::string& client, bool secondary = false) const {
    const auto policy = find(client);
    return "Bearer " + tokens.issue(audience, client, secondary ? policy->secondary_key : policy->primary_key);
  }
  [[nodiscard]] bool may(const std::string& authorization, Right right, std::string_view path = "/twins/d1") const {
    return world.hub.authenticator.authorize(authorization, path, right).has_value();
  }
  [[nodiscard]] std::optional<TokenFault> fault(Audience audience, const std::string& authorization) const {
    return tokens.verify(audience, authorization, [this](const std::string& name) { return find(name); }).fault;
  }
  void replace(const std::string& name, const std::string& primary, const std::string& secondary) {
    std::vector<Policy> policies = *world.hub.authenticator.policies();
    for (Policy& policy : policies) {
      if (policy.name == name) policy = {name, policy.rights, primary, secondary};
    }
    world.hub.authenticator.replace_policies(policies);
  }

  World world;
  AccessTokens tokens{"the secret of a data folder", world.clock};
};

TEST_F(AccessTokensTest, OpenTheServiceApiForTheRightsOfTheirPolicy) {
  const std::string owner = token(Audience::service_api, "iothubowner"),
                    service = token(Audience::service_api, "service");
  const std::string reader = token(Audience::service_api, "registryRead", true);
  EXPECT_TRUE(may(owner, Right::service_connect));
  EXPECT_TRUE(may(owner, Right::registry_write));
  EXPECT_TRUE(may(service, Right::service_connect));
  EXPECT_FALSE(may(service, Right::registry_read));
  EXPECT_TRUE(may(reader, Right::registry_read, "/devices"));
  EXPECT_FALSE(may(reader, Right::registry_write, "/devices"));
  EXPECT_FALSE(may(reader, Right::registry_read | Right::service_connect, "/registry/export"));
}

TEST_F(AccessTokensTest, LiveForAnHour) {
  const std::string owner = token(Audience::service_api, "iothubowner");
  world.clock.advance_seconds(3599);
  EXPECT_TRUE(may(owner, Right::service_connect));
  world.clock.advance_seconds(1);
  EXPECT_FALSE(may(owner, Right::service_connect));
  EXPECT_EQ(fault(Audience::service_api, owner), TokenFault::expired);
}

TEST_F(AccessTokensTest, OpenWhatTheyWereIssuedForAndNothingElse) {
  const std::string service_api = token(Audience::service_api, "iothubowner");
  const std::string manager = token(Audience::resource_manager, "iothubowner");
  EXPECT_FALSE(may(manager, Right::service_connect));
  EXPECT_EQ(fault(Audience::service_api, manager), TokenFault::other_audience);
  EXPECT_EQ(fault(Audience::resource_manager, service_api), TokenFault::other_audience);
  EXPECT_EQ(fault(Audience::resource_manager, manager), std::nullopt);
}

TEST_F(AccessTokensTest, AreVoidOnceTheKeyThatGotThemIsRenewed) {
  const std::string by_primary = token(Audience::service_api, "service");
  const std::string by_secondary = token(Audience::service_api, "service", true);
  const std::string of_another = token(Audience::service_api, "iothubowner");
  replace("service", test_key('x'), find("service")->secondary_key);
  EXPECT_FALSE(may(by_primary, Right::service_connect));
  EXPECT_EQ(fault(Audience::service_api, by_primary), TokenFault::foreign);
  EXPECT_TRUE(may(by_secondary, Right::service_connect));
  EXPECT_TRUE(may(of_another, Right::service_connect));
}

TEST_F(AccessTokensTest, OfAnotherDataFolderAreWorthNothingAlthoughTheKeysAreTheSame) {
  const AccessTokens others("the secret of another data folder", world.clock);
  EXPECT_NE(others.tenant(), tokens.tenant());
  EXPECT_NE(others.subscription(), tokens.subscription());
  const std::string foreign =
      "Bearer " + others.issue(Audience::service_api, "iothubowner", find("iothubowner")->primary_key);
  EXPECT_FALSE(may(foreign, Right::service_connect));
  EXPECT_EQ(fault(Audience::service_api, foreign), TokenFault::foreign);
}

TEST_F(AccessTokensTest, OfNobodyOrOfAnEmptyKeyOpenNothing) {
  EXPECT_FALSE(may("Bearer " + tokens.issue(Audience::service_api, "nobody", "key"), Right::none));
  replace("service", "", "");
  EXPECT_FALSE(may("Bearer " + tokens.issue(Audience::service_api, "service", ""), Right::service_connect));
  for (const std::string text : {"Bearer", "Bearer ", "Bearer a.b.c", "Bearer ..", "Basic abc", ""})
    EXPECT_FALSE(may(text, Right::none)) << text;
}

TEST_F(AccessTokensTest, AreNoKeyToADevice) {
  ASSERT_TRUE(world.put(d1));
  const std::string owner = token(Audience::service_api, "iothubowner");
  EXPECT_FALSE(world.hub.authenticator.login_device(d1, owner));
  EXPECT_FALSE(world.hub.authenticator.login_owner(d1, owner));
}

TEST(AccessTokensOff, NoBearerTokenIsTaken) {
  const World world;
  const AccessTokens tokens("the secret of a data folder", world.clock);
  const auto policy = world.hub.authenticator.policies()->front();
  const std::string owner = "Bearer " + tokens.issue(Audience::service_api, policy.name, policy.primary_key);
  EXPECT_FALSE(world.hub.authenticator.authorize(owner, "/twins/d1", Right::service_connect));
}

}  // namespace
}  // namespace twinhub::hub

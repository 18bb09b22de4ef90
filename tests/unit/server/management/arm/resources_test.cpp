// az resource list: the hub among resources of any type, under a $filter.
#include "tests/unit/server/management/arm/arm_world.hpp"

#include <gmock/gmock.h>

namespace twinhub::management {
namespace {

using testing::HasSubstr;

struct ArmResources : testing::Test {
  ArmResources() {
    EXPECT_EQ(arm.create_hub().status, 200);
    EXPECT_EQ(arm.ask("PATCH", hub_path, R"({"tags":{"env":"te'st"}})").status, 200);
  }
  /// Whether the hub is on the list; nullopt: refused.
  std::optional<bool> lists(const std::string& filter) {
    const ArmAnswer answer = arm.ask("GET", in_subscription + "/resources?$filter=" + filter);
    if (answer.status == 400) {
      EXPECT_EQ(code_of(answer), "\"InvalidFilterInQueryString\"");
      return std::nullopt;
    }
    EXPECT_EQ(answer.status, 200);
    return answer.body.find(hub_path) != std::string::npos;
  }
  ArmWorld arm;
};

TEST_F(ArmResources, AFilterFindsTheHub) {
  EXPECT_EQ(lists(""), true);
  EXPECT_EQ(lists("resourceType eq 'microsoft.devices/iothubs'"), true);
  EXPECT_EQ(lists("resourceType eq 'Microsoft.Web/sites'"), false);
  EXPECT_EQ(lists("resourceGroup eq 'G1' and name eq 'HUB-1'"), true);
  EXPECT_EQ(lists("resourceGroup eq 'g2' and name eq 'hub-1'"), false);
  EXPECT_EQ(lists("tagName eq 'env' and tagValue eq 'te''st'"), true);
  EXPECT_EQ(lists("tagName eq 'env' and tagValue eq 'prod'"), false);
  EXPECT_EQ(lists("location eq 'West US 2'"), true);
}

TEST_F(ArmResources, AFilterThatIsNotUnderstoodIsRefused) {
  for (const char* filter : {"resourceType", "resourceType ne 'x'", "color eq 'x'", "name eq 'x", "name eq x",
                             "name eq 'x' or name eq 'y'", "name eq 'x' and", "and"})
    EXPECT_EQ(lists(filter), std::nullopt) << filter;
}

TEST_F(ArmResources, AGroupShowsItsOwn) {
  ASSERT_EQ(arm.ask("PUT", in_subscription + "/resourceGroups/g2", R"({"location":"x"})").status, 201);
  EXPECT_THAT(arm.ask("GET", group_path + "/resources").body, HasSubstr(hub_path));
  EXPECT_EQ(arm.ask("GET", in_subscription + "/resourceGroups/g2/resources").body, R"({"value":[]})");
}

}  // namespace
}  // namespace twinhub::management

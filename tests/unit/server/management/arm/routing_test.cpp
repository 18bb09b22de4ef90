// Routes tried by the condition evaluator itself; health of endpoints; consumer groups.
#include "tests/unit/server/management/arm/arm_world.hpp"

#include <gmock/gmock.h>

namespace twinhub::management {
namespace {

using testing::HasSubstr;
using testing::Not;

ArmOptions routed() {
  ArmOptions options;
  options.routing.routes = {{"hot", "DeviceMessages", "$body.temperature > 30", {"broker"}, true},
                            {"lab", "DeviceMessages", "$twin.tags.room = 'lab'", {"file"}, true},
                            {"off", "DeviceMessages", "true", {"file"}, false},
                            {"twins", "TwinChangeEvents", "true", {"broker"}, true}};
  options.routing.endpoints = {"broker", "file"};
  options.endpoint_health = [] { return std::vector<EndpointHealth>{{"broker", false}, {"file", true}}; };
  return options;
}

constexpr const char* message = R"("message":{"body":"{\"temperature\":31}","appProperties":{"level":"high"},)"
                                R"("systemProperties":{"contentType":"application/json","contentEncoding":"utf-8"}})";

struct ArmRouting : testing::Test {
  ArmRouting() { EXPECT_EQ(arm.create_hub().status, 200); }
  ArmAnswer all(const std::string& body) { return arm.ask("POST", hub_path + "/routing/routes/$testall", body); }
  std::string one(const std::string& condition, const std::string& more = "") {
    const ArmAnswer answer =
        arm.ask("POST", hub_path + "/routing/routes/$testnew",
                std::string("{") + message + R"(,"route":{"name":"r","source":"DeviceMessages","condition":")" +
                    condition + R"(","endpointNames":["events"],"isEnabled":true})" + more + "}");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return at(answer.body, "result");
  }
  ArmWorld arm{routed()};
};

TEST_F(ArmRouting, RoutesAreShownInTheDocument) {
  const std::string routes = at(arm.ask("GET", hub_path).body, "properties/routing/routes");
  EXPECT_THAT(routes, HasSubstr(R"({"name":"hot","source":"DeviceMessages","condition":"$body.temperature > 30",)"
                                R"("endpointNames":["broker"],"isEnabled":true})"));
}

TEST_F(ArmRouting, TestAllNamesTheRoutesThatMatch) {
  const std::string matched = all(std::string("{") + message + R"(,"routingSource":"DeviceMessages"})").body;
  EXPECT_THAT(matched, HasSubstr("hot"));
  EXPECT_THAT(matched, Not(HasSubstr("lab")));
  EXPECT_THAT(matched, Not(HasSubstr("\"off\"")));
  EXPECT_THAT(matched, Not(HasSubstr("twins")));
  EXPECT_THAT(all(std::string("{") + message + R"(,"twin":{"tags":{"room":"lab"}}})").body, HasSubstr("lab"));
  EXPECT_THAT(all(R"({"routingSource":"TwinChangeEvents"})").body, HasSubstr("twins"));
}

TEST_F(ArmRouting, TestNewSaysTrueFalseOrUndefined) {
  EXPECT_EQ(one("level = 'high'"), "\"true\"");
  EXPECT_EQ(one("level = 'low'"), "\"false\"");
  EXPECT_EQ(one("$body.humidity > 1"), "\"undefined\"");
  EXPECT_EQ(one("$twin.properties.reported.x = 5", R"(,"twin":{"properties":{"reported":{"x":5},"desired":{"y":1}}})"),
            "\"true\"");
}

TEST_F(ArmRouting, AConditionThatIsNoneComesBackWithItsPlace) {
  const ArmAnswer answer =
      arm.ask("POST", hub_path + "/routing/routes/$testnew", R"({"route":{"condition":"level ="}})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(at(answer.body, "result"), "\"undefined\"");
  EXPECT_THAT(at(answer.body, "details/compilationErrors"), HasSubstr(R"("severity":"error")"));
  EXPECT_EQ(arm.ask("POST", hub_path + "/routing/routes/$testnew", "{}").status, 400);
}

TEST_F(ArmRouting, ATwinThatCannotBeOneIsRefused) {
  EXPECT_EQ(all(R"({"twin":{"tags":{"a.b":1}}})").status, 400);
  EXPECT_EQ(all(R"({"twin":{"properties":{"reported":{"$x":1}}}})").status, 400);
}

TEST_F(ArmRouting, EndpointsAreAsHealthyAsTheyAre) {
  const std::string health = arm.ask("GET", hub_path + "/routingEndpointsHealth").body;
  EXPECT_THAT(health, HasSubstr(R"({"endpointId":"events","healthStatus":"healthy"})"));
  EXPECT_THAT(health, HasSubstr(R"({"endpointId":"broker","healthStatus":"unhealthy"})"));
}

TEST_F(ArmRouting, TheConsumerGroupIsTheDefaultOne) {
  const std::string groups = hub_path + "/eventHubEndpoints/events/ConsumerGroups";
  EXPECT_THAT(arm.ask("GET", groups).body, HasSubstr(R"("name":"$Default")"));
  EXPECT_EQ(arm.ask("GET", groups + "/$default").status, 200);
  EXPECT_EQ(arm.ask("GET", groups + "/other").status, 404);
  EXPECT_EQ(code_of(arm.ask("PUT", groups + "/other", R"({"properties":{"name":"other"}})")), "\"NotImplemented\"");
  EXPECT_EQ(arm.ask("PUT", groups + "/$Default", "{}").status, 200);
  EXPECT_EQ(arm.ask("DELETE", groups + "/$Default").status, 400);
  EXPECT_EQ(arm.ask("DELETE", groups + "/other").status, 204);
  EXPECT_EQ(arm.ask("GET", hub_path + "/eventHubEndpoints/none/ConsumerGroups").status, 404);
}

TEST_F(ArmRouting, ARoutingThatHasChangedIsShownFromTheNextRequestOn) {
  arm.manager->show({{{"new", "DeviceMessages", "true", {"events"}, true}}, {"$fallback", "DeviceMessages"}, {}});
  const std::string routes = at(arm.ask("GET", hub_path).body, "properties/routing/routes");
  EXPECT_THAT(routes, HasSubstr(R"("new")"));
  EXPECT_THAT(routes, Not(HasSubstr(R"("hot")")));
}

}  // namespace
}  // namespace twinhub::management

// Content for edge devices: applied to one of them, and by deployments to all that a condition selects.
#include "tests/unit/server/hub/configurations/configurations_world.hpp"

namespace twinhub::hub {
namespace {

const std::string deployment =
    R"({"modulesContent":{"$edgeAgent":{"properties.desired":{"schemaVersion":"1.1","modules":{"sensor":{}}}},
                          "$edgeHub":{"properties.desired":{"routes":{}}},
                          "sensor":{"properties.desired":{"interval":5}}}})";
const IdentityId agent{"d1", "$edgeAgent"};
const IdentityId sensor{"d1", "sensor"};

std::string edge_body(std::string_view target, std::string_view more = "") {
  return R"({"content":)" + deployment + R"(,"targetCondition":")" + std::string(target) + '"' + std::string(more) +
         "}";
}

TEST_F(ConfigurationsTest, ContentIsAppliedToOneEdgeDevice) {
  ASSERT_TRUE(world->put(d1, R"({"capabilities":{"iotEdge":true}})"));
  ASSERT_TRUE(world->put({"d2", ""}));
  ASSERT_TRUE(world->put(sensor));
  ASSERT_TRUE(world->patch(sensor, R"({"properties":{"desired":{"old":1}}})"));
  EXPECT_REFUSED(apply("d2", deployment), Errc::argument_invalid);
  EXPECT_REFUSED(apply("d3", deployment), Errc::device_not_found);
  EXPECT_REFUSED(apply("d1", "{"), Errc::iot_hub_format_error);
  EXPECT_REFUSED(apply("d1", R"({"deviceContent":{"properties.desired.a":1}})"), Errc::invalid_configuration_content);
  EXPECT_REFUSED(apply("d1", "{}"), Errc::invalid_configuration_content);
  EXPECT_EQ(desired(sensor, "old"), "1");

  ASSERT_TRUE(apply("d1", deployment));
  EXPECT_EQ(desired(agent, "modules"), R"({"sensor":{}})");
  EXPECT_EQ(of_twin(agent, "authenticationType"), "\"none\"");
  EXPECT_EQ(at(world->get(agent)->json, "managedBy"), "\"iotEdge\"");
  EXPECT_EQ(desired(sensor, "interval"), "5");
  EXPECT_EQ(desired(sensor, "old"), "");
  EXPECT_EQ(value_of(world->events(agent)[0].application, "opType"), "createDeviceIdentity");
  EXPECT_EQ(value_of(world->events(agent)[1].application, "opType"), "updateTwin");
  EXPECT_EQ(world->links.deltas().back().text, R"({"interval":5,"old":null,"$version":3})");

  ASSERT_TRUE(
      apply("d1", R"({"modulesContent":{"$edgeAgent":{"properties.desired.modules.more":{"type":"docker"}}}})"));
  EXPECT_EQ(desired(agent, "modules"), R"({"sensor":{},"more":{"type":"docker"}})");
  EXPECT_EQ(desired(agent, "schemaVersion"), "\"1.1\"");
}

TEST_F(ConfigurationsTest, AModuleConfigurationLeavesTheRuntimesModulesAlone) {
  ASSERT_TRUE(world->put(d1, R"({"capabilities":{"iotEdge":true}})"));
  ASSERT_TRUE(world->put(sensor));
  ASSERT_TRUE(put("m", R"({"content":{"moduleContent":{"properties.desired.zz":1}},)"
                       R"("targetCondition":"FROM devices.modules WHERE deviceId = 'd1'"})"));
  rest();
  EXPECT_EQ(desired(sensor, "zz"), "1");
  EXPECT_EQ(desired(agent, "zz"), "");
  EXPECT_EQ(status(agent, "m"), "");
}

TEST_F(ConfigurationsTest, AnEdgeDeviceHasFiftyModulesAtMost) {
  ASSERT_TRUE(world->put(d1, R"({"capabilities":{"iotEdge":true}})"));
  for (int i = 0; i < 48; ++i) ASSERT_TRUE(world->put({"d1", "m" + std::to_string(i)}));
  EXPECT_REFUSED(apply("d1", deployment), Errc::too_many_modules_on_device);
  EXPECT_EQ(desired(agent, "modules"), "");
}

TEST_F(ConfigurationsTest, EdgeDeploymentsReachEdgeDevices) {
  ASSERT_TRUE(world->put(d1, R"({"capabilities":{"iotEdge":true}})"));
  ASSERT_TRUE(world->put({"d2", ""}));
  ASSERT_TRUE(put("base", edge_body("*", R"(,"priority":1)")));
  ASSERT_TRUE(
      put("layer", R"({"content":{"modulesContent":{"$edgeAgent":{},"sensor":{"properties.desired.extra":{"x":1}}}},
                               "targetCondition":"tags.extra = true","priority":2})"));
  rest();
  EXPECT_EQ(desired(agent, "modules"), R"({"sensor":{}})");
  EXPECT_EQ(status(agent, "base"), "\"Applied\"");
  EXPECT_EQ(of_twin(d1, "configurations"), R"({"base":{"status":"Applied"}})");
  EXPECT_EQ(of_twin({"d2", ""}, "configurations"), "");
  EXPECT_REFUSED(world->twin({"d2", "$edgeAgent"}), Errc::device_not_found);
  EXPECT_EQ(shown("base", "systemMetrics/results"),
            R"({"targetedCount":1,"appliedCount":1,"reportedSuccessfulCount":0,"reportedFailedCount":0})");
  tag(d1, R"({"extra":true})");
  rest();
  EXPECT_EQ(desired(sensor, "extra"), R"({"x":1})");
  EXPECT_EQ(desired(sensor, "interval"), "5");
  EXPECT_EQ(of_twin(agent, "configurations"), of_twin(d1, "configurations"));
  // A module's own change is put right, too.
  ASSERT_TRUE(world->patch(sensor, R"({"properties":{"desired":{"interval":1,"mine":1}}})"));
  rest();
  EXPECT_EQ(desired(sensor, "interval"), "5");
  EXPECT_EQ(desired(sensor, "mine"), "");
  ASSERT_TRUE(world->report(
      agent, R"({"lastDesiredVersion":)" + desired(agent, "$version") + R"(,"lastDesiredStatus":{"code":200}})"));
  EXPECT_EQ(shown("base", "systemMetrics/results/reportedSuccessfulCount"), "1");
  tag(d1, R"({"extra":null})");
  rest();
  EXPECT_EQ(desired(sensor, "extra"), "");
  // Modules stay as they are when the deployment goes.
  ASSERT_TRUE(remove("base"));
  ASSERT_TRUE(remove("layer"));
  rest();
  EXPECT_EQ(desired(agent, "modules"), R"({"sensor":{}})");
  EXPECT_EQ(of_twin(agent, "configurations"), "");
  EXPECT_EQ(of_twin(d1, "configurations"), "");
}

TEST_F(ConfigurationsTest, AModulesTwinShowsTheDeploymentsThatSetIt) {
  const IdentityId m{"d1", "m"};
  ASSERT_TRUE(world->put(d1, R"({"capabilities":{"iotEdge":true}})"));
  ASSERT_TRUE(put("base", edge_body("*", R"(,"priority":1)")));
  ASSERT_TRUE(put("layer", R"({"content":{"modulesContent":{"$edgeAgent":{},"m":{"properties.desired.p":{"x":1}}}},
                               "targetCondition":"tags.extra = true","priority":2})"));
  tag(d1, R"({"extra":true})");
  rest();
  EXPECT_EQ(desired(m, "p"), R"({"x":1})");
  EXPECT_EQ(of_twin(m, "configurations"), R"({"layer":{"status":"Applied"}})");
  EXPECT_EQ(of_twin(sensor, "configurations"), R"({"base":{"status":"Applied"}})");
  EXPECT_EQ(of_twin(agent, "configurations"), R"({"base":{"status":"Applied"},"layer":{"status":"Targeted"}})");
  EXPECT_EQ(shown("layer", "systemMetrics/results/appliedCount"), "0");
  tag(d1, R"({"extra":null})");
  rest();
  EXPECT_EQ(of_twin(m, "configurations"), "");
  EXPECT_EQ(of_twin(agent, "configurations"), R"({"base":{"status":"Applied"}})");
  ASSERT_TRUE(remove("base"));
  rest();
  EXPECT_EQ(of_twin(sensor, "configurations"), "");
}

}  // namespace
}  // namespace twinhub::hub

// Edge deployments: one as a whole, layers above it. The example of azure-docs iot-edge module-deployment-monitoring.
#include "protocol/configuration/edge_plan.hpp"

#include "fixture.hpp"

namespace twinhub::configuration {
namespace {

const std::string base = R"({"modulesContent":{
  "$edgeAgent":{"properties.desired":{"schemaVersion":"1.1","modules":{}}},
  "$edgeHub":{"properties.desired":{"routes":{}}},
  "SimulatedTemperatureSensor":{"properties.desired":{"SendData":true,"SendInterval":5}}}})";
const std::string layer = R"({"modulesContent":{
  "$edgeAgent":{"properties.desired.modules.extra":{"type":"docker"}},
  "SimulatedTemperatureSensor":{"properties.desired.layeredProperties":{"StopAfterCount":1000}}}})";
const std::string instead = R"({"modulesContent":{"$edgeAgent":{},
  "SimulatedTemperatureSensor":{"properties.desired":{"SendData":false}}}})";

EdgePlan plan_of_all(const std::vector<Wanted>& all) {
  return plan_edge(*set_of(all), device, twin::view_of(twin_of(R"({"tags":{"x":1}})")));
}

TEST(EdgePlan, LayersAreAddedToTheWholeDeployment) {
  const EdgePlan plan = plan_of_all({{"base", base, "*", 1}, {"layer", layer, "tags.x = 1", 2}});
  EXPECT_EQ(text_of(plan.statuses), R"({"base":{"status":"Applied"},"layer":{"status":"Applied"}})");
  EXPECT_EQ(plan.modules.at("$edgeAgent").desired.text(),
            R"({"schemaVersion":"1.1","modules":{"extra":{"type":"docker"}}})");
  EXPECT_EQ(plan.modules.at("SimulatedTemperatureSensor").desired.text(),
            R"({"SendData":true,"SendInterval":5,"layeredProperties":{"StopAfterCount":1000}})");
  EXPECT_TRUE(plan.modules.at("SimulatedTemperatureSensor").whole);
}

TEST(EdgePlan, ALayerMayReplaceAModulesProperties) {
  const EdgePlan plan = plan_of_all({{"base", base, "*", 1}, {"layer", layer, "*", 2}, {"instead", instead, "*", 3}});
  EXPECT_EQ(plan.modules.at("SimulatedTemperatureSensor").desired.text(), R"({"SendData":false})");
  EXPECT_EQ(plan.modules.at("$edgeAgent").desired.text(),
            R"({"schemaVersion":"1.1","modules":{"extra":{"type":"docker"}}})");
}

TEST(EdgePlan, ADeploymentIsAppliedWhereItSetsSomething) {
  const std::string routes = R"({"modulesContent":{"$edgeAgent":{},"$edgeHub":{"properties.desired.routes.r":"x"}}})";
  const EdgePlan plan = plan_of_all({{"base", base, "*", 1}, {"routes", routes, "*", 2}, {"instead", instead, "*", 3}});
  const auto statuses = [&](const char* module) { return text_of(plan.modules.at(module).statuses); };
  EXPECT_EQ(text_of(plan.statuses),
            R"({"base":{"status":"Applied"},"instead":{"status":"Targeted"},"routes":{"status":"Targeted"}})");
  EXPECT_EQ(statuses("$edgeAgent"), R"({"base":{"status":"Applied"}})");
  EXPECT_EQ(statuses("$edgeHub"), R"({"base":{"status":"Applied"},"routes":{"status":"Applied"}})");
  EXPECT_EQ(statuses("SimulatedTemperatureSensor"), R"({"base":{"status":"Applied"},"instead":{"status":"Applied"}})");
}

TEST(EdgePlan, OnlyTheHighestWholeDeploymentAppliesAndLayersMustOutrankIt) {
  const EdgePlan plan = plan_of_all({{"low", base, "*", 1}, {"layer", layer, "*", 2}, {"high", base, "*", 3}});
  EXPECT_EQ(text_of(plan.statuses),
            R"({"high":{"status":"Applied"},"layer":{"status":"Targeted"},"low":{"status":"Targeted"}})");
  EXPECT_EQ(plan.modules.at("$edgeAgent").desired.text(), R"({"schemaVersion":"1.1","modules":{}})");
  const EdgePlan alone = plan_of_all({{"layer", layer}});
  EXPECT_EQ(text_of(alone.statuses), R"({"layer":{"status":"Targeted"}})");
  EXPECT_TRUE(alone.modules.empty());
  EXPECT_TRUE(plan_of_all({{"other", base, "tags.x = 2"}}).statuses.empty());
}

TEST(EdgePlan, AModuleHasWhatThePlanSaysAndNoMore) {
  const EdgePlan plan = plan_of_all({{"base", base}, {"m", R"({"moduleContent":{"properties.desired.own":1}})"}});
  const auto set =
      set_of({{"m", R"({"moduleContent":{"properties.desired.own":1,"properties.desired.SendInterval":9}})"}});
  const IdentityId sensor{"d1", "SimulatedTemperatureSensor"};
  const twin::Twin after =
      carried_out(*set, sensor, twin_of(R"({"properties":{"desired":{"old":1,"SendData":{"x":1}}}})"),
                  &plan.modules.at("SimulatedTemperatureSensor"));
  EXPECT_EQ(after.desired.text, R"({"SendData":true,"SendInterval":9,"own":1})");
  EXPECT_EQ(carried_out(*set, sensor, after, &plan.modules.at("SimulatedTemperatureSensor")), after);
}

}  // namespace
}  // namespace twinhub::configuration

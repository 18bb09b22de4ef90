// Edge devices in the registry: their scopes, the devices under them, their system modules.
#include "server/hub/registry/registry.hpp"

#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>

namespace twinhub::hub {

TEST(RegistryEdge, AnEdgeDeviceComesWithItsSystemModules) {
  World world;
  ASSERT_TRUE(world.put(d1, R"({"capabilities":{"iotEdge":true}})"));
  ASSERT_TRUE(world.put({"d2", ""}));
  for (const std::string module : {"$edgeAgent", "$edgeHub"}) {
    const auto made = world.get({"d1", module});
    ASSERT_TRUE(made) << module;
    EXPECT_EQ(at(made->json, "authentication/type"), R"("none")");
    EXPECT_EQ(at(made->json, "authentication/symmetricKey/primaryKey"), "null");
    EXPECT_EQ(at(made->json, "managedBy"), R"("iotEdge")");
    EXPECT_EQ(value_of(world.events({"d1", module}).at(0).application, "opType"), "createDeviceIdentity");
    EXPECT_FALSE(world.get({"d2", module}));
  }
  ASSERT_TRUE(world.put({"d2", ""}, R"({"capabilities":{"iotEdge":true}})", "*"));
  EXPECT_TRUE(world.get({"d2", "$edgeHub"})) << "also of a device that becomes one";
  EXPECT_REFUSED(world.put(d1, R"({"capabilities":{"iotEdge":true}})"), Errc::device_already_exists);
  ASSERT_TRUE(world.remove(d1));
  EXPECT_FALSE(world.get({"d1", "$edgeAgent"}));
}

/// A crash falls between two units, never into one.
TEST(RegistryEdge, AnEdgeDeviceAndItsSystemModulesAreOneUnit) {
  World world;
  const auto unit_of = [&](const IdentityId& id) { return world.store->read(id)->told_after; };
  ASSERT_TRUE(world.put(d1, R"({"capabilities":{"iotEdge":true}})"));
  ASSERT_TRUE(world.put({"d2", ""}));
  ASSERT_TRUE(world.put({"d2", ""}, R"({"capabilities":{"iotEdge":true}})", "*"));
  const std::string import = R"([{"id":"d3","importMode":"create","capabilities":{"iotEdge":true}}])";
  ASSERT_TRUE(answer_of<BulkRegistry::Answer>([&](auto done) { world.hub.bulk.apply(import, std::move(done)); }));
  for (const std::string device : {"d1", "d2", "d3"}) {
    const auto unit = unit_of({device, ""});
    EXPECT_GT(unit, 0U) << device;
    EXPECT_EQ(unit_of({device, "$edgeAgent"}), unit) << device;
    EXPECT_EQ(unit_of({device, "$edgeHub"}), unit) << device;
  }
  // A later write of the device leaves the modules alone.
  const auto before = unit_of({"d1", "$edgeHub"});
  ASSERT_TRUE(world.put(d1, R"({"capabilities":{"iotEdge":true}})", "*"));
  EXPECT_GT(unit_of(d1), before);
  EXPECT_EQ(unit_of({"d1", "$edgeHub"}), before);
}

TEST(RegistryEdge, SystemModulesAreNotForBackEndsToChange) {
  World world;
  ASSERT_TRUE(world.put(d1, R"({"capabilities":{"iotEdge":true}})"));
  for (const std::string module : {"$edgeAgent", "$edgeHub"}) {
    const IdentityId id{"d1", module};
    const std::string before = world.twin(id)->json;
    EXPECT_REFUSED(world.patch(id, R"({"properties":{"desired":{"x":1}}})"),
                   Errc::system_module_modify_unauthorized_access);
    EXPECT_REFUSED(world.replace(id, R"({"tags":{"x":1}})"), Errc::system_module_modify_unauthorized_access);
    EXPECT_REFUSED(world.remove(id), Errc::system_module_modify_unauthorized_access);
    EXPECT_EQ(world.twin(id)->json, before);
    EXPECT_REFUSED(world.patch({"gone", module}, "{}"), Errc::device_not_found);
  }
}

TEST(RegistryEdge, AnEdgeDeviceGetsOneScopeForLife) {
  World world;
  const auto made = world.put(d1, R"({"capabilities":{"iotEdge":true},"deviceScope":"my-own"})");
  ASSERT_TRUE(made);
  const std::string scope = "\"ms-azure-iot-edge://d1-" + world.identity(d1).generation_id + "\"";
  EXPECT_EQ(at(made->json, "deviceScope"), scope);
  EXPECT_EQ(at(made->json, "capabilities/iotEdge"), "true");
  world.clock.advance_seconds(1);
  EXPECT_EQ(at(world.put(d1, R"({"capabilities":{"iotEdge":true}})", "*")->json, "deviceScope"), scope);
}

TEST(RegistryEdge, LifeCycleEventsOfAnEdgeDeviceAndItsLeafShowTheirScope) {
  World world;
  const IdentityId leaf{"leaf", ""};
  ASSERT_TRUE(world.put(d1, R"({"capabilities":{"iotEdge":true}})"));
  const std::string scope = world.identity(d1).device_scope;
  ASSERT_TRUE(world.put(leaf, R"({"deviceScope":")" + scope + "\"}"));
  for (const IdentityId& id : {d1, leaf}) {
    ASSERT_TRUE(world.remove(id, "*"));
    const auto events = world.events(id);
    ASSERT_GE(events.size(), 2U);
    for (const auto& event : {events.front(), events.back()}) {
      EXPECT_EQ(at(event.body, "deviceScope"), "\"" + scope + "\"") << event.body;
      EXPECT_EQ(at(event.body, "version"), "2");
    }
  }
}

TEST(RegistryEdge, ALeafsParentIsOneFactUnderTwoNames) {
  World world;
  const IdentityId leaf{"leaf", ""};
  ASSERT_TRUE(world.put(d1, R"({"capabilities":{"iotEdge":true}})"));
  ASSERT_TRUE(world.put({"d2", ""}, R"({"capabilities":{"iotEdge":true}})"));
  const std::string first = world.identity(d1).device_scope, second = world.identity({"d2", ""}).device_scope;
  EXPECT_EQ(at(world.get(d1)->json, "parentScopes"), "[]");
  const auto put = [&](const std::string& body, std::optional<std::string> if_match = "*") {
    const auto answer = world.put(leaf, "{" + body + "}", std::move(if_match));
    if (!answer) return std::string("refused");
    const std::string parents = at(answer->json, "parentScopes");
    const std::string scope = at(answer->json, "deviceScope");
    EXPECT_EQ(parents, "[" + scope + "]") << answer->json;
    EXPECT_EQ(at(world.get(leaf)->json, "parentScopes"), parents);
    return parents;
  };
  const auto scope = [](const std::string& text) { return R"("deviceScope":")" + text + '"'; };
  const auto parents = [](const std::string& text) { return R"("parentScopes":[")" + text + "\"]"; };
  const auto shown = [](const std::string& text) { return "[\"" + text + "\"]"; };
  EXPECT_EQ(put("", std::nullopt), "[]");
  EXPECT_EQ(put(scope(first)), shown(first));
  EXPECT_EQ(put(scope(first) + "," + parents(first)), shown(first)) << "sent back as it was read";
  EXPECT_EQ(put(scope(second) + "," + parents(first)), shown(second)) << "moved, with the old value in the body";
  EXPECT_EQ(put(scope("") + "," + parents(second)), "[]") << "cleared, with the old value in the body";
  EXPECT_EQ(put(parents(first)), "[]") << "parentScopes alone puts a leaf nowhere";
  EXPECT_EQ(put(scope(first)), shown(first));
  EXPECT_EQ(put(parents(first)), "[]") << "cleared by leaving deviceScope out";
  EXPECT_EQ(put(scope(first) + R"(,"parentScopes":[])"), shown(first));
  EXPECT_EQ(put(R"("deviceScope":null)"), "[]");
  EXPECT_EQ(put(scope(second)), shown(second));
  EXPECT_EQ(put(""), "[]");
}

TEST(RegistryEdge, ADeviceIsNotPutUnderAScopeThatDoesNotExist) {
  World world;
  const IdentityId leaf{"leaf", ""};
  ASSERT_TRUE(world.put(d1, R"({"capabilities":{"iotEdge":true}})"));
  ASSERT_TRUE(world.put({"plain", ""}));
  const std::string scope = world.identity(d1).device_scope;
  ASSERT_TRUE(world.put(leaf, R"({"deviceScope":")" + scope + "\"}"));
  const std::string before = world.get(leaf)->json;
  for (const std::string& wrong :
       {scope + "1", std::string("ms-azure-iot-edge://plain-") + world.identity({"plain", ""}).generation_id,
        std::string("ms-azure-iot-edge://nobody-1"), std::string("ms-azure-iot-edge://"), std::string("x")}) {
    const std::string body = R"({"deviceScope":")" + wrong + "\"}";
    EXPECT_REFUSED(world.put(leaf, body, "*"), Errc::invalid_device_scope);
    EXPECT_REFUSED(world.put({"new", ""}, body), Errc::invalid_device_scope);
    EXPECT_REFUSED(world.put({"d2", ""}, R"({"capabilities":{"iotEdge":true},"parentScopes":[")" + wrong + "\"]}"),
                   Errc::invalid_device_scope);
  }
  EXPECT_EQ(world.get(leaf)->json, before);
  ASSERT_TRUE(world.remove(d1));
  EXPECT_TRUE(world.put(leaf, R"({"deviceScope":")" + scope + R"(","statusReason":"x"})", "*"))
      << "what it has already is not looked at again";
}

TEST(RegistryEdge, AnEdgeDevicesParentStandsInItsParentScopes) {
  World world;
  const IdentityId child{"child", ""};
  ASSERT_TRUE(world.put(d1, R"({"capabilities":{"iotEdge":true}})"));
  const std::string parent = world.identity(d1).device_scope;
  const auto made = world.put(child, R"({"capabilities":{"iotEdge":true},"parentScopes":[")" + parent + "\"]}");
  ASSERT_TRUE(made);
  const std::string own = world.identity(child).device_scope;
  EXPECT_TRUE(own.starts_with("ms-azure-iot-edge://child-"));
  EXPECT_EQ(at(made->json, "parentScopes"), "[\"" + parent + "\"]");
  EXPECT_REFUSED(world.put(child, R"({"capabilities":{"iotEdge":true},"deviceScope":")" + parent + "\"}", "*"),
                 Errc::argument_invalid);
  EXPECT_REFUSED(world.put(child, R"({"capabilities":{"iotEdge":true},"parentScopes":[")" + own + "\"]}", "*"),
                 Errc::invalid_device_scope);
  const auto cleared =
      world.put(child, R"({"capabilities":{"iotEdge":true},"deviceScope":")" + own + R"(","parentScopes":[]})", "*");
  ASSERT_TRUE(cleared);
  EXPECT_EQ(at(cleared->json, "parentScopes"), "[]");
  EXPECT_EQ(at(cleared->json, "deviceScope"), '"' + own + '"');
}

}  // namespace twinhub::hub

#include "server/hub/registry/bulk_registry.hpp"

#include "storage/cut.hpp"
#include "tests/unit/server/hub/store_folder.hpp"
#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>

namespace twinhub::hub {
namespace {

using Answer = BulkRegistry::Answer;

const IdentityId d2{"d2", ""};

json::Value member(const json::Document& document, std::string_view name) { return *document.root().find(name); }

Result<Answer> bulk(World& world, std::string_view body) {
  return answer_of<Answer>([&](auto done) { world.hub.bulk.apply(body, std::move(done)); });
}

/// The error codes of a result, in order: "d1 DeviceNotFound; d2/m ..."; "" = successful.
std::string errors_of(const Result<Answer>& answer) {
  if (!answer) return "refused: " + answer.error().detail;
  const auto document = json::parse(answer->json);
  std::string found;
  for (const json::Value error : member(*document, "errors")) {
    const auto module = error.find("moduleId");
    if (!found.empty()) found += "; ";
    found += *error.find("deviceId")->string() + (module ? "/" + *module->string() : "") + " " +
             *error.find("errorCode")->string();
  }
  EXPECT_EQ(found.empty(), answer->successful);
  EXPECT_EQ(at(answer->json, "isSuccessful"), found.empty() ? "true" : "false");
  EXPECT_EQ(at(answer->json, "warnings"), "[]");
  return found;
}

Result<std::string> regenerate(World& world, std::string_view body) {
  return answer_of<std::string>([&](auto done) { world.hub.bulk.regenerate_keys(body, std::move(done)); });
}

TEST(BulkRegistry, CreatesDevicesWithTheirModulesAndTwins) {
  World world;
  EXPECT_EQ(errors_of(bulk(world, R"([{"id":"d1","importMode":"create","status":"disabled","tags":{"room":"attic"},
    "properties":{"desired":{"$metadata":{},"$version":9,"fan":{"speed":3}},"reported":{"temp":1.0,"$version":4}}},
    {"id":"d1","moduleId":"m1","importMode":"create","tags":{"a":1}}])")),
            "");
  EXPECT_EQ(world.identity(d1).status, iothub::Status::disabled);
  EXPECT_EQ(base64_decode(world.identity(d1).primary_key)->size(), 32U);
  const auto twin = world.twin(d1);
  ASSERT_TRUE(twin);
  EXPECT_EQ(at(twin->json, "tags"), R"({"room":"attic"})");
  EXPECT_EQ(at(twin->json, "properties/desired/fan"), R"({"speed":3})");
  EXPECT_EQ(at(twin->json, "properties/reported/temp"), "1.0");
  EXPECT_EQ(at(world.twin(m1)->json, "tags"), R"({"a":1})");
  EXPECT_TRUE(world.links.deltas().empty()) << "a new device knows of no older twin";

  const auto events = world.events(d1);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(value_of(events[0].application, "opType"), "createDeviceIdentity");
  EXPECT_EQ(at(events[0].body, "tags"), R"({"room":"attic"})");
  EXPECT_EQ(at(events[0].body, "properties/desired/fan"), R"({"speed":3})");
}

TEST(BulkRegistry, WhatACreationBringsAlongIsNoSecondChange) {
  World world;
  EXPECT_EQ(errors_of(bulk(world, R"([{"id":"d1","importMode":"create","tags":{"a":1}},
    {"id":"d1","moduleId":"m1","importMode":"create","properties":{"desired":{"x":1},"reported":{"y":2}}}])")),
            "");
  for (const IdentityId& id : {d1, m1}) {
    const auto twin = world.twin(id);
    EXPECT_EQ(twin->etag, "AAAAAAAAAAE=") << twin->json;
    EXPECT_EQ(at(twin->json, "version"), "2") << twin->json;
    EXPECT_EQ(at(twin->json, "properties/desired/$version"), "1") << twin->json;
    EXPECT_EQ(at(twin->json, "properties/reported/$version"), "1") << twin->json;
    EXPECT_EQ(world.events(id).size(), 1U);
  }
  EXPECT_EQ(at(world.twin(m1)->json, "properties/desired/$metadata/x/$lastUpdatedVersion"), "1");
  ASSERT_TRUE(world.patch(m1, R"({"properties":{"desired":{"x":2}}})"));
  EXPECT_EQ(at(world.twin(m1)->json, "properties/desired/$version"), "2");
}

TEST(BulkRegistry, EachModeLooksAtWhatIsThere) {
  World world;
  ASSERT_TRUE(world.put(d1, R"({"statusReason":"old"})"));
  const std::string etag = world.get(d1)->etag;
  const auto run = [&](const std::string& id, const std::string& mode, const std::string& rest = "") {
    return errors_of(bulk(world, R"([{"id":")" + id + R"(","importMode":")" + mode + "\"" + rest + "}]"));
  };
  EXPECT_EQ(run("d1", "create"), "d1 DeviceAlreadyExists");
  EXPECT_EQ(run("d2", "update"), "d2 DeviceNotFound");
  EXPECT_EQ(run("d2", "updateIfMatchETag", R"(,"eTag":"*")"), "d2 DeviceNotFound");
  EXPECT_EQ(run("d1", "updateIfMatchETag", R"(,"eTag":"MQ==")"), "d1 PreconditionFailed");
  EXPECT_EQ(run("d1", "createOrUpdateIfMatchETag", R"(,"eTag":"MQ==")"), "d1 PreconditionFailed");
  EXPECT_EQ(run("d1", "deleteIfMatchETag", R"(,"eTag":"MQ==")"), "d1 PreconditionFailed");
  EXPECT_EQ(run("d2", "delete"), "d2 DeviceNotFound");
  EXPECT_EQ(run("d2", "updateTwin", R"(,"tags":{"a":1})"), "d2 DeviceNotFound");
  EXPECT_EQ(run("d1", "updateTwinIfMatchETag", R"(,"twinETag":"AAAAAAAAAAI=","tags":{"a":1})"),
            "d1 PreconditionFailed");
  EXPECT_EQ(world.get(d1)->etag, etag) << "nothing changed";
  EXPECT_EQ(world.twin(d1)->etag, "AAAAAAAAAAE=");
  EXPECT_FALSE(world.get(d2));

  EXPECT_EQ(run("d1", "updateIfMatchETag", R"(,"eTag":")" + etag + R"(","statusReason":"new")"), "");
  EXPECT_EQ(world.identity(d1).status_reason, "new");
  EXPECT_EQ(run("d1", "update", R"(,"eTag":"stale","status":"disabled")"), "");
  EXPECT_EQ(world.identity(d1).status, iothub::Status::disabled);
  EXPECT_EQ(run("d1", "createOrUpdate", R"(,"status":"enabled")"), "");
  EXPECT_EQ(world.identity(d1).status, iothub::Status::enabled);
  EXPECT_EQ(run("d2", "createOrUpdateIfMatchETag", R"(,"eTag":"MQ==")"), "") << "there is nothing to match";
  EXPECT_EQ(run("d1", "updateTwinIfMatchETag", R"(,"twinETag":"AAAAAAAAAAE=","tags":{"a":1})"), "");
  EXPECT_EQ(run("d1", "updateTwin", R"(,"twinETag":"stale","tags":{"b":2})"), "");
  EXPECT_EQ(at(world.twin(d1)->json, "tags"), R"({"a":1,"b":2})");
  EXPECT_EQ(run("d2", "deleteIfMatchETag", R"(,"eTag":")" + world.get(d2)->etag + "\""), "");
  EXPECT_EQ(run("d1", "delete", R"(,"eTag":"stale")"), "");
  EXPECT_FALSE(world.get(d1));
  EXPECT_FALSE(world.get(d2));
}

TEST(BulkRegistry, AModeThatNamesAnEtagHasNothingToMatchWithoutOne) {
  for (const std::string mode :
       {"updateIfMatchETag", "createOrUpdateIfMatchETag", "updateTwinIfMatchETag", "deleteIfMatchETag"}) {
    for (const std::string etag : {"", R"(,"eTag":null,"twinETag":null)", R"(,"eTag":"","twinETag":"")",
                                   R"(,"eTag":"\"\"","twinETag":"\"\"")", R"(,"eTag":"*","twinETag":"\"*\"")"}) {
      World world;
      ASSERT_TRUE(world.put(d1));
      EXPECT_EQ(errors_of(bulk(world, R"([{"id":"d1","tags":{"a":1},"importMode":")" + mode + '"' + etag + "}]")), "")
          << mode << etag;
    }
  }
}

TEST(BulkRegistry, AnItemThatFailsDoesNotStopTheOthers) {
  World world;
  ASSERT_TRUE(world.put(d1));
  EXPECT_EQ(errors_of(bulk(world, R"([{"id":"d1","importMode":"create"},{"id":"a b","importMode":"create"},
    {"id":"d2","importMode":"create"},{"id":"d2","moduleId":"m","importMode":"create"},
    {"id":"nobody","moduleId":"m","importMode":"create"},{"id":"d2","moduleId":"gone","importMode":"update"},
    {"id":"d3","importMode":"create","tags":{"a b":1}},{"id":"d2","moduleId":"$mine","importMode":"create"}])")),
            "d1 DeviceAlreadyExists; a b ArgumentInvalid; nobody/m DeviceNotFound; d2/gone ModuleNotFound; "
            "d3 ArgumentInvalid; d2/$mine ArgumentInvalid");
  EXPECT_TRUE(world.get(d2));
  EXPECT_TRUE(world.get({"d2", "m"}));
  EXPECT_FALSE(world.get({"d3", ""})) << "never a device with half its twin";
}

TEST(BulkRegistry, AnUpdateKeepsKeysUnlessItBringsSome) {
  World world;
  ASSERT_TRUE(world.put(d1));
  const iothub::Identity before = world.identity(d1);
  for (const std::string rest :
       {"", R"(,"authentication":null)",
        R"(,"authentication":{"type":"sas","symmetricKey":{"primaryKey":"","secondaryKey":""}})",
        R"(,"authentication":{"type":"sas","symmetricKey":{"primaryKey":null,"secondaryKey":null}})"}) {
    EXPECT_EQ(errors_of(bulk(world, R"([{"id":"d1","importMode":"update")" + rest + "}]")), "");
    EXPECT_EQ(world.identity(d1).primary_key, before.primary_key) << rest;
    EXPECT_EQ(world.identity(d1).secondary_key, before.secondary_key) << rest;
  }
  const std::string thumbprint(40, 'A');
  EXPECT_EQ(errors_of(bulk(
                world, R"([{"id":"d1","authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":")" +
                           thumbprint + R"("}}}])")),
            "");
  EXPECT_EQ(world.identity(d1).primary_key, "");
  EXPECT_EQ(world.links.changes().back().now.authentication, iothub::AuthenticationType::self_signed);
  EXPECT_EQ(errors_of(bulk(world, R"([{"id":"d1","status":"disabled"}])")), "");
  EXPECT_EQ(world.identity(d1).authentication, iothub::AuthenticationType::self_signed);
  EXPECT_EQ(world.identity(d1).primary_thumbprint, thumbprint);
  EXPECT_EQ(errors_of(bulk(world, R"([{"id":"d1","authentication":{"type":"sas"}}])")), "");
  EXPECT_EQ(base64_decode(world.identity(d1).primary_key)->size(), 32U);
}

TEST(BulkRegistry, AConnectedDeviceHearsOfItsNewDesiredProperties) {
  World world;
  ASSERT_TRUE(world.put(d1));
  EXPECT_EQ(errors_of(bulk(world, R"([{"id":"d1","importMode":"updateTwin","properties":{"desired":{"a":1},
    "reported":{"r":1}}}])")),
            "");
  const auto deltas = world.links.deltas();
  ASSERT_EQ(deltas.size(), 1U);
  EXPECT_EQ(deltas[0].id, d1);
  EXPECT_EQ(deltas[0].version, 2U);
  EXPECT_EQ(deltas[0].text, R"({"a":1,"$version":2})");
  EXPECT_EQ(at(world.twin(d1)->json, "properties/reported/r"), "") << "reported properties are the device's own";
  EXPECT_EQ(errors_of(bulk(world, R"([{"id":"d1","importMode":"updateTwin"}])")), "");
  EXPECT_EQ(world.twin(d1)->etag, "AAAAAAAAAAI=");
}

TEST(BulkRegistry, ARequestThatIsNotValidChangesNothing) {
  World world;
  for (const std::string body : {"", "{}", "[]", R"([{"id":"d1"},{"id":"d1"}])",
                                 R"([{"id":"d1"},{"id":"d2","importMode":"x"}])", R"([{"id":"d1"},{}])"}) {
    EXPECT_FALSE(bulk(world, body)) << body;
  }
  EXPECT_EQ(*world.hub.registry.list(0), "[]");
}

TEST(BulkRegistry, CountsTheModulesThatAreOnTheirWay) {
  World world;
  ASSERT_TRUE(world.put(d1));
  std::string body = "[";
  for (int i = 0; i < 60; ++i) {
    body +=
        (i > 0 ? "," : "") + (R"({"id":"d1","moduleId":"m)" + std::to_string(100 + i) + R"(","importMode":"create"})");
  }
  const auto answer = bulk(world, body + "]");
  ASSERT_TRUE(answer);
  std::size_t refused = 0;
  const auto document = json::parse(answer->json);
  for (const json::Value error : member(*document, "errors")) {
    EXPECT_EQ(error.find("errorCode")->string(), "TooManyModulesOnDevice");
    ++refused;
  }
  EXPECT_EQ(refused, 10U);
}

TEST(BulkRegistry, AnEdgeDevicesScopeAndModulesComeWithAnImport) {
  World world;
  EXPECT_EQ(errors_of(bulk(world, R"([
    {"id":"d1","capabilities":{"iotEdge":true},"deviceScope":"ms-azure-iot-edge://d1-77"},
    {"id":"d1","moduleId":"$edgeAgent","authentication":{"type":"none"},"properties":{"desired":{"schemaVersion":"1.1"}}},
    {"id":"d2","deviceScope":"ms-azure-iot-edge://d1-77"},
    {"id":"d3","capabilities":{"iotEdge":true},"deviceScope":"ms-azure-iot-edge://d1-77"}])")),
            "");
  EXPECT_EQ(world.identity(d1).device_scope, "ms-azure-iot-edge://d1-77");
  EXPECT_EQ(world.identity(d2).device_scope, "ms-azure-iot-edge://d1-77");
  EXPECT_TRUE(world.identity({"d3", ""}).device_scope.starts_with("ms-azure-iot-edge://d3-")) << "another's scope";
  EXPECT_EQ(at(world.twin({"d1", "$edgeAgent"})->json, "properties/desired/schemaVersion"), R"("1.1")");
}

TEST(BulkRegistry, ALeafsParentIsOneFactAndAMoveNeedsAScopeThatIsThere) {
  World world;
  const std::string scope = "ms-azure-iot-edge://d1-77";
  EXPECT_EQ(errors_of(bulk(world, R"([{"id":"a","importMode":"create","deviceScope":")" + scope + R"("},
    {"id":"d1","importMode":"create","capabilities":{"iotEdge":true},"deviceScope":")" +
                                      scope + "\"}]")),
            "")
      << "a leaf may stand ahead of its parent";
  EXPECT_EQ(at(world.get({"a", ""})->json, "parentScopes"), "[\"" + scope + "\"]");
  EXPECT_EQ(at(world.twin({"a", ""})->json, "parentScopes"), "[\"" + scope + "\"]");
  EXPECT_EQ(errors_of(bulk(world, R"([{"id":"a","importMode":"update","deviceScope":"ms-azure-iot-edge://d1-78"}])")),
            "a InvalidDeviceScope");
  EXPECT_EQ(errors_of(bulk(world,
                           R"([{"id":"a","importMode":"update","deviceScope":"","parentScopes":[")" + scope + "\"]}]")),
            "");
  EXPECT_EQ(at(world.get({"a", ""})->json, "parentScopes"), "[]");
  EXPECT_EQ(at(world.get({"a", ""})->json, "deviceScope"), "");
}

/// A back end that disables a hundred devices takes none from its parent, and no parent from its children.
TEST(BulkRegistry, AnUpdateThatSaysNothingOfCapabilitiesAndScopesLeavesThem) {
  World world;
  const std::string scope = "ms-azure-iot-edge://d1-77", above = "ms-azure-iot-edge://d0-76";
  EXPECT_EQ(errors_of(bulk(world, R"([{"id":"d0","capabilities":{"iotEdge":true},"deviceScope":")" + above + R"("},
    {"id":"d1","capabilities":{"iotEdge":true},"deviceScope":")" +
                                      scope + R"(","parentScopes":[")" + above + R"("]},
    {"id":"leaf","deviceScope":")" + scope +
                                      R"("}])")),
            "");
  EXPECT_EQ(errors_of(bulk(world, R"([{"id":"d1","importMode":"update","status":"disabled"},
    {"id":"leaf","importMode":"update","status":"disabled","capabilities":null}])")),
            "");
  EXPECT_EQ(errors_of(bulk(world, R"([{"id":"leaf","status":"enabled"}])")), "");
  const iothub::Identity edge = world.identity(d1), leaf = world.identity({"leaf", ""});
  EXPECT_EQ(edge.status, iothub::Status::disabled);
  EXPECT_TRUE(edge.iot_edge);
  EXPECT_EQ(edge.device_scope, scope);
  EXPECT_EQ(edge.parent_scopes, std::vector<std::string>{above});
  EXPECT_EQ(leaf.device_scope, scope);
  EXPECT_EQ(leaf.parent_scopes, std::vector<std::string>{scope});
  EXPECT_EQ(errors_of(bulk(world, R"([{"id":"leaf","importMode":"update","deviceScope":null}])")), "");
  EXPECT_EQ(world.identity({"leaf", ""}).device_scope, "");
  EXPECT_EQ(errors_of(bulk(world, R"([{"id":"d1","importMode":"update","capabilities":{"iotEdge":false}}])")), "");
  EXPECT_FALSE(world.identity(d1).iot_edge);
  EXPECT_EQ(world.identity(d1).device_scope, "");
}

TEST(BulkRegistry, AnEdgeDeviceComesWithItsSystemModulesWhichAreReserved) {
  World world;
  EXPECT_EQ(errors_of(bulk(world, R"([{"id":"d1","importMode":"create","capabilities":{"iotEdge":true}}])")), "");
  EXPECT_EQ(at(world.get({"d1", "$edgeHub"})->json, "authentication/type"), R"("none")");
  EXPECT_EQ(errors_of(bulk(world, R"([{"id":"d1","moduleId":"$edgeAgent","importMode":"delete"},
    {"id":"d1","moduleId":"$edgeHub","importMode":"updateTwin","tags":{"a":1}}])")),
            "d1/$edgeAgent SystemModuleModifyUnauthorizedAccess; d1/$edgeHub SystemModuleModifyUnauthorizedAccess");
}

TEST(BulkRegistry, NoModeChangesTheTwinOfASystemModuleThatIsInUse) {
  World world;
  const IdentityId agent{"d1", "$edgeAgent"};
  const auto line = [](const std::string& mode, const std::string& twin) {
    return R"([{"id":"d1","moduleId":"$edgeAgent","importMode":")" + mode + "\"," + twin + "}]";
  };
  const std::string imported = R"("tags":{"a":1},"properties":{"desired":{"x":{"y":1}}})";
  EXPECT_EQ(errors_of(bulk(world, R"([{"id":"d1","importMode":"create","capabilities":{"iotEdge":true}}])")), "");
  EXPECT_EQ(errors_of(bulk(world, line("createOrUpdate", imported))), "");
  const std::string before = world.twin(agent)->json;
  for (const std::string mode : {"update", "updateIfMatchETag", "createOrUpdate", "createOrUpdateIfMatchETag",
                                 "updateTwin", "updateTwinIfMatchETag"}) {
    for (const std::string twin :
         {R"("tags":{"a":2})", R"("tags":{"b":1})", R"("properties":{"desired":{"x":{"z":1}}})"}) {
      EXPECT_EQ(errors_of(bulk(world, line(mode, twin))), "d1/$edgeAgent SystemModuleModifyUnauthorizedAccess")
          << mode << " " << twin;
    }
    EXPECT_EQ(errors_of(bulk(world, line(mode, imported))), "") << "an import for the second time: " << mode;
  }
  EXPECT_EQ(at(world.twin(agent)->json, "etag"), at(before, "etag"));
  EXPECT_EQ(at(world.twin(agent)->json, "properties"), at(before, "properties"));
  EXPECT_EQ(world.links.deltas().size(), 0U);
}

TEST(BulkRegistry, AnImportedSystemModuleTakesThePlaceOfTheOneThatCameWithItsDevice) {
  World world;
  const std::string lines = R"([{"id":"d1","importMode":"create","capabilities":{"iotEdge":true}},
    {"id":"d1","moduleId":"$edgeAgent","importMode":"create","properties":{"desired":{"a":1},"reported":{"b":2}}}])";
  EXPECT_EQ(errors_of(bulk(world, lines)), "");
  const auto twin = world.twin({"d1", "$edgeAgent"});
  EXPECT_EQ(at(twin->json, "properties/desired/a"), "1");
  EXPECT_EQ(at(twin->json, "properties/reported/b"), "2");
  EXPECT_EQ(at(twin->json, "version"), "2");
  EXPECT_EQ(errors_of(bulk(world, lines)), "d1 DeviceAlreadyExists; d1/$edgeAgent ModuleAlreadyExistsOnDevice");
}

TEST(BulkRegistry, AHundredDevicesTakeOneLogSync) {
  const StoreFolder folder(storage::Durability::sync);
  const auto options = folder.options();
  World world(options);
  const auto cycles = [&] {
    for (const auto& figure : world.store->figures()) {
      if (figure.name == "twinhub_storage_commit_cycles_total") return figure.value;
    }
    return -1.0;
  };
  std::string body = "[";
  for (int i = 0; i < 100; ++i)
    body += (i > 0 ? "," : "") + (R"({"id":"d)" + std::to_string(i) + R"(","tags":{"i":1}})");
  double before = 0;
  const auto answer = answer_of<Answer>([&](auto done) {
    // Nothing is written while a copy is made: what the request queues without waiting is one write.
    ASSERT_TRUE(
        storage::cut_of(*world.store).checkpoint(options.directory.parent_path() / "copy", [&]() -> Result<void> {
          before = cycles();
          world.hub.bulk.apply(body + "]", std::move(done));
          return {};
        }));
  });
  EXPECT_EQ(errors_of(answer), "");
  EXPECT_EQ(cycles() - before, 1.0);
  EXPECT_EQ(world.store->snapshot().value()->twin({"d99", ""}).value()->tags, R"({"i":1})") << "durable when answered";
}

TEST(BulkRegistry, KeysAreRegeneratedAndSwapped) {
  World world;
  ASSERT_TRUE(world.put(d1));
  ASSERT_TRUE(world.put(m1));
  ASSERT_TRUE(world.put(d2, R"({"authentication":{"type":"certificateAuthority"}})"));
  const iothub::Identity device = world.identity(d1), module = world.identity(m1);

  const auto rotated = regenerate(
      world,
      R"({"policyKey":"primaryKey","devices":[{"id":"d1"},{"id":"d1","moduleId":"m1"},{"id":"d2"},{"id":"no"},{"id":"d1","moduleId":"no"}]})");
  ASSERT_TRUE(rotated) << rotated.error().detail;
  EXPECT_EQ(at(*rotated, "policyKey"), R"("primaryKey")");
  const iothub::Identity now = world.identity(d1);
  EXPECT_NE(now.primary_key, device.primary_key);
  EXPECT_EQ(now.secondary_key, device.secondary_key);
  EXPECT_NE(now.etag, device.etag);
  EXPECT_NE(world.identity(m1).primary_key, module.primary_key);
  const auto document = json::parse(*rotated);
  std::vector<std::string> keys, errors;
  for (const json::Value row : member(*document, "rotatedKeys")) keys.push_back(*row.find("primaryKey")->string());
  for (const json::Value row : member(*document, "errors")) errors.push_back(*row.find("errorCode")->string());
  EXPECT_EQ(keys, (std::vector<std::string>{now.primary_key, world.identity(m1).primary_key}));
  EXPECT_EQ(errors, (std::vector<std::string>{"ArgumentInvalid", "DeviceNotFound", "ModuleNotFound"}));
  EXPECT_EQ(world.links.changes().at(0).now.id.device, device.id.device) << "its connections are looked at";

  ASSERT_TRUE(regenerate(world, R"({"policyKey":"secondaryKey","devices":[{"id":"d1"}]})"));
  EXPECT_EQ(world.identity(d1).primary_key, now.primary_key);
  EXPECT_NE(world.identity(d1).secondary_key, device.secondary_key);
  const iothub::Identity before_swap = world.identity(d1);
  ASSERT_TRUE(regenerate(world, R"({"policyKey":"swap","devices":[{"id":"d1"}]})"));
  EXPECT_EQ(world.identity(d1).primary_key, before_swap.secondary_key);
  EXPECT_EQ(world.identity(d1).secondary_key, before_swap.primary_key);
}

TEST(BulkRegistry, KeyRequestsThatAreNotValidChangeNothing) {
  World world;
  ASSERT_TRUE(world.put(d1));
  const std::string before = world.get(d1)->json;
  for (const std::string body :
       {"", "[]", "{}", R"({"policyKey":"primaryKey"})", R"({"policyKey":"primaryKey","devices":[]})",
        R"({"policyKey":"all","devices":[{"id":"d1"}]})",
        R"({"policyKey":"primaryKey","devices":[{"id":"d1"},{"id":"d1"}]})",
        R"({"policyKey":"primaryKey","devices":[{"id":"d1"},{"moduleId":"m"}]})",
        R"({"policyKey":7,"devices":[{"id":"d1"}]})", R"({"policyKey":"primaryKey","devices":["d1"]})"}) {
    EXPECT_FALSE(regenerate(world, body)) << body;
  }
  EXPECT_EQ(world.get(d1)->json, before);
}

TEST(BulkRegistry, CountsDevicesInSlices) {
  World world;
  for (int i = 0; i < 7; ++i) {
    ASSERT_TRUE(world.put({"d" + std::to_string(i), ""}, i % 3 == 0 ? R"({"status":"disabled"})" : "{}"));
  }
  ASSERT_TRUE(world.put(m1));
  auto count = world.hub.bulk.count();
  ASSERT_TRUE(count);
  for (auto more = count->step(); more && *more; more = count->step()) {
  }
  EXPECT_EQ(count->json(), R"({"totalDeviceCount":7,"enabledDeviceCount":4,"disabledDeviceCount":3})");
}

TEST(BulkRegistry, ExportsEveryIdentityOncePageByPageAndReadsItBack) {
  World world;
  for (const std::string device : {"a", "b", "c"}) {
    ASSERT_TRUE(world.put({device, ""}));
    ASSERT_TRUE(world.put({device, "m"}));
    ASSERT_TRUE(world.patch({device, ""}, R"({"tags":{"t":")" + device + R"("},"properties":{"desired":{"x":1.50}}})"));
    ASSERT_TRUE(world.report({device, ""}, R"({"r":{"s":[1,"2"]}})"));
  }
  const auto export_all = [](World& from, std::size_t page_lines) {
    std::string text, after;
    std::size_t pages = 0;
    while (true) {
      const auto page = from.hub.bulk.export_lines(after, page_lines, {.keys = true, .etags = false});
      if (!page) throw std::runtime_error(page.error().detail);
      text += page->text;
      after = page->last_key;
      ++pages;
      if (!page->more) return std::pair(text, pages);
    }
  };
  const auto [text, pages] = export_all(world, 4);
  EXPECT_EQ(pages, 2U);
  EXPECT_EQ(export_all(world, 6), std::pair(text, std::size_t{1}));
  EXPECT_EQ(export_all(world, 1).first, text);

  World fresh;
  std::string body = "[";
  for (const char c : text) body += c == '\n' ? ',' : c;
  body.back() = ']';
  EXPECT_EQ(errors_of(bulk(fresh, body)), "");
  EXPECT_EQ(export_all(fresh, 1000).first, text);
  EXPECT_FALSE(world.hub.bulk.export_lines("nonsense", 10, {}));
}

}  // namespace
}  // namespace twinhub::hub

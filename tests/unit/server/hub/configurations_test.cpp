// Configurations at a hub on a real store: what back ends may do with them, and how twins follow, tick by tick.
#include "server/hub/configurations.hpp"

#include "server/hub/configuration_record.hpp"
#include "tests/support/held_store.hpp"
#include "world.hpp"

#include <gtest/gtest.h>
#include <unistd.h>
#include <filesystem>

namespace twinhub::hub {
namespace {

using Answer = Configurations::Answer;

IfMatch header(const std::optional<std::string>& text) {
  return parse_if_match(text ? std::optional<std::string_view>(*text) : std::nullopt);
}

/// A deviceContent body; `more` begins with a comma.
std::string body_of(std::string_view value, std::string_view target, std::string_view more = "",
                    std::string_view path = "properties.desired.c") {
  return R"({"content":{"deviceContent":{")" + std::string(path) + R"(":)" + std::string(value) +
         R"(}},"targetCondition":")" + std::string(target) + '"' + std::string(more) + "}";
}

Result<Answer> put_in(Hub& hub, const std::string& id, const std::string& body, std::optional<std::string> if_match) {
  return answer_of<Answer>([&](auto done) { hub.configurations.put(id, body, header(if_match), std::move(done)); });
}

Result<Answer> report_of(Hub& hub, const std::string& id) {
  auto run = id.empty() ? hub.configuration_reports.begin_all() : hub.configuration_reports.begin(id);
  if (!run) return run.error();
  while ((*run)->step()) {
  }
  return (*run)->take();
}

/// Ticks until nothing waits.
void settle(Hub& hub) {
  for (int i = 0; i < 10'000; ++i) {
    hub.tick();
    const auto figures = hub.configurator.figures();
    if (figures.waiting == 0 && figures.in_flight == 0 && !figures.pass) return;
    std::this_thread::yield();
  }
  FAIL() << "the configurator does not come to rest";
}

HubOptions bounded_by(const ConfigurationOptions& configurations) {
  HubOptions options;
  options.configurations = configurations;
  return options;
}

struct ConfigurationsTest : testing::Test {
  Result<Answer> put(const std::string& id, const std::string& body, std::optional<std::string> if_match = {}) {
    return put_in(world->hub, id, body, std::move(if_match));
  }
  Result<void> remove(const std::string& id, std::optional<std::string> if_match = {}) {
    return answer_of<void>([&](auto done) { world->hub.configurations.remove(id, header(if_match), std::move(done)); });
  }
  Result<void> apply(const std::string& device, const std::string& body) {
    return answer_of<void>([&](auto done) { world->hub.edge_content.apply(device, body, std::move(done)); });
  }
  std::string shown(const std::string& id, std::string_view path) { return at(report_of(world->hub, id)->json, path); }
  void rest() { settle(world->hub); }
  std::string of_twin(const IdentityId& id, std::string_view path) { return at(world->twin(id)->json, path); }
  std::string desired(const IdentityId& id, const std::string& name) {
    return of_twin(id, "properties/desired/" + name);
  }
  std::string status(const IdentityId& id, const std::string& configuration) {
    return of_twin(id, "configurations/" + configuration + "/status");
  }
  void tag(const IdentityId& id, const std::string& tags) { ASSERT_TRUE(world->patch(id, R"({"tags":)" + tags + "}")); }

  std::unique_ptr<World> world = std::make_unique<World>();
};

#define EXPECT_REFUSED(what, wanted)             \
  do {                                           \
    const auto result = (what);                  \
    ASSERT_FALSE(result);                        \
    EXPECT_EQ(result.error().code, (wanted));    \
    EXPECT_FALSE(result.error().detail.empty()); \
  } while (false)

TEST_F(ConfigurationsTest, AreCreatedUpdatedAndDeletedByEtag) {
  const auto made = put("chiller", body_of("1", "", R"(,"priority":5,"labels":{"a":"b"})"));
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(made->etag, "MQ==");
  EXPECT_EQ(at(made->json, "systemMetrics/results"), "{}");
  EXPECT_REFUSED(put("chiller", body_of("1", "")), Errc::configuration_already_exists);
  EXPECT_REFUSED(put("other", body_of("1", ""), "*"), Errc::configuration_not_found);
  EXPECT_REFUSED(put("chiller", body_of("1", ""), "\"MTA=\""), Errc::precondition_failed);

  world->clock.advance_seconds(60);
  const auto updated = put("chiller", body_of("2", "tags.x = 1", R"(,"priority":9)"), "\"MQ==\"");
  ASSERT_TRUE(updated) << updated.error().detail;
  EXPECT_EQ(updated->etag, "Mg==");
  EXPECT_EQ(at(updated->json, "content/deviceContent"), R"({"properties.desired.c":1})");  // it cannot be changed
  EXPECT_EQ(at(updated->json, "priority"), "9");
  EXPECT_EQ(at(updated->json, "labels"), "null");
  EXPECT_EQ(at(updated->json, "targetCondition"), "\"tags.x = 1\"");
  EXPECT_EQ(at(updated->json, "createdTimeUtc"), at(made->json, "createdTimeUtc"));
  EXPECT_NE(at(updated->json, "lastUpdatedTimeUtc"), at(made->json, "lastUpdatedTimeUtc"));
  EXPECT_TRUE(put("chiller", body_of("1", ""), "*"));

  EXPECT_REFUSED(remove("chiller", "\"MQ==\""), Errc::precondition_failed);
  EXPECT_TRUE(remove("chiller"));
  EXPECT_REFUSED(remove("chiller"), Errc::configuration_not_found);
  EXPECT_REFUSED(report_of(world->hub, "chiller"), Errc::configuration_not_found);
  EXPECT_EQ(report_of(world->hub, "")->json, "[]");
}

TEST_F(ConfigurationsTest, AnUpdatesConditionMustFitTheContentThatStays) {
  ASSERT_TRUE(put("m", R"({"content":{"moduleContent":{"properties.desired.c":1}}})"));
  EXPECT_REFUSED(put("m", body_of("1", "tags.x = 1"), "*"), Errc::invalid_configuration_target_condition);
}

TEST_F(ConfigurationsTest, ThereAreOnlySoMany) {
  world = std::make_unique<World>(memory_options(), bounded_by({.count_max = 2}));
  ASSERT_TRUE(put("a", body_of("1", "")));
  ASSERT_TRUE(put("b", body_of("1", "")));
  EXPECT_REFUSED(put("c", body_of("1", "")), Errc::configuration_count_limit_exceeded);
  EXPECT_TRUE(put("b", body_of("1", ""), "*"));
  ASSERT_TRUE(remove("a"));
  EXPECT_TRUE(put("c", body_of("1", "")));
}

TEST_F(ConfigurationsTest, TwinsFollowConfigurations) {
  ASSERT_TRUE(world->put(d1));
  ASSERT_TRUE(world->put({"d2", ""}));
  tag(d1, R"({"inside":true})");
  const auto etag = world->twin(d1)->etag;
  ASSERT_TRUE(put("c", body_of(R"({"x":1})", "tags.inside = true")));
  rest();
  EXPECT_EQ(desired(d1, "c"), R"({"x":1})");
  EXPECT_EQ(status(d1, "c"), "\"Applied\"");
  EXPECT_EQ(desired(d1, "$version"), "2");
  EXPECT_NE(world->twin(d1)->etag, etag);
  EXPECT_EQ(desired({"d2", ""}, "c"), "");
  EXPECT_EQ(of_twin({"d2", ""}, "configurations"), "");

  // The device and back ends hear of it as of a back end's patch.
  ASSERT_EQ(world->links.deltas().size(), 1U);
  EXPECT_EQ(world->links.deltas()[0].id, d1);
  EXPECT_EQ(world->links.deltas()[0].text, R"({"c":{"x":1},"$version":2})");
  const auto events = world->events(d1);
  EXPECT_EQ(value_of(events.back().application, "opType"), "updateTwin");
  EXPECT_EQ(at(events.back().body, "version"), "4");
  EXPECT_EQ(at(events.back().body, "properties/desired/c"), R"({"x":1})");
  EXPECT_EQ(at(events.back().body, "properties/desired/$version"), "2");
  EXPECT_EQ(at(events.back().body, "properties/desired/$metadata/c/x/$lastUpdatedVersion"), "2");
  EXPECT_EQ(at(events.back().body, "tags"), "");

  // Looking again changes nothing.
  ASSERT_TRUE(put("c", body_of("0", "tags.inside = true", R"(,"labels":{"a":"b"})"), "*"));
  rest();
  EXPECT_EQ(desired(d1, "$version"), "2");
  EXPECT_EQ(world->events(d1).size(), events.size());
}

TEST_F(ConfigurationsTest, TwinsFollowTheirOwnChanges) {
  ASSERT_TRUE(put("c", body_of("1", "tags.inside = true OR properties.reported.inside = true OR deviceId = 'born'")));
  rest();
  ASSERT_TRUE(world->put(d1));
  rest();
  EXPECT_EQ(desired(d1, "c"), "");
  tag(d1, R"({"inside":true})");
  rest();
  EXPECT_EQ(desired(d1, "c"), "1");
  tag(d1, R"({"inside":null})");
  rest();
  EXPECT_EQ(desired(d1, "c"), "");  // its settings go with it
  EXPECT_EQ(of_twin(d1, "configurations"), "");
  EXPECT_EQ(world->links.deltas().back().text, R"({"c":null,"$version":3})");
  ASSERT_TRUE(world->report(d1, R"({"inside":true})"));
  rest();
  EXPECT_EQ(desired(d1, "c"), "1");
  ASSERT_TRUE(world->put({"born", ""}));
  rest();
  EXPECT_EQ(desired({"born", ""}, "c"), "1");
}

TEST_F(ConfigurationsTest, WhatABackEndWritesOverIsPutRight) {
  ASSERT_TRUE(world->put(d1));
  ASSERT_TRUE(put("c", body_of(R"({"x":1})", "*")));
  rest();
  ASSERT_TRUE(world->patch(d1, R"({"properties":{"desired":{"c":{"x":2,"own":1},"other":1}}})"));
  rest();
  EXPECT_EQ(desired(d1, "c"), R"({"x":1,"own":1})");
  EXPECT_EQ(desired(d1, "other"), "1");
  ASSERT_TRUE(world->replace(d1, R"({"properties":{"desired":{}}})"));
  rest();
  EXPECT_EQ(desired(d1, "c"), R"({"x":1})");
  EXPECT_EQ(status(d1, "c"), "\"Applied\"");
}

TEST_F(ConfigurationsTest, TheHighestPriorityWinsAndTheNextTakesOver) {
  ASSERT_TRUE(world->put(d1));
  ASSERT_TRUE(put("low", body_of("1", "*", R"(,"priority":1)")));
  ASSERT_TRUE(put("high", body_of("2", "*", R"(,"priority":2)")));
  rest();
  EXPECT_EQ(desired(d1, "c"), "2");
  EXPECT_EQ(status(d1, "low"), "\"Targeted\"");
  EXPECT_EQ(status(d1, "high"), "\"Applied\"");
  ASSERT_TRUE(put("low", body_of("1", "*", R"(,"priority":3)"), "*"));
  rest();
  EXPECT_EQ(desired(d1, "c"), "1");
  EXPECT_EQ(status(d1, "high"), "\"Targeted\"");
  ASSERT_TRUE(remove("low"));
  rest();
  EXPECT_EQ(desired(d1, "c"), "2");
  EXPECT_EQ(of_twin(d1, "configurations"), R"({"high":{"status":"Applied"}})");
  // The last one leaves its settings behind.
  ASSERT_TRUE(remove("high"));
  rest();
  EXPECT_EQ(desired(d1, "c"), "2");
  EXPECT_EQ(of_twin(d1, "configurations"), "");
  EXPECT_FALSE(world->hub.configurations.active());
  // ... and the next knows nothing of it.
  ASSERT_TRUE(put("high", body_of("7", "tags.x = 1")));
  rest();
  EXPECT_EQ(desired(d1, "c"), "2");
}

TEST_F(ConfigurationsTest, EveryTwinIsReachedHoweverManyThereAre) {
  world = std::make_unique<World>(
      memory_options(), bounded_by({.slice_twins = 7, .slice_scanned = 20, .in_flight_max = 5, .waiting_max = 10}));
  constexpr int count = 150;
  const auto id = [](int n) { return IdentityId{"d" + std::to_string(n), ""}; };
  for (int n = 0; n < count; ++n) {
    ASSERT_TRUE(world->put(id(n)));
    if (n % 3 == 0) tag(id(n), R"({"inside":true})");
  }
  ASSERT_TRUE(put("c", body_of("1", "tags.inside = true")));
  rest();
  for (int n = 0; n < count; ++n) EXPECT_EQ(desired(id(n), "c"), n % 3 == 0 ? "1" : "") << n;
  // More changed twins than may wait.
  for (int n = 0; n < count; ++n) tag(id(n), n % 3 == 1 ? R"({"inside":true})" : R"({"inside":null})");
  rest();
  for (int n = 0; n < count; ++n) EXPECT_EQ(desired(id(n), "c"), n % 3 == 1 ? "1" : "") << n;
  EXPECT_EQ(shown("c", "systemMetrics/results"), R"({"targetedCount":50,"appliedCount":50})");
}

TEST_F(ConfigurationsTest, APassEndsHoweverManyTwinsAreWrittenAllTheTime) {
  world =
      std::make_unique<World>(memory_options(), bounded_by({.slice_twins = 2, .slice_scanned = 5, .waiting_max = 10}));
  const auto id = [](int n) { return IdentityId{"d" + std::to_string(10 + n), ""}; };
  for (int n = 0; n < 30; ++n) ASSERT_TRUE(world->put(id(n)));
  ASSERT_TRUE(put("c", body_of("1", "deviceId = 'd39'")));
  for (int tick = 0; tick < 500 && desired(id(29), "c").empty(); ++tick) {
    for (int n = 0; n < 20; ++n) ASSERT_TRUE(world->report(id(n), R"({"at":)" + std::to_string(tick) + "}"));
    world->hub.tick();
  }
  EXPECT_EQ(desired(id(29), "c"), "1");
}

TEST_F(ConfigurationsTest, AHubWithoutConfigurationsDoesNothingForThem) {
  ASSERT_TRUE(world->put(d1));
  EXPECT_EQ(world->hub.configurator.figures().waiting, 0U);
  EXPECT_EQ(world->hub.configurations.generation(), 0U);
}

TEST_F(ConfigurationsTest, ATwinThatIsTooFullIsTargetedOnly) {
  ASSERT_TRUE(world->put(d1));
  const auto text = [](char c) { return '"' + std::string(4000, c) + '"'; };
  std::string full = "{";
  for (int i = 0; i < 7; ++i) full += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":" + text('a');
  ASSERT_TRUE(world->patch(d1, R"({"properties":{"desired":)" + full + "}}}"));
  ASSERT_TRUE(put("c", body_of(R"({"x":)" + text('x') + R"(,"y":)" + text('y') + "}", "*")));
  rest();
  EXPECT_EQ(status(d1, "c"), "\"Targeted\"");
  EXPECT_EQ(desired(d1, "c"), "");
  EXPECT_EQ(world->hub.configurator.figures().not_applied, 1U);
  EXPECT_EQ(shown("c", "systemMetrics/results"), R"({"targetedCount":1,"appliedCount":0})");
  ASSERT_TRUE(world->patch(d1, R"({"properties":{"desired":{"0":null,"1":null}}})"));
  rest();
  EXPECT_EQ(status(d1, "c"), "\"Applied\"");
}

TEST_F(ConfigurationsTest, MetricsAreCountedWhenAskedFor) {
  for (int n = 0; n < 5; ++n) {
    const IdentityId id{"d" + std::to_string(n), ""};
    ASSERT_TRUE(world->put(id));
    tag(id, R"({"inside":)" + std::string(n < 3 ? "true" : "false") + "}");
    if (n < 2) {
      ASSERT_TRUE(world->report(id, R"({"state":"done"})"));
    }
  }
  ASSERT_TRUE(put("c", body_of("1", "tags.inside = true", R"(,"metrics":{"queries":{
      "done":"SELECT deviceId FROM devices WHERE configurations.[[c]].status = 'Applied' AND properties.reported.state = 'done'",
      "top":"SELECT TOP 2 deviceId FROM devices",
      "groups":"SELECT tags.inside AS i, COUNT() AS n FROM devices GROUP BY tags.inside",
      "modules":"SELECT moduleId FROM devices.modules"}})")));
  rest();
  EXPECT_EQ(shown("c", "systemMetrics/results"), R"({"targetedCount":3,"appliedCount":3})");
  EXPECT_EQ(shown("c", "metrics/results"), R"({"done":2,"top":2,"groups":2,"modules":0})");
  ASSERT_TRUE(world->put({"d0", "m"}));
  ASSERT_TRUE(world->report({"d2", ""}, R"({"state":"done"})"));
  EXPECT_EQ(shown("c", "metrics/results"), R"({"done":3,"top":2,"groups":2,"modules":1})");
  ASSERT_TRUE(put("none", body_of("1", "")));
  const auto all = report_of(world->hub, "");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->json, "[" + report_of(world->hub, "c")->json + "," + report_of(world->hub, "none")->json + "]");
  EXPECT_EQ(shown("none", "systemMetrics/results"), R"({"targetedCount":0,"appliedCount":0})");
}

TEST_F(ConfigurationsTest, OnlySoManyAreCountedAtOnce) {
  world = std::make_unique<World>(memory_options(), bounded_by({.reports_max = 1}));
  ASSERT_TRUE(put("c", body_of("1", "")));
  {
    const auto first = world->hub.configuration_reports.begin("c");
    ASSERT_TRUE(first);
    EXPECT_REFUSED(world->hub.configuration_reports.begin("c"), Errc::generic_too_many_requests);
  }
  EXPECT_TRUE(world->hub.configuration_reports.begin("c"));
}

TEST_F(ConfigurationsTest, ModulesHaveTheirOwn) {
  ASSERT_TRUE(world->put(d1));
  ASSERT_TRUE(world->put(m1));
  ASSERT_TRUE(world->put({"d1", "m2"}));
  ASSERT_TRUE(put("m", R"({"content":{"moduleContent":{"properties.desired.c":1}},
                           "targetCondition":"FROM devices.modules WHERE moduleId = 'm1'"})"));
  rest();
  EXPECT_EQ(desired(m1, "c"), "1");
  EXPECT_EQ(status(m1, "m"), "\"Applied\"");
  EXPECT_EQ(desired({"d1", "m2"}, "c"), "");
  EXPECT_EQ(desired(d1, "c"), "");
  EXPECT_EQ(shown("m", "systemMetrics/results"), R"({"targetedCount":1,"appliedCount":1})");
}

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

TEST_F(ConfigurationsTest, AnEdgeDeviceHasFiftyModulesAtMost) {
  ASSERT_TRUE(world->put(d1, R"({"capabilities":{"iotEdge":true}})"));
  for (int i = 0; i < 48; ++i) ASSERT_TRUE(world->put({"d1", "m" + std::to_string(i)}));
  EXPECT_REFUSED(apply("d1", deployment), Errc::too_many_modules_on_device);
  EXPECT_REFUSED(world->twin(agent), Errc::device_not_found);
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

struct Folder {
  Folder() : path(std::filesystem::temp_directory_path() / ("twinhub-configurations-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  [[nodiscard]] storage::StoreOptions options() const {
    storage::StoreOptions options;
    options.directory = path;
    options.durability = storage::Durability::os;
    return options;
  }
  const std::filesystem::path path;
};

TEST(ConfigurationsRestart, WhatWasWaitingIsDoneByTheNextRun) {
  const Folder folder;
  std::string list;
  {
    World world(folder.options());
    ASSERT_TRUE(world.put(d1));
    ASSERT_TRUE(put_in(world.hub, "c",
                       body_of("1", "tags.inside = true", R"(,"priority":3,"labels":{"a":"b"},"schemaVersion":"1.0",
        "metrics":{"queries":{"m":"SELECT * FROM devices"}})"),
                       {}));
    settle(world.hub);
    ASSERT_TRUE(world.patch(d1, R"({"tags":{"inside":true}})"));
    list = report_of(world.hub, "")->json;
  }
  {
    World world(folder.options());
    EXPECT_EQ(report_of(world.hub, "")->json, list);
    settle(world.hub);
    EXPECT_EQ(at(world.twin(d1)->json, "properties/desired/c"), "1");
    ASSERT_TRUE(answer_of<void>([&](auto done) { world.hub.configurations.remove("c", {}, std::move(done)); }));
  }
  // No configuration is left, but its traces are.
  World world(folder.options());
  EXPECT_TRUE(world.hub.configurations.active());
  EXPECT_EQ(at(world.twin(d1)->json, "configurations/c/status"), "\"Applied\"");
  settle(world.hub);
  EXPECT_EQ(at(world.twin(d1)->json, "configurations"), "");
  EXPECT_EQ(at(world.twin(d1)->json, "properties/desired/c"), "1");
  EXPECT_FALSE(world.hub.configurations.active());
}

TEST(ConfigurationsRestart, WhenAllIsDoneNothingIsLookedAtAgain) {
  const Folder folder;
  {
    World world(folder.options());
    ASSERT_TRUE(put_in(world.hub, "c", body_of("1", "*"), {}));
    ASSERT_TRUE(answer_of<void>([&](auto done) { world.hub.configurations.remove("c", {}, std::move(done)); }));
    settle(world.hub);
  }
  World world(folder.options());
  EXPECT_FALSE(world.hub.configurations.active());
  EXPECT_EQ(world.hub.configurations.generation(), 0U);
}

TEST(ConfigurationsRestart, ADamagedRecordIsNamed) {
  World world;
  ASSERT_TRUE(put_in(world.hub, "c", body_of("1", "*"), {}));
  const std::string record = encode_configuration(**world.hub.configurations.get("c"));
  EXPECT_TRUE(decode_configuration("c", record));
  for (const std::string& damaged :
       {std::string(), record.substr(0, record.size() - 1), record + "x", "\x02" + record.substr(1)}) {
    const auto read = decode_configuration("conf-7", damaged);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().detail.find("conf-7"), std::string::npos);
  }
}

/// On a store whose disk can be slow or full.
struct ConfigurationsAtASlowDisk : testing::Test {
  static std::unique_ptr<storage::Store> open(const Clock& clock) {
    auto options = memory_options();
    options.now = [&clock] { return clock.now(); };
    return std::move(*storage::open_rocksdb_store(std::move(options)));
  }
  StillClock clock;
  SystemRandom random;
  RecordingLinks links;
  test::HeldStore store{open(clock)};
  Hub hub{store, clock, random, {}, links};
};

TEST_F(ConfigurationsAtASlowDisk, NothingIsShownOrCarriedOutBeforeItIsDurable) {
  store.hold();
  std::atomic<bool> told{false};
  hub.configurations.put("c", body_of("1", "*"), {},
                         [&](const Result<Answer>& answer, storage::Outbox&) { told = answer.has_value(); });
  EXPECT_FALSE(told);
  EXPECT_TRUE(hub.configurations.all().empty());
  EXPECT_TRUE(hub.configurations.active());
  EXPECT_REFUSED(put_in(hub, "c", body_of("1", "*"), {}), Errc::precondition_failed);
  while (store.waiting() == 0) std::this_thread::yield();
  store.release();
  EXPECT_TRUE(told);
  EXPECT_EQ(hub.configurations.all().size(), 1U);
}

TEST_F(ConfigurationsAtASlowDisk, WhatTheStoreRefusesIsNotThere) {
  store.refuse_writes();
  EXPECT_REFUSED(put_in(hub, "c", body_of("1", "*"), {}), Errc::service_unavailable);
  EXPECT_FALSE(hub.configurations.active());
  store.accept_writes();
  EXPECT_TRUE(put_in(hub, "c", body_of("1", "*"), {}));
}

}  // namespace
}  // namespace twinhub::hub

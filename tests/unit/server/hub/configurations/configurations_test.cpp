// Configurations at a hub on a real store: what back ends may do with them, and how twins follow, tick by tick.
#include "tests/unit/server/hub/configurations/configurations_world.hpp"

namespace twinhub::hub {
namespace {

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

TEST_F(ConfigurationsTest, ASettingThatABackEndOverwritesIsPutRight) {
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
  EXPECT_EQ(world->hub.configuration_rollout.figures().waiting, 0U);
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
  EXPECT_EQ(world->hub.configuration_rollout.figures().not_applied, 1U);
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

}  // namespace
}  // namespace twinhub::hub

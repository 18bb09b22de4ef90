// What configurations mean for one twin: rank, merging, leaving, and that asking twice changes nothing.
#include "protocol/configuration/assignment.hpp"

#include "fixture.hpp"

#include <random>

namespace twinhub::configuration {
namespace {

/// Carries out and checks that nothing is left to do.
std::string desired_after(const ConfigurationSet& set, const twin::Twin& before, std::string* statuses = nullptr) {
  const twin::Twin after = carried_out(set, device, before);
  EXPECT_EQ(assign(set, device, twin::view_of(after), nullptr).desired_patch, "");
  EXPECT_EQ(carried_out(set, device, after), after);
  if (statuses != nullptr) *statuses = after.configurations;
  return after.desired.text;
}

TEST(Assignment, ContentIsMergedIntoDesiredProperties) {
  const auto set = set_of({{"chiller", R"({"deviceContent":{"properties.desired.water":{"temperature":38,"pressure":78},
      "properties.desired.deep.down.value":66,"properties.desired.old":null}})"}});
  std::string statuses;
  EXPECT_EQ(desired_after(*set, twin_of(R"({"properties":{"desired":{"water":{"flow":1},"old":{"a":1},"own":2}}})"),
                          &statuses),
            R"({"water":{"flow":1,"temperature":38,"pressure":78},"own":2,"deep":{"down":{"value":66}}})");
  EXPECT_EQ(statuses, R"({"chiller":{"status":"Applied"}})");
}

TEST(Assignment, ThePathMayBeTheWholeSection) {
  const auto set = set_of({{"all", sets("properties.desired", R"({"prop1":"foo","$version":7})")}});
  EXPECT_EQ(desired_after(*set, twin_of(R"({"properties":{"desired":{"own":1}}})")), R"({"own":1,"prop1":"foo"})");
}

TEST(Assignment, OnlyWhatDiffersIsWritten) {
  const auto set = set_of({{"c", sets("properties.desired.a", R"({"b":1,"c":[1,{"d":"é"}],"e":{}})")}});
  const auto patch = [&](std::string_view desired) {
    return assign(*set, device, twin::view_of(twin_of(R"({"properties":{"desired":)" + std::string(desired) + "}}")),
                  nullptr)
        .desired_patch;
  };
  EXPECT_EQ(patch(R"({"a":{"b":1,"c":[1,{"d":"\u00e9"}],"e":{},"more":1}})"), "");
  EXPECT_EQ(patch(R"({"a":{"b":2,"c":[1,{"d":"é"}],"e":{}}})"), R"({"a":{"b":1}})");
  EXPECT_EQ(patch(R"({"a":{"b":1,"c":[1],"e":{}}})"), R"({"a":{"c":[1,{"d":"é"}]}})");
  EXPECT_EQ(patch(R"({"a":{"b":{"x":1},"c":[1,{"d":"é"}],"e":1}})"), R"({"a":{"b":1,"e":{}}})");
  EXPECT_EQ(patch(R"({"a":3})"), R"({"a":{"b":1,"c":[1,{"d":"é"}],"e":{}}})");
}

TEST(Assignment, ForEachPropertyTheHighestPriorityWinsAndTheNewestOfEqualOnes) {
  const Wanted low{"low", sets("properties.desired.a", R"({"x":"low","y":"low"})"), "*", 1};
  const Wanted high{"high", sets("properties.desired.a.x", R"("high")"), "*", 20};
  std::string statuses;
  EXPECT_EQ(desired_after(*set_of({low, high}), twin_of("{}"), &statuses), R"({"a":{"x":"high","y":"low"}})");
  EXPECT_EQ(statuses, R"({"high":{"status":"Applied"},"low":{"status":"Applied"}})");

  // Nothing of it is left: Targeted.
  const Wanted all{"all", sets("properties.desired.a", "5"), "*", 30};
  EXPECT_EQ(desired_after(*set_of({low, high, all}), twin_of("{}"), &statuses), R"({"a":5})");
  EXPECT_EQ(statuses, R"({"all":{"status":"Applied"},"high":{"status":"Targeted"},"low":{"status":"Targeted"}})");

  const Wanted older{"z-older", sets("properties.desired.a", "1"), "*", 5, 100};
  const Wanted newer{"a-newer", sets("properties.desired.a", "2"), "*", 5, 101};
  EXPECT_EQ(desired_after(*set_of({older, newer}), twin_of("{}")), R"({"a":2})");
  EXPECT_EQ(desired_after(*set_of({newer, older}), twin_of("{}")), R"({"a":2})");

  // A null of a higher rank keeps the property away.
  const Wanted none{"none", sets("properties.desired.a", R"({"x":null})"), "*", 50};
  EXPECT_EQ(desired_after(*set_of({low, none}), twin_of(R"({"properties":{"desired":{"a":{"x":1}}}})")),
            R"({"a":{"y":"low"}})");
}

TEST(Assignment, TargetConditionsLookAtTagsReportedPropertiesAndTheId) {
  const auto is_target = [](const std::string& condition, const twin::Twin& twin) {
    return targets(*make({"c", sets("properties.desired.a", "1"), condition}), device, twin::view_of(twin));
  };
  const twin::Twin twin = twin_of(R"({"tags":{"place":{"city":"Tacoma"},"floor":3}})");
  twin::Twin reporting = *twin::apply_reported_patch(twin, R"({"model":"4000x"})", {}, {3});
  EXPECT_TRUE(is_target("*", twin));
  EXPECT_FALSE(is_target("", twin));
  EXPECT_FALSE(is_target("  ", twin));
  EXPECT_TRUE(is_target("tags.place.city = 'Tacoma' AND tags.floor > 2", twin));
  EXPECT_FALSE(is_target("tags.place.city = 'Seattle'", twin));
  EXPECT_TRUE(is_target("deviceId = 'd1'", twin));
  EXPECT_FALSE(is_target("deviceId = 'D1'", twin));
  EXPECT_FALSE(is_target("properties.reported.model = '4000x'", twin));
  EXPECT_TRUE(is_target("properties.reported.model = '4000x'", reporting));
  EXPECT_TRUE(is_target("is_defined(properties.reported)", reporting));
  EXPECT_FALSE(is_target("properties.reported.$version = 1", reporting));
}

TEST(Assignment, SettingsOfAConfigurationThatTargetsTheTwinNoMoreAreRemoved) {
  const auto set = set_of({{"c", R"({"deviceContent":{"properties.desired.a":{"x":1,"y":{"z":2}},
                                     "properties.desired.deep.down":3}})",
                            "tags.inside = true"}});
  const twin::Twin in = carried_out(
      *set, device, twin_of(R"({"tags":{"inside":true},"properties":{"desired":{"own":1,"deep":{"own":1}}}})"));
  EXPECT_EQ(in.desired.text, R"({"own":1,"deep":{"own":1,"down":3},"a":{"x":1,"y":{"z":2}}})");
  const auto left = twin::apply_service_patch(in, R"({"tags":null})", {4});
  EXPECT_EQ(desired_after(*set, left->after), R"({"own":1,"deep":{"own":1}})");
  // What a back end has changed since is its own.
  const auto changed = twin::apply_service_patch(in, R"({"tags":null,"properties":{"desired":{"a":{"x":9}}}})", {4});
  EXPECT_EQ(desired_after(*set, changed->after), R"({"own":1,"deep":{"own":1},"a":{"x":9}})");
}

TEST(Assignment, TheNextRankTakesOver) {
  const Wanted low{"low", sets("properties.desired.a", R"({"x":1,"y":1})"), "*", 1};
  const Wanted high{"high", sets("properties.desired.a", R"({"x":2,"w":2})"), "tags.inside = true", 2};
  const auto set = set_of({low, high});
  const twin::Twin in = carried_out(*set, device, twin_of(R"({"tags":{"inside":true}})"));
  EXPECT_EQ(in.desired.text, R"({"a":{"x":2,"w":2,"y":1}})");
  const auto left = twin::apply_service_patch(in, R"({"tags":null})", {4});
  std::string statuses;
  EXPECT_EQ(desired_after(*set, left->after, &statuses), R"({"a":{"x":1,"y":1}})");
  EXPECT_EQ(statuses, R"({"low":{"status":"Applied"}})");
}

TEST(Assignment, SettingsOfADeletedConfigurationStay) {
  const twin::Twin was = twin_of(R"({"properties":{"desired":{"a":1}}})", R"({"gone":{"status":"Applied"}})");
  std::string statuses;
  EXPECT_EQ(desired_after(*set_of({}), was, &statuses), R"({"a":1})");
  EXPECT_EQ(statuses, "{}");
  // ... and the next rank takes over.
  EXPECT_EQ(desired_after(*set_of({{"next", sets("properties.desired.a", "2")}}), was), R"({"a":2})");
}

TEST(Assignment, WhatWasTargetedOnlyLeavesNothingBehindToRemove) {
  const auto set = set_of({{"c", sets("properties.desired.a", "1"), "tags.inside = true"}});
  const twin::Twin twin = twin_of(R"({"properties":{"desired":{"a":1}}})", R"({"c":{"status":"Targeted"}})");
  EXPECT_EQ(desired_after(*set, twin), R"({"a":1})");
}

TEST(Assignment, DevicesAndModulesHaveTheirOwn) {
  const auto set =
      set_of({{"d", sets("properties.desired.a", "1")},
              {"m", R"({"moduleContent":{"properties.desired.b":2}})", "FROM devices.modules WHERE moduleId = 'm1'"},
              {"all", R"({"moduleContent":{"properties.desired.c":3}})"}});
  EXPECT_EQ(carried_out(*set, device, twin_of("{}")).desired.text, R"({"a":1})");
  EXPECT_EQ(carried_out(*set, module, twin_of("{}")).desired.text, R"({"b":2,"c":3})");
  EXPECT_EQ(carried_out(*set, {"d1", "m2"}, twin_of("{}")).desired.text, R"({"c":3})");
}

/// Whatever the order of changes, what counts is what is there in the end.
TEST(Assignment, TheWayToAStateDoesNotMatter) {
  std::mt19937 random(20'26);  // NOLINT: the same numbers on each run
  const auto number = [&](int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); };
  const auto value = [&] {
    const std::string choices[] = {"1",   "2", R"({"x":1})", R"({"x":2,"y":{"z":1}})", R"({"y":{"z":null,"w":3}})",
                                   "null"};
    return choices[number(6)];
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<Wanted> all;
    for (int i = 0; i < 4; ++i) {
      const std::string paths[] = {"properties.desired.a", "properties.desired.a.x", "properties.desired.a.y",
                                   "properties.desired.b"};
      all.push_back({"c" + std::to_string(i), sets(paths[number(4)], value()), "tags.t" + std::to_string(i) + " = true",
                     static_cast<std::uint32_t>(number(3)), static_cast<std::uint64_t>(i + 1)});
    }
    const auto set = set_of(all);
    // Through some sets of tags to the last one; what no configuration sets stays untouched all the way.
    twin::Twin twin = twin_of(R"({"properties":{"desired":{"own":{"x":1}}}})");
    std::string tags;
    for (int step = 0; step < 4; ++step) {
      tags.clear();
      for (int i = 0; i < 4; ++i)
        tags += (i > 0 ? "," : "") + ("\"t" + std::to_string(i)) + "\":" + (number(2) != 0 ? "true" : "false");
      twin = twin::apply_service_patch(twin, R"({"tags":{)" + tags + "}}", {5})->after;
      twin = carried_out(*set, device, twin);
      EXPECT_EQ(assign(*set, device, twin::view_of(twin), nullptr).desired_patch, "");
      EXPECT_NE(twin.desired.text.find(R"("own":{"x":1})"), std::string::npos);
    }
    // Everything that a fresh twin would get is there.
    const twin::Twin fresh = carried_out(*set, device, twin_of(R"({"tags":{)" + tags + "}}"));
    const auto missing =
        twin::apply_service_patch(twin, R"({"properties":{"desired":)" + fresh.desired.text + "}}", {6});
    EXPECT_EQ(twin.configurations, fresh.configurations);
    EXPECT_EQ(json::parse(missing->after.desired.text)->text().size(), twin.desired.text.size())
        << twin.desired.text << " lacks some of " << fresh.desired.text;
  }
}

}  // namespace
}  // namespace twinhub::configuration

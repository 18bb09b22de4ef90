#include "server/hub/twins/twins.hpp"

#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>

namespace twinhub::hub {

struct TwinsTest : testing::Test {
  TwinsTest() { EXPECT_TRUE(world.put(d1)); }
  [[nodiscard]] std::string of_twin(std::string_view path) { return at(world.twin(d1)->json, path); }

  World world;
};

TEST_F(TwinsTest, AFreshTwinIsWhatTheDocumentationShows) {
  const auto twin = world.twin(d1);
  ASSERT_TRUE(twin);
  EXPECT_EQ(twin->etag, "AAAAAAAAAAE=");
  EXPECT_EQ(at(twin->json, "etag"), R"("AAAAAAAAAAE=")");
  EXPECT_EQ(at(twin->json, "version"), "2");
  EXPECT_EQ(at(twin->json, "tags"), "");
  for (const std::string section : {"properties/desired", "properties/reported"}) {
    EXPECT_EQ(at(twin->json, section + "/$version"), "1");
    EXPECT_EQ(at(twin->json, section + "/$metadata/$lastUpdatedVersion"), "");
  }
  EXPECT_EQ(*world.device_view(d1), R"({"desired":{"$version":1},"reported":{"$version":1}})");
}

TEST_F(TwinsTest, TheTutorialsSevenPatchesSucceedWithTheEtagOfThePreviousAnswer) {
  std::string etag = world.twin(d1)->etag;
  const std::string_view patches[] = {
      R"({"properties":{"desired":null}})",
      R"({"properties":{"desired":{"patchId":"Init","components":{}}}})",
      R"({"properties":{"desired":{"patchId":"Add","components":{"climate":{"minTemperature":68}}}}})",
      R"({"properties":{"desired":{"patchId":"Modify","components":{"climate":{"minTemperature":70}}}}})",
      R"({"properties":{"desired":{"patchId":"Add2","components":{"wifi":{"channel":6}}}}})",
      R"({"properties":{"desired":{"patchId":"Delete","components":{"climate":null}}}})",
      R"({"properties":{"desired":{"patchId":"Delete2","components":null}}})",
  };
  std::uint64_t reported = 1;
  for (const std::string_view patch : patches) {
    const auto answer = world.patch(d1, patch, "\"" + etag + "\"");
    ASSERT_TRUE(answer) << patch << ": " << answer.error().detail;
    EXPECT_NE(answer->etag, etag);
    etag = answer->etag;
    const auto version = world.report(d1, R"({"seen":")" + etag + R"("})");
    ASSERT_TRUE(version);
    EXPECT_EQ(*version, ++reported);
  }
  EXPECT_EQ(etag, "AAAAAAAAAAg=");
  EXPECT_EQ(of_twin("version"), "16");
  EXPECT_EQ(of_twin("properties/desired/$version"), "8");
  EXPECT_EQ(of_twin("properties/desired/patchId"), R"("Delete2")");
  EXPECT_EQ(world.links.deltas().size(), 7U);
}

TEST_F(TwinsTest, EqualValuesAreAnUpdateEveryTime) {
  const std::string_view patch = R"({"properties":{"desired":{"a":1}}})";
  const auto first = world.patch(d1, patch);
  const auto second = world.patch(d1, patch);
  EXPECT_EQ(first->etag, "AAAAAAAAAAI=");
  EXPECT_EQ(second->etag, "AAAAAAAAAAM=");
  EXPECT_EQ(at(first->json, "properties/desired/$version"), "2");
  EXPECT_EQ(at(second->json, "properties/desired/$version"), "3");
  const auto deltas = world.links.deltas();
  ASSERT_EQ(deltas.size(), 2U);
  EXPECT_EQ(deltas[0].text, R"({"a":1,"$version":2})");
  EXPECT_EQ(deltas[1].text, R"({"a":1,"$version":3})");
  EXPECT_EQ(deltas[1].version, 3U);
  EXPECT_EQ(deltas[1].id, d1);
}

TEST_F(TwinsTest, TagsMoveTheEtagButNeitherDesiredNorTheDevice) {
  const auto tagged = world.patch(d1, R"({"tags":{"site":"x"}})");
  EXPECT_EQ(tagged->etag, "AAAAAAAAAAI=");
  EXPECT_EQ(at(tagged->json, "version"), "3");
  EXPECT_EQ(at(tagged->json, "properties/desired/$version"), "1");
  EXPECT_EQ(at(tagged->json, "tags"), R"({"site":"x"})");
  const auto untagged = world.patch(d1, R"({"tags":{"site":null}})");
  EXPECT_EQ(at(untagged->json, "tags"), "");
  EXPECT_TRUE(world.links.deltas().empty());
  EXPECT_EQ(world.device_view(d1)->find("site"), std::string::npos);
}

TEST_F(TwinsTest, ReportedMovesTheVersionAndLeavesTheEtagGood) {
  const std::string etag = world.patch(d1, R"({"tags":{"a":1}})")->etag;
  EXPECT_EQ(*world.report(d1, R"({"fw":"1.1"})"), 2U);
  const auto twin = world.twin(d1);
  EXPECT_EQ(twin->etag, etag);
  EXPECT_EQ(at(twin->json, "version"), "4");
  EXPECT_EQ(at(twin->json, "properties/reported/fw"), R"("1.1")");
  EXPECT_TRUE(world.patch(d1, R"({"tags":{"a":2}})", "\"" + etag + "\""));
  EXPECT_TRUE(world.links.deltas().empty());
}

TEST_F(TwinsTest, IfMatchIsTakenInEveryFormThatClientsSend) {
  for (const std::string form : {"\"*\"", "*", "absent", "\"\"", "quoted", "unquoted"}) {
    const std::string etag = world.twin(d1)->etag;
    std::optional<std::string> header = form;
    if (form == "absent") header.reset();
    if (form == "quoted") header = "\"" + etag + "\"";
    if (form == "unquoted") header = etag;
    EXPECT_TRUE(world.patch(d1, R"({"tags":{"a":1}})", header)) << form;
    EXPECT_TRUE(form == "quoted" || form == "unquoted" || world.replace(d1, "{}", header)) << form;
  }
  const std::string before = world.twin(d1)->json;
  for (const std::string stale : {"\"abc\"", "abc", "\"AAAAAAAAAAE=\""}) {
    const auto refused = world.patch(d1, R"({"properties":{"desired":{"a":1}}})", stale);
    ASSERT_FALSE(refused) << stale;
    EXPECT_EQ(refused.error().code, Errc::precondition_failed);
    EXPECT_EQ(world.replace(d1, "{}", stale).error().code, Errc::precondition_failed);
  }
  EXPECT_EQ(world.twin(d1)->json, before);
  EXPECT_TRUE(world.links.deltas().size() == 4U) << "only the four replaces that were let through";
}

TEST_F(TwinsTest, IfMatchIsLookedAtBeforeTheBody) {
  EXPECT_EQ(world.patch(d1, "not json", "\"abc\"").error().code, Errc::precondition_failed);
  EXPECT_EQ(world.patch(d1, "not json", "*").error().code, Errc::iot_hub_format_error);
}

TEST_F(TwinsTest, TheDeltaOfAReplaceHoldsNullForWhatWentAway) {
  ASSERT_TRUE(world.patch(d1, R"({"tags":{"t":1},"properties":{"desired":{"a":1,"b":2}}})"));
  const auto replaced = world.replace(d1, R"({"properties":{"desired":{"a":1,"c":100}}})");
  ASSERT_TRUE(replaced);
  EXPECT_EQ(at(replaced->json, "tags"), "");
  EXPECT_EQ(at(replaced->json, "properties/desired/b"), "");
  const auto deltas = world.links.deltas();
  ASSERT_EQ(deltas.size(), 2U);
  EXPECT_EQ(at(deltas[1].text, "a"), "1");
  EXPECT_EQ(at(deltas[1].text, "b"), "null");
  EXPECT_EQ(at(deltas[1].text, "c"), "100");
  EXPECT_EQ(at(deltas[1].text, "$version"), "3");
}

TEST_F(TwinsTest, TheDeltaOfDesiredNullHoldsTopLevelNullsOnly) {
  ASSERT_TRUE(world.patch(d1, R"({"properties":{"desired":{"patchId":"x","components":{"climate":{"t":1}}}}})"));
  ASSERT_TRUE(world.patch(d1, R"({"properties":{"desired":null}})"));
  EXPECT_EQ(world.links.deltas().back().text, R"({"patchId":null,"components":null,"$version":3})");
  EXPECT_EQ(*world.device_view(d1), R"({"desired":{"$version":3},"reported":{"$version":1}})");
}

TEST_F(TwinsTest, MergesByTheTableInEverySection) {
  struct Row {
    std::string base, patch, result;
  };
  const Row rows[] = {
      {R"({"a":{"b":1,"c":2}})", R"({"a":{"b":null}})", R"({"a":{"c":2}})"},
      {R"({"a":{"b":1}})", R"({"a":{"b":null}})", R"({"a":{}})"},
      {R"({})", R"({"p":null})", R"({})"},
      {R"({})", R"({"p":{"q":null}})", R"({"p":{}})"},
      {R"({"p":{}})", R"({"p":{"q":null}})", R"({"p":{}})"},
      {R"({"a":1})", R"({"a":{"x":1}})", R"({"a":{"x":1}})"},
      {R"({"a":{"x":1}})", R"({"a":5})", R"({"a":5})"},
      {R"({"a":[1,2]})", R"({"a":[3]})", R"({"a":[3]})"},
      {R"({"key1":{"key2":"v"}})", R"({"key1":{"key3":null}})", R"({"key1":{"key2":"v"}})"},
  };
  for (const Row& row : rows) {
    ASSERT_TRUE(world.remove(d1));
    ASSERT_TRUE(world.put(d1));
    for (const std::string& text : {row.base, row.patch}) {
      ASSERT_TRUE(world.patch(d1, R"({"tags":)" + text + R"(,"properties":{"desired":)" + text + "}}")) << text;
      ASSERT_TRUE(world.report(d1, text)) << text;
    }
    const auto state = world.store->read(d1)->entity.twin;
    EXPECT_EQ(state->tags, row.result) << row.patch;
    EXPECT_EQ(state->desired.text, row.result) << row.patch;
    EXPECT_EQ(state->reported.text, row.result) << row.patch;
  }
}

TEST_F(TwinsTest, APatchThatTouchesNothingAnswersTheCurrentTwin) {
  ASSERT_TRUE(world.patch(d1, R"({"properties":{"desired":{"a":{"b":1}}}})"));
  const std::string before = world.twin(d1)->json;
  const std::size_t events = world.events(d1).size();
  world.clock.advance_seconds(60);
  for (const std::string_view body :
       {"{}", R"({"tags":{}})", R"({"tags":{"x":null}})", R"({"properties":{"desired":{}}})",
        R"({"properties":{"desired":{"a":{}}}})", R"({"properties":{"desired":{"zz":null}}})",
        R"({"properties":{"reported":{"r":1}}})", R"({"properties":null,"etag":"x","version":9})"}) {
    const auto answer = world.patch(d1, body);
    ASSERT_TRUE(answer) << body;
    EXPECT_EQ(answer->json, before) << body;
    EXPECT_EQ(answer->etag, "AAAAAAAAAAI=");
  }
  EXPECT_EQ(world.links.deltas().size(), 1U);
  EXPECT_EQ(world.events(d1).size(), events);
}

TEST_F(TwinsTest, AWholeTwinSentBackIsTakenAsTagsAndDesired) {
  ASSERT_TRUE(world.patch(d1, R"({"tags":{"t":1},"properties":{"desired":{"a":1}}})"));
  ASSERT_TRUE(world.report(d1, R"({"r":1})"));
  const std::string whole = world.twin(d1)->json;
  const auto answer = world.patch(d1, whole);
  ASSERT_TRUE(answer);
  EXPECT_EQ(world.store->read(d1)->entity.twin->desired.text, R"({"a":1})");
  EXPECT_EQ(at(answer->json, "properties/reported/$version"), "2");
  EXPECT_EQ(world.links.deltas().back().text, R"({"a":1,"$version":3})");
}

TEST_F(TwinsTest, RefusedWritesChangeNothingAndSendNoDelta) {
  ASSERT_TRUE(world.patch(d1, R"({"tags":{"t":1},"properties":{"desired":{"a":1}}})"));
  ASSERT_TRUE(world.report(d1, R"({"r":1})"));
  const std::string before = world.twin(d1)->json;
  const std::size_t events = world.events(d1).size();
  const std::string long_text(33'000, 'x');
  std::string large = R"({)";
  for (int i = 0; i < 9; ++i)
    large += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":\"" + long_text.substr(0, 4000) + "\"";
  large += "}";
  struct Case {
    std::string section;
    Errc code;
  };
  for (const Case& c : {Case{"5", Errc::argument_invalid}, Case{R"({"a.b":1})", Errc::argument_invalid},
                        Case{R"({"$x":1})", Errc::argument_invalid}, Case{R"({"a":[null]})", Errc::argument_invalid},
                        Case{R"({"n":4503599627370496})", Errc::argument_invalid},
                        Case{R"({"s":")" + long_text.substr(0, 4097) + "\"}", Errc::argument_invalid},
                        Case{large, Errc::device_model_max_properties_exceeded}}) {
    const std::string body = R"({"tags":{"good":1},"properties":{"desired":)" + c.section + "}}";
    EXPECT_EQ(world.patch(d1, body).error().code, c.code) << c.section.substr(0, 40);
    EXPECT_EQ(world.replace(d1, body).error().code, c.code) << c.section.substr(0, 40);
    EXPECT_EQ(world.report(d1, c.section).error().code, c.code) << c.section.substr(0, 40);
  }
  EXPECT_EQ(world.replace(d1, R"({"tags":{"a":null}})").error().code, Errc::argument_invalid);
  EXPECT_EQ(world.report(d1, "{").error().code, Errc::iot_hub_format_error);
  EXPECT_EQ(world.twin(d1)->json, before);
  EXPECT_EQ(world.links.deltas().size(), 1U);
  EXPECT_EQ(world.events(d1).size(), events);
}

TEST_F(TwinsTest, ReportedMayDemandItsVersion) {
  EXPECT_EQ(*world.report(d1, R"({"a":1})", 1), 2U);
  EXPECT_EQ(world.report(d1, R"({"a":2})", 1).error().code, Errc::precondition_failed);
  EXPECT_EQ(of_twin("properties/reported/a"), "1");
  EXPECT_EQ(*world.report(d1, "{}", 2), 3U) << "an empty patch raises the version too";
}

TEST_F(TwinsTest, OldApiVersionsKnowNeitherArraysNorModelIds) {
  const Twins::Dialect old{.arrays_allowed = false, .show_model_id = false};
  const auto refused = world.patch(d1, R"({"tags":{"a":[1]}})", {}, old);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::argument_invalid);
  EXPECT_TRUE(world.patch(d1, R"({"tags":{"a":[1]}})"));
  EXPECT_EQ(world.twin(d1, old)->json.find("modelId"), std::string::npos);
  EXPECT_EQ(of_twin("modelId"), R"("")");
}

TEST_F(TwinsTest, AModelIdIsKeptWithoutMovingAnyCounter) {
  const std::string_view model = "dtmi:com:example:Thermostat;1";
  world.hub.twins.announce_model(d1, model);
  EXPECT_EQ(of_twin("modelId"), "\"" + std::string(model) + "\"");
  EXPECT_EQ(of_twin("version"), "2");
  EXPECT_EQ(world.twin(d1)->etag, "AAAAAAAAAAE=");
  const auto after = world.store->read(d1)->told_after;
  world.hub.twins.announce_model(d1, model);
  EXPECT_EQ(world.store->read(d1)->told_after, after) << "the same id is not written again";
  for (const std::string& odd :
       {std::string("a b"), std::string("\xff"), std::string(2049, 'x'), std::string("a\0b", 3)}) {
    world.hub.twins.announce_model(d1, odd);
    EXPECT_EQ(of_twin("modelId"), "\"" + std::string(model) + "\"");
  }
  world.hub.twins.announce_model({"nobody", ""}, model);
  EXPECT_FALSE(world.get({"nobody", ""}));
}

TEST_F(TwinsTest, UnknownIdentitiesAreNotFoundOnEveryWay) {
  const IdentityId nobody{"nobody", ""};
  EXPECT_EQ(world.twin(nobody).error().code, Errc::device_not_found);
  EXPECT_EQ(world.twin(nobody).error().detail, "nobody");
  EXPECT_EQ(world.patch(nobody, "{}").error().code, Errc::device_not_found);
  EXPECT_EQ(world.patch(nobody, "{}", "\"abc\"").error().code, Errc::device_not_found);
  EXPECT_EQ(world.replace(nobody, "{}").error().code, Errc::device_not_found);
  EXPECT_EQ(world.device_view(nobody).error().code, Errc::device_not_found);
  EXPECT_EQ(world.report(nobody, "{}").error().code, Errc::device_not_found);
  EXPECT_EQ(world.twin({"d1", "m9"}).error().code, Errc::device_not_found);
}

TEST_F(TwinsTest, AModulesTwinIsItsOwn) {
  ASSERT_TRUE(world.put(m1));
  ASSERT_TRUE(world.patch(m1, R"({"tags":{"m":1},"properties":{"desired":{"a":1}}})"));
  ASSERT_TRUE(world.report(m1, R"({"r":1})"));
  EXPECT_EQ(of_twin("version"), "2");
  EXPECT_EQ(at(world.twin(m1)->json, "version"), "4");
  EXPECT_EQ(world.links.deltas().back().id, m1);
}

TEST_F(TwinsTest, ATouchedLeafMovesItsAncestorsAndNotItsSiblings) {
  ASSERT_TRUE(world.patch(d1, R"({"properties":{"desired":{"t":{"x":1,"y":2},"s":3}}})"));
  world.clock.advance_seconds(9);
  ASSERT_TRUE(world.patch(d1, R"({"properties":{"desired":{"t":{"x":5}}}})"));
  const std::string metadata = "properties/desired/$metadata/";
  EXPECT_EQ(of_twin(metadata + "$lastUpdatedVersion"), "3");
  EXPECT_EQ(of_twin(metadata + "t/$lastUpdatedVersion"), "3");
  EXPECT_EQ(of_twin(metadata + "t/x/$lastUpdatedVersion"), "3");
  EXPECT_EQ(of_twin(metadata + "t/y/$lastUpdatedVersion"), "2");
  EXPECT_EQ(of_twin(metadata + "s/$lastUpdatedVersion"), "2");
  EXPECT_EQ(of_twin(metadata + "t/x/$lastUpdated"), "\"" + to_iso8601(world.clock.now()) + "\"");
}

}  // namespace twinhub::hub

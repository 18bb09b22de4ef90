#include "twin_fixture.hpp"

namespace twinhub::twin {
namespace {

struct MergeCase {
  const char* base;
  const char* patch;
  const char* result;
};

constexpr MergeCase cases[] = {
    {R"({"a":{"b":1,"c":2}})", R"({"a":{"b":null}})", R"({"a":{"c":2}})"},
    {R"({"a":{"b":1}})", R"({"a":{"b":null}})", R"({"a":{}})"},
    {R"({})", R"({"p":null})", R"({})"},
    {R"({})", R"({"p":{"q":null}})", R"({"p":{}})"},
    {R"({"p":{}})", R"({"p":{"q":null}})", R"({"p":{}})"},
    {R"({"a":1})", R"({"a":{"x":1}})", R"({"a":{"x":1}})"},
    {R"({"a":{"x":1}})", R"({"a":5})", R"({"a":5})"},
    {R"({"a":[1,2]})", R"({"a":[3]})", R"({"a":[3]})"},
    {R"({"key1":{"key2":"v"}})", R"({"key1":{"key3":null}})", R"({"key1":{"key2":"v"}})"},
    // order: what is there keeps its place, what is new comes behind
    {R"({"a":1,"b":2,"c":3})", R"({"d":4,"b":{"x":1},"a":null})", R"({"b":{"x":1},"c":3,"d":4})"},
    // nulls are stripped at every depth of a new object
    {R"({"a":1})", R"({"b":{"c":{"d":null,"e":1},"f":null}})", R"({"a":1,"b":{"c":{"e":1}}})"},
    {R"({"a":1})", R"({"a":{"b":null}})", R"({"a":{}})"},
    // text that a scanner could trip over
    {R"({"q\"}{":"}{,\"","b":["{",{"c":"]"}]})", R"({"b":{"x":"\\"}})", R"({"q\"}{":"}{,\"","b":{"x":"\\"}})"},
    {R"({"":1,"é":2})", R"({"":{"é":null},"\u00e9":3})", R"({"":{},"é":3})"},
    {R"({"n":1.0})", R"({"m":1e2,"n":1.50})", R"({"n":1.50,"m":1e2})"},
    {R"({"a":[{"x":1}]})", R"({"a":[{"x":1},[]]})", R"({"a":[{"x":1},[]]})"},
    {R"({"a":{"b":{"c":1}},"z":true})", R"({"a":{"b":{"d":false}}})", R"({"a":{"b":{"c":1,"d":false}},"z":true})"},
};

TEST(TwinMerge, FollowsTheTableInTags) {
  for (const MergeCase& c : cases) {
    const Twin before = patch(make_twin(created), tags_body(c.base)).after;
    EXPECT_EQ(patch(before, tags_body(c.patch)).after.tags, c.result) << c.base << " + " << c.patch;
  }
}

TEST(TwinMerge, FollowsTheTableInDesired) {
  for (const MergeCase& c : cases) {
    EXPECT_EQ(patch(with_desired(c.base), desired_body(c.patch)).after.desired.text, c.result)
        << c.base << " + " << c.patch;
  }
}

TEST(TwinMerge, FollowsTheTableInReported) {
  for (const MergeCase& c : cases) {
    EXPECT_EQ(report(report(make_twin(created), c.base), c.patch).reported.text, c.result)
        << c.base << " + " << c.patch;
  }
}

TEST(TwinMerge, AWidePatchFindsEveryKey) {
  std::string base = "{", change = "{", expected = "{";
  for (int i = 0; i < 200; ++i) {
    const std::string comma = i > 0 ? "," : "";
    base += comma + "\"k" + std::to_string(i) + "\":0";
    change += comma + "\"k" + std::to_string(199 - i) + "\":" + std::to_string(199 - i);
    expected += comma + "\"k" + std::to_string(i) + "\":" + std::to_string(i);
  }
  EXPECT_EQ(report(report(make_twin(created), base + "}"), change + "}").reported.text, expected + "}");
}

TEST(TwinReplace, TheSectionsBecomeExactlyTheBodys) {
  const Twin before = patch(with_desired(R"({"a":1,"b":2})"), tags_body(R"({"t":1})")).after;
  const Twin after = put(before, R"({"properties":{"desired":{"c":{"d":[1]}}},"tags":{"u":2}})").after;
  EXPECT_EQ(after.desired.text, R"({"c":{"d":[1]}})");
  EXPECT_EQ(after.tags, R"({"u":2})");
}

TEST(TwinReplace, WhatIsMissingInTheBodyIsGone) {
  const Twin before = patch(with_desired(R"({"a":1})"), tags_body(R"({"t":1})")).after;
  const Twin after = put(report(before, R"({"r":1})"), "{}").after;
  EXPECT_EQ(after.desired.text, "{}");
  EXPECT_EQ(after.tags, "{}");
  EXPECT_EQ(after.reported.text, R"({"r":1})");
}

TEST(TwinReplace, ANullInsideIsAnErrorNotADelete) {
  const auto refused = apply_service_replace(with_desired(R"({"a":1})"), R"({"tags":{"my-tag":null}})", later);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::argument_invalid);
  EXPECT_EQ(refused.error().detail, "Value of Property or Tag cannot be null. Error in Property/Tag my-tag");
}

TEST(TwinPatch, AWholeTwinSentBackChangesOnlyWhatABackEndOwns) {
  const Twin before = report(with_desired(R"({"a":1})"), R"({"r":1})");
  const ServiceUpdate update =
      patch(before, R"({"deviceId":"d","etag":"AAA=","version":9,"status":"disabled","tags":{"t":1},
      "properties":{"desired":{"a":2,"$metadata":{"$lastUpdated":"x","a.b":{}},"$version":77},
                    "reported":{"r":2,"$metadata":{},"$version":5}},"capabilities":{"iotEdge":true}})");
  EXPECT_EQ(update.after.desired.text, R"({"a":2})");
  EXPECT_EQ(update.after.desired.version, before.desired.version + 1);
  EXPECT_EQ(update.after.tags, R"({"t":1})");
  EXPECT_EQ(update.after.reported, before.reported);
}

TEST(TwinPatch, AFailedChangeInOneSectionLeavesTheOtherAlone) {
  const Twin before = with_desired(R"({"a":1})");
  const auto refused = apply_service_patch(before, R"({"tags":{"t":1},"properties":{"desired":{"a b":1}}})", later);
  ASSERT_FALSE(refused);
  EXPECT_EQ(before.tags, "{}");
}

}  // namespace
}  // namespace twinhub::twin

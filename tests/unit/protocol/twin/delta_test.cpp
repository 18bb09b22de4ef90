#include "twin_fixture.hpp"

namespace twinhub::twin {
namespace {

std::string delta_of(const ServiceUpdate& update) { return update.desired_delta.value_or("none"); }

TEST(DesiredDelta, IsThePatchAsSentWithTheNewVersion) {
  const Twin before = with_desired(R"({"a":1,"b":2})");  // $version 2
  EXPECT_EQ(delta_of(patch(before, desired_body(R"({"a":-1})"))), R"({"a":-1,"$version":3})");
}

TEST(DesiredDelta, RepeatsUnchangedValues) {
  EXPECT_EQ(delta_of(patch(with_desired(R"({"a":1,"b":2})"), desired_body(R"({"a":1,"b":2})"))),
            R"({"a":1,"b":2,"$version":3})");
}

TEST(DesiredDelta, PassesNullsOn) {
  EXPECT_EQ(delta_of(patch(with_desired(R"({"a":{"x":1}})"), desired_body(R"({"a":{"x":null}})"))),
            R"({"a":{"x":null},"$version":3})");
}

TEST(DesiredDelta, LeavesTheHubsOwnMembersOut) {
  EXPECT_EQ(delta_of(patch(with_desired("{\"z\":0}"), desired_body(R"({"$metadata":{"a":1},"a":1,"$version":99})"))),
            R"({"a":1,"$version":3})");
}

TEST(DesiredDelta, OfAReplaceTellsWhatWentAway) {
  EXPECT_EQ(delta_of(put(with_desired(R"({"a":1,"b":2})"), desired_body(R"({"a":1,"c":100})"))),
            R"({"a":1,"b":null,"c":100,"$version":3})");
}

TEST(DesiredDelta, OfAReplaceHasNullWhereTheKeyDisappeared) {
  EXPECT_EQ(delta_of(put(with_desired(R"({"o":{"x":1,"y":{"z":1}},"p":{"q":1}})"),
                         desired_body(R"({"o":{"x":2,"w":3},"p":4})"))),
            R"({"o":{"x":2,"y":null,"w":3},"p":4,"$version":3})");
}

TEST(DesiredDelta, OfAWholeSectionNullHasTopLevelNullsOnly) {
  const ServiceUpdate update =
      patch(with_desired(R"({"patchId":"x","components":{"climate":{"t":1}}})"), desired_body("null"));
  EXPECT_EQ(delta_of(update), R"({"patchId":null,"components":null,"$version":3})");
  EXPECT_EQ(update.after.desired.text, "{}");
}

TEST(DesiredDelta, OfAnEmptySectionNulledIsItsVersionAlone) {
  EXPECT_EQ(delta_of(patch(make_twin(created), desired_body("null"))), R"({"$version":2})");
}

TEST(DesiredDelta, TagsNeverTellTheDevice) {
  EXPECT_EQ(delta_of(patch(with_desired(R"({"a":1})"), tags_body(R"({"t":1})"))), "none");
  EXPECT_EQ(
      delta_of(patch(with_desired(R"({"a":1})"), R"({"tags":{"t":1},"properties":{"desired":{},"reported":{}}})")),
      "none");
}

}  // namespace
}  // namespace twinhub::twin

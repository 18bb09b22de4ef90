#include "twin_fixture.hpp"

namespace twinhub::twin {
namespace {

struct Counters {
  std::uint64_t etag, desired, reported, version;
  bool operator==(const Counters&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Counters& c) {
  return out << "E" << c.etag << " D" << c.desired << " R" << c.reported << " version " << c.version;
}
Counters counters(const Twin& twin) {
  return {twin.etag_counter, twin.desired.version, twin.reported.version, twin.version()};
}

TEST(TwinCounters, AFreshTwinStartsAtOne) { EXPECT_EQ(counters(make_twin(created)), (Counters{1, 1, 1, 2})); }

TEST(TwinCounters, TheSameDesiredPatchTwiceIsTwoUpdates) {
  const Twin once = patch(make_twin(created), desired_body(R"({"a":1})")).after;
  EXPECT_EQ(counters(once), (Counters{2, 2, 1, 3}));
  const ServiceUpdate twice = patch(once, desired_body(R"({"a":1})"));
  EXPECT_TRUE(twice.changed);
  EXPECT_EQ(counters(twice.after), (Counters{3, 3, 1, 4}));
}

TEST(TwinCounters, ATagsPatchLeavesDesiredAlone) {
  EXPECT_EQ(counters(patch(make_twin(created), tags_body(R"({"t":1})")).after), (Counters{2, 1, 1, 3}));
}

TEST(TwinCounters, TagsAndDesiredInOneRequestAreOneEtag) {
  EXPECT_EQ(counters(patch(make_twin(created), R"({"tags":{"t":1},"properties":{"desired":{"a":1}}})").after),
            (Counters{2, 2, 1, 3}));
}

TEST(TwinCounters, AReportedPatchLeavesTheEtagAlone) {
  EXPECT_EQ(counters(report(make_twin(created), R"({"r":1})")), (Counters{1, 1, 2, 3}));
}

TEST(TwinCounters, AReplaceIsAlwaysAnUpdate) {
  const Twin once = put(make_twin(created), "{}").after;
  EXPECT_EQ(counters(once), (Counters{2, 2, 1, 3}));
  EXPECT_EQ(counters(put(once, "{}").after), (Counters{3, 3, 1, 4}));
}

TEST(TwinCounters, NoOpsOfABackEndChangeNothing) {
  const Twin before = patch(with_desired(R"({"a":{"b":1},"e":{}})"), tags_body(R"({"t":{"u":1}})")).after;
  for (const char* body :
       {"{}", R"({"tags":{}})", R"({"properties":{}})", R"({"properties":null})", R"({"properties":{"desired":{}}})",
        R"({"properties":{"desired":{"x":null}}})", R"({"properties":{"desired":{"a":{}}}})",
        R"({"properties":{"desired":{"a":{"x":null}}}})", R"({"properties":{"desired":{"e":{}}}})",
        R"({"tags":{"t":{}}})", R"({"tags":{"x":null}})", R"({"properties":{"desired":{"$version":5,"$metadata":{}}}})",
        R"({"properties":{"reported":{"a":1}}})"}) {
    const ServiceUpdate update = patch(before, body, much_later);
    EXPECT_FALSE(update.changed) << body;
    EXPECT_FALSE(update.desired_delta) << body;
    EXPECT_EQ(update.after, before) << body;
  }
}

TEST(TwinCounters, AnEmptyObjectThatIsNewIsAnUpdate) {
  EXPECT_TRUE(patch(make_twin(created), desired_body(R"({"p":{"q":null}})")).changed);
}

TEST(TwinCounters, ANullOfTheWholeSectionIsAlwaysAnUpdateOfDesired) {
  EXPECT_EQ(counters(patch(make_twin(created), desired_body("null")).after), (Counters{2, 2, 1, 3}));
}

TEST(TwinCounters, NullTagsClearTags) {
  const Twin before = patch(make_twin(created), tags_body(R"({"t":1})")).after;
  const ServiceUpdate update = patch(before, R"({"tags":null})");
  EXPECT_EQ(update.after.tags, "{}");
  EXPECT_EQ(counters(update.after), (Counters{3, 1, 1, 4}));
}

TEST(TwinCounters, EveryAcceptedReportedPatchCounts) {
  Twin twin = make_twin(created);
  for (const char* body : {"{}", R"({"x":null})", R"({"a":1})", R"({"a":1})", R"({"$version":9})"}) {
    const std::uint64_t before = twin.reported.version;
    twin = report(twin, body);
    EXPECT_EQ(twin.reported.version, before + 1) << body;
  }
  EXPECT_EQ(twin.reported.text, R"({"a":1})");
}

TEST(TwinCounters, AnExpectedReportedVersionMustBeTheCurrentOne) {
  const Twin twin = report(make_twin(created), R"({"a":1})");
  EXPECT_TRUE(apply_reported_patch(twin, R"({"a":2})", 2, later));
  for (const std::uint64_t wrong : {0U, 1U, 3U}) {
    const auto refused = apply_reported_patch(twin, R"({"a":2})", wrong, later);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::precondition_failed);
  }
}

}  // namespace
}  // namespace twinhub::twin

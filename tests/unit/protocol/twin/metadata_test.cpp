#include "protocol/twin/metadata.hpp"
#include "twin_fixture.hpp"

namespace twinhub::twin {
namespace {

// The moments of twin_fixture.hpp: created 00:00:01, later 00:00:02, much_later 00:00:03.
std::string metadata_of(const Section& section, bool with_versions) {
  std::string out;
  append_metadata(out, section, with_versions);
  // Times in the tests' short form: T1, T2, T3.
  const std::string long_form = "1970-01-01T00:00:0";
  for (std::size_t at = out.find(long_form); at != std::string::npos; at = out.find(long_form)) {
    const char second = out[at + long_form.size()];
    out.replace(at, long_form.size() + 2, std::string("T") + second);
  }
  return out;
}

std::string desired_metadata(const Twin& twin) { return metadata_of(twin.desired, true); }

TEST(TwinMetadata, OfAFreshTwinHasNoVersion) {
  EXPECT_EQ(desired_metadata(make_twin(created)), R"({"$lastUpdated":"T1"})");
  EXPECT_EQ(metadata_of(make_twin(created).reported, false), R"({"$lastUpdated":"T1"})");
}

TEST(TwinMetadata, StampsEveryNodeOfAFirstPatch) {
  EXPECT_EQ(desired_metadata(patch(make_twin(created), desired_body(R"({"a":1,"o":{"b":[1,2]}})")).after),
            R"({"$lastUpdated":"T2","$lastUpdatedVersion":2,"a":{"$lastUpdated":"T2","$lastUpdatedVersion":2},)"
            R"("o":{"$lastUpdated":"T2","$lastUpdatedVersion":2,"b":{"$lastUpdated":"T2","$lastUpdatedVersion":2}}})");
}

TEST(TwinMetadata, APatchedLeafMovesItsAncestorsAndNotItsSiblings) {
  const Twin before = with_desired(R"({"o":{"x":1,"y":2},"p":{"z":3}})");
  EXPECT_EQ(desired_metadata(patch(before, desired_body(R"({"o":{"y":5}})")).after),
            R"({"$lastUpdated":"T2","$lastUpdatedVersion":3,)"
            R"("o":{"$lastUpdated":"T2","$lastUpdatedVersion":3,"x":{"$lastUpdated":"T1","$lastUpdatedVersion":2},)"
            R"("y":{"$lastUpdated":"T2","$lastUpdatedVersion":3}},)"
            R"("p":{"$lastUpdated":"T1","$lastUpdatedVersion":2,"z":{"$lastUpdated":"T1","$lastUpdatedVersion":2}}})");
}

TEST(TwinMetadata, ADeletedLeafGoesAndItsParentsMove) {
  const Twin before = with_desired(R"({"o":{"x":1,"y":2},"p":3})");
  EXPECT_EQ(desired_metadata(patch(before, desired_body(R"({"o":{"y":null}})")).after),
            R"({"$lastUpdated":"T2","$lastUpdatedVersion":3,)"
            R"("o":{"$lastUpdated":"T2","$lastUpdatedVersion":3,"x":{"$lastUpdated":"T1","$lastUpdatedVersion":2}},)"
            R"("p":{"$lastUpdated":"T1","$lastUpdatedVersion":2}})");
}

TEST(TwinMetadata, AnObjectThatBecomesALeafLosesItsChildren) {
  const Twin before = with_desired(R"({"o":{"x":{"y":1}}})");
  EXPECT_EQ(desired_metadata(patch(before, desired_body(R"({"o":7})")).after),
            R"({"$lastUpdated":"T2","$lastUpdatedVersion":3,"o":{"$lastUpdated":"T2","$lastUpdatedVersion":3}})");
}

TEST(TwinMetadata, AReplaceStampsAllAnew) {
  const Twin before = with_desired(R"({"a":1})");
  EXPECT_EQ(desired_metadata(put(before, desired_body(R"({"a":1})")).after),
            R"({"$lastUpdated":"T2","$lastUpdatedVersion":3,"a":{"$lastUpdated":"T2","$lastUpdatedVersion":3}})");
}

TEST(TwinMetadata, AnEmptiedSectionKeepsItsVersion) {
  EXPECT_EQ(desired_metadata(patch(with_desired(R"({"a":1})"), desired_body("null")).after),
            R"({"$lastUpdated":"T2","$lastUpdatedVersion":3})");
}

TEST(TwinMetadata, OfReportedHasTimesOnly) {
  EXPECT_EQ(metadata_of(report(make_twin(created), R"({"a":{"b":1}})").reported, false),
            R"({"$lastUpdated":"T2","a":{"$lastUpdated":"T2","b":{"$lastUpdated":"T2"}}})");
}

TEST(TwinMetadata, OneRequestHasOneTime) {
  const Twin twin =
      patch(with_desired(R"({"a":1,"b":{"c":1}})"), desired_body(R"({"a":2,"b":{"c":2,"d":3},"e":4})")).after;
  for (const Stamp& stamp : twin.desired.stamps) EXPECT_EQ(stamp, (Stamp{later, 3}));
}

}  // namespace
}  // namespace twinhub::twin

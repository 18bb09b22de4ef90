#include "server/console/drift.hpp"

#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>

namespace twinhub::console {
namespace {

/// What is desired first, then what is reported, then what is desired after that.
struct Case {
  const char* name;
  const char* desired;
  const char* reported;
  const char* desired_later;
  DriftState state;
  std::uint32_t leaves;
};

class DriftTest : public testing::TestWithParam<Case> {
 protected:
  Drift drift() {
    const auto read = world.store->read(hub::d1);
    return drift_of(twin::view_of(*read->entity.twin));
  }
  void desire(const std::string& json) {
    if (json.empty()) return;
    world.clock.advance_seconds(10);
    ASSERT_TRUE(world.patch(hub::d1, R"({"properties":{"desired":)" + json + "}}"));
  }
  hub::World world;
};

TEST_P(DriftTest, IsToldFromBothSides) {
  ASSERT_TRUE(world.put(hub::d1));
  desire(GetParam().desired);
  if (*GetParam().reported != '\0') {
    world.clock.advance_seconds(10);
    ASSERT_TRUE(world.report(hub::d1, GetParam().reported));
  }
  desire(GetParam().desired_later);
  const Drift found = drift();
  EXPECT_EQ(name_of(found.state), name_of(GetParam().state));
  EXPECT_EQ(found.leaves, GetParam().leaves);
}

constexpr auto none = DriftState::none, applied = DriftState::applied, pending = DriftState::pending,
               diverged = DriftState::diverged, rejected = DriftState::rejected;

INSTANTIATE_TEST_SUITE_P(
    Drift, DriftTest,
    testing::Values(
        Case{"NothingDesired", "", R"({"a":1})", "", none, 0}, Case{"Same", R"({"a":1})", R"({"a":1})", "", applied, 0},
        Case{"SameNumber", R"({"a":1.0})", R"({"a":1})", "", applied, 0},
        Case{"SameTextIsNoNumber", R"({"a":"1"})", R"({"a":1})", "", diverged, 1},
        Case{"SameArray", R"({"a":[1,{"b":2}]})", R"({"a":[1,{"b":2}]})", "", applied, 0},
        Case{"NotReported", R"({"a":1,"b":{"c":2}})", R"({"a":1})", "", pending, 1},
        Case{"ReportedBefore", R"({"a":1})", R"({"a":1})", R"({"a":2})", pending, 1},
        Case{"ReportedSince", R"({"a":1})", R"({"a":2})", "", diverged, 1},
        Case{"AnotherLeafWasDesiredLater", R"({"a":1,"b":1})", R"({"a":1,"b":5})", R"({"a":3})", diverged, 2},
        Case{"DeepSame", R"({"x":{"y":{"z":1},"w":2}})", R"({"u":{"y":0},"x":{"w":2,"y":{"z":1}}})", "", applied, 0},
        Case{"ObjectInPlaceOfALeaf", R"({"a":1})", R"({"a":{"b":1}})", "", diverged, 1},
        Case{"LeafInPlaceOfAnObject", R"({"a":{"b":1}})", R"({"a":1})", "", pending, 1},
        // IoT Plug and Play: desired.$version is 2 behind the first patch, 3 behind the second
        Case{"AnsweredYes", R"({"a":1})", R"({"a":{"value":1,"ac":200,"av":2}})", "", applied, 0},
        Case{"AnsweredWithAnotherValue", R"({"a":99})", R"({"a":{"value":50,"ac":203,"av":2,"ad":"clamped"}})", "",
             applied, 0},
        Case{"AnsweredNo", R"({"a":1})", R"({"a":{"value":0,"ac":400,"av":2,"ad":"too low"}})", "", rejected, 1},
        Case{"AnsweredToAnOlderVersion", R"({"a":1})", R"({"a":{"value":1,"ac":200,"av":2}})", R"({"a":2})", pending,
             1},
        Case{"RefusedAnOlderVersion", R"({"a":1})", R"({"a":{"value":0,"ac":400,"av":2}})", R"({"a":2})", pending, 1},
        Case{"AnsweredAnObject", R"({"a":{"b":1,"c":2}})", R"({"a":{"value":{"b":1,"c":2},"ac":200,"av":2}})", "",
             applied, 0},
        Case{"WorstWins", R"({"a":1,"b":1,"c":1})", R"({"a":1,"b":{"value":0,"ac":500,"av":2}})", "", rejected, 2}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_F(DriftTest, TheAgeIsThatOfTheOldestLeafThatIsNotApplied) {
  ASSERT_TRUE(world.put(hub::d1));
  desire(R"({"done":1})");
  desire(R"({"old":1})");
  const Timestamp then = world.clock.now();
  desire(R"({"new":1})");
  ASSERT_TRUE(world.report(hub::d1, R"({"done":1})"));
  EXPECT_EQ(drift().since, then);
  EXPECT_EQ(drift().leaves, 2U);
  ASSERT_TRUE(world.report(hub::d1, R"({"old":1,"new":1})"));
  EXPECT_EQ(drift().since.ticks, 0U);
  EXPECT_EQ(drift().state, applied);
}

}  // namespace
}  // namespace twinhub::console

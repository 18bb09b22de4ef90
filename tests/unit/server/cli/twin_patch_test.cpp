#include "server/cli/twin.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace twinhub::cli {
namespace {

using testing::HasSubstr;

std::string patch(const std::vector<std::string>& assignments) {
  const auto made = patch_of(assignments);
  return made ? *made : "error: " + made.error().detail;
}

TEST(CliTwinPatch, AssignmentsMakeOneTree) {
  EXPECT_EQ(patch({"desired.fan.speed=3", "tags.room=attic", "desired.fan.on=true", "properties.desired.x.y.z=null"}),
            R"({"tags":{"room":"attic"},"properties":{"desired":{"fan":{"on":true,"speed":3},"x":{"y":{"z":null}}}}})");
  EXPECT_EQ(patch({"tags.a=1"}), R"({"tags":{"a":1}})");
  EXPECT_EQ(patch({"desired.a=1"}), R"({"properties":{"desired":{"a":1}}})");
  EXPECT_EQ(patch({}), "{}");
}

TEST(CliTwinPatch, AValueIsJsonOrElseAText) {
  struct Case {
    const char* typed;
    const char* value;
  };
  for (const auto& [typed, value] : {
           Case{"5", "5"},
           Case{"-1.5e3", "-1.5e3"},
           Case{"null", "null"},
           Case{"\"5\"", "\"5\""},
           Case{R"({"a":[1]})", R"({"a":[1]})"},
           Case{"attic", "\"attic\""},
           Case{"1.2.3", "\"1.2.3\""},
           Case{"a=b", "\"a=b\""},
           Case{"", "\"\""},
           Case{"say \"x\"", R"("say \"x\"")"},
       }) {
    EXPECT_EQ(patch({std::string("tags.t=") + typed}), std::string(R"({"tags":{"t":)") + value + "}}") << typed;
  }
}

TEST(CliTwinPatch, AWrongAssignmentIsNamed) {
  struct Case {
    std::vector<std::string> assignments;
    const char* words;
  };
  for (const auto& [assignments, words] : {
           Case{{"desired.fan"}, "'desired.fan' is not an assignment"},
           Case{{"reported.x=1"}, "must begin with desired. or tags."},
           Case{{"fan=1"}, "must begin with desired. or tags."},
           Case{{"tags.=1"}, "contradicts another assignment, or names no property"},
           Case{{"tags.a=1", "tags.a=2"}, "'tags.a=2' contradicts"},
           Case{{"tags.a=1", "tags.a.b=2"}, "'tags.a.b=2' contradicts"},
           Case{{"tags.a.b=1", "tags.a=2"}, "'tags.a=2' contradicts"},
       }) {
    EXPECT_THAT(patch(assignments), AllOf(HasSubstr("error: "), HasSubstr(words)));
  }
}

TEST(CliTwinPath, IdsArePercentEncoded) {
  EXPECT_EQ(twin_path({"a b", ""}), "/twins/a%20b");
  EXPECT_EQ(twin_path({"a", "m#1"}), "/twins/a/modules/m%231");
}

}  // namespace
}  // namespace twinhub::cli

#include "server/cli/twin_change.hpp"

#include "tests/unit/server/cli/printed.hpp"

namespace twinhub::cli {
namespace {

std::string lines(const std::string& operation, const std::string& body,
                  const std::string& time = "2026-11-23T05:40:00.1234567Z") {
  return lines_of_change(
      Json(R"({"enqueuedTime":")" + time + R"(","properties":{"opType":")" + operation + R"("},"body":)" + body + "}")
          .root());
}

TEST(CliTwinChange, EachSectionThatHasChangedIsALine) {
  EXPECT_EQ(lines("updateTwin", R"({"tags":{"room":"attic"},"properties":{
                "desired":{"fan":3,"$version":7,"$metadata":{"x":1}},"reported":{"on":true,"$version":2}}})"),
            "05:40:00.123  tags  {\"room\":\"attic\"}\n"
            "05:40:00.123  desired v7  {\"fan\":3}\n"
            "05:40:00.123  reported v2  {\"on\":true}\n");
}

TEST(CliTwinChange, AReplacedTwinShowsWhatTheBackEndReplaced) {
  EXPECT_EQ(lines("replaceTwin", R"({"tags":{},"properties":{"desired":{"$version":8},"reported":{"$version":2}}})"),
            "05:40:00.123  tags replaced  {}\n"
            "05:40:00.123  desired replaced v8  {}\n");
}

TEST(CliTwinChange, ConnectionsAndIdentitiesAreALineEach) {
  EXPECT_EQ(lines("deviceConnected", "{}"), "05:40:00.123  connected\n");
  EXPECT_EQ(lines("deviceDisconnected", "{}"), "05:40:00.123  disconnected\n");
  EXPECT_EQ(lines("createDeviceIdentity", "{}"), "05:40:00.123  created\n");
  EXPECT_EQ(lines("deleteDeviceIdentity", "{}"), "05:40:00.123  deleted\n");
  EXPECT_EQ(lines("somethingNewer", "{}"), "");
}

TEST(CliTwinChange, TimesAreShownToTheMillisecond) {
  EXPECT_EQ(lines("deviceConnected", "{}", "2026-11-23T05:40:00Z"), "05:40:00.000  connected\n");
  EXPECT_EQ(lines("deviceConnected", "{}", "2026-11-23T05:40:00.5Z"), "05:40:00.500  connected\n");
}

}  // namespace
}  // namespace twinhub::cli

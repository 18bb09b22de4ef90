#include "server/hub/twins/twin_write.hpp"

#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>

namespace twinhub::hub {

struct ChangeEventsTest : testing::Test {
  ChangeEventsTest() { EXPECT_TRUE(world.put(d1)); }
  World world;
};

TEST_F(ChangeEventsTest, CreationAndDeletionAreLifeCycleEvents) {
  ASSERT_TRUE(world.put(m1));
  ASSERT_TRUE(world.put(d1, "{}", "*"));  // an update is none
  ASSERT_TRUE(world.remove(d1));
  const auto device = world.events(d1);
  ASSERT_EQ(device.size(), 2U);
  EXPECT_EQ(device[0].source, storage::EventSource::device_lifecycle);
  EXPECT_EQ(value_of(device[0].application, "opType"), "createDeviceIdentity");
  EXPECT_EQ(value_of(device[1].application, "opType"), "deleteDeviceIdentity");
  EXPECT_EQ(value_of(device[0].application, "deviceId"), "d1");
  EXPECT_EQ(value_of(device[0].application, "moduleId"), "(absent)");
  EXPECT_EQ(value_of(device[0].application, "iothub-message-schema"), "deviceLifecycleNotification");
  EXPECT_EQ(value_of(device[0].application, "operationTimestamp"), "2027-01-15T08:00:00.5000000Z");
  EXPECT_EQ(value_of(device[0].system, "iothub-message-source"), "deviceLifecycleEvents");
  EXPECT_EQ(value_of(device[0].system, "content-type"), "application/json");
  EXPECT_EQ(value_of(device[0].system, "content-encoding"), "utf-8");
  EXPECT_EQ(value_of(device[0].system, "iothub-connection-device-id"), "d1");
  EXPECT_EQ(device[0].body, R"({"deviceId":"d1","etag":"AAAAAAAAAAE=","version":2,"properties":{)"
                            R"("desired":{"$metadata":{"$lastUpdated":"0001-01-01T00:00:00Z"},"$version":1},)"
                            R"("reported":{"$metadata":{"$lastUpdated":"0001-01-01T00:00:00Z"},"$version":1}}})");

  const auto module = world.events(m1);
  ASSERT_EQ(module.size(), 2U);
  EXPECT_EQ(value_of(module[0].application, "moduleId"), "m1");
  EXPECT_EQ(value_of(module[1].application, "opType"), "deleteDeviceIdentity");
  EXPECT_EQ(at(module[0].body, "moduleId"), R"("m1")");
}

TEST_F(ChangeEventsTest, TheEventOfAServicePatchIsAPatch) {
  ASSERT_TRUE(world.patch(
      d1,
      R"({"tags":{"t":{"u":1},"gone":null},"properties":{"desired":{"a":{"b":1},"c":[1],"d":null,"$version":9}}})"));
  const auto event = world.events(d1).back();
  const std::string now = to_iso8601(world.clock.now());
  const std::string stamp = R"("$lastUpdated":")" + now + R"(","$lastUpdatedVersion":2)";
  EXPECT_EQ(event.source, storage::EventSource::twin_change);
  EXPECT_EQ(value_of(event.application, "opType"), "updateTwin");
  EXPECT_EQ(value_of(event.application, "iothub-message-schema"), "twinChangeNotification");
  EXPECT_EQ(value_of(event.system, "iothub-message-source"), "twinChangeEvents");
  EXPECT_EQ(
      event.body,
      R"({"version":3,"tags":{"t":{"u":1},"gone":null},"properties":{"desired":{"a":{"b":1},"c":[1],"d":null,"$metadata":{)" +
          stamp + R"(,"a":{)" + stamp + R"(,"b":{)" + stamp + R"(}},"c":{)" + stamp + R"(}},"$version":2}}})");
}

TEST_F(ChangeEventsTest, AnEventHoldsOnlyTheSectionsThatChanged) {
  ASSERT_TRUE(world.patch(d1, R"({"tags":{"t":1},"properties":{"desired":{},"reported":{}}})"));
  EXPECT_EQ(world.events(d1).back().body, R"({"version":3,"tags":{"t":1}})");
  ASSERT_TRUE(world.patch(d1, R"({"tags":{},"properties":{"desired":{"a":1}}})"));
  EXPECT_EQ(at(world.events(d1).back().body, "tags"), "");
  EXPECT_EQ(at(world.events(d1).back().body, "properties/desired/a"), "1");
}

TEST_F(ChangeEventsTest, TheEventOfAReportedPatchHasNoVersionsInItsMetadata) {
  ASSERT_TRUE(world.report(d1, R"({"fw":"1.1","old":null})"));
  const std::string stamp = R"("$lastUpdated":")" + to_iso8601(world.clock.now()) + "\"";
  EXPECT_EQ(world.events(d1).back().body,
            R"({"version":3,"properties":{"reported":{"fw":"1.1","old":null,"$metadata":{)" + stamp + R"(,"fw":{)" +
                stamp + R"(}},"$version":2}}})");
  ASSERT_TRUE(world.report(d1, "{}"));
  EXPECT_EQ(world.events(d1).back().body,
            R"({"version":4,"properties":{"reported":{"$metadata":{)" + stamp + R"(},"$version":3}}})");
}

TEST_F(ChangeEventsTest, TheEventOfAReplaceHoldsTheWholeTwin) {
  ASSERT_TRUE(world.report(d1, R"({"r":1})"));
  ASSERT_TRUE(world.replace(d1, R"({"tags":{"t":1},"properties":{"desired":{"a":1}}})"));
  const auto event = world.events(d1).back();
  EXPECT_EQ(value_of(event.application, "opType"), "replaceTwin");
  EXPECT_EQ(at(event.body, "deviceId"), R"("d1")");
  EXPECT_EQ(at(event.body, "etag"), R"("AAAAAAAAAAI=")");
  EXPECT_EQ(at(event.body, "version"), "4");
  EXPECT_EQ(at(event.body, "tags"), R"({"t":1})");
  EXPECT_EQ(at(event.body, "properties/reported/r"), "1");
  const std::string twin = world.twin(d1)->json;
  EXPECT_EQ(at(event.body, "properties"), at(twin, "properties"));
}

TEST_F(ChangeEventsTest, EveryAcceptedWriteIsOneEventAndItsVersionTheTwins) {
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(i % 2 == 0 ? world.report(d1, R"({"a":1})").has_value()
                           : world.patch(d1, R"({"tags":{"a":1}})").has_value());
    EXPECT_EQ(world.events(d1).size(), static_cast<std::size_t>(i) + 2);
    EXPECT_EQ(at(world.events(d1).back().body, "version"), at(world.twin(d1)->json, "version"));
  }
}

}  // namespace twinhub::hub

// The count of devices for the metrics page.
#include "server/hub/registry/device_census.hpp"

#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>

namespace twinhub::hub {
namespace {

TEST(DeviceCensus, CountsDevicesByStatusAgainASecondLater) {
  World world;
  DeviceCensus census(world.hub.bulk, world.clock);
  EXPECT_FALSE(census.figures());
  ASSERT_TRUE(world.put({"d1", ""}));
  ASSERT_TRUE(world.put({"d2", ""}, R"({"status":"disabled"})"));
  ASSERT_TRUE(world.put({"d1", "m1"}));
  census.tick();
  ASSERT_TRUE(census.figures());
  EXPECT_EQ(census.figures()->enabled, 1U) << "modules are no devices";
  EXPECT_EQ(census.figures()->disabled, 1U);

  ASSERT_TRUE(world.put({"d3", ""}));
  census.tick();
  EXPECT_EQ(census.figures()->enabled, 1U) << "not yet";
  world.clock.advance_seconds(1);
  census.tick();
  EXPECT_EQ(census.figures()->enabled, 2U);
}

}  // namespace
}  // namespace twinhub::hub

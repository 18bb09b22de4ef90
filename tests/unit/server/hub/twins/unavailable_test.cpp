// A store that takes no writes: everybody is answered, with a code that SDKs retry, and nobody is told of what was not
// kept.
#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>

namespace twinhub::hub {

struct FullQueueTest : testing::Test {
  /// A queue that not even one write fits into.
  static storage::StoreOptions full_queue() {
    auto options = memory_options();
    options.queue_bytes_max = 1;
    return options;
  }
  World world{full_queue()};
};

TEST_F(FullQueueTest, AWriteIsAnsweredWithServiceUnavailable) {
  const auto refused = world.put(d1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::service_unavailable);
  EXPECT_FALSE(refused.error().detail.empty());
  EXPECT_EQ(world.get(d1).error().code, Errc::device_not_found);
  EXPECT_TRUE(world.links.deltas().empty());
}

TEST_F(FullQueueTest, TelemetryIsAnsweredWithServiceUnavailable) {
  const DeviceLogin login{d1, "1", KeyUsed::primary, "", 0};
  const auto refused = answer_of<void>(
      [&](auto done) { world.hub.telemetry.ingest(login, {.property_bag = "", .body = "x"}, std::move(done)); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::service_unavailable);
}

TEST_F(FullQueueTest, RequestsThatWriteNothingAreStillAnswered) {
  EXPECT_EQ(world.twin(d1).error().code, Errc::device_not_found);
  EXPECT_EQ(world.remove(d1).error().code, Errc::device_not_found);
  EXPECT_EQ(world.patch(d1, "{}").error().code, Errc::device_not_found);
  EXPECT_EQ(*world.hub.registry.list(10), "[]");
}

}  // namespace twinhub::hub

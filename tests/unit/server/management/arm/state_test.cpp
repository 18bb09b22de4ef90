// What Resource Manager remembers: bounds, records, and what happens when the disk refuses.
#include "server/management/arm/arm_state.hpp"

#include "server/management/arm/arm_records.hpp"
#include "tests/unit/server/management/arm/arm_world.hpp"

namespace twinhub::management {
namespace {

TEST(ArmState, TheOldestDeploymentMakesRoom) {
  hub::World world;
  ArmState state(*world.store, {});
  ASSERT_TRUE(state.load());
  for (std::uint64_t i = 0; i <= ArmState::deployments_max; ++i)
    ASSERT_TRUE(state.put(Deployment{"g", "d" + std::to_string(i), "{}", Timestamp{1000 - i}}));
  EXPECT_EQ(state.deployments("G").size(), ArmState::deployments_max);
  // Times run backwards here: the oldest by time is the one before the last.
  EXPECT_FALSE(state.deployment("g", "d" + std::to_string(ArmState::deployments_max - 1)));
  ArmState again(*world.store, {});
  ASSERT_TRUE(again.load());
  EXPECT_EQ(again.deployments("g").size(), ArmState::deployments_max);
}

TEST(ArmState, RecordsThatAreDamagedOrNewerAreRefusedByName) {
  for (const std::string& record :
       {std::string(), std::string("\x02", 1), encode(ResourceGroup{"g", "x", "{}"}) + "z"}) {
    hub::World world;
    ASSERT_TRUE(hub::answer_of<void>([&](hub::Done<void> done) {
      ASSERT_TRUE(world.store->write_records(
          {{storage::RecordKind::management, "group:g", record}}, {},
          [done](const Result<void>& durable, storage::Outbox& outbox) { done(durable, outbox); }));
    }));
    ArmState state(*world.store, {});
    const auto loaded = state.load();
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().detail.find("group:g"), std::string::npos);
  }
}

TEST(ArmState, EveryRecordComesBack) {
  HubLabels labels{.name = "h",
                   .group = "g",
                   .location = "x",
                   .tags = R"({"a":"b"})",
                   .sku = "S2",
                   .capacity = 3,
                   .etag = 77,
                   .created = {5},
                   .adopted = true};
  std::optional<HubLabels> read;
  ASSERT_TRUE(decode(encode(std::optional(labels)), read));
  EXPECT_EQ(read->tags, labels.tags);
  EXPECT_EQ(read->capacity, 3U);
  EXPECT_EQ(read->etag, 77U);
  EXPECT_EQ(read->created.ticks, 5U);
  ASSERT_TRUE(decode(encode(std::optional<HubLabels>()), read));
  EXPECT_FALSE(read);
}

}  // namespace
}  // namespace twinhub::management

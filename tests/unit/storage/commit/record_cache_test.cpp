#include "storage/commit/record_cache.hpp"

#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>

namespace twinhub::storage {
namespace {

using testing::counter_of;
using testing::make_counter_twin;
using testing::make_identity;

IdentityId numbered(int i) { return {"device" + std::to_string(i), ""}; }
Entity entity(const IdentityId& id, std::uint64_t counter) { return {make_identity(id), make_counter_twin(counter)}; }

constexpr std::size_t plenty = 1U << 30;

TEST(StorageRecordCache, GivesBackTheNewestStateAndItsUnit) {
  CacheStripe stripe;
  const MutexLock lock(stripe.mutex);
  EXPECT_EQ(stripe.find({"d", ""}), nullptr);
  stripe.put({"d", ""}, entity({"d", ""}, 1), 3, plenty, 0);
  stripe.put({"d", ""}, entity({"d", ""}, 2), 4, plenty, 0);
  const auto* found = stripe.find({"d", ""});
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(counter_of(found->entity), 2U);
  EXPECT_EQ(found->seq, 4U);
}

TEST(StorageRecordCache, EvictsTheLeastRecentlyUsed) {
  CacheStripe stripe;
  const MutexLock lock(stripe.mutex);
  stripe.put(numbered(0), entity(numbered(0), 1), 0, plenty, 0);
  const std::size_t one = stripe.bytes();
  for (int i = 1; i < 4; ++i) stripe.put(numbered(i), entity(numbered(i), 1), 0, 4 * one, 0);
  EXPECT_NE(stripe.find(numbered(0)), nullptr);  // now the most recently used
  stripe.put(numbered(4), entity(numbered(4), 1), 0, 4 * one, 0);
  EXPECT_NE(stripe.find(numbered(0)), nullptr);
  EXPECT_EQ(stripe.find(numbered(1)), nullptr);
  EXPECT_LE(stripe.bytes(), 4 * one);
}

TEST(StorageRecordCache, NeverEvictsEntriesThatAreNotDurable) {
  CacheStripe stripe;
  const MutexLock lock(stripe.mutex);
  for (int i = 0; i < 100; ++i) stripe.put(numbered(i), entity(numbered(i), 1), static_cast<CommitSeq>(i) + 1, 1, 0);
  for (int i = 0; i < 100; ++i) EXPECT_NE(stripe.find(numbered(i)), nullptr) << i;
  // Unit 50 is durable: what it and earlier ones wrote may go.
  stripe.put(numbered(100), entity(numbered(100), 1), 101, 1, 50);
  stripe.put(numbered(101), entity(numbered(101), 1), 102, 1, 50);
  for (int i = 50; i < 100; ++i) EXPECT_NE(stripe.find(numbered(i)), nullptr) << i;
  for (int i = 0; i < 50; ++i) EXPECT_EQ(stripe.find(numbered(i)), nullptr) << i;
}

TEST(StorageRecordCache, ForgetsFailedUnitsOnly) {
  CacheStripe stripe;
  const MutexLock lock(stripe.mutex);
  stripe.put(numbered(1), entity(numbered(1), 1), 1, plenty, 0);
  stripe.put(numbered(2), entity(numbered(2), 1), 2, plenty, 0);
  stripe.pending_sessions[numbered(1)] = {Session{}, 1};
  stripe.pending_sessions[numbered(2)] = {Session{}, 2};
  stripe.drop_after(1);
  EXPECT_NE(stripe.find(numbered(1)), nullptr);
  EXPECT_EQ(stripe.find(numbered(2)), nullptr);
  EXPECT_TRUE(stripe.pending_sessions.contains(numbered(1)));
  EXPECT_FALSE(stripe.pending_sessions.contains(numbered(2)));
}

TEST(StorageRecordCache, DropAllLeavesNothing) {
  CacheStripe stripe;
  const MutexLock lock(stripe.mutex);
  stripe.put(numbered(1), entity(numbered(1), 1), 1, plenty, 0);
  stripe.pending_sessions[numbered(1)] = {Session{}, 1};
  stripe.drop_all();
  EXPECT_EQ(stripe.find(numbered(1)), nullptr);
  EXPECT_EQ(stripe.bytes(), 0U);
  EXPECT_TRUE(stripe.pending_sessions.empty());
}

TEST(StorageRecordCache, KnowsTheModulesOfADevice) {
  CacheStripe stripe;
  const MutexLock lock(stripe.mutex);
  stripe.put({"d", ""}, entity({"d", ""}, 1), 1, plenty, 0);
  stripe.put({"d", "m"}, entity({"d", "m"}, 1), 1, plenty, 0);
  stripe.put({"d", "erased"}, {}, 1, plenty, 0);
  stripe.put({"dd", "n"}, entity({"dd", "n"}, 1), 1, plenty, 0);
  EXPECT_EQ(stripe.modules_of("d"), (std::vector<IdentityId>{{"d", "m"}}));
}

}  // namespace
}  // namespace twinhub::storage

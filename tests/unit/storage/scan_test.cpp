// Visiting everything: order, paging, and writes that go on meanwhile.
#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>
#include <thread>

namespace twinhub::storage {
namespace {

using namespace testing;

std::vector<IdentityId> page(const Store& store, const IdentityId* after, std::size_t count) {
  std::vector<IdentityId> ids;
  const auto scanned = store.scan(after, [&](const Entity& entity) {
    EXPECT_NE(entity.twin, nullptr);
    ids.push_back(entity.identity->id);
    return ids.size() < count;
  });
  EXPECT_TRUE(scanned);
  return ids;
}

TEST(StoreScan, AnEmptyStoreHasNothingToVisit) {
  const TemporaryFolder folder;
  EXPECT_TRUE(page(*open(small_options(folder / "db")), nullptr, 10).empty());
}

TEST(StoreScan, PagesFollowIdOrder) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  std::vector<IdentityId> ids = {{"b", ""},   {"a", "z"}, {"a", ""}, {"a!", ""},
                                 {"ab", "m"}, {"ab", ""}, {"A", ""}, {"a", "m"}};
  for (const auto& id : ids) store->update(id, counting(id), {});
  drain(*store);
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(page(*store, nullptr, 100), ids);
  for (std::size_t size = 1; size <= ids.size(); ++size) {
    std::vector<IdentityId> visited;
    for (const IdentityId* after = nullptr; visited.size() < ids.size(); after = &visited.back()) {
      const auto next = page(*store, after, size);
      ASSERT_FALSE(next.empty());
      visited.insert(visited.end(), next.begin(), next.end());
    }
    EXPECT_EQ(visited, ids) << "pages of " << size;
  }
  EXPECT_TRUE(page(*store, &ids.back(), 10).empty());
}

TEST(StoreScan, StartsAfterAnIdThatIsNotThere) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  for (const IdentityId& id : {IdentityId{"a", ""}, IdentityId{"c", ""}})
    ASSERT_TRUE(update_and_wait(*store, id, counting(id)));
  const IdentityId between{"b", "x"};
  EXPECT_EQ(page(*store, &between, 10), (std::vector<IdentityId>{{"c", ""}}));
}

TEST(StoreScan, SeesOneMomentWhileWritesGoOn) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  const auto id = [](int i) { return IdentityId{"device" + std::to_string(1000 + i), ""}; };
  constexpr int before = 50;
  for (int i = 0; i < before; ++i) store->update(id(i), counting(id(i)), {});
  drain(*store);
  int visited = 0;
  std::uint64_t newest = 0;
  const auto scanned = store->scan(nullptr, [&](const Entity& entity) {
    if (visited++ == 0) {
      // Another thread changes all, adds and erases before the scan goes on.
      std::jthread([&] {
        for (int i = 0; i < before + 10; ++i) store->update(id(i), counting(id(i)), {});
        EXPECT_TRUE(erase_and_wait(*store, id(before - 1)));
      });
    }
    newest = std::max(newest, counter_of(entity));
    return true;
  });
  ASSERT_TRUE(scanned);
  EXPECT_EQ(visited, before);
  EXPECT_EQ(newest, 1U);
  EXPECT_EQ(page(*store, nullptr, 1000).size(), static_cast<std::size_t>(before + 9));
}

TEST(StoreScan, AVisitorMayReadTheStore) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  const IdentityId id{"device", ""};
  ASSERT_TRUE(update_and_wait(*store, id, counting(id)));
  EXPECT_TRUE(store->scan(nullptr, [&](const Entity&) {
    EXPECT_EQ(read_counter(*store, {"other", ""}), 0U);
    return true;
  }));
}

}  // namespace
}  // namespace twinhub::storage

// Snapshots: one moment, read in parts and ranges, whatever is written or breaks meanwhile.
#include "tests/unit/storage/fault_file_system.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

namespace twinhub::storage {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string name(const StoredEntity& entity) {
  return std::string(entity.device()) + (entity.module().empty() ? "" : "/" + std::string(entity.module()));
}

std::vector<std::string> visited(const Snapshot& snapshot, const ScanRequest& request) {
  std::vector<std::string> names;
  const auto scanned = snapshot.scan(request, [&](const StoredEntity& entity) {
    names.push_back(name(entity));
    return true;
  });
  EXPECT_TRUE(scanned) << scanned.error().detail;
  return names;
}

class StoreSnapshot : public ::testing::Test {
 protected:
  StoreSnapshot() : store_(open(small_options(folder_ / "db"))) {
    for (const IdentityId& id : {IdentityId{"a", ""}, IdentityId{"a", "m"}, IdentityId{"ab", ""}, IdentityId{"b", ""},
                                 IdentityId{"b", "m"}, IdentityId{"b", "n"}, IdentityId{"c", ""}})
      store_->update(id, counting(id), {});
    drain(*store_);
  }
  std::shared_ptr<const Snapshot> now() const {
    auto snapshot = store_->snapshot();
    EXPECT_TRUE(snapshot);
    return *snapshot;
  }

  TemporaryFolder folder_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreSnapshot, VisitsDevicesModulesOrBoth) {
  EXPECT_THAT(visited(*now(), {}), ElementsAre("a", "a/m", "ab", "b", "b/m", "b/n", "c"));
  EXPECT_THAT(visited(*now(), {.modules = false}), ElementsAre("a", "ab", "b", "c"));
  EXPECT_THAT(visited(*now(), {.devices = false}), ElementsAre("a/m", "b/m", "b/n"));
}

TEST_F(StoreSnapshot, VisitsRangesOfIds) {
  const auto ranged = [&](std::vector<IdRange> ranges, std::optional<IdentityId> after = {}, bool modules = true) {
    return visited(*now(), {.modules = modules, .after = std::move(after), .ranges = std::move(ranges)});
  };
  EXPECT_THAT(ranged({{"a", false}}), ElementsAre("a", "a/m"));
  EXPECT_THAT(ranged({{"a", false}}, {}, false), ElementsAre("a"));
  EXPECT_THAT(ranged({{"a", true}}), ElementsAre("a", "a/m", "ab"));
  EXPECT_THAT(ranged({{"a", false}, {"aa", false}, {"c", false}}), ElementsAre("a", "a/m", "c"));
  EXPECT_THAT(ranged({}), IsEmpty());
  EXPECT_THAT(ranged({{"a", true}, {"b", true}}, IdentityId{"a", "m"}), ElementsAre("ab", "b", "b/m", "b/n"));
  EXPECT_THAT(ranged({{"a", false}, {"b", false}}, IdentityId{"b", "m"}), ElementsAre("b/n"));
  EXPECT_THAT(ranged({{"a", true}}, IdentityId{"b", ""}), IsEmpty());
  EXPECT_THAT(ranged({{std::string("a\0m", 3), false}}), IsEmpty());
}

TEST_F(StoreSnapshot, DecodesThePartsAskedFor) {
  for (const auto& [identity, twin] : {std::pair{true, true}, {true, false}, {false, true}, {false, false}}) {
    int count = 0;
    ASSERT_TRUE(
        now()->scan({.identity = identity, .twin = twin}, [&, i = identity, t = twin](const StoredEntity& entity) {
          ++count;
          if (i) {
            EXPECT_EQ(entity.identity()->id, entity.id());
          }
          if (t) {
            EXPECT_EQ(entity.twin()->reported.text, R"({"counter":1})");
          }
          return true;
        }));
    EXPECT_EQ(count, 7);
  }
  EXPECT_EQ((*now()->identity({"b", "n"}))->id, (IdentityId{"b", "n"}));
  EXPECT_EQ((*now()->twin({"b", "n"}))->reported.version, 1U);
  EXPECT_EQ(*now()->identity({"nobody", ""}), std::nullopt);
  EXPECT_EQ(*now()->twin({"nobody", ""}), std::nullopt);
}

TEST_F(StoreSnapshot, StaysAtItsMoment) {
  const auto before = now();
  ASSERT_TRUE(update_and_wait(*store_, {"a", ""}, counting({"a", ""})));
  ASSERT_TRUE(update_and_wait(*store_, {"d", ""}, counting({"d", ""})));
  ASSERT_TRUE(erase_and_wait(*store_, {"b", ""}));
  EXPECT_THAT(visited(*before, {}), ElementsAre("a", "a/m", "ab", "b", "b/m", "b/n", "c"));
  EXPECT_EQ((*before->twin({"a", ""}))->reported.version, 1U);
  EXPECT_THAT(visited(*now(), {}), ElementsAre("a", "a/m", "ab", "c", "d"));
  EXPECT_EQ((*now()->twin({"a", ""}))->reported.version, 2U);
}

TEST(StoreSnapshots, ShowSyncedChangesOnly) {
  const TemporaryFolder folder;
  const auto system = std::make_shared<FaultFileSystem>();
  const auto env = rocksdb::NewCompositeEnv(system);
  const auto store = open(small_options(folder / "db"), env.get());
  const IdentityId id{"device", ""};
  ASSERT_TRUE(update_and_wait(*store, id, counting(id)));
  system->hold_log_syncs();
  Answer answer;
  store->update(id, counting(id), answer.callback());
  system->wait_for_held_sync();
  EXPECT_EQ(read_counter(*store, id), 2U);  // the writers' own view
  EXPECT_EQ((*(*store->snapshot())->twin(id))->reported.version, 1U);
  system->release_log_syncs();
  ASSERT_TRUE(answer.wait());
  EXPECT_EQ((*(*store->snapshot())->twin(id))->reported.version, 2U);
}

TEST(StoreSnapshots, EndWhenTheStoreHasToBeOpenedAgain) {
  const TemporaryFolder folder;
  const auto system = std::make_shared<FaultFileSystem>();
  const auto env = rocksdb::NewCompositeEnv(system);
  const auto store = open(small_options(folder / "db"), env.get());
  const IdentityId id{"device", ""};
  ASSERT_TRUE(update_and_wait(*store, id, counting(id)));
  const auto before = *store->snapshot();
  system->fail_log_syncs(rocksdb::IOStatus::IOError("injected"));
  EXPECT_FALSE(update_and_wait(*store, id, counting(id)));
  system->fail_log_syncs(std::nullopt);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  while (!store->writable() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ASSERT_TRUE(store->writable());
  const auto scanned = before->scan({}, [](const StoredEntity&) { return true; });
  ASSERT_FALSE(scanned);
  EXPECT_EQ(scanned.error().code, Errc::service_unavailable);
  EXPECT_THAT(visited(**store->snapshot(), {}), ElementsAre("device"));
}

}  // namespace
}  // namespace twinhub::storage

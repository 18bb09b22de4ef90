// Snapshots of a store in its own data folder: saved, put back, cut short at each step.
#include "storage/backup/snapshots.hpp"

#include "storage/cut.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <fstream>

namespace twinhub::storage::backup {
namespace {

namespace fs = std::filesystem;
using namespace storage::testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const IdentityId device{"device", ""};

class SnapshotsOfAHub : public ::testing::Test {
 protected:
  void count(int times) {
    for (int i = 0; i < times; ++i) ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));
  }
  void save(const std::string& name, std::string_view of = "") {
    const auto saved = snapshots_.save(cut_of(*store_), name, moment(), of);
    ASSERT_TRUE(saved) << saved.error().detail;
  }
  /// Up to the moment when the old store would be given up.
  void put_back(const std::string& name) {
    ASSERT_TRUE(snapshots_.prepare_store(snapshots_.folder_of(name)));
    store_.reset();
    ASSERT_TRUE(snapshots_.swap_store());
  }
  std::uint64_t counter() {
    if (!store_) store_ = open(small_options(data_ / "db"));
    return read_counter(*store_, device);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const SnapshotInfo& info : snapshots_.list()) all.push_back(info.name);
    return all;
  }

  TemporaryFolder folder_;
  const fs::path data_ = folder_ / "data";
  Snapshots snapshots_{data_};
  std::unique_ptr<Store> store_ = open(small_options(data_ / "db"));
};

TEST_F(SnapshotsOfAHub, ARestoredStoreIsAsItWasAndItsSnapshotOutlivesWhatComesAfter) {
  count(3);
  const std::uint64_t saved = counter();
  save("three", "of three");
  EXPECT_EQ(snapshots_.of("three"), "of three");
  for (int round = 0; round < 3; ++round) {
    count(5);
    save("later");  // tables of its own
    put_back("three");
    EXPECT_EQ(counter(), saved);
    snapshots_.drop_old_store();
  }
  EXPECT_THAT(names(), ElementsAre("later", "three"));
  put_back("later");
  EXPECT_EQ(counter(), saved + 5);
}

TEST_F(SnapshotsOfAHub, TablesAreLinksAndWhatIsWrittenOnIsNot) {
  count(1);
  save("one");
  put_back("one");
  bool has_table = false;
  for (const auto& entry : fs::directory_iterator(data_ / "db")) {
    const bool is_table = entry.path().extension() == ".sst";
    has_table = has_table || is_table;
    EXPECT_EQ(fs::hard_link_count(entry.path()) > 1, is_table) << entry.path();
  }
  EXPECT_TRUE(has_table);
}

TEST_F(SnapshotsOfAHub, WithoutASnapshotTheStoreIsEmpty) {
  count(1);
  ASSERT_TRUE(snapshots_.prepare_store(""));
  store_.reset();
  ASSERT_TRUE(snapshots_.swap_store());
  store_ = open(small_options(data_ / "db"));
  const auto read = store_->read(device);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->entity.identity, nullptr);
}

TEST_F(SnapshotsOfAHub, TheOldStoreIsPutBackWhenTheNewOneCannotBeOpened) {
  count(2);
  save("two");
  count(2);
  const std::uint64_t before = counter();
  put_back("two");
  std::ofstream(data_ / "db" / "CURRENT") << "nonsense\n";
  ASSERT_TRUE(snapshots_.swap_store_back());
  snapshots_.drop_old_store();
  EXPECT_EQ(counter(), before);
  EXPECT_FALSE(fs::exists(data_ / "db.old"));
}

TEST_F(SnapshotsOfAHub, AReplacedOneAndARemovedOneAreGone) {
  count(1);
  save("name");
  count(1);
  const std::uint64_t second = counter();
  save("name");
  count(1);
  put_back("name");
  EXPECT_EQ(counter(), second);
  ASSERT_TRUE(snapshots_.remove("name"));
  EXPECT_FALSE(snapshots_.has("name"));
  EXPECT_FALSE(snapshots_.remove("name"));
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(SnapshotsOfAHub, AnOldStoreThatIsAllThereIsIsNotGivenUp) {
  count(1);
  const std::uint64_t before = counter();
  save("one");
  ASSERT_TRUE(snapshots_.prepare_store(snapshots_.folder_of("one")));
  store_.reset();
  fs::rename(data_ / "db", data_ / "db.old");
  snapshots_.drop_old_store();
  ASSERT_TRUE(snapshots_.swap_store_back());
  EXPECT_EQ(counter(), before);
}

TEST_F(SnapshotsOfAHub, TheFolderOfAHubIsNone) {
  count(1);
  save("one");
  EXPECT_TRUE(is_snapshot(snapshots_.folder_of("one")));
  EXPECT_TRUE(has_store(data_));
  EXPECT_FALSE(is_snapshot(data_));
}

/// What a kill leaves: `present` of DATA's folders, each with the store that it is.
struct Left {
  const char* what;
  bool store, next, old;
  bool is_new;  ///< which one the hub has afterwards
};

class AfterAKill : public SnapshotsOfAHub, public ::testing::WithParamInterface<Left> {};

TEST_P(AfterAKill, TheFolderHasTheOneStateOrTheOther) {
  count(1);
  const std::uint64_t new_state = counter();
  save("new");
  count(1);
  const std::uint64_t old_state = counter();
  ASSERT_TRUE(snapshots_.prepare_store(snapshots_.folder_of("new")));
  store_.reset();
  const Left& left = GetParam();
  const fs::path prepared = data_ / "snapshots" / ".unfinished" / "db";
  if (left.next) fs::rename(prepared, data_ / "db.next");
  if (left.old) fs::rename(data_ / "db", data_ / "db.old");
  if (left.store && left.old) fs::rename(prepared, data_ / "db");
  ASSERT_TRUE(settle_store(data_));
  EXPECT_EQ(counter(), left.is_new ? new_state : old_state);
  for (const char* name : {"db.next", "db.old", "snapshots/.unfinished"})
    EXPECT_FALSE(fs::exists(data_ / name)) << name;
}

INSTANTIATE_TEST_SUITE_P(AtEachStep, AfterAKill,
                         ::testing::Values(Left{"Prepared", true, false, false, false},
                                           Left{"NextIsNamed", true, true, false, true},
                                           Left{"OldIsAside", false, true, true, true},
                                           Left{"NextIsInPlace", true, false, true, true},
                                           Left{"OnlyTheOldName", false, false, true, false}),
                         [](const auto& each) { return each.param.what; });

TEST(SnapshotNames, AreSafeAsNamesOfFolders) {
  for (const char* good : {"a", "7", "ten-pumps", "A.b_c", "1.2.3"}) EXPECT_TRUE(is_snapshot_name(good)) << good;
  EXPECT_TRUE(is_snapshot_name(std::string(64, 'a')));
  EXPECT_FALSE(is_snapshot_name(std::string(65, 'a')));
  for (const char* bad : {"", ".", "..", ".seed", "-a", "_a", "a/b", "a\\b", "a b", "a%2Fb", "\xC3\xA4"})
    EXPECT_FALSE(is_snapshot_name(bad)) << bad;
}

}  // namespace
}  // namespace twinhub::storage::backup

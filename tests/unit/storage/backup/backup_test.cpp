// Backups of a store and what stands beside it: made, checked, restored, cut short.
#include "storage/backup/make.hpp"
#include "storage/backup/restore.hpp"
#include "storage/cut.hpp"
#include "tests/support/cpp/sync_witness.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fstream>
#include <sstream>

namespace twinhub::storage::backup {
namespace {

namespace fs = std::filesystem;
using namespace storage::testing;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

const IdentityId device{"device", ""};

void write(const fs::path& file, std::string_view text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}
std::string read(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}
::nlink_t links(const fs::path& file) {
  struct stat found {};
  return ::stat(file.c_str(), &found) == 0 ? found.st_nlink : 0;
}
::mode_t mode(const fs::path& file) {
  struct stat found {};
  return ::stat(file.c_str(), &found) == 0 ? found.st_mode & 0777U : 0;
}
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  return names;
}

class BackupOfAHub : public ::testing::Test {
 protected:
  BackupOfAHub() {
    write(data_ / "policies.toml", "keys");
    write(data_ / "tls/ca.key", "key");
    write(data_ / "policies.toml.new", "half a k");
    EXPECT_TRUE(update_and_wait(*store_, device, counting(device)));
  }

  Result<Made> make(std::uint64_t second = 0, const OnProgress& on_progress = {}) {
    return make_backup(cut_of(*store_), {data_, backups_, "hub", moment(second)}, on_progress);
  }
  fs::path made(std::uint64_t second = 0) {
    const auto backup = make(second);
    if (!backup) throw std::runtime_error(backup.error().detail);
    return backup->folder;
  }
  Result<void> restored(const fs::path& from, const fs::path& to) {
    const auto backup = find_backup(from);
    if (!backup) return backup.error();
    if (const auto whole = check_backup(*backup, {}); !whole) return whole;
    return restore(*backup, to, {});
  }

  TemporaryFolder folder_;
  const fs::path data_ = folder_ / "data", backups_ = folder_ / "backups";
  std::unique_ptr<Store> store_ = open(small_options(data_ / "db"));
};

TEST_F(BackupOfAHub, RestoredIsTheSameStoreAndTheSameFilesForTheOwnerAlone) {
  const auto backup = make();
  ASSERT_TRUE(backup) << backup.error().detail;
  EXPECT_EQ(backup->folder, backups_ / "20261123T120000Z");
  EXPECT_THAT(names_in(backups_), Not(Contains(unfinished_name)));
  EXPECT_THAT(names_in(data_), Not(Contains(scratch_name)));
  ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));

  const auto back = restored(backups_, folder_ / "new/data");
  ASSERT_TRUE(back) << back.error().detail;
  EXPECT_EQ(read(folder_ / "new/data/policies.toml"), "keys");
  EXPECT_EQ(read(folder_ / "new/data/tls/ca.key"), "key");
  EXPECT_FALSE(fs::exists(folder_ / "new/data/policies.toml.new"));
  EXPECT_FALSE(unfinished_restore(folder_ / "new/data"));
  EXPECT_EQ(read_counter(*open(small_options(folder_ / "new/data/db")), device), 1U);
  for (const fs::path& root : {backups_, folder_ / "new/data"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      if (entry.path().parent_path().filename() == "db" && root != backups_) continue;  // opened since
      EXPECT_EQ(mode(entry.path()), entry.is_directory() ? 0700U : 0600U) << entry.path();
    }
  }
}

TEST_F(BackupOfAHub, TheFoldersThatItAndWhatIsRestoredFromItStandInAreDurable) {
  const fs::path folder = folder_.path(), backups = folder / "deep/backups", restored = folder / "further/restored";
  ASSERT_TRUE(make_backup(cut_of(*store_), {data_, backups, "hub", moment(0)}, {}));
  EXPECT_TRUE(test::was_synced(folder));
  EXPECT_TRUE(test::was_synced(folder / "deep"));
  EXPECT_TRUE(test::was_synced(backups));
  ASSERT_TRUE(restore(find_backup(backups).value(), restored, {}));
  EXPECT_TRUE(test::was_synced(folder / "further"));
  EXPECT_TRUE(test::was_synced(restored));
  EXPECT_TRUE(test::was_synced(restored / "db"));
}

TEST_F(BackupOfAHub, WhatIsAVolumesOrOfWhereTheHubWasIsNotInIt) {
  write(data_ / "lost+found/of the file system", "x");
  write(data_ / "hub.json", "{}");
  write(folder_ / "volume/lost+found/of the file system", "x");
  const fs::path backup = made();
  EXPECT_FALSE(fs::exists(backup / "data/lost+found"));
  EXPECT_FALSE(fs::exists(backup / "data/hub.json"));
  const auto back = restored(backups_, folder_ / "volume");
  ASSERT_TRUE(back) << back.error().detail;
  EXPECT_EQ(read(folder_ / "volume/lost+found/of the file system"), "x");
}

TEST_F(BackupOfAHub, ALinkToAFolderIsNamedRatherThanLeftOut) {
  write(folder_ / "elsewhere/ca.key", "key");
  fs::create_directory_symlink(folder_ / "elsewhere", data_ / "linked");
  const auto backup = make();
  ASSERT_FALSE(backup);
  EXPECT_THAT(backup.error().detail, HasSubstr((data_ / "linked").string()));
  EXPECT_TRUE(update_and_wait(*store_, device, counting(device))) << "commits go on";
}

TEST_F(BackupOfAHub, TheNextOneLinksWhatIsTheSameAndOutlivesTheOneBefore) {
  const fs::path first = made(0);
  ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));
  write(data_ / "policies.toml", "KEYS");
  const auto second = make(1);
  ASSERT_TRUE(second) << second.error().detail;
  EXPECT_GT(second->linked_bytes, 0U);
  EXPECT_LT(second->linked_bytes, second->bytes);
  EXPECT_EQ(links(second->folder / "data/tls/ca.key"), 2U);
  EXPECT_EQ(links(second->folder / "data/policies.toml"), 1U);
  EXPECT_EQ(read(first / "data/policies.toml"), "keys");
  std::size_t tables = 0;
  for (const auto& entry : fs::directory_iterator(first / "data/db")) {
    if (entry.path().extension() != ".sst") continue;
    EXPECT_EQ(links(entry.path()), 2U);  // the store's own table is none of them
    ++tables;
  }
  EXPECT_GT(tables, 0U);
  fs::remove_all(first);
  ASSERT_TRUE(restored(backups_, folder_ / "new"));
  EXPECT_EQ(read(folder_ / "new/policies.toml"), "KEYS");
  EXPECT_EQ(read_counter(*open(small_options(folder_ / "new/db")), device), 2U);
}

TEST_F(BackupOfAHub, ANewerOneStandsBehindTheOlderOnesWhateverTheClockSays) {
  EXPECT_EQ(made(100).filename(), "20261123T120140Z");
  EXPECT_EQ(made(100).filename(), "20261123T120140Z-000001");
  EXPECT_EQ(made(50).filename(), "20261123T120140Z-000002");
  EXPECT_EQ(made(101).filename(), "20261123T120141Z");
  const auto newest = find_backup(backups_);
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->folder.filename(), "20261123T120141Z");
  EXPECT_EQ(newest->manifest.hub, "hub");
}

TEST_F(BackupOfAHub, StoppedAnywhereItLeavesNothing) {
  ASSERT_TRUE(make(0));
  for (int step = 0;; ++step) {
    int steps = 0;
    const auto backup = make(1, [&](const Progress&) { return steps++ < step; });
    EXPECT_EQ(names_in(data_).size(), 4U);
    if (backup) {
      EXPECT_GT(step, 4);
      break;
    }
    EXPECT_THAT(backup.error().detail, HasSubstr("stopped"));
    EXPECT_EQ(names_in(backups_).size(), 1U);
  }
}

TEST_F(BackupOfAHub, WhatACutShortOneHasLeftIsNoBackupAndDoesNotDisturbTheNext) {
  // As kill -9 leaves it: everything there but the last steps.
  const fs::path whole = made(0);
  fs::rename(whole, backups_ / unfinished_name);
  write(data_ / scratch_name / "db/CURRENT", "x");
  write(data_ / scratch_name / "db.tmp/CURRENT", "x");
  const auto none = find_backup(backups_);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().detail, HasSubstr("not finished"));
  made(1);
  EXPECT_EQ(names_in(backups_).size(), 1U);
  EXPECT_FALSE(fs::exists(data_ / scratch_name));
  EXPECT_TRUE(restored(backups_, folder_ / "new"));
}

TEST_F(BackupOfAHub, EveryDamageIsFoundAndNamed) {
  const fs::path backup = made();
  for (const auto& entry : fs::recursive_directory_iterator(backup / "data")) {
    if (!entry.is_regular_file() || entry.file_size() == 0) continue;
    const std::string content = read(entry.path());
    for (const std::size_t at : {std::size_t{0}, content.size() / 2, content.size() - 1}) {
      std::string changed = content;
      changed[at] = static_cast<char>(changed[at] ^ 4);
      write(entry.path(), changed);
      const auto checked = check_backup(*find_backup(backups_), {});
      ASSERT_FALSE(checked) << entry.path() << " " << at;
      EXPECT_THAT(checked.error().detail, HasSubstr(entry.path().lexically_relative(backup / "data").string()));
    }
    write(entry.path(), content);
  }
  fs::resize_file(backup / "data/policies.toml", 3);
  EXPECT_THAT(check_backup(*find_backup(backups_), {}).error().detail, HasSubstr("has 3 bytes instead of 4"));
  fs::remove(backup / "data/policies.toml");
  EXPECT_THAT(check_backup(*find_backup(backups_), {}).error().detail, HasSubstr("No such file"));
  EXPECT_FALSE(restored(backups_, folder_ / "new"));
  EXPECT_FALSE(fs::exists(folder_ / "new"));
}

TEST_F(BackupOfAHub, ADamagedBackupBeforeIsNotBuiltUpon) {
  const fs::path first = made(0);
  write(first / manifest_name, "twinhub-backup 1\n");
  const auto second = make(1);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->linked_bytes, 0U);
  write(second->folder / "data/tls/ca.key", "ke");
  const auto third = make(2);
  ASSERT_TRUE(third);
  EXPECT_EQ(read(third->folder / "data/tls/ca.key"), "key");
  EXPECT_TRUE(check_backup(*open_backup(third->folder), {}));
}

TEST_F(BackupOfAHub, IsRestoredIntoAnEmptyFolderOnly) {
  made();
  write(folder_ / "full/something", "mine");
  const auto refused = restored(backups_, folder_ / "full");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("not empty"));
  EXPECT_EQ(names_in(folder_ / "full").size(), 1U);
  // What a restore that was cut short has left is cleared away.
  write(folder_ / "cut/db/000001.sst", "half");
  write(folder_ / "cut" / restore_mark_name, "");
  ASSERT_TRUE(unfinished_restore(folder_ / "cut"));
  ASSERT_TRUE(restored(backups_, folder_ / "cut"));
  EXPECT_FALSE(unfinished_restore(folder_ / "cut"));
  EXPECT_EQ(read_counter(*open(small_options(folder_ / "cut/db")), device), 1U);
}

TEST_F(BackupOfAHub, RestoredByRootItIsThatOfTheFoldersOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "takes root";
  made();
  fs::create_directories(folder_ / "theirs");
  ASSERT_EQ(::chown((folder_ / "theirs").c_str(), 65534, 65534), 0);
  ASSERT_TRUE(restored(backups_, folder_ / "theirs"));
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "theirs")) {
    struct stat found {};
    ASSERT_EQ(::stat(entry.path().c_str(), &found), 0);
    EXPECT_EQ(found.st_uid, 65534U) << entry.path();
  }
}

TEST_F(BackupOfAHub, ARestoreThatIsStoppedLeavesTheFolderEmpty) {
  made();
  const auto backup = find_backup(backups_);
  ASSERT_TRUE(backup);
  int steps = 0;
  EXPECT_FALSE(restore(*backup, folder_ / "new", [&](const Progress& progress) {
    EXPECT_TRUE(unfinished_restore(folder_ / "new"));
    return ++steps < 5 && progress.files <= progress.files_total;
  }));
  EXPECT_EQ(steps, 5);
  EXPECT_TRUE(fs::is_empty(folder_ / "new"));
}

TEST_F(BackupOfAHub, AFolderThatIsNotTheHubsAloneIsRefusedWithTheReason) {
  const auto refusal = [&](const fs::path& backups) {
    const auto backup = make_backup(cut_of(*store_), {data_, backups, "hub", moment()}, {});
    return backup ? std::string("made") : backup.error().detail;
  };
  EXPECT_THAT(refusal("relative"), HasSubstr("absolute"));
  EXPECT_THAT(refusal(data_ / "backups"), HasSubstr("stands in the data folder"));
  EXPECT_THAT(refusal(data_), HasSubstr("stands in the data folder"));
  write(folder_ / "file", "");
  EXPECT_THAT(refusal(folder_ / "file"), HasSubstr("cannot be made"));
  EXPECT_THAT(refusal(folder_ / "file/below"), HasSubstr("cannot be made"));
  fs::create_directories(folder_ / "open");
  ASSERT_EQ(::chmod((folder_ / "open").c_str(), 0777), 0);
  EXPECT_THAT(refusal(folder_ / "open"), HasSubstr("chmod go-w"));
  if (::geteuid() == 0) {
    fs::create_directories(folder_ / "theirs");
    ASSERT_EQ(::chown((folder_ / "theirs").c_str(), 65534, 65534), 0);
    EXPECT_THAT(refusal(folder_ / "theirs"), HasSubstr("belongs to user 65534"));
  }
}

TEST_F(BackupOfAHub, TwoAtOneTimeIntoOneFolderAreOneTooMany) {
  std::string second;
  ASSERT_TRUE(make(0, [&](const Progress&) {
    if (second.empty()) second = make(1).error().detail;
    return true;
  }));
  EXPECT_THAT(second, HasSubstr("another backup into"));
  EXPECT_EQ(names_in(backups_).size(), 1U);
}

}  // namespace
}  // namespace twinhub::storage::backup

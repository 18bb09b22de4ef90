// A store whose logs are still needed: one of them is taken away, shortened or damaged.
#include "storage/rocksdb/lost_logs.hpp"

#include "storage/rocksdb/newest_sequence.hpp"
#include "storage/rocksdb/rocksdb_engine.hpp"
#include "storage/rocksdb/store_check.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

namespace twinhub::storage {
namespace {

namespace fs = std::filesystem;
using namespace testing;
using ::testing::HasSubstr;

constexpr int logs = 4;
constexpr int commits_per_log = 10;

std::string bytes_of(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

void write(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

/// Of what was written; zeros follow.
std::size_t end_of(const std::string& log) { return log.find_last_not_of('\0') + 1; }

/// Killed with four logs: the sessions stand in tables but for the last of them, the identities in the logs alone.
class StoreOfSeveralLogs : public ::testing::Test {
 protected:
  StoreOfSeveralLogs() {
    auto engine = RocksdbEngine::open(small_options(folder_ / "live"), nullptr).value();
    for (int log = 0, key = 0; log < logs; ++log) {
      if (log > 0) {
        EXPECT_TRUE(engine->database()->Flush({}, engine->family(Family::sessions)).ok());
      }
      for (int i = 0; i < commits_per_log; ++i, ++key) {
        const auto batch = engine->make_batch();
        batch->put(Family::identities, std::to_string(key), std::string(100, 'i'));
        batch->put(Family::sessions, std::to_string(key), std::string(100, 's'));
        EXPECT_EQ(engine->commit(*batch).outcome, CommitOutcome::durable);
      }
    }
    fs::copy(folder_ / "live", folder_ / "killed", fs::copy_options::recursive);
    for (const LogFileName& log : log_files(*rocksdb::Env::Default(), (folder_ / "killed").string()))
      names_.push_back(log.name);
  }

  /// A copy to do damage to.
  [[nodiscard]] fs::path copy() {
    fs::path path = folder_ / ("copy" + std::to_string(copies_++));
    fs::copy(folder_ / "killed", path, fs::copy_options::recursive);
    return path;
  }
  [[nodiscard]] static Result<std::unique_ptr<RocksdbEngine>> start(const fs::path& folder, bool recover = false,
                                                                    bool read_only = false) {
    auto options = small_options(folder);
    options.recover = recover;
    options.read_only = read_only;
    return RocksdbEngine::open(options, nullptr);
  }
  /// How many commits a family shows, from the first on without a gap.
  [[nodiscard]] static int commits_in(const RocksdbEngine& engine, Family family) {
    int found = 0;
    std::string value;
    while (engine.database()->Get({}, engine.family(family), std::to_string(found), &value).ok()) ++found;
    for (int key = found; key < logs * commits_per_log; ++key)
      EXPECT_FALSE(engine.database()->Get({}, engine.family(family), std::to_string(key), &value).ok())
          << "a hole before " << key;
    return found;
  }
  static void expect_refused(const fs::path& folder, const std::string& log, const char* words) {
    const auto refused = start(folder);
    ASSERT_FALSE(refused) << log;
    EXPECT_THAT(refused.error().detail, HasSubstr(log));
    EXPECT_THAT(refused.error().detail, HasSubstr(words));
    EXPECT_THAT(refused.error().detail, HasSubstr("--recover"));
  }
  static void expect_recovered(const fs::path& folder, int identities) {
    {
      const auto recovered = start(folder, true);
      ASSERT_TRUE(recovered) << recovered.error().detail;
      EXPECT_EQ(commits_in(**recovered, Family::identities), identities);
    }
    const auto again = start(folder);
    ASSERT_TRUE(again) << again.error().detail;
    EXPECT_EQ(commits_in(**again, Family::identities), identities);
  }

  const TemporaryFolder folder_;
  std::vector<std::string> names_;
  int copies_ = 0;
};

TEST_F(StoreOfSeveralLogs, OpensWithAllOfThem) {
  ASSERT_EQ(names_.size(), static_cast<std::size_t>(logs));
  const auto store = start(copy());
  ASSERT_TRUE(store) << store.error().detail;
  EXPECT_EQ(commits_in(**store, Family::identities), logs * commits_per_log);
}

TEST_F(StoreOfSeveralLogs, AReaderOpensThemToo) {
  const auto store = start(copy(), false, true);
  ASSERT_TRUE(store) << store.error().detail;
  EXPECT_EQ(commits_in(**store, Family::identities), logs * commits_per_log);
}

TEST_F(StoreOfSeveralLogs, AMissingLogIsNoticedWhicheverItIsAndRecoverGoesOnWithoutIt) {
  for (int missing = 0; missing < logs; ++missing) {
    const fs::path folder = copy();
    const std::string& name = names_[static_cast<std::size_t>(missing)];
    fs::remove(folder / name);
    expect_refused(folder, name, "is missing");
    expect_refused(folder, name, "is missing");  // the first try has changed nothing
    if (missing + 1 < logs) {
      EXPECT_FALSE(start(folder, false, true)) << "a reader beside no hub";
    }
    expect_recovered(folder, missing * commits_per_log);
    for (int behind = missing + 1; behind < logs; ++behind)
      EXPECT_TRUE(fs::exists(folder / ("lost-" + std::to_string(behind - missing) + ".log"))) << "kept";
  }
}

TEST_F(StoreOfSeveralLogs, AShortenedLogIsNoticed) {
  for (const std::size_t which : {0U, 1U, 2U}) {
    const fs::path folder = copy();
    fs::resize_file(folder / names_[which], fs::file_size(folder / names_[which]) / 2);
    EXPECT_FALSE(start(folder));
    const auto recovered = start(folder, true);
    ASSERT_TRUE(recovered) << recovered.error().detail;
    const int left = commits_in(**recovered, Family::identities);
    EXPECT_GE(left, static_cast<int>(which) * commits_per_log);
    EXPECT_LT(left, static_cast<int>(which + 1) * commits_per_log);
  }
}

TEST_F(StoreOfSeveralLogs, ADamagedOlderLogIsRecoveredAlthoughTablesHoldNewerWrites) {
  const fs::path folder = copy();
  const auto at = static_cast<std::streamoff>(fs::file_size(folder / names_[1]) / 2);
  {
    std::fstream log(folder / names_[1], std::ios::binary | std::ios::in | std::ios::out);
    log.seekg(at);
    const char byte = static_cast<char>(log.get() ^ 0x55);
    log.seekp(at);
    log.put(byte);
  }
  expect_refused(folder, names_[1], "is damaged at byte");
  {
    const auto recovered = start(folder, true);
    ASSERT_TRUE(recovered) << recovered.error().detail;
    const int left = commits_in(**recovered, Family::identities);
    EXPECT_GE(left, commits_per_log);
    EXPECT_LT(left, 2 * commits_per_log);
  }
  EXPECT_TRUE(start(folder));
  EXPECT_TRUE(fs::exists(folder / "lost-3.log")) << "the damaged log and the two behind it are kept";
}

TEST_F(StoreOfSeveralLogs, ANewestLogThatEndsTooEarlyIsRefusedHoweverItCameToThat) {
  const std::string whole = bytes_of(folder_ / "killed" / names_.back());
  const std::size_t end = end_of(whole);
  const auto zeroed_from = [&](std::size_t at) { return whole.substr(0, at) + std::string(whole.size() - at, '\0'); };
  const std::vector<std::string> damaged = {"",
                                            whole.substr(0, end / 2),
                                            whole.substr(0, end - 1),
                                            zeroed_from(0),
                                            zeroed_from(end / 2),
                                            zeroed_from(end - 1),
                                            whole.substr(0, end / 2) + std::string(end, 'x')};
  for (const std::string& bytes : damaged) {
    const fs::path folder = copy();
    write(folder / names_.back(), bytes);
    expect_refused(folder, names_.back(), "acknowledged writes that stood there are gone");
    EXPECT_FALSE(check_rocksdb_store(small_options(folder))) << "twinhub check";
    EXPECT_EQ(bytes_of(folder / names_.back()), bytes) << "a start that was refused has changed nothing";
    {
      const auto recovered = start(folder, true);
      ASSERT_TRUE(recovered) << recovered.error().detail;
      const int left = commits_in(**recovered, Family::identities);
      EXPECT_GE(left, (logs - 1) * commits_per_log);
      EXPECT_LT(left, logs * commits_per_log);
    }
    EXPECT_EQ(bytes_of(folder / "lost-1.log"), bytes) << "the damaged log is kept as it was";
    EXPECT_TRUE(start(folder)) << "what was given up is not asked for again";
  }
}

TEST_F(StoreOfSeveralLogs, TheRefusalSaysHowManyWritesAreGone) {
  const fs::path folder = copy();
  write(folder / names_.back(), "");
  expect_refused(folder, names_.back(), ": 20 acknowledged writes");  // ten commits of two
}

TEST_F(StoreOfSeveralLogs, WhatTheTablesHoldIsNotMissedInALog) {
  const fs::path folder = copy();
  ASSERT_TRUE(start(folder));  // replays into tables
  for (const LogFileName& log : log_files(*rocksdb::Env::Default(), folder.string())) write(folder / log.name, "");
  const auto store = start(folder);
  ASSERT_TRUE(store) << store.error().detail;
  EXPECT_EQ(commits_in(**store, Family::identities), logs * commits_per_log);
}

TEST(LostLogs, AStoreOfAnOlderVersionWithFewerKindsOfRecordsLacksNothing) {
  const TemporaryFolder folder;
  const fs::path db = folder / "db";
  {
    const auto engine = RocksdbEngine::open(small_options(db), nullptr).value();
    const auto batch = engine->make_batch();
    batch->put(Family::identities, "device", "i");
    ASSERT_EQ(engine->commit(*batch).outcome, CommitOutcome::durable);
    ASSERT_TRUE(engine->prepare_checkpoint()) << "tables hold all of it, the log nothing";
    const auto newest_kind = static_cast<Family>(static_cast<std::size_t>(Family::count) - 1);
    ASSERT_TRUE(engine->database()->DropColumnFamily(engine->family(newest_kind)).ok());
  }
  const auto store = RocksdbEngine::open(small_options(db), nullptr);
  ASSERT_TRUE(store) << store.error().detail;
  std::string value;
  EXPECT_TRUE((*store)->database()->Get({}, (*store)->family(Family::identities), "device", &value).ok());
}

TEST_F(StoreOfSeveralLogs, AnOlderOrTornNumberOfTheNewestWriteAsksForNoMoreThanItSays) {
  rocksdb::Env& env = *rocksdb::Env::Default();
  const std::string whole = bytes_of(folder_ / "killed" / names_.back());
  const auto cut = whole.substr(0, end_of(whole) / 2);
  const std::uint64_t newest = read_newest_sequence(env, (folder_ / "killed").string()).value();
  const std::vector<std::function<void(const fs::path&)>> power_cuts = {
      [&](const fs::path& folder) { NewestSequence(env, folder.string(), newest - commits_per_log * 2); },
      [](const fs::path& folder) { write(folder / newest_sequence_file, ""); },
      [](const fs::path& folder) { write(folder / newest_sequence_file, std::string(12, '\0')); },
      [](const fs::path& folder) {
        std::string torn = bytes_of(folder / newest_sequence_file);
        torn[1] = static_cast<char>(torn[1] + 1);
        write(folder / newest_sequence_file, torn);
      },
      [](const fs::path& folder) { fs::remove(folder / newest_sequence_file); }};  // or an older version's folder
  for (const auto& power_cut : power_cuts) {
    const fs::path folder = copy();
    write(folder / names_.back(), cut);
    power_cut(folder);
    const auto store = start(folder);
    EXPECT_TRUE(store) << store.error().detail;
  }
}

TEST_F(StoreOfSeveralLogs, TheNumberOfTheNewestWriteStandsStillWithoutSyncs) {
  rocksdb::Env& env = *rocksdb::Env::Default();
  const fs::path folder = copy();
  auto options = small_options(folder);
  options.durability = Durability::os;
  const auto engine = RocksdbEngine::open(options, nullptr).value();
  const auto before = read_newest_sequence(env, folder.string());
  const auto batch = engine->make_batch();
  batch->put(Family::identities, "more", "i");
  ASSERT_EQ(engine->commit(*batch).outcome, CommitOutcome::durable);
  EXPECT_EQ(read_newest_sequence(env, folder.string()), before) << "a power cut may take that write";
}

TEST_F(StoreOfSeveralLogs, AStoreOfAnOlderVersionHasNoFileThatNamesTheNewestLog) {
  const fs::path folder = copy();
  fs::remove(folder / "newest-log");
  EXPECT_TRUE(start(folder));
}

TEST(LostLogs, RocksDbsWordsAreUnderstood) {
  using rocksdb::Status;
  EXPECT_EQ(log_that_is_gone(Status::Corruption("Missing WAL with log number: 12.")), 12U);
  EXPECT_EQ(log_that_is_gone(Status::Corruption("Size mismatch: WAL (log number: 4) in MANIFEST is 9 bytes")), 4U);
  EXPECT_EQ(log_that_is_gone(Status::Corruption("block checksum mismatch")), std::nullopt);
  EXPECT_EQ(log_that_is_gone(Status::OK()), std::nullopt);
  EXPECT_EQ(log_name(12), "000012.log");
  EXPECT_EQ(log_name(1234567), "1234567.log");
}

}  // namespace
}  // namespace twinhub::storage

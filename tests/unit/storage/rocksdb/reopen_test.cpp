// A disk that has lost more than the write that failed: the log is not read again as if it were whole.
#include "storage/rocksdb/lost_logs.hpp"
#include "storage/rocksdb/rocksdb_engine.hpp"
#include "tests/unit/storage/fault_file_system.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

namespace twinhub::storage {
namespace {

namespace fs = std::filesystem;
using namespace testing;
using ::testing::HasSubstr;

constexpr int commits = 20;

std::string bytes_of(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

/// Over the bytes that are there: the file that the database has open.
void write(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

class StoreWithAFailedSync : public ::testing::Test {
 protected:
  StoreWithAFailedSync() : system_(std::make_shared<FaultFileSystem>()), env_(rocksdb::NewCompositeEnv(system_)) {
    engine_ = RocksdbEngine::open(small_options(db_), env_.get(), [this](const std::string& words) {
                reported_.push_back(words);
              }).value();
    for (int key = 0; key < commits; ++key) EXPECT_EQ(put(key), CommitOutcome::durable);
    system_->fail_log_syncs(rocksdb::IOStatus::IOError("injected"));
    EXPECT_EQ(put(commits), CommitOutcome::failed);
    system_->fail_log_syncs(std::nullopt);
  }

  [[nodiscard]] CommitOutcome put(int key) {
    const auto batch = engine_->make_batch();
    batch->put(Family::identities, std::to_string(key), std::string(100, 'i'));
    return engine_->commit(*batch).outcome;
  }
  /// How many of the acknowledged commits are shown.
  [[nodiscard]] int shown() const {
    int found = 0;
    std::string value;
    while (found < commits &&
           engine_->database()->Get({}, engine_->family(Family::identities), std::to_string(found), &value).ok())
      ++found;
    return found;
  }
  [[nodiscard]] fs::path newest_log() const {
    return db_ / log_files(*rocksdb::Env::Default(), db_.string()).back().name;
  }

  const TemporaryFolder folder_;
  const fs::path db_ = folder_ / "db";
  std::shared_ptr<FaultFileSystem> system_;
  std::unique_ptr<rocksdb::Env> env_;
  std::vector<std::string> reported_;
  std::unique_ptr<RocksdbEngine> engine_;
};

TEST_F(StoreWithAFailedSync, ALogWithAllThatWasAcknowledgedIsReadAgain) {
  const auto recovered = engine_->recover();
  ASSERT_TRUE(recovered) << recovered.error().detail;
  EXPECT_EQ(*recovered, Recovery::reread);
  EXPECT_EQ(shown(), commits);
  EXPECT_EQ(put(commits), CommitOutcome::durable);
  EXPECT_TRUE(reported_.empty());
}

TEST_F(StoreWithAFailedSync, ALogThatLacksAnAcknowledgedWriteIsNotTakenForTheTruth) {
  const fs::path log = newest_log();
  const std::string whole = bytes_of(log);
  const std::size_t half = (whole.find_last_not_of('\0') + 1) / 2;
  const std::string damaged = whole.substr(0, half) + std::string(whole.size() - half, '\0');
  write(log, damaged);
  for (int again = 0; again < 2; ++again) {
    const auto refused = engine_->recover();
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().detail, HasSubstr(log.filename().string()));
    EXPECT_THAT(refused.error().detail, HasSubstr("acknowledged writes that stood there are gone"));
  }
  ASSERT_EQ(reported_.size(), 1U) << "the operator is told once";
  EXPECT_THAT(reported_.front(), HasSubstr("--recover"));
  EXPECT_EQ(put(commits), CommitOutcome::failed);
  EXPECT_EQ(shown(), commits) << "what is open shows what the log lacks";
  EXPECT_EQ(bytes_of(log), damaged) << "nothing was replayed, and nothing taken away";

  engine_.reset();
  EXPECT_FALSE(RocksdbEngine::open(small_options(db_), nullptr)) << "as at every start";
  write(log, whole);
  engine_ = RocksdbEngine::open(small_options(db_), nullptr).value();
  EXPECT_EQ(shown(), commits);
}

TEST_F(StoreWithAFailedSync, ALogThatIsGoneIsNotMadeAnew) {
  const fs::path log = newest_log();
  fs::remove(log);
  const auto refused = engine_->recover();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr(log.filename().string() + " is missing"));
  EXPECT_EQ(reported_.size(), 1U);
  EXPECT_EQ(shown(), commits);
}

}  // namespace
}  // namespace twinhub::storage

// RocksDB's own words: on the disk at once, and never the end of the process.
#include "storage/rocksdb/engine_log.hpp"
#include "storage/rocksdb/rocksdb_engine.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <fstream>
#include <iterator>
#include <string>

namespace twinhub::storage {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using ::testing::Not;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(EngineLog, TheStoreWritesWarningsAndErrorsAtOnceAndKeepsTheFileBefore) {
  const TemporaryFolder folder;
  for (const std::string round : {"first", "second"}) {
    const auto database = RocksdbEngine::open(small_options(folder / "db"), nullptr);
    ASSERT_TRUE(database);
    const auto log = (*database)->database()->GetDBOptions().info_log;
    rocksdb::Info(log, "%s hint", round.c_str());
    rocksdb::Error(log, "%s trouble", round.c_str());
    EXPECT_THAT(read_file(folder / "db/LOG"), HasSubstr(round + " trouble\n"));
    EXPECT_THAT(read_file(folder / "db/LOG"), Not(HasSubstr("hint")));
  }
  EXPECT_THAT(read_file(folder / "db/LOG.old"), HasSubstr("first trouble"));
}

TEST(EngineLog, AFullDiskCostsLinesOnly) {
  const auto log = make_engine_log("/dev/full");
  for (int i = 0; i < 3; ++i) rocksdb::Error(log, "trouble %d", i);
}

TEST(EngineLog, AFileThatCannotBeMadeIsDoneWithout) {
  const auto log = make_engine_log("/nowhere/LOG");
  rocksdb::Error(log, "trouble");
}

}  // namespace
}  // namespace twinhub::storage

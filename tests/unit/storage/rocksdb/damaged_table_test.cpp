// A table whose bytes have changed on the disk: what stands in the damaged block is an Error, the rest is served, and
// the operator is told once.
#include "storage/rocksdb/rocksdb_engine.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/metadata.h>
#include <fstream>
#include <vector>

namespace twinhub::storage {
namespace {

namespace fs = std::filesystem;
using namespace testing;
using ::testing::HasSubstr;

constexpr int devices = 400;

IdentityId id_of(int n) { return {"device" + std::to_string(1000 + n), ""}; }

/// Identities and twins in one table each, of many blocks; their files. Nothing of them is left to compact: RocksDB
/// refuses every write once a compaction has come upon damage, which is right, and not what is tested here.
std::vector<fs::path> make_tables(const fs::path& folder) {
  {
    const auto store = open(small_options(folder));
    for (int n = 0; n < devices; ++n) store->update(id_of(n), counting(id_of(n)), {});
    drain(*store);
  }
  auto engine = RocksdbEngine::open(small_options(folder), nullptr).value();
  rocksdb::CompactRangeOptions whole;  // a table that was only moved down is compacted once more, later
  whole.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  std::vector<fs::path> tables;
  for (const Family family : {Family::identities, Family::twins}) {
    rocksdb::ColumnFamilyHandle* const handle = engine->family(family);
    EXPECT_TRUE(engine->database()->CompactRange(whole, handle, nullptr, nullptr).ok());
    rocksdb::ColumnFamilyMetaData found;
    engine->database()->GetColumnFamilyMetaData(handle, &found);
    for (const auto& level : found.levels)
      for (const auto& file : level.files) tables.push_back(folder / fs::path(file.name).relative_path());
  }
  EXPECT_EQ(tables.size(), 2U);
  return tables;
}

/// Data blocks stand at the beginning of a table, the first keys first.
void damage(const std::vector<fs::path>& tables) {
  for (const fs::path& name : tables) {
    std::fstream table(name, std::ios::binary | std::ios::in | std::ios::out);
    table.seekg(50);
    const char byte = static_cast<char>(table.get() ^ 0x55);
    table.seekp(50);
    table.put(byte);
    ASSERT_TRUE(table);
  }
}

TEST(DamagedTable, IsReportedOnceAndTheRestIsServed) {
  const TemporaryFolder folder;
  damage(make_tables(folder / "db"));
  std::vector<std::string> reports;
  const auto opened = open_rocksdb_store_on(small_options(folder / "db"), nullptr,
                                            [&](const std::string& words) { reports.push_back(words); });
  ASSERT_TRUE(opened) << opened.error().detail;
  Store& store = **opened;
  EXPECT_EQ(read_counter(store, id_of(devices - 1)), 1U) << "another block";
  EXPECT_TRUE(reports.empty());

  for (int again = 0; again < 3; ++again) {
    const auto read = store.read(id_of(0));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Errc::service_unavailable);
  }
  EXPECT_FALSE(store.scan(nullptr, [](const Entity&) { return true; }));
  EXPECT_FALSE(update_and_wait(store, id_of(0), counting(id_of(0))));
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_THAT(reports[0], HasSubstr(".sst"));
  EXPECT_TRUE(store.writable());
  EXPECT_TRUE(update_and_wait(store, id_of(devices - 1), counting(id_of(devices - 1))));
}

TEST(DamagedTable, AWalkOverItReportsItToo) {
  const TemporaryFolder folder;
  damage(make_tables(folder / "db"));
  int reports = 0;
  const auto opened =
      open_rocksdb_store_on(small_options(folder / "db"), nullptr, [&](const std::string&) { ++reports; });
  ASSERT_TRUE(opened) << opened.error().detail;
  EXPECT_FALSE((*opened)->scan(nullptr, [](const Entity&) { return true; }));
  EXPECT_EQ(reports, 1);
}

}  // namespace
}  // namespace twinhub::storage

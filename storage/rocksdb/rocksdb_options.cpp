#include "storage/rocksdb/rocksdb_options.hpp"

#include "storage/engine/family.hpp"
#include "storage/rocksdb/twin_merge.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <algorithm>
#include <array>

namespace twinhub::storage {
namespace {

constexpr std::array<const char*, static_cast<std::size_t>(Family::records)> family_names = {
    "default", "identities", "twins", "sessions", "events"};
constexpr std::size_t records_memtable_bytes_max = 8U << 20;  // small records, few of them
constexpr double sessions_bloom_share = 0.02;                 // of the memtable: some 160 KiB
constexpr std::size_t memtables = 2;                          // one fills while another is written out

rocksdb::ColumnFamilyOptions family_options(const StoreOptions& options, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions family;
  family.write_buffer_size = options.memtable_bytes;
  family.compression = rocksdb::kLZ4Compression;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_size = 8 * 1024;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return family;
}

}  // namespace

rocksdb::DBOptions database_options(const StoreOptions& options, rocksdb::Env& env) {
  rocksdb::DBOptions db;
  db.create_if_missing = !options.read_only;
  db.create_missing_column_families = !options.read_only;
  db.env = &env;
  db.max_background_jobs = 2;
  db.max_open_files = 512;
  db.skip_stats_update_on_db_open = true;  // opening must not read every table
  db.skip_checking_sst_file_sizes_on_db_open = true;
  db.info_log_level = rocksdb::WARN_LEVEL;
  // For all families together: bytes that wait in memory to be flushed, and that a start after a crash reads again.
  db.db_write_buffer_size = memtables * options.memtable_bytes;
  db.max_total_wal_size = memtables * options.memtable_bytes;
  // A start notices when a log is missing, or shorter than it was when the next one began. One small write to the
  // manifest for each log.
  db.track_and_verify_wals_in_manifest = true;
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  return db;
}

std::vector<rocksdb::ColumnFamilyDescriptor> family_descriptors(const StoreOptions& options) {
  const auto cache = rocksdb::NewLRUCache(std::max<std::size_t>(options.cache_bytes / 2, 8U << 20));
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const char* name : family_names) descriptors.emplace_back(name, family_options(options, cache));
  auto& twins = descriptors[static_cast<std::size_t>(Family::twins)].options;
  twins.merge_operator = make_twin_merge_operator();
  // A twin is written again and again: it goes into the memtable next to where it went last. Not for families with
  // range deletions: RocksDB 7.8 takes the hint of a key for that of a range (MemTable::Add), which is another list.
  twins.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewNoopTransform());
  auto record_options = family_options(options, cache);
  record_options.write_buffer_size = std::min(record_options.write_buffer_size, records_memtable_bytes_max);
  // A CONNECT asks for a session that mostly is not there: tables have a filter for that, memtables only on request.
  auto& session_options = descriptors[static_cast<std::size_t>(Family::sessions)].options;
  session_options.write_buffer_size = record_options.write_buffer_size;
  session_options.memtable_prefix_bloom_size_ratio = sessions_bloom_share;
  session_options.memtable_whole_key_filtering = true;
  for (const char* name : record_kind_names) descriptors.emplace_back(name, record_options);
  return descriptors;
}

}  // namespace twinhub::storage

#include "storage/database.hpp"

#include "storage/engine_log.hpp"
#include "storage/log_file_system.hpp"
#include "storage/twin_delta.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

namespace twinhub::storage {
namespace {

constexpr std::array<const char*, static_cast<std::size_t>(Family::records)> family_names = {
    "default", "identities", "twins", "sessions", "events"};
constexpr std::size_t records_memtable_bytes_max = 8U << 20;  // small records, few of them
constexpr double sessions_bloom_share = 0.02;                 // of the memtable: some 160 KiB
constexpr std::string_view format_key = "format_version";
constexpr std::string_view format_version = "2";
constexpr std::string_view format_without_deltas = "1";  // becomes the newest by being opened
constexpr std::size_t memtables = 2;                     // one fills while another is written out
constexpr std::chrono::milliseconds reopen_patience{100};

thread_local std::size_t readings_of_this_thread = 0;

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
  // However many families: what waits in memory to be flushed, and what a start after a crash reads again.
  db.db_write_buffer_size = memtables * options.memtable_bytes;
  db.max_total_wal_size = memtables * options.memtable_bytes;
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  return db;
}

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

Error open_error(const std::string& path, const rocksdb::Status& status) {
  const std::string words = status.ToString();
  if (words.find("While lock file") != std::string::npos ||
      words.find("lock hold by current process") != std::string::npos) {
    return fail(Errc::service_unavailable, "another process uses the data folder " + path);
  }
  if (words.find("Column families not opened") != std::string::npos) {
    return fail(Errc::service_unavailable,
                "the store in " + path + " was written by a newer version of twinhub: use that one");
  }
  return fail(Errc::service_unavailable, "the store in " + path + " cannot be opened: " + words);
}

}  // namespace

void ReaderGate::enter() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !shut_ && (!closing_ || readings_of_this_thread > 0); });
  ++readers_;
  ++readings_of_this_thread;
}

void ReaderGate::leave() {
  const std::lock_guard lock(mutex_);
  --readings_of_this_thread;
  if (--readers_ == 0 && closing_) changed_.notify_all();
}

bool ReaderGate::shut(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  closing_ = true;
  shut_ = changed_.wait_for(lock, patience, [this] { return readers_ == 0; });
  closing_ = false;
  if (!shut_) changed_.notify_all();
  return shut_;
}

void ReaderGate::open() {
  const std::lock_guard lock(mutex_);
  shut_ = false;
  changed_.notify_all();
}

Database::Database(const StoreOptions& options, rocksdb::Env* env)
    : options_(options), path_(options.directory.string()) {
  if (options_.durability == Durability::memory) {
    env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
    path_ = "/twinhub";
    write_options_.disableWAL = true;
  } else {
    env_ = make_log_growing_env(env);
  }
  write_options_.sync = options_.durability == Durability::sync;
}

Database::~Database() { close_engine(); }

Result<std::unique_ptr<Database>> Database::open(const StoreOptions& options, rocksdb::Env* env) {
  std::unique_ptr<Database> database(new Database(options, env));
  if (options.durability != Durability::memory && !options.read_only) {
    std::error_code error;
    std::filesystem::create_directories(options.directory, error);
    if (error) {
      return fail(Errc::service_unavailable,
                  "the data folder " + database->path_ + " cannot be made: " + error.message());
    }
  }
  if (const auto opened = database->open_engine(); !opened) return opened.error();
  return database;
}

Result<void> Database::open_engine() {
  const auto cache = rocksdb::NewLRUCache(std::max<std::size_t>(options_.cache_bytes / 2, 8U << 20));
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const char* name : family_names) descriptors.emplace_back(name, family_options(options_, cache));
  auto& twins = descriptors[static_cast<std::size_t>(Family::twins)].options;
  twins.merge_operator = make_twin_merge_operator();
  // A twin is written again and again: it goes into the memtable next to where it went last. Not for families with
  // range deletions: RocksDB 7.8 takes the hint of a key for that of a range (MemTable::Add), which is another list.
  twins.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewNoopTransform());
  auto record_options = family_options(options_, cache);
  record_options.write_buffer_size = std::min(record_options.write_buffer_size, records_memtable_bytes_max);
  // A CONNECT asks for a session that mostly is not there: tables have a filter for that, memtables only on request.
  auto& session_options = descriptors[static_cast<std::size_t>(Family::sessions)].options;
  session_options.write_buffer_size = record_options.write_buffer_size;
  session_options.memtable_prefix_bloom_size_ratio = sessions_bloom_share;
  session_options.memtable_whole_key_filtering = true;
  for (const char* name : record_kind_names) descriptors.emplace_back(name, record_options);
  auto db_options = database_options(options_, *env_);
  // One for all that is opened again, so that the first error is not rolled away. A reader beside a running hub leaves
  // that one's file alone; a store in memory has none.
  const bool has_file = options_.durability != Durability::memory && !options_.read_only;
  if (!engine_log_) engine_log_ = make_engine_log(has_file ? options_.directory / "LOG" : "/dev/null");
  db_options.info_log = engine_log_;
  rocksdb::DB* engine = nullptr;
  const auto status = options_.read_only
                          ? rocksdb::DB::OpenForReadOnly(db_options, path_, descriptors, &families_, &engine)
                          : rocksdb::DB::Open(db_options, path_, descriptors, &families_, &engine);
  if (!status.ok()) return open_error(path_, status);
  engine_.reset(engine);
  if (auto checked = check_format(); !checked) {
    close_engine();
    return checked;
  }
  return {};
}

void Database::close_engine() {
  if (!engine_) return;
  {
    const std::lock_guard lock(snapshots_mutex_);
    for (EngineSnapshot* open : snapshots_) engine_->ReleaseSnapshot(std::exchange(open->snapshot_, nullptr));
  }
  for (auto* handle : families_) engine_->DestroyColumnFamilyHandle(handle);
  families_.clear();
  engine_->Close();
  engine_.reset();
}

EngineSnapshot::EngineSnapshot(Database& database) : database_(database), snapshot_(database.engine()->GetSnapshot()) {
  const std::lock_guard lock(database_.snapshots_mutex_);
  database_.snapshots_.insert(this);
}

EngineSnapshot::~EngineSnapshot() {
  const Reading reading(database_);
  const std::lock_guard lock(database_.snapshots_mutex_);
  database_.snapshots_.erase(this);
  if (snapshot_ != nullptr) database_.engine()->ReleaseSnapshot(snapshot_);
}

/// Reads, or writes on a new store, the format version.
Result<void> Database::check_format() {
  std::string found;
  const rocksdb::Slice key(format_key.data(), format_key.size());
  const auto status = engine_->Get({}, family(Family::meta), key, &found);
  const bool outdated = status.IsNotFound() || (status.ok() && found == format_without_deltas);
  if (outdated && !options_.read_only) {
    const auto written = engine_->Put(write_options_, family(Family::meta), key,
                                      rocksdb::Slice(format_version.data(), format_version.size()));
    if (!written.ok()) return engine_error(written);
    return {};
  }
  if (!status.ok()) return engine_error(status);
  if (found != format_version && found != format_without_deltas) {
    return fail(Errc::service_unavailable, "the store in " + path_ + " has format " + found +
                                               "; this twinhub reads format " + std::string(format_version) +
                                               ": use the version of twinhub that wrote it, or a newer one");
  }
  return {};
}

Result<void> Database::reopen() {
  // While the disk is still bad, an open engine that reads is worth more than a closed one.
  const std::string trial = path_ + "/probe.dbtmp";  // RocksDB clears *.dbtmp away when it opens
  auto status = rocksdb::WriteStringToFile(env_.get(), "probe", trial, true);
  if (status.ok()) status = env_->DeleteFile(trial);
  if (!status.ok()) return engine_error(status);
  if (!gate_.shut(reopen_patience)) return fail(Errc::service_unavailable, "storage: readers are still at work");
  close_engine();
  auto opened = open_engine();
  gate_.open();
  return opened;
}

}  // namespace twinhub::storage

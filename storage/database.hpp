// RocksDB as this project opens it: column families, options, and its words made ours.
#pragma once

#include "protocol/error.hpp"
#include "storage/store.hpp"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <set>
#include <string_view>
#include <vector>

namespace twinhub::storage {

/// The order is that of the handles in Database. From `records` on: one for each RecordKind.
enum class Family : std::size_t {
  meta = 0,
  identities,
  twins,
  sessions,
  events,
  records,
  count = records + static_cast<std::size_t>(RecordKind::count)
};

/// Lets readers in while the engine is open, and one thread close it when nobody reads. Any thread.
///
/// A thread that already reads (a scan whose visitor reads a record) is let in even while the gate is closing: it would
/// wait for itself.
class ReaderGate {
 public:
  void enter();
  void leave();
  /// Keeps new readers waiting until those inside have left, for at most `patience`. False: somebody still reads, the
  /// gate is open again.
  [[nodiscard]] bool shut(std::chrono::milliseconds patience);
  void open();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t readers_ = 0;  // guarded by mutex_
  bool closing_ = false;     // guarded by mutex_
  bool shut_ = false;        // guarded by mutex_
};

class EngineSnapshot;

/// The open engine. One thread at a time writes or reopens; other threads read through a Reading.
class Database {
 public:
  /// Opens or creates the database in `options.directory` and checks its format version. `env` (not owned) replaces the
  /// file system in tests; null = the real one. Errors, in words for the operator.
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(const StoreOptions& options, rocksdb::Env* env);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Null after a reopen() that failed; for readers stable while they hold a Reading.
  [[nodiscard]] rocksdb::DB* engine() const { return engine_.get(); }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* family(Family which) const {
    return families_[static_cast<std::size_t>(which)];
  }
  [[nodiscard]] const rocksdb::WriteOptions& write_options() const { return write_options_; }

  /// Closes and opens again, which clears errors that RocksDB itself does not forgive. A write that failed before may
  /// be there afterwards. Does nothing while the disk refuses a small file, or somebody reads for long. Commit thread
  /// only.
  [[nodiscard]] Result<void> reopen();

 private:
  friend class EngineSnapshot;
  friend class Reading;
  Database(const StoreOptions& options, rocksdb::Env* env);
  [[nodiscard]] Result<void> open_engine();
  [[nodiscard]] Result<void> check_format();
  void close_engine();

  const StoreOptions options_;
  std::unique_ptr<rocksdb::Env> env_;  // outlives engine_
  std::shared_ptr<rocksdb::Logger> engine_log_;
  std::string path_;
  rocksdb::WriteOptions write_options_;
  std::unique_ptr<rocksdb::DB> engine_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  mutable ReaderGate gate_;
  std::mutex snapshots_mutex_;
  std::set<EngineSnapshot*> snapshots_;  // guarded by snapshots_mutex_
};

/// Keeps the engine open while it lives. Declare it before iterators and pinned values.
class Reading {
 public:
  explicit Reading(const Database& database) : database_(database) { database_.gate_.enter(); }
  ~Reading() { database_.gate_.leave(); }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  /// False: the engine could not be opened again; see closed_error().
  [[nodiscard]] explicit operator bool() const { return database_.engine() != nullptr; }

 private:
  const Database& database_;
};

/// One moment of the engine. It ends with the engine: that cannot be closed over a snapshot. Any thread.
class EngineSnapshot {
 public:
  /// REQUIRES: a Reading with an open engine.
  explicit EngineSnapshot(Database& database);
  ~EngineSnapshot();
  EngineSnapshot(const EngineSnapshot&) = delete;
  EngineSnapshot& operator=(const EngineSnapshot&) = delete;

  /// Null when the engine was closed since. REQUIRES: a Reading.
  [[nodiscard]] const rocksdb::Snapshot* get() const { return snapshot_; }

 private:
  friend class Database;
  Database& database_;
  const rocksdb::Snapshot* snapshot_;  // changed while nobody reads
};

[[nodiscard]] inline Error closed_error() {
  return fail(Errc::service_unavailable, "storage: closed after a disk error; it is opened again when the disk allows");
}

[[nodiscard]] inline std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

[[nodiscard]] inline Error engine_error(const rocksdb::Status& status) {
  return fail(Errc::service_unavailable, "storage: " + status.ToString());
}

}  // namespace twinhub::storage

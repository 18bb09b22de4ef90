// RocksDB behind the engine's seam: one process, one folder. The lock that RocksDB holds on the folder makes this
// process the owner of the data for as long as it is open.
#pragma once

#include "protocol/error.hpp"
#include "storage/engine/engine.hpp"
#include "storage/guarded.hpp"
#include "storage/rocksdb/log_damage.hpp"
#include "storage/rocksdb/newest_sequence.hpp"
#include "storage/rocksdb/reader_gate.hpp"
#include "storage/rocksdb/rocksdb_store.hpp"
#include "storage/store.hpp"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::storage {

class RocksdbSnapshot;

class RocksdbEngine final : public Engine {
 public:
  /// Opens or creates the database in `options.directory`. `env` (not owned) replaces the file system in tests; null =
  /// the real one. Errors, in words for the operator: another process holds the folder; acknowledged writes
  /// are missing; RocksDB's own words.
  [[nodiscard]] static Result<std::unique_ptr<RocksdbEngine>> open(const StoreOptions& options, rocksdb::Env* env,
                                                                   OnDamage on_damage = {});
  ~RocksdbEngine() override;

  [[nodiscard]] std::unique_ptr<WriteBatch> make_batch() const override;
  /// not_owner when opened for reading only.
  [[nodiscard]] CommitResult commit(WriteBatch& batch) override;
  /// A small write tells whether the disk takes writes again. Where RocksDB does not forgive its error (a failed sync),
  /// the database is closed and opened again, which takes its log for the truth: only when the log has every write that
  /// was acknowledged. Where it lacks one that is reported as damage, and the open database is read on.
  [[nodiscard]] Result<Recovery> recover() override;
  [[nodiscard]] Result<std::unique_ptr<EngineSnapshot>> snapshot() const override;
  /// Writes memtables out to tables, so that little of the log is left to copy.
  [[nodiscard]] Result<void> prepare_checkpoint() override;
  /// Tables are hard links where `folder` is on their file system; the rest is copied.
  [[nodiscard]] Result<void> checkpoint(const std::filesystem::path& folder) override;

  // For batches, and for tests that look behind the seam.
  /// Null after an attempt to open it again that failed.
  [[nodiscard]] rocksdb::DB* database() const { return database_.get(); }
  /// REQUIRES: the database is open.
  [[nodiscard]] rocksdb::ColumnFamilyHandle* family(Family which) const;

 private:
  friend class RocksdbSnapshot;
  RocksdbEngine(const StoreOptions& options, rocksdb::Env* env, OnDamage on_damage);

  void begin_reading() const override { gate_.enter(); }
  void end_reading() const override { gate_.leave(); }
  [[nodiscard]] Result<void> get(const EngineSnapshot* at, Family family, std::string_view key,
                                 const ValueVisitor& visit) const override;
  [[nodiscard]] std::unique_ptr<Cursor> cursor(const EngineSnapshot* at, Family family) const override;
  /// How to read at that moment. Errors: the database is closed, or was since.
  [[nodiscard]] Result<rocksdb::ReadOptions> read_options(const EngineSnapshot* at) const;

  /// Errors: there is nothing on disk, or not for this process to write.
  [[nodiscard]] Result<void> can_checkpoint() const;
  [[nodiscard]] Result<void> check_log();
  [[nodiscard]] Result<void> go_on_without(std::uint64_t log);
  /// What went wrong, as an Error; the first damage is reported.
  [[nodiscard]] Error error_of(const rocksdb::Status& status) const;
  [[nodiscard]] Error damaged(Error error) const;
  friend class RocksdbCursor;
  [[nodiscard]] Result<std::optional<LogDamage>> find_loss(std::uint64_t acknowledged) const;
  [[nodiscard]] Result<void> check_replay();
  [[nodiscard]] Result<void> open_database();
  [[nodiscard]] rocksdb::Status try_to_open();
  void close_database();
  [[nodiscard]] Result<void> reopen();
  [[nodiscard]] rocksdb::Status write_probe();

  const StoreOptions options_;
  std::unique_ptr<rocksdb::Env> env_;  // outlives database_
  std::shared_ptr<rocksdb::Logger> engine_log_;
  std::string path_;
  rocksdb::WriteOptions write_options_;
  // Changed while nobody reads: see gate_.
  std::unique_ptr<rocksdb::DB> database_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  bool starting_ = true;                           // --recover is the word for the start alone
  bool verify_logs_ = true;                        // false: opens once without logs that are known to be gone
  std::optional<NewestSequence> newest_sequence_;  // of a store on disk that is written to
  const OnDamage on_damage_;
  mutable std::atomic<bool> damage_reported_{false};
  bool reopened_ = false;      // since the last recovery; commit thread only
  std::optional<Error> loss_;  // the logs lack what was acknowledged; commit thread only
  mutable ReaderGate gate_;
  mutable Mutex snapshots_mutex_;
  mutable std::set<RocksdbSnapshot*> snapshots_ GUARDED_BY(snapshots_mutex_);
};

[[nodiscard]] inline rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
[[nodiscard]] inline std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

}  // namespace twinhub::storage

#include "storage/rocksdb/rocksdb_engine.hpp"

#include "storage/durable_folder.hpp"
#include "storage/rocksdb/engine_log.hpp"
#include "storage/rocksdb/log_damage.hpp"
#include "storage/rocksdb/log_file_system.hpp"
#include "storage/rocksdb/lost_logs.hpp"
#include "storage/rocksdb/rocksdb_batch.hpp"
#include "storage/rocksdb/rocksdb_options.hpp"
#include "storage/rocksdb/unopened_store.hpp"

#include <rocksdb/utilities/checkpoint.h>
#include <cassert>
#include <chrono>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

namespace twinhub::storage {

/// It ends with the open database: that cannot be closed over a snapshot.
class RocksdbSnapshot final : public EngineSnapshot {
 public:
  /// Under a Reading, of an open database.
  explicit RocksdbSnapshot(const RocksdbEngine& engine)
      : EngineSnapshot(engine), engine_(engine), snapshot_(engine.database()->GetSnapshot()) {
    const MutexLock lock(engine_.snapshots_mutex_);
    engine_.snapshots_.insert(this);
  }
  ~RocksdbSnapshot() override {
    const Reading reading(engine_);
    const MutexLock lock(engine_.snapshots_mutex_);
    engine_.snapshots_.erase(this);
    if (snapshot_ != nullptr) engine_.database()->ReleaseSnapshot(snapshot_);
  }

  /// Null when the database was closed since. Under a Reading.
  [[nodiscard]] const rocksdb::Snapshot* get() const { return snapshot_; }

 private:
  friend class RocksdbEngine;
  const RocksdbEngine& engine_;
  const rocksdb::Snapshot* snapshot_;  // changed while nobody reads
};

namespace {

constexpr std::chrono::milliseconds reopen_patience{100};
constexpr std::string_view probe_key = "probe";  // in `meta`

Error closed_error() {
  return fail(Errc::service_unavailable, "storage: closed after a disk error; it is opened again when the disk allows");
}

Error stale_error() {
  return fail(Errc::service_unavailable, "storage: was opened again since this snapshot was taken");
}

Error read_only_error() { return fail(Errc::service_unavailable, "storage: opened for reading only"); }

Error damage_error(const std::string& path, const LogDamage& damage) {
  std::string what = damage.file.empty() ? "the store in " + path + " has no log"
                                         : "the store's log " + path + "/" + damage.file + " is damaged at byte " +
                                               std::to_string(damage.offset);
  if (damage.commits > 0) {
    what += ": behind it stand " + std::to_string(damage.commits) + " acknowledged commits with " +
            std::to_string(damage.writes) + " writes or more, which cannot be replayed";
  } else {
    what += (damage.writes > 0 ? ": " + std::to_string(damage.writes) : std::string(": some")) +
            " acknowledged writes that stood there are gone: it was cut short, or overwritten";
  }
  return fail(Errc::service_unavailable,
              what + ". Restore a backup, or start once with --recover to go on without them; the damaged log is kept");
}

/// Nothing of it is opened, or changed.
Error gone_error(const std::string& path, std::uint64_t log) {
  return fail(Errc::service_unavailable,
              "the store's log " + path + "/" + log_name(log) +
                  " is missing or cut short, and acknowledged writes with it. Put the file back, restore a backup, or "
                  "start once with "
                  "--recover to go on without it and what came after it; logs that stand behind it are kept");
}

/// A running hub may take an old log or table away, or its whole store at a reset, while a reader beside it opens.
bool file_is_gone(const rocksdb::Status& status) {
  const std::string words = status.ToString();
  return log_that_is_gone(status) || words.find("No such file") != std::string::npos ||
         words.find("Missing sst file") != std::string::npos;
}

Error open_error(const std::string& path, const rocksdb::Status& status) {
  const std::string words = status.ToString();
  if (words.find("While lock file") != std::string::npos ||
      words.find("lock hold by current process") != std::string::npos) {
    return fail(Errc::service_unavailable, "another process uses the data folder " + path);
  }
  return fail(Errc::service_unavailable, "the store in " + path + " cannot be opened: " + words);
}

}  // namespace

class RocksdbCursor final : public Cursor {
 public:
  RocksdbCursor(const RocksdbEngine& engine, rocksdb::Iterator* it) : engine_(engine), it_(it) {}

  void seek(std::string_view key) override {
    it_->Seek(slice(key));
    look();
  }
  void seek_at_or_before(std::string_view key) override {
    it_->SeekForPrev(slice(key));
    look();
  }
  void next() override {
    assert(valid());
    it_->Next();
    look();
  }
  Result<void> status() const override {
    const auto status = it_->status();
    if (!status.ok()) return engine_.error_of(status);
    return {};
  }

 private:
  void look() {
    if (it_->Valid()) {
      stand_at(view(it_->key()), view(it_->value()));
    } else {
      stand_nowhere();
    }
  }

  const RocksdbEngine& engine_;
  std::unique_ptr<rocksdb::Iterator> it_;
};

namespace {

/// Of a database that cannot be read.
class FailedCursor final : public Cursor {
 public:
  explicit FailedCursor(Error error) : error_(std::move(error)) {}
  void seek(std::string_view) override {}
  void seek_at_or_before(std::string_view) override {}
  void next() override { assert(valid()); }
  Result<void> status() const override { return error_; }

 private:
  const Error error_;
};

}  // namespace

RocksdbEngine::RocksdbEngine(const StoreOptions& options, rocksdb::Env* env, OnDamage on_damage)
    : options_(options), path_(options.directory.string()), on_damage_(std::move(on_damage)) {
  if (options_.durability == Durability::memory) {
    env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
    path_ = "/twinhub";
    write_options_.disableWAL = true;
  } else {
    env_ = make_log_growing_env(env);
  }
  write_options_.sync = options_.durability == Durability::sync;
}

RocksdbEngine::~RocksdbEngine() { close_database(); }

Result<std::unique_ptr<RocksdbEngine>> RocksdbEngine::open(const StoreOptions& options, rocksdb::Env* env,
                                                           OnDamage on_damage) {
  std::unique_ptr<RocksdbEngine> engine(new RocksdbEngine(options, env, std::move(on_damage)));
  if (options.durability != Durability::memory && !options.read_only) {
    if (const auto error = make_durable_folder(options.directory)) {
      return fail(Errc::service_unavailable,
                  "the data folder " + engine->path_ + " cannot be made: " + error.message());
    }
  }
  if (const auto whole = engine->check_log(); !whole) return whole.error();
  if (const auto opened = engine->open_database(); !opened) return opened.error();
  // What was replayed stands in synced tables by now.
  if (options.durability != Durability::memory && !options.read_only)
    engine->newest_sequence_.emplace(*engine->env_, engine->path_, engine->database_->GetLatestSequenceNumber());
  engine->starting_ = false;
  return engine;
}

/// What a replay of the logs would leave out of acknowledged writes; changes no file. Errors: the newest log is gone; a
/// log cannot be read.
Result<std::optional<LogDamage>> RocksdbEngine::find_loss(std::uint64_t acknowledged) const {
  auto found = find_log_damage(*env_, path_, acknowledged);
  if (!found || !*found || (*found)->certain) return found;
  LogDamage& damage = **found;
  const auto reached = replayed_sequence(options_, *env_, path_);
  if (reached >= damage.last_sequence) return std::optional<LogDamage>();
  if (reached && damage.commits == 0) damage.writes = damage.last_sequence - *reached;
  return found;
}

/// Before RocksDB replays the log: what it leaves out is gone afterwards. Not while another process writes the log.
Result<void> RocksdbEngine::check_log() {
  if (options_.durability == Durability::memory || options_.read_only) return {};
  rocksdb::FileLock* lock = nullptr;
  if (!env_->LockFile(path_ + "/LOCK", &lock).ok()) return {};  // in use: opening says so
  const auto loss = find_loss(read_newest_sequence(*env_, path_).value_or(0));
  const auto gone = newest_log_that_is_gone(*env_, path_);
  env_->UnlockFile(lock);
  if (!loss) return loss.error();
  if (gone && !options_.recover) return gone_error(path_, *gone);
  if (!*loss) return {};
  const LogDamage& damage = **loss;
  if (!options_.recover) return damage_error(path_, damage);
  if (damage.files.empty()) return {};
  if (const auto kept = keep_logs(path_, damage.files); !kept) return kept;
  verify_logs_ = false;
  const std::vector<std::string> behind(damage.files.begin() + 1, damage.files.end());
  if (const auto removed = remove_logs(path_, behind); !removed) return removed;
  // RocksDB would find the flaw, and would not open when a table holds writes from behind it.
  return cut_log(path_, damage.file, damage.whole_bytes);
}

/// What stands behind a lost log is not replayed: a change may rest on one that is missing.
Result<void> RocksdbEngine::go_on_without(std::uint64_t log) {
  std::vector<std::string> behind;
  for (const LogFileName& file : log_files(*env_, path_)) {
    if (file.number > log) behind.push_back(file.name);
    if (file.number != log) continue;
    const auto whole = bytes_of_whole_records(*env_, path_, file.name);
    if (!whole) return whole.error();
    if (const auto cut = cut_log(path_, file.name, *whole); !cut) return cut;
  }
  if (const auto kept = keep_logs(path_, behind); !kept) return kept;
  verify_logs_ = false;
  return remove_logs(path_, behind);
}

rocksdb::Status RocksdbEngine::try_to_open() {
  auto db_options = database_options(options_, *env_);
  db_options.info_log = engine_log_;
  if (!std::exchange(verify_logs_, true)) db_options.track_and_verify_wals_in_manifest = false;
  const auto families = family_descriptors(options_);
  rocksdb::DB* opened = nullptr;
  const auto status = options_.read_only
                          ? rocksdb::DB::OpenForReadOnly(db_options, path_, families, &families_, &opened)
                          : rocksdb::DB::Open(db_options, path_, families, &families_, &opened);
  database_.reset(opened);
  return status;
}

Result<void> RocksdbEngine::open_database() {
  // One for all that is opened again, so that the first error is not rolled away. A reader beside a running hub leaves
  // that one's file alone; a store in memory has none.
  const bool has_file = options_.durability != Durability::memory && !options_.read_only;
  if (!engine_log_) engine_log_ = make_engine_log(has_file ? options_.directory / "LOG" : "/dev/null");
  auto status = try_to_open();
  for (int again = 0; again < 10 && options_.read_only && file_is_gone(status); ++again) status = try_to_open();
  if (const auto gone = log_that_is_gone(status)) {
    if (!options_.recover || options_.read_only || !starting_) return gone_error(path_, *gone);
    if (const auto done = go_on_without(*gone); !done) return done;
    status = try_to_open();
  }
  if (!status.ok()) return open_error(path_, status);
  return {};
}

void RocksdbEngine::close_database() {
  if (!database_) return;
  {
    const MutexLock lock(snapshots_mutex_);
    for (RocksdbSnapshot* open : snapshots_) database_->ReleaseSnapshot(std::exchange(open->snapshot_, nullptr));
  }
  for (auto* handle : families_) database_->DestroyColumnFamilyHandle(handle);
  families_.clear();
  database_->Close();
  database_.reset();
}

rocksdb::ColumnFamilyHandle* RocksdbEngine::family(Family which) const {
  assert(static_cast<std::size_t>(which) < families_.size());
  return families_[static_cast<std::size_t>(which)];
}

std::unique_ptr<WriteBatch> RocksdbEngine::make_batch() const { return std::make_unique<RocksdbBatch>(*this); }

CommitResult RocksdbEngine::commit(WriteBatch& batch) {
  assert(dynamic_cast<RocksdbBatch*>(&batch) != nullptr);
  if (options_.read_only) return {CommitOutcome::not_owner, read_only_error()};
  if (!database_) return {CommitOutcome::failed, closed_error()};
  const auto status = database_->Write(write_options_, &static_cast<RocksdbBatch&>(batch).batch());
  if (!status.ok()) return {CommitOutcome::failed, error_of(status)};
  if (write_options_.sync && newest_sequence_) newest_sequence_->note(database_->GetLatestSequenceNumber());
  return {};
}

Result<Recovery> RocksdbEngine::recover() {
  if (options_.read_only) return read_only_error();
  auto status = write_probe();
  if (!status.ok() && database_ && database_->Resume().ok()) status = write_probe();
  // RocksDB does not forgive a failed sync: which pages the kernel threw away is unknown. Reading the log again shows
  // it.
  if (!status.ok() && !status.IsNoSpace()) {
    if (const auto reopened = reopen(); !reopened) return reopened.error();
    reopened_ = true;
    status = write_probe();
  }
  if (!status.ok()) return error_of(status);
  return std::exchange(reopened_, false) ? Recovery::reread : Recovery::unchanged;
}

rocksdb::Status RocksdbEngine::write_probe() {
  if (!database_) return rocksdb::Status::IOError("closed");
  return database_->Put(write_options_, family(Family::meta), slice(probe_key), "");
}

/// The logs as they stand on the disk hold all that was acknowledged. Errors: they do not, which is reported, and
/// stays so until a start.
Result<void> RocksdbEngine::check_replay() {
  if (loss_) return *loss_;
  if (!newest_sequence_) return {};  // nothing is on disk
  // No log is taken away under the one who reads it.
  if (database_) database_->PauseBackgroundWork();
  const auto gone = newest_log_that_is_gone(*env_, path_);
  const auto loss = find_loss(newest_sequence_->noted());
  if (database_) database_->ContinueBackgroundWork();
  if (!loss) return loss.error();
  if (!gone && !*loss) return {};
  return loss_.emplace(damaged(gone ? gone_error(path_, *gone) : damage_error(path_, **loss)));
}

/// Closes and opens again. A write that failed before may be there afterwards. Does nothing while the disk refuses a
/// small file, while the log lacks what the open database still shows, or while somebody reads for long.
Result<void> RocksdbEngine::reopen() {
  // While the disk is still bad, an open database that reads is worth more than a closed one.
  const std::string trial = path_ + "/probe.dbtmp";  // RocksDB clears *.dbtmp away when it opens
  auto status = rocksdb::WriteStringToFile(env_.get(), "probe", trial, true);
  if (status.ok()) status = env_->DeleteFile(trial);
  if (!status.ok()) return error_of(status);
  if (const auto whole = check_replay(); !whole) return whole;
  if (!gate_.shut(reopen_patience)) return fail(Errc::service_unavailable, "storage: readers are still at work");
  close_database();
  auto opened = open_database();
  gate_.open();
  return opened;
}

Error RocksdbEngine::error_of(const rocksdb::Status& status) const {
  Error error = fail(Errc::service_unavailable, "storage: " + status.ToString());
  return status.IsCorruption() ? damaged(std::move(error)) : error;
}

Error RocksdbEngine::damaged(Error error) const {
  if (on_damage_ && !damage_reported_.exchange(true)) on_damage_(error.detail);
  return error;
}

Result<std::unique_ptr<EngineSnapshot>> RocksdbEngine::snapshot() const {
  const Reading reading(*this);
  if (!database_) return closed_error();
  return std::unique_ptr<EngineSnapshot>(std::make_unique<RocksdbSnapshot>(*this));
}

Result<void> RocksdbEngine::can_checkpoint() const {
  if (options_.durability == Durability::memory)
    return fail(Errc::operation_not_allowed_in_current_state, "storage: with durability \"memory\" nothing is on disk");
  if (options_.read_only) return read_only_error();
  if (!database_) return closed_error();
  return {};
}

Result<void> RocksdbEngine::prepare_checkpoint() {
  const Reading reading(*this);
  if (const auto can = can_checkpoint(); !can) return can;
  const auto status = database_->Flush(rocksdb::FlushOptions(), families_);
  if (!status.ok()) return error_of(status);
  return {};
}

Result<void> RocksdbEngine::checkpoint(const std::filesystem::path& folder) {
  const Reading reading(*this);
  if (const auto can = can_checkpoint(); !can) return can;
  rocksdb::Checkpoint* made = nullptr;
  auto status = rocksdb::Checkpoint::Create(database_.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  // Flushing here would take as long as prepare_checkpoint(): the log is copied instead.
  constexpr auto flush_never = std::numeric_limits<std::uint64_t>::max();
  if (status.ok()) status = checkpoint->CreateCheckpoint(folder.string(), flush_never);
  if (!status.ok()) return error_of(status);
  return {};
}

Result<rocksdb::ReadOptions> RocksdbEngine::read_options(const EngineSnapshot* at) const {
  rocksdb::ReadOptions options;
  if (at != nullptr) {
    assert(&at->engine() == this);
    options.snapshot = static_cast<const RocksdbSnapshot*>(at)->get();
    if (options.snapshot == nullptr) return stale_error();
  }
  if (!database_) return closed_error();
  return options;
}

Result<void> RocksdbEngine::get(const EngineSnapshot* at, Family which, std::string_view key,
                                const ValueVisitor& visit) const {
  const auto options = read_options(at);
  if (!options) return options.error();
  rocksdb::PinnableSlice value;
  const auto status = database_->Get(*options, family(which), slice(key), &value);
  if (status.IsNotFound()) return {};
  if (!status.ok()) return error_of(status);
  visit(view(value));
  return {};
}

std::unique_ptr<Cursor> RocksdbEngine::cursor(const EngineSnapshot* at, Family which) const {
  auto options = read_options(at);
  if (!options) return std::make_unique<FailedCursor>(options.error());
  // Walks at a snapshot are long and read most things once: they must not push other blocks out of the cache.
  options->fill_cache = at == nullptr;
  return std::make_unique<RocksdbCursor>(*this, database_->NewIterator(*options, family(which)));
}

}  // namespace twinhub::storage

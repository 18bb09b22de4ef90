#include "storage/rocksdb/store_check.hpp"

#include "storage/commit/engine_store.hpp"
#include "storage/rocksdb/log_damage.hpp"
#include "storage/rocksdb/lost_logs.hpp"
#include "storage/rocksdb/newest_sequence.hpp"
#include "storage/rocksdb/rocksdb_engine.hpp"

#include <rocksdb/env.h>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

namespace twinhub::storage {
namespace {

namespace fs = std::filesystem;

/// Held while the store is read. A hub makes the file at its first start; here none is made, for it could belong to
/// somebody else than the hub.
class HubKeptOut {
 public:
  HubKeptOut(rocksdb::Env& env, const fs::path& folder) : env_(env) {
    std::error_code error;
    const fs::path file = folder / "LOCK";
    done_ = !fs::exists(file, error) || env_.LockFile(file.string(), &lock_).ok();
  }
  ~HubKeptOut() {
    if (lock_ != nullptr) env_.UnlockFile(lock_);
  }
  HubKeptOut(const HubKeptOut&) = delete;
  HubKeptOut& operator=(const HubKeptOut&) = delete;
  [[nodiscard]] bool done() const { return done_; }

 private:
  rocksdb::Env& env_;
  rocksdb::FileLock* lock_ = nullptr;
  bool done_ = false;
};

Result<void> check_logs(rocksdb::Env& env, const std::string& folder) {
  const auto damage = find_log_damage(env, folder);
  if (!damage) return damage.error();
  if (*damage && (*damage)->certain)
    return fail(Errc::service_unavailable, "the store's log " + folder + "/" + (*damage)->file +
                                               " is damaged at byte " + std::to_string((*damage)->offset));
  if (const auto gone = newest_log_that_is_gone(env, folder))
    return fail(Errc::service_unavailable, "the store's log " + folder + "/" + log_name(*gone) + " is missing");
  return {};
}

Result<StoreCheck> read_all(const Store& store) {
  StoreCheck check;
  auto read = store.scan(nullptr, [&check](const Entity&) {
    ++check.identities;
    return true;
  });
  for (std::size_t kind = 0; read && kind < static_cast<std::size_t>(RecordKind::count); ++kind) {
    read = store.scan_records(static_cast<RecordKind>(kind), "", "", [&check](std::string_view, std::string_view) {
      ++check.records;
      return true;
    });
  }
  const auto ranges = store.event_ranges();
  for (std::uint32_t partition = 0; read && partition < ranges.size(); ++partition) {
    read = store.read_events(partition, ranges[partition].first, [&check](const StoredEvent&) {
      ++check.events;
      return true;
    });
  }
  if (!read) return read.error();
  return check;
}

}  // namespace

Result<StoreCheck> check_rocksdb_store(StoreOptions options) {
  rocksdb::Env& env = *rocksdb::Env::Default();
  const std::string folder = options.directory.string();
  std::error_code error;
  if (!fs::exists(options.directory / "CURRENT", error))
    return fail(Errc::service_unavailable, "there is no store in " + folder);
  const HubKeptOut alone(env, options.directory);
  if (!alone.done())
    return fail(Errc::service_unavailable,
                "a hub has the store in " + folder + " open: stop it first, or check a backup instead");
  if (const auto whole = check_logs(env, folder); !whole) return whole.error();
  options.read_only = true;
  auto engine = RocksdbEngine::open(options, nullptr);
  if (!engine) return engine.error();
  if (const auto newest = read_newest_sequence(env, folder).value_or(0);
      (*engine)->database()->GetLatestSequenceNumber() < newest)
    return fail(Errc::service_unavailable,
                "the logs of the store in " + folder + " end too early: acknowledged writes are gone");
  if (const auto status = (*engine)->database()->VerifyChecksum(); !status.ok())
    return fail(Errc::service_unavailable, "the store in " + folder + " is damaged: " + status.ToString());
  const auto store = open_store_on(std::move(options), std::move(*engine));
  if (!store) return store.error();
  return read_all(**store);
}

}  // namespace twinhub::storage

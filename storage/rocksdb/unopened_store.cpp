#include "storage/rocksdb/unopened_store.hpp"

#include "storage/commit/format_version.hpp"
#include "storage/rocksdb/engine_log.hpp"
#include "storage/rocksdb/rocksdb_options.hpp"

#include <rocksdb/db.h>
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace twinhub::storage {
namespace {

using Families = std::vector<rocksdb::ColumnFamilyDescriptor>;

rocksdb::DBOptions reading_options(const StoreOptions& options, rocksdb::Env& env) {
  auto reading = database_options(options, env);
  reading.info_log = make_engine_log("/dev/null");
  reading.create_if_missing = reading.create_missing_column_families = false;
  return reading;
}

class OpenedForReading {
 public:
  OpenedForReading(const rocksdb::DBOptions& options, const std::string& folder, const Families& families) {
    rocksdb::DB* opened = nullptr;
    if (rocksdb::DB::OpenForReadOnly(options, folder, families, &handles_, &opened).ok()) database_.reset(opened);
  }
  ~OpenedForReading() {
    for (auto* handle : handles_) database_->DestroyColumnFamilyHandle(handle);
  }
  OpenedForReading(const OpenedForReading&) = delete;
  OpenedForReading& operator=(const OpenedForReading&) = delete;

  /// Null: it cannot be opened.
  [[nodiscard]] rocksdb::DB* database() const { return database_.get(); }

 private:
  std::unique_ptr<rocksdb::DB> database_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

/// nullopt: none, or a torn one.
std::optional<std::string> noted_format(rocksdb::Env& env, const std::string& folder) {
  std::string text;
  if (!rocksdb::ReadFileToString(&env, folder + "/" + format_file, &text).ok()) return std::nullopt;
  if (text.size() < 2 || text.back() != '\n') return std::nullopt;
  text.pop_back();
  const bool is_number = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  return is_number ? std::optional(std::move(text)) : std::nullopt;
}

/// As the store has it. nullopt: there is none, or it cannot be read.
std::optional<std::string> stored_format(const rocksdb::DBOptions& reading, const std::string& folder) {
  // `meta` alone, which every version has: what the logs hold for other families is passed over.
  const OpenedForReading store(reading, folder, Families(1));
  std::string version;
  if (store.database() == nullptr || !store.database()->Get({}, format_key, &version).ok()) return std::nullopt;
  return version;
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::optional<std::uint64_t> replayed_sequence(const StoreOptions& options, rocksdb::Env& env,
                                               const std::string& folder) {
  const auto reading = reading_options(options, env);
  std::vector<std::string> there;
  if (!rocksdb::DB::ListColumnFamilies(reading, folder, &there).ok()) return std::nullopt;
  // An older version's store has fewer; a start makes the others.
  Families families = family_descriptors(options);
  families.erase(std::remove_if(families.begin(), families.end(),
                                [&there](const auto& family) { return !has(there, family.name); }),
                 families.end());
  const OpenedForReading store(reading, folder, families);
  if (store.database() == nullptr) return std::nullopt;
  return store.database()->GetLatestSequenceNumber();
}

Result<void> check_not_newer(const StoreOptions& options, rocksdb::Env& env) {
  const std::string folder = options.directory.string();
  const auto reading = reading_options(options, env);
  std::vector<std::string> there;
  if (!rocksdb::DB::ListColumnFamilies(reading, folder, &there).ok()) return {};
  auto version = noted_format(env, folder);
  if (!version) version = stored_format(reading, folder);
  if (version) {
    if (const auto readable = check_known_format(*version, folder); !readable) return readable;
  }
  std::vector<std::string> known;
  for (const auto& family : family_descriptors(options)) known.push_back(family.name);
  if (std::all_of(there.begin(), there.end(), [&known](const std::string& name) { return has(known, name); }))
    return {};
  return fail(Errc::service_unavailable, "the store in " + folder +
                                             " was written by a newer version of twinhub: use that one, or restore a "
                                             "backup that was made before the upgrade");
}

void note_format(rocksdb::Env& env, const std::string& folder) {
  if (noted_format(env, folder) == format_version) return;
  const std::string trial = folder + "/format.dbtmp";  // RocksDB clears *.dbtmp away when it opens
  if (rocksdb::WriteStringToFile(&env, std::string(format_version) + "\n", trial).ok())
    (void)env.RenameFile(trial, folder + "/" + format_file);
}

}  // namespace twinhub::storage

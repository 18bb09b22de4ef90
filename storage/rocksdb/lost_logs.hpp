// Logs that are gone or damaged: how that is noticed beyond what a log itself can show, and how a start goes on without
// them.
//
// RocksDB writes down how long each log was when the next one began (track_and_verify_wals_in_manifest), so a missing
// or shortened older log keeps it from opening. Of the newest log it knows nothing: the log's number stands in a file
// of ours beside it (log_file_system.hpp).
#pragma once

#include "protocol/error.hpp"

#include <rocksdb/env.h>
#include <rocksdb/status.h>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace twinhub::storage {

struct LogFileName {
  std::uint64_t number = 0;
  std::string name;
};
/// The logs in `folder`, oldest first; none when there is no such folder.
[[nodiscard]] std::vector<LogFileName> log_files(rocksdb::Env& env, const std::string& folder);

/// The number of the log that RocksDB found to be missing or too short, from its words: "Missing WAL with log number:
/// 12.".
[[nodiscard]] std::optional<std::uint64_t> log_that_is_gone(const rocksdb::Status& status);
/// The number of the newest log, when neither it nor a newer one is there. Without the file that names it: nullopt.
[[nodiscard]] std::optional<std::uint64_t> newest_log_that_is_gone(rocksdb::Env& env, const std::string& folder);
/// "000012.log"
[[nodiscard]] std::string log_name(std::uint64_t number);

/// Copies `files` to lost-N.log, which RocksDB leaves alone.
[[nodiscard]] Result<void> keep_logs(const std::string& folder, const std::vector<std::string>& files);
/// Shortens a log to its first `bytes`, which end in a whole record.
[[nodiscard]] Result<void> cut_log(const std::string& folder, const std::string& file, std::uint64_t bytes);
/// Takes logs away that were kept.
[[nodiscard]] Result<void> remove_logs(const std::string& folder, const std::vector<std::string>& files);

}  // namespace twinhub::storage

// Tells a write-ahead log that a crash has torn from one that was damaged later.
//
// RocksDB replays a log up to the first record that is not whole, and takes the rest for never acknowledged. After a crash that is true: one
// commit is written and synced before the next one begins, so behind a torn record there is nothing. Where another record begins behind the
// flaw, the flawed one had been synced: acknowledged writes are lost (a bad sector, a bad copy, a stray write), and replaying as if
// nothing were wrong would hide it. Where nothing stands behind the flaw, or the log just ends, the number of the newest acknowledged write
// tells (newest_sequence.hpp).
#pragma once

#include "protocol/error.hpp"

#include <rocksdb/env.h>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace twinhub::storage {

struct LogDamage {
  std::string file;                ///< name of the damaged log in its folder; "": there is no log
  std::uint64_t offset = 0;        ///< of its first flaw
  std::uint64_t whole_bytes = 0;   ///< of that log: its records before the flaw
  std::uint64_t commits = 0;       ///< commits that begin behind the flaw: whole or in part readable, and not replayed
  std::uint64_t writes = 0;        ///< changes of one key in those of them that say how many they hold; without any
                                   ///< commits behind the flaw: those that the logs lack, 0 = unknown
  std::vector<std::string> files;  ///< the damaged log and those behind it, in their order
  /// False: the flaw ends its log, and what stands behind it stands in newer ones. An older log may have been flushed to tables since; then
  /// nothing is missing once a replay comes to `last_sequence`.
  bool certain = false;
  std::uint64_t last_sequence = 0;  ///< of the last write that stands behind the flaw
};

/// Looks through the logs in `folder`, oldest first. nullopt: nothing that was acknowledged is missing. Reads all of them once, at some
/// GB per second from memory. `acknowledged`: the number of the newest write that is known to have been acknowledged. Logs that end before
/// it are damaged, unless tables hold the rest (`certain` is false): at their first flaw, or at the end of the newest. Errors:
/// service_unavailable when a file cannot be read.
/// Source of the layout: RocksDB wiki, "Write Ahead Log File Format".
[[nodiscard]] Result<std::optional<LogDamage>> find_log_damage(rocksdb::Env& env, const std::string& folder,
                                                               std::uint64_t acknowledged = 0);

/// How many bytes of a log its first whole records take: where a cut leaves no torn one. Errors as above.
[[nodiscard]] Result<std::uint64_t> bytes_of_whole_records(rocksdb::Env& env, const std::string& folder,
                                                           const std::string& name);

}  // namespace twinhub::storage

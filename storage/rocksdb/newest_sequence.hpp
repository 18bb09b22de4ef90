// The number of the newest write that was acknowledged, beside the store.
//
// RocksDB numbers every write. What a log has lost from some point on (cut, emptied, overwritten with zeros) looks like the end of what was
// ever written: nothing stands behind it. So the number of the newest durable write is kept in a file of its own, and a start that cannot
// replay up to it is refused.
//
//   sequence (8)  CRC-32C of it (4)
//
// It is written after the sync of the log, and is not synced itself: a killed process leaves the newest number, a power cut leaves it or
// an older one, and never one that is ahead of the log. A torn number is none.
#pragma once

#include <rocksdb/env.h>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace twinhub::storage {

inline constexpr const char* newest_sequence_file = "newest-sequence";

/// nullopt: there is none, as in a folder of an older version.
[[nodiscard]] std::optional<std::uint64_t> read_newest_sequence(rocksdb::Env& env, const std::string& folder);

/// One thread at a time. A disk that refuses leaves an older number there: then less is noticed, and nothing falsely.
class NewestSequence {
 public:
  /// Makes the file when it is not there, and puts `sequence` into it for good: after a start that went on without lost
  /// writes it is less than what stood there.
  NewestSequence(rocksdb::Env& env, const std::string& folder, std::uint64_t sequence);
  /// REQUIRES: every write up to `sequence` is durable.
  void note(std::uint64_t sequence);
  /// What was noted last, also when the disk has refused it.
  [[nodiscard]] std::uint64_t noted() const { return noted_; }

 private:
  std::uint64_t noted_ = 0;
  std::unique_ptr<rocksdb::RandomRWFile> file_;
};

}  // namespace twinhub::storage

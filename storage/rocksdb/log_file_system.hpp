// The file system under RocksDB, with room for the write-ahead log made in advance.
#pragma once

#include <rocksdb/env.h>
#include <memory>

namespace twinhub::storage {

/// Holds the number of the newest log, in decimal. Before a log is written to, its name and this file are on disk: so a
/// newest log that has been taken away is noticed (lost_logs.hpp).
inline constexpr const char* newest_log_file = "newest-log";

/// `env` (not owned, outlives the result; null = the real one) but for how a log file grows: to its next 8 MiB at once,
/// with its size. RocksDB by itself keeps the size at what was written (FALLOC_FL_KEEP_SIZE), so each sync of a few
/// hundred bytes has to write down a new size, too, in the file system's journal: on ext4 that is a third of its time.
/// Nothing is less durable: fdatasync(2) still flushes whatever is needed to read the bytes back.
///
/// After a crash a log ends with zeros instead of an end of file. RocksDB's reader takes them for no record
/// (log::Reader::ReadPhysicalRecord) and goes on; closing a log cuts them off.
[[nodiscard]] std::unique_ptr<rocksdb::Env> make_log_growing_env(rocksdb::Env* env);

}  // namespace twinhub::storage

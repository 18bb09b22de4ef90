// RocksDB's own warnings and errors (its `LOG`), on a disk that may be full.
#pragma once

#include <rocksdb/env.h>
#include <filesystem>
#include <memory>

namespace twinhub::storage {

/// Writes RocksDB's warnings and errors to `file`, each line at once, up to 4 MiB; the file that was there becomes
/// `file`.old. A line that the disk does not take is lost, and nothing else: RocksDB's own logger ends the process over
/// the line behind it where assertions are on, as in Debian's build (WritableFileWriter, "seen_error"). Any thread.
[[nodiscard]] std::shared_ptr<rocksdb::Logger> make_engine_log(const std::filesystem::path& file);

}  // namespace twinhub::storage

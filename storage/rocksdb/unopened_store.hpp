// What can be told of a store without opening it for writing, and so without changing a file of it: RocksDB writes as
// soon as it has opened (logs are replayed into tables and removed), before anything in the store can be read.
#pragma once

#include "protocol/error.hpp"
#include "storage/store.hpp"

#include <rocksdb/env.h>
#include <cstdint>
#include <optional>
#include <string>

namespace twinhub::storage {

/// The number of the last write that a start would come to. nullopt: the start would fail.
[[nodiscard]] std::optional<std::uint64_t> replayed_sequence(const StoreOptions& options, rocksdb::Env& env,
                                                             const std::string& folder);

/// Errors, in words for the operator: a newer twinhub has written the store in `options.directory`. No error where
/// there is no store, or none that can be read: opening it says why.
[[nodiscard]] Result<void> check_not_newer(const StoreOptions& options, rocksdb::Env& env);

/// Holds the format in decimal, beside the store: to find it in the store itself the logs have to be replayed, which
/// costs a start after a crash a seventh more. Whoever raises the format writes this file first, synced; else it need
/// not outlive a power cut: without it, and when it is torn, the store is asked.
inline constexpr const char* format_file = "format";
/// Writes it for a store that this twinhub has opened. A disk that refuses costs the next start some time.
void note_format(rocksdb::Env& env, const std::string& folder);

}  // namespace twinhub::storage

// Keyed records in the engine: what the store does with RecordWrites. Inside storage only.
#pragma once

#include "storage/database.hpp"
#include "storage/records.hpp"
#include "storage/store.hpp"

#include <rocksdb/write_batch.h>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace twinhub::storage {

/// About what `writes` hold in a write batch.
[[nodiscard]] std::size_t bytes_of(std::span<const RecordWrite> writes);
void append_records(const Database& database, std::span<const RecordWrite> writes, rocksdb::WriteBatch& batch);
/// Removes what `id` owns; of a device, what its modules own too.
void erase_owned_records(const Database& database, const IdentityId& id, rocksdb::WriteBatch& batch);

[[nodiscard]] Result<std::optional<std::string>> read_record(const Database& database, RecordKind kind,
                                                             std::string_view key);
[[nodiscard]] Result<void> scan_records(const Database& database, RecordKind kind, std::string_view prefix,
                                        std::string_view after, const RecordVisitor& visit);

}  // namespace twinhub::storage

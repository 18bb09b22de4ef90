// Keyed records in the engine: writing, reading and removing them.
#pragma once

#include "storage/engine/engine.hpp"
#include "storage/records.hpp"
#include "storage/store.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace twinhub::storage {

/// The size of `writes` in a write batch, about.
[[nodiscard]] std::size_t bytes_of(std::span<const RecordWrite> writes);
void append_records(std::span<const RecordWrite> writes, WriteBatch& batch);
/// Removes the records that `id` owns; of a device, those of its modules too.
void erase_owned_records(const IdentityId& id, WriteBatch& batch);

/// As Store::read_record().
[[nodiscard]] Result<std::optional<std::string>> read_record(const Engine& engine, RecordKind kind,
                                                             std::string_view key);
/// As Store::scan_records().
[[nodiscard]] Result<void> scan_records(const Engine& engine, RecordKind kind, std::string_view prefix,
                                        std::string_view after, const RecordVisitor& visit);

}  // namespace twinhub::storage

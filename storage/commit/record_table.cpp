#include "storage/commit/record_table.hpp"

#include "storage/format/keys.hpp"

namespace twinhub::storage {
namespace {

constexpr std::size_t write_overhead_bytes = 32;  // of one record in a write batch

}  // namespace

std::size_t bytes_of(std::span<const RecordWrite> writes) {
  std::size_t bytes = 0;
  for (const RecordWrite& write : writes) {
    bytes += write_overhead_bytes + write.key.size() + (write.value ? write.value->size() : 0);
  }
  return bytes;
}

void append_records(std::span<const RecordWrite> writes, WriteBatch& batch) {
  for (const RecordWrite& write : writes) {
    if (write.value) {
      batch.put(family_of(write.kind), write.key, *write.value);
    } else {
      batch.erase(family_of(write.kind), write.key);
    }
  }
}

void erase_owned_records(const IdentityId& id, WriteBatch& batch) {
  // A device's prefix covers its modules' records, too.
  const std::string begin = id.is_module() ? owned_prefix(id) : device_prefix(id.device);
  std::string end = begin;
  end.back() = '\1';  // the prefix ends in '\0'
  for (std::size_t kind = 0; kind < static_cast<std::size_t>(RecordKind::count); ++kind) {
    if (!is_owned_by_identity(static_cast<RecordKind>(kind))) continue;
    batch.erase_range(family_of(static_cast<RecordKind>(kind)), begin, end);
  }
}

Result<std::optional<std::string>> read_record(const Engine& engine, RecordKind kind, std::string_view key) {
  return Reading(engine).get(family_of(kind), key,
                             [](std::string_view value) -> Result<std::string> { return std::string(value); });
}

Result<void> scan_records(const Engine& engine, RecordKind kind, std::string_view prefix, std::string_view after,
                          const RecordVisitor& visit) {
  const Reading reading(engine);
  const auto at = reading.cursor(family_of(kind));
  const std::string start = after.empty() ? std::string(prefix) : std::string(after) + '\0';
  for (at->seek(start); at->valid() && at->key().starts_with(prefix); at->next()) {
    if (!visit(at->key(), at->value())) return {};
  }
  return at->status();
}

}  // namespace twinhub::storage

#include "storage/records.hpp"

#include "storage/keys.hpp"
#include "storage/record_table.hpp"

#include <memory>

namespace twinhub::storage {
namespace {

constexpr std::size_t write_overhead_bytes = 32;  // of one record in a write batch

rocksdb::ColumnFamilyHandle* family_of(const Database& database, RecordKind kind) {
  return database.family(
      static_cast<Family>(static_cast<std::size_t>(Family::records) + static_cast<std::size_t>(kind)));
}

}  // namespace

std::string owned_prefix(const IdentityId& id) { return entity_key(id) + '\0'; }

std::size_t bytes_of(std::span<const RecordWrite> writes) {
  std::size_t bytes = 0;
  for (const RecordWrite& write : writes) {
    bytes += write_overhead_bytes + write.key.size() + (write.value ? write.value->size() : 0);
  }
  return bytes;
}

void append_records(const Database& database, std::span<const RecordWrite> writes, rocksdb::WriteBatch& batch) {
  for (const RecordWrite& write : writes) {
    if (write.value) {
      batch.Put(family_of(database, write.kind), write.key, *write.value);
    } else {
      batch.Delete(family_of(database, write.kind), write.key);
    }
  }
}

void erase_owned_records(const Database& database, const IdentityId& id, rocksdb::WriteBatch& batch) {
  // A device's prefix covers its modules' records, too.
  const std::string begin = id.is_module() ? owned_prefix(id) : device_prefix(id.device);
  std::string end = begin;
  end.back() = '\1';  // the prefix ends in '\0'
  for (std::size_t kind = 0; kind < static_cast<std::size_t>(RecordKind::count); ++kind) {
    if (!is_owned_by_identity(static_cast<RecordKind>(kind))) continue;
    batch.DeleteRange(family_of(database, static_cast<RecordKind>(kind)), begin, end);
  }
}

Result<std::optional<std::string>> read_record(const Database& database, RecordKind kind, std::string_view key) {
  const Reading reading(database);
  if (!reading) return closed_error();
  std::string value;
  const auto status =
      database.engine()->Get({}, family_of(database, kind), rocksdb::Slice(key.data(), key.size()), &value);
  if (status.IsNotFound()) return std::optional<std::string>{};
  if (!status.ok()) return engine_error(status);
  return std::optional<std::string>{std::move(value)};
}

Result<void> scan_records(const Database& database, RecordKind kind, std::string_view prefix, std::string_view after,
                          const RecordVisitor& visit) {
  const Reading reading(database);
  if (!reading) return closed_error();
  const std::unique_ptr<rocksdb::Iterator> it(database.engine()->NewIterator({}, family_of(database, kind)));
  const std::string start = after.empty() ? std::string(prefix) : std::string(after) + '\0';
  for (it->Seek(start); it->Valid() && view(it->key()).starts_with(prefix); it->Next()) {
    if (!visit(view(it->key()), view(it->value()))) return {};
  }
  if (!it->status().ok()) return engine_error(it->status());
  return {};
}

}  // namespace twinhub::storage

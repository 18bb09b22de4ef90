#include "storage/rocksdb/rocksdb_batch.hpp"

#include "storage/rocksdb/rocksdb_engine.hpp"

#include <array>
#include <cassert>

namespace twinhub::storage {

void RocksdbBatch::put(Family family, std::string_view key, std::string_view value) {
  batch_.Put(engine_.family(family), slice(key), slice(value));
}

void RocksdbBatch::put_joined(Family family, std::string_view key, std::string_view head, std::string_view tail) {
  const rocksdb::Slice whole_key = slice(key);
  const std::array<rocksdb::Slice, 2> value{slice(head), slice(tail)};
  batch_.Put(engine_.family(family), rocksdb::SliceParts(&whole_key, 1), rocksdb::SliceParts(value.data(), 2));
}

void RocksdbBatch::merge(Family family, std::string_view key, std::string_view delta) {
  assert(takes_deltas(family));
  batch_.Merge(engine_.family(family), slice(key), slice(delta));
}

void RocksdbBatch::erase(Family family, std::string_view key) { batch_.Delete(engine_.family(family), slice(key)); }

void RocksdbBatch::erase_range(Family family, std::string_view begin, std::string_view end) {
  assert(!takes_deltas(family));
  batch_.DeleteRange(engine_.family(family), slice(begin), slice(end));
}

}  // namespace twinhub::storage

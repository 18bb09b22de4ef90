// Folds twin deltas (storage/format/twin_delta.hpp) inside RocksDB.
#pragma once

#include <rocksdb/merge_operator.h>
#include <memory>

namespace twinhub::storage {

/// Folds deltas when RocksDB reads, flushes or compacts twins.
[[nodiscard]] std::shared_ptr<rocksdb::MergeOperator> make_twin_merge_operator();

}  // namespace twinhub::storage

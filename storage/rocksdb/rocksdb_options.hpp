// How this project sets RocksDB up, and why.
#pragma once

#include "storage/store.hpp"

#include <rocksdb/db.h>
#include <vector>

namespace twinhub::storage {

[[nodiscard]] rocksdb::DBOptions database_options(const StoreOptions& options, rocksdb::Env& env);
/// One for each Family, in their order.
[[nodiscard]] std::vector<rocksdb::ColumnFamilyDescriptor> family_descriptors(const StoreOptions& options);

}  // namespace twinhub::storage

// The door for tests that put another file system under the store; everybody else uses open_rocksdb_store().
#pragma once

#include "storage/store.hpp"

namespace rocksdb {
class Env;
}

namespace twinhub::storage {

/// As open_rocksdb_store(), on `env` (not owned; null = the real file system).
[[nodiscard]] Result<std::unique_ptr<Store>> open_rocksdb_store_on(StoreOptions options, rocksdb::Env* env);

}  // namespace twinhub::storage

#include "storage/rocksdb/rocksdb_store.hpp"

#include "storage/commit/engine_store.hpp"
#include "storage/rocksdb/rocksdb_engine.hpp"

#include <utility>

namespace twinhub::storage {

Result<std::unique_ptr<Store>> open_rocksdb_store_on(StoreOptions options, rocksdb::Env* env, OnDamage on_damage) {
  auto engine = RocksdbEngine::open(options, env, std::move(on_damage));
  if (!engine) return engine.error();
  return open_store_on(std::move(options), std::move(*engine));
}

Result<std::unique_ptr<Store>> open_rocksdb_store(StoreOptions options, OnDamage on_damage) {
  return open_rocksdb_store_on(std::move(options), nullptr, std::move(on_damage));
}

}  // namespace twinhub::storage

#include "storage/rocksdb/rocksdb_store.hpp"

#include "storage/commit/engine_store.hpp"
#include "storage/rocksdb/rocksdb_engine.hpp"
#include "storage/rocksdb/unopened_store.hpp"

#include <utility>

namespace twinhub::storage {

Result<std::unique_ptr<Store>> open_rocksdb_store_on(StoreOptions options, rocksdb::Env* env, OnDamage on_damage) {
  rocksdb::Env& files = env != nullptr ? *env : *rocksdb::Env::Default();
  const bool writes_files = !options.read_only && options.durability != Durability::memory;
  if (writes_files) {
    if (const auto readable = check_not_newer(options, files); !readable) return readable.error();
  }
  auto engine = RocksdbEngine::open(options, env, std::move(on_damage));
  if (!engine) return engine.error();
  if (writes_files) note_format(files, options.directory.string());
  return open_store_on(std::move(options), std::move(*engine));
}

Result<std::unique_ptr<Store>> open_rocksdb_store(StoreOptions options, OnDamage on_damage) {
  return open_rocksdb_store_on(std::move(options), nullptr, std::move(on_damage));
}

}  // namespace twinhub::storage

// The store of one node, on RocksDB.
#pragma once

#include "storage/store.hpp"

#include <functional>
#include <memory>
#include <string>

namespace rocksdb {
class Env;
}

namespace twinhub::storage {

/// A read has met stored bytes that are damaged: the engine's words, which name files and places. For the operator:
/// callers get an Error, other keys may still be read and written, but somebody has to look. Called once, for the first
/// of them, by the thread that read.
using OnDamage = std::function<void(const std::string& words)>;

/// Opens (or creates) the store. Errors, in words for the operator: another process holds the folder; a newer format;
/// RocksDB's own words.
[[nodiscard]] Result<std::unique_ptr<Store>> open_rocksdb_store(StoreOptions options, OnDamage on_damage = {});

/// The same on `env` (not owned; null = the real file system): for tests that put another file system under the store.
[[nodiscard]] Result<std::unique_ptr<Store>> open_rocksdb_store_on(StoreOptions options, rocksdb::Env* env,
                                                                   OnDamage on_damage = {});

}  // namespace twinhub::storage

// A batch in RocksDB's own form: the very bytes that commit() hands to its log.
#pragma once

#include "storage/engine/write_batch.hpp"

#include <rocksdb/write_batch.h>

namespace twinhub::storage {

class RocksdbEngine;

class RocksdbBatch final : public WriteBatch {
 public:
  explicit RocksdbBatch(const RocksdbEngine& engine) : engine_(engine) {}

  void put(Family family, std::string_view key, std::string_view value) override;
  void put_joined(Family family, std::string_view key, std::string_view head, std::string_view tail) override;
  void merge(Family family, std::string_view key, std::string_view delta) override;
  void erase(Family family, std::string_view key) override;
  void erase_range(Family family, std::string_view begin, std::string_view end) override;
  void clear() override { batch_.Clear(); }
  [[nodiscard]] std::size_t bytes() const override { return batch_.GetDataSize(); }

  [[nodiscard]] rocksdb::WriteBatch& batch() { return batch_; }

 private:
  const RocksdbEngine& engine_;  // for the handles: not while it is opened again
  rocksdb::WriteBatch batch_;
};

}  // namespace twinhub::storage

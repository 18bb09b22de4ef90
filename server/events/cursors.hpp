// How far a reader of the event log has come, kept durably: the sequence number of its next event, per partition
// (storage/FORMAT.md, `cursors`).
#pragma once

#include "storage/store.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace twinhub::events {

/// One thread.
class Cursors {
 public:
  /// `reader`, e.g. "endpoint:broker", names the records.
  Cursors(storage::Store& store, std::string reader);

  /// nullopt: the reader is new. Errors: service_unavailable; server_error for a record that cannot be read.
  [[nodiscard]] Result<std::optional<std::uint64_t>> load(std::uint32_t partition) const;
  /// Writes positions (index = partition) and waits until they are durable.
  [[nodiscard]] Result<void> save_and_wait(const std::vector<std::uint64_t>& positions);
  /// Queues a write of what changed since the last one; one that fails is written again with the next.
  void save(const std::vector<std::uint64_t>& positions);

 private:
  [[nodiscard]] std::vector<storage::RecordWrite> changes(const std::vector<std::uint64_t>& positions);
  [[nodiscard]] std::string key(std::uint32_t partition) const;

  storage::Store& store_;
  std::string reader_;
  std::vector<std::optional<std::uint64_t>> saved_;
  std::shared_ptr<std::atomic<bool>> failed_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace twinhub::events

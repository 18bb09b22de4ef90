// The event log inside the store: what one commit cycle gathered for a partition is one stored block, in that cycle's
// batch.
//
// Retention never scans: blocks are accounted for in segments of at most about 1 MiB or a part of the retention age; a
// closed segment leaves a marker, and whole segments are dropped from the oldest end.
#pragma once

#include "storage/database.hpp"
#include "storage/event.hpp"

#include <rocksdb/write_batch.h>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace twinhub::storage {

/// Writers' side: the commit thread alone. read() is safe from any thread.
class EventLog {
 public:
  EventLog(const Database& database, const StoreOptions& options);

  /// Finds where each partition ends. Reads the markers and about one segment per partition. Errors:
  /// service_unavailable; server_error naming the block that cannot be read.
  [[nodiscard]] Result<void> recover();

  /// The events of one cycle and partition, encoded one after the other.
  struct Gathered {
    std::string bytes;
    std::uint32_t count = 0;
  };
  /// Adds the cycle's blocks, and now and then retention's deletions, to `batch`. settled() or failed() must follow.
  void append(const std::vector<Gathered>& per_partition, Timestamp now, rocksdb::WriteBatch& batch);
  void settled() { undo_.clear(); }
  void failed();

  [[nodiscard]] Result<void> read(std::uint32_t partition, std::uint64_t sequence_number,
                                  const std::function<bool(const StoredEvent&)>& visit) const;

 private:
  /// A run of blocks that is dropped as a whole.
  struct Segment {
    std::uint64_t first = 0;  ///< sequence number
    std::uint64_t bytes = 0;  ///< 0 = holds nothing yet
    Timestamp oldest;         ///< of the open one
    Timestamp newest;
  };
  struct Partition {
    std::uint64_t next = 0;  ///< sequence number of the next event
    std::deque<Segment> closed;
    Segment open;
  };

  /// What one cycle did to one partition.
  struct Undo {
    std::uint32_t partition = 0;
    std::uint64_t next = 0;
    Segment open;
    std::size_t closed_count = 0;  ///< before anything was dropped
    std::vector<Segment> dropped;
  };

  void append_block(std::uint32_t index, const Gathered& gathered, Timestamp now, rocksdb::WriteBatch& batch);
  void close_segment(std::uint32_t index, rocksdb::WriteBatch& batch);
  void drop_old(std::uint32_t index, Timestamp now, rocksdb::WriteBatch& batch, std::vector<Segment>& dropped);
  [[nodiscard]] Result<void> recover_partition(std::uint32_t index);
  [[nodiscard]] Result<void> recover_closed(std::uint32_t index);
  [[nodiscard]] Result<void> recover_open(std::uint32_t index);

  const Database& database_;
  std::uint64_t retention_bytes_;  // per partition
  std::uint64_t retention_ticks_;
  std::uint64_t segment_bytes_;
  std::uint64_t segment_ticks_;
  Timestamp next_retention_;
  std::vector<Partition> partitions_;
  std::vector<Undo> undo_;  // of the cycle that is not settled yet
};

}  // namespace twinhub::storage

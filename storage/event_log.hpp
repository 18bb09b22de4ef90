// The event log inside the store: what one commit cycle gathered for a partition is one stored block, in that cycle's
// batch.
//
// Retention never scans: blocks are accounted for in segments of at most about 1 MiB or a part of the retention age; a
// closed segment leaves a marker, and whole segments are dropped from the oldest end.
#pragma once

#include "storage/database.hpp"
#include "storage/event.hpp"

#include <rocksdb/write_batch.h>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::storage {

/// Writers' side: the commit thread alone. read(), find() and ranges() are safe from any thread.
class EventLog {
 public:
  EventLog(const Database& database, const StoreOptions& options);

  /// Finds where each partition ends. Reads the markers and about one segment per partition. Errors:
  /// service_unavailable; server_error naming the block that cannot be read.
  [[nodiscard]] Result<void> recover();

  /// The events of one cycle and partition, encoded one after the other, in pieces that each become one block: readers
  /// decode whole blocks, so a busy cycle must not make a huge one.
  struct Gathered {
    struct Piece {
      std::string bytes;
      std::uint32_t count = 0;
    };
    std::vector<Piece> pieces;

    void add(std::string_view event) { next() += event; }
    /// Where the next event is to be appended; it counts as added.
    [[nodiscard]] std::string& next();
    [[nodiscard]] bool empty() const { return pieces.empty() || pieces.front().count == 0; }
    /// Keeps the first piece's memory.
    void clear();
  };
  /// Adds the cycle's blocks, and now and then retention's deletions, to `batch`. settled() or failed() must follow.
  void append(const std::vector<Gathered>& per_partition, Timestamp now, rocksdb::WriteBatch& batch);
  void settled();
  void failed();

  [[nodiscard]] Result<void> read(std::uint32_t partition, std::uint64_t sequence_number,
                                  const std::function<bool(const StoredEvent&)>& visit) const;
  [[nodiscard]] Result<std::uint64_t> find(std::uint32_t partition, Timestamp since) const;
  [[nodiscard]] std::vector<EventRange> ranges() const;

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

  void append_block(std::uint32_t index, const Gathered::Piece& piece, Timestamp now, rocksdb::WriteBatch& batch);
  void close_segment(std::uint32_t index, rocksdb::WriteBatch& batch);
  void drop_old(std::uint32_t index, Timestamp now, rocksdb::WriteBatch& batch, std::vector<Segment>& dropped);
  [[nodiscard]] Result<void> recover_partition(std::uint32_t index);
  [[nodiscard]] Result<void> recover_closed(std::uint32_t index);
  [[nodiscard]] Result<void> recover_open(std::uint32_t index);
  void publish(std::uint32_t index);

  const Database& database_;
  std::uint64_t retention_bytes_;  // per partition
  std::uint64_t retention_ticks_;
  std::uint64_t segment_bytes_;
  std::uint64_t segment_ticks_;
  Timestamp next_retention_;
  std::vector<Partition> partitions_;
  std::vector<Undo> undo_;  // of the cycle that is not settled yet
  /// What readers may see, without a lock that the commit thread would share with them: `next` is written first and
  /// read last, so a reader never sees an end before the beginning.
  struct Published {
    std::atomic<std::uint64_t> first{0};
    std::atomic<std::uint64_t> next{0};
  };
  std::vector<Published> published_;
};

}  // namespace twinhub::storage

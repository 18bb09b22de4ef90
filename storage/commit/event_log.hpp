// The event log inside the store: the events that one commit cycle gathered for a partition are one stored block (or a
// few, when they are many), in that cycle's batch.
//
// Retention never scans: blocks are accounted for in segments of at most about 1 MiB or a part of the retention age; a
// closed segment leaves a marker, and whole segments are dropped from the oldest end. A segment with held events (an
// endpoint has not passed them) is spared while the partition has less than its part of event_held_bytes_max.
#pragma once

#include "storage/engine/engine.hpp"
#include "storage/format/event.hpp"
#include "storage/store.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::storage {

/// Writers' side: the commit thread alone. read(), find(), hold(), ranges() and bytes() are safe from any thread.
class EventLog {
 public:
  EventLog(const Engine& engine, const StoreOptions& options);

  /// Finds where each partition ends. Commit thread, or before there is one. Reads the markers and about one segment
  /// per partition. Errors: service_unavailable; server_error naming the block that cannot be read.
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
  void append(const std::vector<Gathered>& per_partition, Timestamp now, WriteBatch& batch);
  /// That batch is durable: readers see its events.
  void settled();
  /// That batch is not there: its sequence numbers are given out again.
  void failed();

  [[nodiscard]] Result<void> read(std::uint32_t partition, std::uint64_t sequence_number,
                                  const std::function<bool(const StoredEvent&)>& visit) const;
  [[nodiscard]] Result<std::uint64_t> find(std::uint32_t partition, Timestamp since) const;
  [[nodiscard]] std::vector<EventRange> ranges() const;
  /// Of all durable events that are kept, as they are stored; retention goes by this.
  [[nodiscard]] std::uint64_t bytes() const;
  /// See Store::newest_event.
  [[nodiscard]] Timestamp newest(std::uint32_t partition) const { return {published_[partition].newest.load()}; }
  /// See Store::hold_events.
  void hold(std::uint32_t partition, std::uint64_t sequence_number) { published_[partition].held = sequence_number; }

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
    Timestamp newest;        ///< when the last event was appended; it stays when retention drops all
    std::deque<Segment> closed;
    std::uint64_t closed_bytes = 0;  ///< of `closed`, together
    Segment open;
  };

  /// One partition before the cycle that is not settled yet.
  struct Undo {
    std::uint32_t partition = 0;
    std::uint64_t next = 0;
    Timestamp newest;
    Segment open;
    std::size_t closed_count = 0;  ///< before anything was dropped
    std::vector<Segment> dropped;
  };

  void append_block(std::uint32_t index, const Gathered::Piece& piece, Timestamp now, WriteBatch& batch);
  void close_segment(std::uint32_t index, WriteBatch& batch);
  void drop_old(std::uint32_t index, std::optional<Timestamp> settled, WriteBatch& batch,
                std::vector<Segment>& dropped);
  [[nodiscard]] Result<void> recover_partition(const Reading& reading, std::uint32_t index);
  [[nodiscard]] Result<void> recover_closed(const Reading& reading, std::uint32_t index);
  [[nodiscard]] Result<void> recover_open(const Reading& reading, std::uint32_t index);
  void publish(std::uint32_t index);

  const Engine& engine_;
  std::uint64_t retention_bytes_;  // per partition
  std::uint64_t held_bytes_max_;   // per partition
  std::uint64_t retention_ticks_;
  std::function<Timestamp()> steady_;
  std::function<std::optional<Timestamp>()> settled_;
  std::uint64_t segment_bytes_;
  std::uint64_t segment_ticks_;
  Timestamp next_retention_;  // on the steady clock
  std::vector<Partition> partitions_;
  std::vector<Undo> undo_;  // of the cycle that is not settled yet
  /// The range that readers may see, without a lock that the commit thread would share with them: `next` is written
  /// first and read last, so a reader never sees an end before the beginning.
  struct Published {
    std::atomic<std::uint64_t> first{0};
    std::atomic<std::uint64_t> next{0};
    std::atomic<std::uint64_t> newest{0};  ///< ticks
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<std::uint64_t> held{UINT64_MAX};  ///< the other way: readers tell the commit thread
  };
  std::vector<Published> published_;
};

}  // namespace twinhub::storage

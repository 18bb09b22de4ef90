// A run of the event log as the built-in endpoint shows it, in the form of the door that sends it: made once, shared by
// every reader that passes it, and remembered for those that come a little later.
#pragma once

#include "protocol/ids.hpp"
#include "storage/guarded.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twinhub::events {

struct EventChunk {
  struct Entry {
    std::uint64_t sequence_number = 0;
    Timestamp appended = {};
    std::uint32_t begin = 0;  ///< in `bytes`
    std::uint32_t size = 0;
  };
  std::uint32_t partition = 0;
  std::uint64_t first = 0;     ///< the chunk tells of every event from here ..
  std::uint64_t next = 0;      ///< .. to before this one
  std::string bytes;           ///< the encoded events, one behind the other
  std::vector<Entry> entries;  ///< of those that the endpoint gets, ascending

  [[nodiscard]] std::string_view bytes_of(const Entry& entry) const {
    return std::string_view(bytes).substr(entry.begin, entry.size);
  }
  /// The index of the first entry at `position` or behind it; entries.size() when there is none.
  [[nodiscard]] std::size_t find(std::uint64_t position) const;
};
using ChunkPtr = std::shared_ptr<const EventChunk>;

/// The chunks made last: the tail of the log, and what readers of older events are at. Any thread.
class ChunkCache {
 public:
  explicit ChunkCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// A chunk that tells of the event `position`; null when none is remembered.
  [[nodiscard]] ChunkPtr find(std::uint32_t partition, std::uint64_t position) const EXCLUDES(mutex_);
  /// Forgets the oldest ones when there are too many.
  void add(ChunkPtr chunk) EXCLUDES(mutex_);

 private:
  using Key = std::pair<std::uint32_t, std::uint64_t>;  ///< partition, first

  const std::size_t bytes_max_;
  mutable Mutex mutex_;
  std::map<Key, ChunkPtr> chunks_ GUARDED_BY(mutex_);
  std::deque<ChunkPtr> in_order_ GUARDED_BY(mutex_);  ///< as they were added; some are not in chunks_ any more
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;          ///< of in_order_
};

}  // namespace twinhub::events

#include "server/events/event_chunk.hpp"

#include <algorithm>

namespace twinhub::events {
namespace {

std::size_t memory_of(const EventChunk& chunk) {
  constexpr std::size_t overhead = 256;  // itself, and its places in map and queue
  return overhead + chunk.bytes.capacity() + chunk.entries.capacity() * sizeof(EventChunk::Entry);
}

}  // namespace

std::size_t EventChunk::find(std::uint64_t position) const {
  const auto found =
      std::lower_bound(entries.begin(), entries.end(), position,
                       [](const Entry& entry, std::uint64_t number) { return entry.sequence_number < number; });
  return static_cast<std::size_t>(found - entries.begin());
}

ChunkPtr ChunkCache::find(std::uint32_t partition, std::uint64_t position) const {
  const MutexLock lock(mutex_);
  auto found = chunks_.upper_bound({partition, position});
  if (found == chunks_.begin()) return nullptr;
  --found;
  const ChunkPtr& chunk = found->second;
  return chunk->partition == partition && position < chunk->next ? chunk : nullptr;
}

void ChunkCache::add(ChunkPtr chunk) {
  const MutexLock lock(mutex_);
  bytes_ += memory_of(*chunk);
  in_order_.push_back(chunk);
  const Key key{chunk->partition, chunk->first};
  chunks_[key] = std::move(chunk);
  while (bytes_ > bytes_max_ && in_order_.size() > 1) {
    const ChunkPtr oldest = std::move(in_order_.front());
    in_order_.pop_front();
    bytes_ -= memory_of(*oldest);
    const auto known = chunks_.find({oldest->partition, oldest->first});
    if (known != chunks_.end() && known->second == oldest) chunks_.erase(known);
  }
}

}  // namespace twinhub::events

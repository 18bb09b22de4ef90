#include "storage/commit/event_log.hpp"

#include "storage/format/bytes.hpp"
#include "storage/format/event_block.hpp"
#include "storage/format/keys.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <memory>

namespace twinhub::storage {
namespace {

// A segment is dropped as a whole: a small part of the kept events, and never so small that markers cost more
// than events.
constexpr std::uint64_t segment_bytes_max = 1U << 20;
constexpr std::uint64_t segment_bytes_min = 4U << 10;
constexpr std::uint64_t segments_kept = 16;
constexpr std::size_t block_bytes = 64U << 10;  // a block that has reached this is not added to
constexpr std::uint64_t retention_interval_ticks = 5 * ticks_per_second;
constexpr std::string_view segment_prefix = "segment:";  // in `meta`
constexpr std::string_view begin_prefix = "begin:";      // in `meta`

std::string segment_key(std::uint32_t partition, std::uint64_t first) {
  return std::string(segment_prefix) + event_key(partition, first);
}

std::string begin_key(std::uint32_t partition) {
  return std::string(begin_prefix) + event_key(partition, 0).substr(0, 4);
}

Error bad_block(std::uint32_t partition, std::uint64_t first) {
  return fail(Errc::server_error,
              "event block " + std::to_string(partition) + "/" + std::to_string(first) + " cannot be read");
}

}  // namespace

std::string& EventLog::Gathered::next() {
  if (pieces.empty() || pieces.back().bytes.size() >= block_bytes) pieces.emplace_back();
  ++pieces.back().count;
  return pieces.back().bytes;
}

void EventLog::Gathered::clear() {
  if (pieces.empty()) return;
  pieces.resize(1);
  pieces.front().bytes.clear();
  pieces.front().count = 0;
}

EventLog::EventLog(const Engine& engine, const StoreOptions& options)
    : engine_(engine),
      retention_bytes_(options.event_retention_bytes / std::max(1U, options.event_partitions)),
      held_bytes_max_(options.event_held_bytes_max / std::max(1U, options.event_partitions)),
      retention_ticks_(static_cast<std::uint64_t>(options.event_retention_age.count()) * ticks_per_second),
      steady_(options.steady),
      settled_(options.settled),
      segment_bytes_(std::clamp(retention_bytes_ / segments_kept, segment_bytes_min, segment_bytes_max)),
      segment_ticks_(retention_ticks_ / segments_kept),
      partitions_(std::max(1U, options.event_partitions)),
      published_(partitions_.size()) {}

Result<void> EventLog::recover() {
  undo_.clear();
  const Reading reading(engine_);
  for (std::uint32_t i = 0; i < partitions_.size(); ++i) {
    if (auto recovered = recover_partition(reading, i); !recovered) return recovered;
    publish(i);
  }
  return {};
}

Result<void> EventLog::recover_partition(const Reading& reading, std::uint32_t index) {
  Partition& partition = partitions_[index];
  partition = Partition{};
  // Numbers go on after everything was dropped.
  const auto begin = reading.get(Family::meta, begin_key(index), [&](std::string_view value) -> Result<std::uint64_t> {
    ByteReader reader(value);
    const auto first = reader.integer<std::uint64_t>();
    if (!reader.ok()) return bad_block(index, 0);
    return first;
  });
  if (!begin) return begin.error();
  partition.next = begin->value_or(0);
  if (auto closed = recover_closed(reading, index); !closed) return closed;
  return recover_open(reading, index);
}

Result<void> EventLog::recover_closed(const Reading& reading, std::uint32_t index) {
  Partition& partition = partitions_[index];
  const std::string first_marker = segment_key(index, 0);
  const std::string last_marker = segment_key(index, std::numeric_limits<std::uint64_t>::max());
  const auto markers = reading.cursor(Family::meta);
  for (markers->seek(first_marker); markers->valid() && markers->key() <= last_marker; markers->next()) {
    const auto key = parse_event_key(markers->key().substr(segment_prefix.size()));
    ByteReader reader(markers->value());
    Segment segment;
    segment.bytes = reader.integer<std::uint64_t>();
    segment.newest.ticks = reader.integer<std::uint64_t>();
    const auto end = reader.integer<std::uint64_t>();
    if (!key || !reader.ok()) return bad_block(index, key ? key->sequence_number : 0);
    segment.first = key->sequence_number;
    partition.closed.push_back(segment);
    partition.closed_bytes += segment.bytes;
    partition.next = end;
    partition.newest = segment.newest;
  }
  return markers->status();
}

/// The blocks behind the last marker.
Result<void> EventLog::recover_open(const Reading& reading, std::uint32_t index) {
  Partition& partition = partitions_[index];
  partition.open.first = partition.next;
  const auto blocks = reading.cursor(Family::events);
  for (blocks->seek(event_key(index, partition.next)); blocks->valid(); blocks->next()) {
    const auto key = parse_event_key(blocks->key());
    if (!key || key->partition != index) break;
    const auto block = read_block(blocks->value());
    if (!block) return bad_block(index, key->sequence_number);
    partition.next = key->sequence_number + block->count;
    if (partition.open.bytes == 0) partition.open.oldest = block->written;
    partition.open.bytes += blocks->value().size();
    partition.open.newest = partition.newest = block->written;
  }
  return blocks->status();
}

void EventLog::append(const std::vector<Gathered>& per_partition, Timestamp now, WriteBatch& batch) {
  assert(undo_.empty());  // the cycle before was settled, or failed
  // An age that a clock has made up destroys nothing; a clock that was set must not stop retention until it has caught up.
  const std::optional<Timestamp> settled = settled_ ? settled_() : now;
  const Timestamp steady = steady_ ? steady_() : now;
  const bool retention_due =
      steady >= next_retention_ || steady.ticks + retention_interval_ticks < next_retention_.ticks;
  for (std::uint32_t i = 0; i < partitions_.size(); ++i) {
    const bool has_events = i < per_partition.size() && !per_partition[i].empty();
    if (!has_events && !retention_due) continue;
    const Partition& partition = partitions_[i];
    undo_.push_back({i, partition.next, partition.newest, partition.open, partition.closed.size(), {}});
    // The events before a step of the clock were given the time before it: they must not look old once it has settled.
    Segment& open = partitions_[i].open;
    if (!settled && open.bytes > 0) open.newest = std::max(open.newest, now);
    if (has_events) {
      for (const Gathered::Piece& piece : per_partition[i].pieces) append_block(i, piece, now, batch);
    }
    if (retention_due) drop_old(i, settled, batch, undo_.back().dropped);
  }
  if (retention_due) next_retention_.ticks = steady.ticks + retention_interval_ticks;
}

void EventLog::append_block(std::uint32_t index, const Gathered::Piece& piece, Timestamp now, WriteBatch& batch) {
  Partition& partition = partitions_[index];
  // A segment goes when its newest event is too old: it must not grow for long.
  if (partition.open.bytes > 0 && now.ticks >= partition.open.oldest.ticks + segment_ticks_)
    close_segment(index, batch);
  std::string header;  // short enough to need no memory of its own
  append_block_header(header, piece.count, now);
  batch.put_joined(Family::events, event_key(index, partition.next), header, piece.bytes);
  partition.next += piece.count;
  partition.newest = now;
  if (partition.open.bytes == 0) partition.open.oldest = now;
  partition.open.bytes += header.size() + piece.bytes.size();
  partition.open.newest = now;
  if (partition.open.bytes >= segment_bytes_) close_segment(index, batch);
}

void EventLog::close_segment(std::uint32_t index, WriteBatch& batch) {
  Partition& partition = partitions_[index];
  std::string marker;
  ByteWriter writer(marker);
  writer.integer(partition.open.bytes);
  writer.integer(partition.open.newest.ticks);
  writer.integer(partition.next);
  batch.put(Family::meta, segment_key(index, partition.open.first), marker);
  partition.closed.push_back(partition.open);
  partition.closed_bytes += partition.open.bytes;
  partition.open = Segment{};
  partition.open.first = partition.next;
}

void EventLog::drop_old(std::uint32_t index, std::optional<Timestamp> settled, WriteBatch& batch,
                        std::vector<Segment>& dropped) {
  Partition& partition = partitions_[index];
  const auto too_old = [&](const Segment& segment) {
    return settled && segment.newest.ticks + retention_ticks_ < settled->ticks;
  };
  std::uint64_t total = partition.open.bytes + partition.closed_bytes;
  const std::uint64_t begin = partition.closed.empty() ? partition.open.first : partition.closed.front().first;
  const std::uint64_t held = published_[index].held.load(std::memory_order_acquire);
  const auto is_spared = [&](std::uint64_t end) { return end > held && total <= held_bytes_max_; };
  while (!partition.closed.empty() && (too_old(partition.closed.front()) || total > retention_bytes_)) {
    if (is_spared(partition.closed.size() > 1 ? partition.closed[1].first : partition.open.first)) break;
    const Segment& oldest = partition.closed.front();
    batch.erase(Family::meta, segment_key(index, oldest.first));
    total -= oldest.bytes;
    partition.closed_bytes -= oldest.bytes;
    dropped.push_back(oldest);
    partition.closed.pop_front();
  }
  if (partition.closed.empty() && partition.open.bytes > 0 && too_old(partition.open) && !is_spared(partition.next)) {
    partition.open = Segment{};
    partition.open.first = partition.next;
  }
  const std::uint64_t kept = partition.closed.empty() ? partition.open.first : partition.closed.front().first;
  if (kept == begin) return;
  batch.erase_range(Family::events, event_key(index, begin), event_key(index, kept));
  std::string value;
  ByteWriter(value).integer(kept);
  batch.put(Family::meta, begin_key(index), value);
}

void EventLog::publish(std::uint32_t index) {
  const Partition& partition = partitions_[index];
  const std::uint64_t first = partition.closed.empty() ? partition.open.first : partition.closed.front().first;
  published_[index].newest.store(partition.newest.ticks, std::memory_order_release);
  published_[index].bytes.store(partition.closed_bytes + partition.open.bytes, std::memory_order_relaxed);
  published_[index].next.store(partition.next, std::memory_order_release);
  published_[index].first.store(first, std::memory_order_release);
}

std::vector<EventRange> EventLog::ranges() const {
  std::vector<EventRange> ranges;
  ranges.reserve(published_.size());
  for (const Published& published : published_) {
    const std::uint64_t first = published.first.load(std::memory_order_acquire);
    ranges.push_back({first, published.next.load(std::memory_order_acquire)});
  }
  return ranges;
}

std::uint64_t EventLog::bytes() const {
  std::uint64_t sum = 0;
  for (const Published& published : published_) sum += published.bytes.load(std::memory_order_relaxed);
  return sum;
}

void EventLog::settled() {
  for (const Undo& undo : undo_) publish(undo.partition);
  undo_.clear();
}

void EventLog::failed() {
  for (const Undo& undo : undo_) {
    Partition& partition = partitions_[undo.partition];
    partition.closed.insert(partition.closed.begin(), undo.dropped.begin(), undo.dropped.end());
    partition.closed.resize(undo.closed_count);
    partition.closed_bytes = 0;
    for (const Segment& segment : partition.closed) partition.closed_bytes += segment.bytes;
    partition.next = undo.next;
    partition.newest = undo.newest;
    partition.open = undo.open;
  }
  undo_.clear();
}

Result<void> EventLog::read(std::uint32_t partition, std::uint64_t sequence_number,
                            const std::function<bool(const StoredEvent&)>& visit) const {
  const Reading reading(engine_);
  const auto blocks = reading.cursor(Family::events);
  // The block that holds the number may begin before it.
  blocks->seek_at_or_before(event_key(partition, sequence_number));
  const auto before = blocks->valid() ? parse_event_key(blocks->key()) : std::nullopt;
  if (!before || before->partition != partition) blocks->seek(event_key(partition, sequence_number));
  for (; blocks->valid(); blocks->next()) {
    const auto key = parse_event_key(blocks->key());
    if (!key || key->partition != partition) break;
    const auto block = read_block(blocks->value());
    if (!block) return bad_block(partition, key->sequence_number);
    const std::uint64_t begin = key->sequence_number;
    const auto visited = visit_events(*block, sequence_number - std::min(begin, sequence_number),
                                      [&](std::uint32_t index, Event&& event) {
                                        return visit({begin + index, std::move(event), block->written});
                                      });
    if (!visited) return bad_block(partition, begin);
    if (!*visited) return {};
  }
  return blocks->status();
}

/// The markers tell which segment; its blocks tell the rest.
Result<std::uint64_t> EventLog::find(std::uint32_t partition, Timestamp since) const {
  assert(partition < partitions_.size());
  const Reading reading(engine_);
  const EventRange range = ranges()[partition];
  std::uint64_t from = range.first;
  const std::string last_marker = segment_key(partition, std::numeric_limits<std::uint64_t>::max());
  const auto markers = reading.cursor(Family::meta);
  for (markers->seek(segment_key(partition, from)); markers->valid() && markers->key() <= last_marker;
       markers->next()) {
    ByteReader reader(markers->value());
    reader.integer<std::uint64_t>();
    const Timestamp newest{reader.integer<std::uint64_t>()};
    const auto end = reader.integer<std::uint64_t>();
    if (!reader.ok()) return bad_block(partition, from);
    if (newest >= since) break;
    from = end;
  }
  if (const auto status = markers->status(); !status) return status.error();
  const auto blocks = reading.cursor(Family::events);
  for (blocks->seek(event_key(partition, from)); blocks->valid(); blocks->next()) {
    const auto key = parse_event_key(blocks->key());
    if (!key || key->partition != partition) break;
    const auto block = read_block(blocks->value());
    if (!block) return bad_block(partition, key->sequence_number);
    if (block->written >= since) return key->sequence_number;
  }
  if (const auto status = blocks->status(); !status) return status.error();
  return range.next;
}

}  // namespace twinhub::storage

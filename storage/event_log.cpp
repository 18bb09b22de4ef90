#include "storage/event_log.hpp"

#include "storage/bytes.hpp"
#include "storage/event_record.hpp"
#include "storage/keys.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace twinhub::storage {
namespace {

constexpr std::uint8_t block_format = 1;
// A segment is what retention drops at once: a small part of what is kept, and never so small that markers cost more
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

struct BlockHeader {
  std::uint32_t count = 0;
  Timestamp written;
  std::string_view events;
};

std::optional<BlockHeader> read_header(std::string_view block) {
  ByteReader reader(block);
  if (reader.integer<std::uint8_t>() != block_format) return std::nullopt;
  BlockHeader header;
  header.count = reader.integer<std::uint32_t>();
  header.written.ticks = reader.integer<std::uint64_t>();
  header.events = reader.view(reader.left());
  if (!reader.ok()) return std::nullopt;
  return header;
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

EventLog::EventLog(const Database& database, const StoreOptions& options)
    : database_(database),
      retention_bytes_(options.event_retention_bytes / std::max(1U, options.event_partitions)),
      retention_ticks_(static_cast<std::uint64_t>(options.event_retention_age.count()) * ticks_per_second),
      segment_bytes_(std::clamp(retention_bytes_ / segments_kept, segment_bytes_min, segment_bytes_max)),
      segment_ticks_(retention_ticks_ / segments_kept),
      partitions_(std::max(1U, options.event_partitions)),
      published_(partitions_.size()) {}

Result<void> EventLog::recover() {
  undo_.clear();
  for (std::uint32_t i = 0; i < partitions_.size(); ++i) {
    if (auto recovered = recover_partition(i); !recovered) return recovered;
    publish(i);
  }
  return {};
}

Result<void> EventLog::recover_partition(std::uint32_t index) {
  Partition& partition = partitions_[index];
  partition = Partition{};
  // Numbers go on after everything was dropped.
  rocksdb::PinnableSlice begin;
  const auto status = database_.engine()->Get({}, database_.family(Family::meta), begin_key(index), &begin);
  if (!status.ok() && !status.IsNotFound()) return engine_error(status);
  if (status.ok()) {
    ByteReader reader(view(begin));
    partition.next = reader.integer<std::uint64_t>();
    if (!reader.ok()) return bad_block(index, 0);
  }
  if (auto closed = recover_closed(index); !closed) return closed;
  return recover_open(index);
}

Result<void> EventLog::recover_closed(std::uint32_t index) {
  Partition& partition = partitions_[index];
  const std::string first_marker = segment_key(index, 0);
  const std::string last_marker = segment_key(index, std::numeric_limits<std::uint64_t>::max());
  const std::unique_ptr<rocksdb::Iterator> markers(database_.engine()->NewIterator({}, database_.family(Family::meta)));
  for (markers->Seek(first_marker); markers->Valid() && markers->key().compare(last_marker) <= 0; markers->Next()) {
    const auto key = parse_event_key(view(markers->key()).substr(segment_prefix.size()));
    ByteReader reader(view(markers->value()));
    Segment segment;
    segment.bytes = reader.integer<std::uint64_t>();
    segment.newest.ticks = reader.integer<std::uint64_t>();
    const auto end = reader.integer<std::uint64_t>();
    if (!key || !reader.ok()) return bad_block(index, key ? key->sequence_number : 0);
    segment.first = key->sequence_number;
    partition.closed.push_back(segment);
    partition.next = end;
  }
  if (!markers->status().ok()) return engine_error(markers->status());
  return {};
}

/// The blocks behind the last marker.
Result<void> EventLog::recover_open(std::uint32_t index) {
  Partition& partition = partitions_[index];
  partition.open.first = partition.next;
  const std::unique_ptr<rocksdb::Iterator> blocks(
      database_.engine()->NewIterator({}, database_.family(Family::events)));
  for (blocks->Seek(event_key(index, partition.next)); blocks->Valid(); blocks->Next()) {
    const auto key = parse_event_key(view(blocks->key()));
    if (!key || key->partition != index) break;
    const auto header = read_header(view(blocks->value()));
    if (!header) return bad_block(index, key->sequence_number);
    partition.next = key->sequence_number + header->count;
    if (partition.open.bytes == 0) partition.open.oldest = header->written;
    partition.open.bytes += blocks->value().size();
    partition.open.newest = header->written;
  }
  if (!blocks->status().ok()) return engine_error(blocks->status());
  return {};
}

void EventLog::append(const std::vector<Gathered>& per_partition, Timestamp now, rocksdb::WriteBatch& batch) {
  undo_.clear();
  // A clock that was set back must not stop retention until it has caught up.
  const bool retention_due = now >= next_retention_ || now.ticks + retention_interval_ticks < next_retention_.ticks;
  for (std::uint32_t i = 0; i < partitions_.size(); ++i) {
    const bool has_events = i < per_partition.size() && !per_partition[i].empty();
    if (!has_events && !retention_due) continue;
    const Partition& partition = partitions_[i];
    undo_.push_back({i, partition.next, partition.open, partition.closed.size(), {}});
    if (has_events) {
      for (const Gathered::Piece& piece : per_partition[i].pieces) append_block(i, piece, now, batch);
    }
    if (retention_due) drop_old(i, now, batch, undo_.back().dropped);
  }
  if (retention_due) next_retention_.ticks = now.ticks + retention_interval_ticks;
}

void EventLog::append_block(std::uint32_t index, const Gathered::Piece& piece, Timestamp now,
                            rocksdb::WriteBatch& batch) {
  Partition& partition = partitions_[index];
  // A segment goes when its newest event is too old: it must not grow for long.
  if (partition.open.bytes > 0 && now.ticks >= partition.open.oldest.ticks + segment_ticks_)
    close_segment(index, batch);
  std::string header;  // short enough to need no memory of its own
  ByteWriter writer(header);
  writer.integer(block_format);
  writer.integer(piece.count);
  writer.integer(now.ticks);
  const std::string key_bytes = event_key(index, partition.next);
  const rocksdb::Slice key(key_bytes);
  const std::array<rocksdb::Slice, 2> block{rocksdb::Slice(header), rocksdb::Slice(piece.bytes)};
  batch.Put(database_.family(Family::events), rocksdb::SliceParts(&key, 1), rocksdb::SliceParts(block.data(), 2));
  partition.next += piece.count;
  if (partition.open.bytes == 0) partition.open.oldest = now;
  partition.open.bytes += header.size() + piece.bytes.size();
  partition.open.newest = now;
  if (partition.open.bytes >= segment_bytes_) close_segment(index, batch);
}

void EventLog::close_segment(std::uint32_t index, rocksdb::WriteBatch& batch) {
  Partition& partition = partitions_[index];
  std::string marker;
  ByteWriter writer(marker);
  writer.integer(partition.open.bytes);
  writer.integer(partition.open.newest.ticks);
  writer.integer(partition.next);
  batch.Put(database_.family(Family::meta), segment_key(index, partition.open.first), marker);
  partition.closed.push_back(partition.open);
  partition.open = Segment{};
  partition.open.first = partition.next;
}

void EventLog::drop_old(std::uint32_t index, Timestamp now, rocksdb::WriteBatch& batch, std::vector<Segment>& dropped) {
  Partition& partition = partitions_[index];
  const auto too_old = [&](const Segment& segment) { return segment.newest.ticks + retention_ticks_ < now.ticks; };
  std::uint64_t total = partition.open.bytes;
  for (const Segment& segment : partition.closed) total += segment.bytes;
  const std::uint64_t begin = partition.closed.empty() ? partition.open.first : partition.closed.front().first;
  while (!partition.closed.empty() && (too_old(partition.closed.front()) || total > retention_bytes_)) {
    const Segment& oldest = partition.closed.front();
    batch.Delete(database_.family(Family::meta), segment_key(index, oldest.first));
    total -= oldest.bytes;
    dropped.push_back(oldest);
    partition.closed.pop_front();
  }
  if (partition.closed.empty() && partition.open.bytes > 0 && too_old(partition.open)) {
    partition.open = Segment{};
    partition.open.first = partition.next;
  }
  const std::uint64_t kept = partition.closed.empty() ? partition.open.first : partition.closed.front().first;
  if (kept == begin) return;
  batch.DeleteRange(database_.family(Family::events), event_key(index, begin), event_key(index, kept));
  std::string value;
  ByteWriter(value).integer(kept);
  batch.Put(database_.family(Family::meta), begin_key(index), value);
}

void EventLog::publish(std::uint32_t index) {
  const Partition& partition = partitions_[index];
  const std::uint64_t first = partition.closed.empty() ? partition.open.first : partition.closed.front().first;
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

void EventLog::settled() {
  for (const Undo& undo : undo_) publish(undo.partition);
  undo_.clear();
}

void EventLog::failed() {
  for (const Undo& undo : undo_) {
    Partition& partition = partitions_[undo.partition];
    partition.closed.insert(partition.closed.begin(), undo.dropped.begin(), undo.dropped.end());
    partition.closed.resize(undo.closed_count);
    partition.next = undo.next;
    partition.open = undo.open;
  }
  undo_.clear();
}

Result<void> EventLog::read(std::uint32_t partition, std::uint64_t sequence_number,
                            const std::function<bool(const StoredEvent&)>& visit) const {
  const Reading reading(database_);
  if (!reading) return closed_error();
  const std::unique_ptr<rocksdb::Iterator> blocks(
      database_.engine()->NewIterator({}, database_.family(Family::events)));
  // The block that holds the number may begin before it.
  blocks->SeekForPrev(event_key(partition, sequence_number));
  const auto before = blocks->Valid() ? parse_event_key(view(blocks->key())) : std::nullopt;
  if (!before || before->partition != partition) blocks->Seek(event_key(partition, sequence_number));
  for (; blocks->Valid(); blocks->Next()) {
    const auto key = parse_event_key(view(blocks->key()));
    if (!key || key->partition != partition) break;
    const auto header = read_header(view(blocks->value()));
    if (!header) return bad_block(partition, key->sequence_number);
    std::string_view rest = header->events;
    for (std::uint32_t i = 0; i < header->count; ++i) {
      if (key->sequence_number + i < sequence_number) {
        if (!skip_event(rest)) return bad_block(partition, key->sequence_number);
        continue;
      }
      auto event = decode_event(rest);
      if (!event) return bad_block(partition, key->sequence_number);
      if (!visit({key->sequence_number + i, std::move(*event)})) return {};
    }
    if (!rest.empty()) return bad_block(partition, key->sequence_number);
  }
  if (!blocks->status().ok()) return engine_error(blocks->status());
  return {};
}

/// The markers tell which segment; its blocks tell the rest.
Result<std::uint64_t> EventLog::find(std::uint32_t partition, Timestamp since) const {
  const Reading reading(database_);
  if (!reading) return closed_error();
  const EventRange range = ranges()[partition];
  std::uint64_t from = range.first;
  const std::string last_marker = segment_key(partition, std::numeric_limits<std::uint64_t>::max());
  const std::unique_ptr<rocksdb::Iterator> markers(database_.engine()->NewIterator({}, database_.family(Family::meta)));
  for (markers->Seek(segment_key(partition, from)); markers->Valid() && markers->key().compare(last_marker) <= 0;
       markers->Next()) {
    ByteReader reader(view(markers->value()));
    reader.integer<std::uint64_t>();
    const Timestamp newest{reader.integer<std::uint64_t>()};
    const auto end = reader.integer<std::uint64_t>();
    if (!reader.ok()) return bad_block(partition, from);
    if (newest >= since) break;
    from = end;
  }
  if (!markers->status().ok()) return engine_error(markers->status());
  const std::unique_ptr<rocksdb::Iterator> blocks(
      database_.engine()->NewIterator({}, database_.family(Family::events)));
  for (blocks->Seek(event_key(partition, from)); blocks->Valid(); blocks->Next()) {
    const auto key = parse_event_key(view(blocks->key()));
    if (!key || key->partition != partition) break;
    const auto header = read_header(view(blocks->value()));
    if (!header) return bad_block(partition, key->sequence_number);
    if (header->written >= since) return key->sequence_number;
  }
  if (!blocks->status().ok()) return engine_error(blocks->status());
  return range.next;
}

}  // namespace twinhub::storage

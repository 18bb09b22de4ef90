#include "server/events/event_tail.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace twinhub::events {
namespace {

constexpr std::size_t read_bytes_max = 256U << 10;
constexpr std::size_t scan_events_max = 2000;  // of one partition and call: a filter that matches nothing yields too

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Error refused(const std::string& what) { return fail(Errc::argument_invalid, what); }

/// "12,7,0,4", one for each partition; a single number stands for all.
std::optional<std::vector<std::uint64_t>> parse_positions(std::string_view text, std::size_t partitions) {
  std::vector<std::uint64_t> positions;
  for (const std::string_view part : split(text, ',')) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (error != std::errc{} || end != part.data() + part.size()) return std::nullopt;
    positions.push_back(number);
  }
  if (positions.size() == 1) positions.resize(partitions, positions.front());
  if (positions.size() != partitions) return std::nullopt;
  return positions;
}

/// "2026-11-23T05:40:00Z", with or without fraction; UTC.
std::optional<Timestamp> parse_time(const std::string& text) {
  std::tm date{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &date);
  if (rest == nullptr) return std::nullopt;
  std::uint32_t nanoseconds = 0;
  if (*rest == '.') {
    ++rest;
    for (std::uint32_t digit = 100'000'000; *rest >= '0' && *rest <= '9'; ++rest, digit /= 10)
      nanoseconds += digit * static_cast<std::uint32_t>(*rest - '0');
  }
  if (*rest == 'Z') ++rest;
  if (*rest != '\0') return std::nullopt;
  return timestamp_from_unix(::timegm(&date), nanoseconds);
}

}  // namespace

Result<EventTail::Filter> EventTail::parse_query(std::string_view query) {
  Filter filter;
  if (query.empty()) return filter;
  for (const std::string_view pair : split(query, '&')) {
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view name = pair.substr(0, equals);
    const std::string value = iothub::percent_decode(pair.substr(std::min(equals + 1, pair.size())));
    if (name == "device") {
      filter.device = value;
    } else if (name == "from") {
      filter.from = value;
    } else if (name == "source") {
      for (const std::string_view part : split(value, ',')) {
        const auto source = source_of(part);
        if (!source) {
          return refused("there is no source '" + std::string(part) +
                         "'; there are DeviceMessages, TwinChangeEvents, DeviceLifecycleEvents, "
                         "DeviceConnectionStateEvents");
        }
        filter.sources.push_back(*source);
      }
    } else {
      return refused("there is no filter '" + std::string(name) + "'; there are device, source, from");
    }
  }
  return filter;
}

Result<EventTail> EventTail::open(storage::Store& store, const std::string& hub_name, Filter filter) {
  EventTail tail(store, hub_name, std::move(filter));
  if (const auto placed = tail.place(); !placed) return placed.error();
  return tail;
}

Result<void> EventTail::place() {
  const auto ranges = store_->event_ranges();
  if (filter_.from == "now" || filter_.from == "start") {
    for (const auto& range : ranges) positions_.push_back(filter_.from == "now" ? range.next : range.first);
    return {};
  }
  if (auto positions = parse_positions(filter_.from, ranges.size())) {
    positions_ = std::move(*positions);
    for (std::uint32_t i = 0; i < ranges.size(); ++i) {
      if (positions_[i] < ranges[i].first) gaps_.push_back({i, positions_[i], ranges[i].first});
      positions_[i] = std::clamp(positions_[i], ranges[i].first, ranges[i].next);
    }
    return {};
  }
  const auto since = parse_time(filter_.from);
  if (!since) {
    return refused("from is now, start, " + std::to_string(ranges.size()) +
                   " sequence numbers (as in `id`), one for all, or a time such as 2026-11-23T05:40:00Z");
  }
  for (std::uint32_t i = 0; i < ranges.size(); ++i) {
    const auto found = first_since(i, *since);
    if (!found) return found.error();
    positions_.push_back(*found);
  }
  return {};
}

/// The store knows the block; the positions that a client is told have to leave out what is older within it, too.
Result<std::uint64_t> EventTail::first_since(std::uint32_t partition, Timestamp since) const {
  auto found = store_->find_events_since(partition, since);
  if (!found) return found;
  std::uint64_t position = *found;
  const auto read = store_->read_events(partition, position, [&](const storage::StoredEvent& stored) {
    if (stored.event.enqueued >= since) return false;
    position = stored.sequence_number + 1;
    return true;
  });
  if (!read) return read.error();
  return position;
}

Result<bool> EventTail::read(std::string& out) {
  if (!begun_) {
    out += "id: " + positions();
    out += "\n\n";
    begun_ = true;
  }
  bool more = false;
  for (std::uint32_t i = 0; i < positions_.size(); ++i) {
    const auto partition_more = read_partition(i, out, read_bytes_max / positions_.size());
    if (!partition_more) return partition_more;
    more = more || *partition_more;
  }
  return more;
}

Result<bool> EventTail::read_partition(std::uint32_t partition, std::string& out, std::size_t bytes_max) {
  const auto range = store_->event_ranges()[partition];
  std::uint64_t& position = positions_[partition];
  if (position >= range.next) return false;
  if (position < range.first) gaps_.push_back({partition, std::exchange(position, range.first), range.first});
  const std::size_t begin = out.size();
  std::size_t scanned = 0;
  const auto read = store_->read_events(partition, position, [&](const storage::StoredEvent& stored) {
    if (stored.sequence_number >= range.next) return false;
    position = stored.sequence_number + 1;
    if (wanted(stored.event)) append(out, {partition, stored.sequence_number, stored.event});
    return ++scanned < scan_events_max && out.size() - begin < bytes_max;
  });
  if (!read) return read.error();
  if (scanned == 0) position = range.next;  // retention took the rest meanwhile
  return position < range.next;
}

std::string EventTail::positions() const {
  std::string text;
  for (const std::uint64_t position : positions_) text += (text.empty() ? "" : ",") + std::to_string(position);
  return text;
}

bool EventTail::wanted(const storage::Event& event) const {
  if (!filter_.device.empty() && event.id.device != filter_.device) return false;
  return filter_.sources.empty() ||
         std::find(filter_.sources.begin(), filter_.sources.end(), event.source) != filter_.sources.end();
}

void EventTail::append(std::string& out, Outgoing outgoing) const {
  stamp_hub_name(outgoing.event, *hub_name_);
  out += "id: " + positions();
  out.append("\nevent: ").append(source_name(outgoing.event.source)).append("\ndata: ");
  append_json(out, outgoing);
  out += "\n\n";
}

}  // namespace twinhub::events

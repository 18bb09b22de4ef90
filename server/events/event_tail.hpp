// Looking into the event log while it grows: what GET /events shows, as server-sent events (WHATWG HTML, 9.2).
//
//   id: 12,7,0,4                   the next sequence number of each partition: `from` to go on behind this event
//   event: DeviceMessages
//   data: {"partition":0,...}      outgoing.hpp's JSON form
#pragma once

#include "protocol/error.hpp"
#include "server/events/outgoing.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::events {

/// One client's view. It keeps positions, no events: a slow client costs nothing. One thread.
class EventTail {
 public:
  struct Filter {
    std::string device;                         ///< "" = all
    std::vector<storage::EventSource> sources;  ///< empty = all
    std::string from = "now";                   ///< now, start, positions as in `id`, or an ISO 8601 time
  };
  /// Reads the query part of a request, e.g. "device=d&source=TwinChangeEvents&from=start". Errors: argument_invalid.
  [[nodiscard]] static Result<Filter> parse_query(std::string_view query);

  /// `store` and `hub_name` outlive it. Errors: argument_invalid for a `from` that is none; the store's.
  [[nodiscard]] static Result<EventTail> open(storage::Store& store, const std::string& hub_name, Filter filter);

  /// Appends what has come, a bounded piece of it: about 256 KiB at most, and one event more. True: there may be more
  /// at once. Errors: the store's.
  [[nodiscard]] Result<bool> read(std::string& out);

 private:
  EventTail(storage::Store& store, const std::string& hub_name, Filter filter)
      : store_(&store), hub_name_(&hub_name), filter_(std::move(filter)) {}
  [[nodiscard]] Result<void> place();
  [[nodiscard]] Result<bool> read_partition(std::uint32_t partition, std::string& out, std::size_t bytes_max);
  [[nodiscard]] bool wanted(const storage::Event& event) const;
  void append(std::string& out, Outgoing outgoing) const;

  storage::Store* store_;
  const std::string* hub_name_;
  Filter filter_;
  std::optional<Timestamp> since_;
  std::vector<std::uint64_t> positions_;
};

}  // namespace twinhub::events

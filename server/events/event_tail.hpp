// Looking into the event log while it grows: what GET /events shows, as server-sent events (WHATWG HTML, 9.2).
//
//   id: 12,7,0,4                   the next sequence number of each partition: `from` to go on behind this event; the stream
//                                  begins with one by itself, so that a client knows where it is before any event came
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
#include <utility>
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

  /// Appends what has come, at first where the stream begins; a bounded piece of it: about 256 KiB at most, and one event
  /// more. True: there may be more at once. Errors: the store's.
  [[nodiscard]] Result<bool> read(std::string& out);

  /// As an event's `id`: where the next read goes on.
  [[nodiscard]] std::string positions() const;
  /// Events that retention took before they were read: sequence numbers `from` to before `to`.
  struct Gap {
    std::uint32_t partition = 0;
    std::uint64_t from = 0;
    std::uint64_t to = 0;
  };
  /// Those met since the last call.
  [[nodiscard]] std::vector<Gap> take_gaps() { return std::exchange(gaps_, {}); }

 private:
  EventTail(storage::Store& store, const std::string& hub_name, Filter filter)
      : store_(&store), hub_name_(&hub_name), filter_(std::move(filter)) {}
  [[nodiscard]] Result<void> place();
  [[nodiscard]] Result<std::uint64_t> first_since(std::uint32_t partition, Timestamp since) const;
  [[nodiscard]] Result<bool> read_partition(std::uint32_t partition, std::string& out, std::size_t bytes_max);
  [[nodiscard]] bool wanted(const storage::Event& event) const;
  void append(std::string& out, Outgoing outgoing) const;

  storage::Store* store_;
  const std::string* hub_name_;
  Filter filter_;
  std::vector<std::uint64_t> positions_;
  bool begun_ = false;  ///< the stream has said where it begins
  std::vector<Gap> gaps_;
};

}  // namespace twinhub::events

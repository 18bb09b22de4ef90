// A stored block of the event log: the events of one commit cycle and partition, one behind the other (FORMAT.md,
// "Event log").
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "storage/format/event.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::storage {

struct EventBlock {
  std::uint32_t count = 0;
  Timestamp written;
  std::string_view events;  ///< encoded, see event_record.hpp
};

/// Appends what stands before the events.
void append_block_header(std::string& out, std::uint32_t count, Timestamp written);
/// nullopt: `bytes` do not begin with a block's header. The events are not looked at.
[[nodiscard]] std::optional<EventBlock> read_block(std::string_view bytes);

/// Calls visit(index, event) for the events from `first` on, until it returns false: so does this. Errors: server_error
/// for bytes that are not the events of such a block; those before were visited.
[[nodiscard]] Result<bool> visit_events(const EventBlock& block, std::uint64_t first,
                                        const std::function<bool(std::uint32_t, Event&&)>& visit);

}  // namespace twinhub::storage

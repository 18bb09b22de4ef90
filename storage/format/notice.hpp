// The properties that the hub's own events carry: all of them follow from what happened, to whom and when.
// Source: azure-docs iot-hub-non-telemetry-event-schema.
#pragma once

#include "storage/format/event.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace twinhub::storage {

/// Sets source, id, enqueued and both lists of properties. `operation`: opType; `at`: when it happened, `now`: when it
/// was told.
[[nodiscard]] Event make_notice(EventSource source, IdentityId id, std::string_view operation, Timestamp at,
                                Timestamp now);

/// The body of a connection-state event. `sequence`: ticks, which only grow.
[[nodiscard]] std::string connection_state_body(std::uint64_t sequence);

}  // namespace twinhub::storage

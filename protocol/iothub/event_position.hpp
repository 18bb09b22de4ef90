// Where a reader of the Event Hubs-compatible endpoint begins, as clients write it into the filter of their link:
//
//   amqp.annotation.x-opt-offset > '41'           behind the event with that offset; -1: at the oldest one kept
//   amqp.annotation.x-opt-offset > '@latest'      behind the newest one
//   amqp.annotation.x-opt-sequence-number >= 42   at the event with that number
//   amqp.annotation.x-opt-enqueued-time > '1600000000000'  later than that, in milliseconds since 1970
//
// Source: azure-sdk-for-js event-hubs eventPosition.ts; azure-iot-cli-extension azext_iot/monitor/builders.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace twinhub::iothub {

struct EventPosition {
  enum class By : std::uint8_t { start, latest, offset, sequence_number, enqueued_time };
  By by = By::start;
  /// An offset, a sequence number or milliseconds; one that is too large for 64 bits is INT64_MAX.
  std::int64_t value = 0;
  bool inclusive = false;  ///< `>=`
};

/// nullopt: the text is no such filter. -1, and any number below 0, is the start.
[[nodiscard]] std::optional<EventPosition> parse_event_position(std::string_view filter);

}  // namespace twinhub::iothub

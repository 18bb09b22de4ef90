// One entry of the event log, as a back end reads it.
// Source: azure-docs iot-hub-devguide-messages-construct, iot-hub-devguide-messages-d2c (message sources).
#pragma once

#include "protocol/ids.hpp"
#include "protocol/iothub/property_bag.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace twinhub::storage {

/// Stored on disk (FORMAT.md): never renumber.
enum class EventSource : std::uint8_t { telemetry = 0, twin_change = 1, device_lifecycle = 2, connection_state = 3 };
inline constexpr std::size_t event_source_count = 4;

struct Event {
  EventSource source = EventSource::telemetry;
  IdentityId id;                              ///< of whom it tells; the device chooses the partition
  Timestamp enqueued;                         ///< iothub-enqueuedtime
  std::vector<iothub::Property> system;       ///< by their back-end names, e.g. "content-type"
  std::vector<iothub::Property> application;  ///< as sent
  std::string body;
};

/// An event as read back.
struct StoredEvent {
  std::uint64_t sequence_number = 0;  ///< from 0, without gaps, per partition
  Event event;
  Timestamp appended = {};  ///< when the log took it, one time for a commit cycle: it never goes back in a partition
};

/// The durable events of one partition.
struct EventRange {
  std::uint64_t first = 0;  ///< sequence number of the oldest event kept
  std::uint64_t next = 0;   ///< of the event to come; == first: nothing is kept

  bool operator==(const EventRange&) const = default;
};

}  // namespace twinhub::storage

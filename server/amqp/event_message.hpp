// An event of the log as readers of the Event Hubs-compatible endpoint get it.
//
//   delivery-annotations    of readers that asked for the partition's figures
//   message-annotations     x-opt-sequence-number, x-opt-offset, x-opt-enqueued-time, iothub-..
//   properties              as the sender set them
//   application-properties  the sender's, enrichments, what the hub says in its own events
//   data                    the body, as it came
//
// Source: azure-docs iot-hub-devguide-messages-construct, iot-hub-devguide-messages-read-builtin; azure-sdk-for-js
// event-hubs eventData.ts; azure-iot-cli-extension azext_iot/monitor/parsers/common_parser.py.
#pragma once

#include "protocol/ids.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <string>

namespace twinhub::amqp_door {

/// Appends everything but the delivery-annotations: they stand before it. Any thread.
void append_event(std::string& out, const storage::StoredEvent& stored);

/// Of a partition, for readers with the capability com.microsoft:enable-receiver-runtime-metric.
struct PartitionFigures {
  std::int64_t last_sequence_number = -1;  ///< -1: nothing was ever written
  Timestamp last_enqueued = {};
  Timestamp retrieved = {};
};
/// Appends the delivery-annotations.
void append_partition_figures(std::string& out, const PartitionFigures& figures);

}  // namespace twinhub::amqp_door

// Device-to-cloud messages on their way into the event log.
// Source: azure-docs iot-hub-devguide-messages-construct; iot-mqtt-connect-to-iot-hub ("Sending device-to-cloud
// messages").
#pragma once

#include "server/base/clock.hpp"
#include "server/base/done.hpp"
#include "server/hub/connections/device_login.hpp"
#include "server/hub/connections/presence.hpp"
#include "storage/store.hpp"

#include <cstddef>
#include <string_view>
#include <vector>

namespace twinhub::hub {

/// 256 KiB: body, system property values, application property names and values.
inline constexpr std::size_t telemetry_bytes_max = 256 * 1024;

/// How the message came, for the properties that the hub adds.
struct TelemetryMessage {
  std::string_view property_bag = {};
  std::string_view body = {};
  bool retain = false;             ///< adds mqtt-retain=true
  bool dup = false;                ///< adds mqtt-dup=true
  bool is_will = false;            ///< adds iothub-MessageType=Will
  std::string_view model_id = {};  ///< dt-dataschema, "" = none
};

/// Any thread.
class Telemetry {
 public:
  Telemetry(storage::Store& store, const Clock& clock, Presence& presence);

  /// `done` runs once the message is in the log durably. Errors: message_too_large,
  /// argument_invalid (a message-id of more than 128 characters), service_unavailable.
  void ingest(const DeviceLogin& login, const TelemetryMessage& message, Done<void> done);
  /// A batch: nothing of it is kept when one message breaks a rule, and `done` runs once all of it is durable. A store
  /// that fails in between may have kept some. REQUIRES: `messages` is not empty.
  void ingest_batch(const DeviceLogin& login, const std::vector<TelemetryMessage>& messages, Done<void> done);

 private:
  void append(const DeviceLogin& login, const TelemetryMessage& message, storage::OnDurable on_durable);

  storage::Store& store_;
  const Clock& clock_;
  Presence& presence_;
};

}  // namespace twinhub::hub

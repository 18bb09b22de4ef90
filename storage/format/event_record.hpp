// How an event becomes bytes of the event log, and back (FORMAT.md, "Event log").
//
// Writers hand over only what cannot be derived: who, when, and what was sent or changed. The properties and the body
// that back ends see are made when the event is read.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/iothub/telemetry_properties.hpp"
#include "protocol/twin/change_notice.hpp"
#include "storage/format/event.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace twinhub::storage {

/// An event as the log takes it, made by one of the functions below.
struct EncodedEvent {
  std::uint64_t device_hash = 0;  ///< chooses the partition
  std::string bytes;
  EventSource source = EventSource::telemetry;  ///< for the metrics page
};

/// A device-to-cloud message on its way into the log. Views: what they look at must outlive the call that takes it.
struct TelemetryDraft {
  std::string_view device = {};
  std::string_view module = {};           ///< "" = from the device itself
  Timestamp enqueued = {};                ///< iothub-enqueuedtime
  iothub::AuthMethod authenticated = {};  ///< iothub-connection-auth-method
  std::string_view generation_id = {};    ///< iothub-connection-auth-generation-id
  std::string_view model_id = {};         ///< dt-dataschema, "" = none
  bool retain = false;                    ///< mqtt-retain=true
  bool dup = false;                       ///< mqtt-dup=true
  bool is_will = false;                   ///< iothub-MessageType=Will
  std::string_view property_bag = {};     ///< as on the topic, percent-encoded
  std::string_view body = {};
};

/// FNV-1a, 64 bit: it must not change with the standard library.
[[nodiscard]] std::uint64_t device_hash(std::string_view device);

/// The record has no more bytes than this.
[[nodiscard]] std::size_t bytes_at_most(const TelemetryDraft& telemetry);
/// Appends the bytes that decode_event() reads.
void encode(std::string& out, const TelemetryDraft& telemetry);
[[nodiscard]] EncodedEvent encode(const TelemetryDraft& telemetry);

// Each is told at `now`.
/// opType updateTwin.
[[nodiscard]] EncodedEvent twin_changed_event(const IdentityId& id, const twin::Change& change, Timestamp now);
/// opType replaceTwin. `body`: twin::replacement_notice().
[[nodiscard]] EncodedEvent twin_replaced_event(const IdentityId& id, std::string_view body, Timestamp now);
// `body`: twin::lifecycle_notice(), "" = that of an identity with an empty twin and no scope.
/// opType createDeviceIdentity.
[[nodiscard]] EncodedEvent identity_created_event(const IdentityId& id, Timestamp now, std::string_view body = {});
/// opType deleteDeviceIdentity.
[[nodiscard]] EncodedEvent identity_deleted_event(const IdentityId& id, Timestamp now, std::string_view body = {});
/// opType deviceConnected or deviceDisconnected. `at`: when it happened; `sequence` is shown in the body.
[[nodiscard]] EncodedEvent connection_state_event(const IdentityId& id, bool connected, std::uint64_t sequence,
                                                  Timestamp at, Timestamp now);

/// Reads one event off the front of `bytes`. Errors: server_error for bytes that are no such record.
[[nodiscard]] Result<Event> decode_event(std::string_view& bytes);
/// Takes one event off the front of `bytes` without making it. Errors as decode_event().
[[nodiscard]] Result<void> skip_event(std::string_view& bytes);

}  // namespace twinhub::storage

// One event on its way out: what is stored, and what every event of this hub carries beside it. And the one JSON form
// that files, streams and envelopes share.
//
//   {"partition":0,"sequenceNumber":7,"source":"DeviceMessages","deviceId":"d","enqueuedTime":"2026-11-23T05:40:00Z",
//    "systemProperties":{"content-type":"application/json",...},"properties":{"level":"high"},"body":{"t":21}}
//
// A body that says it is JSON and is, stands as JSON; other UTF-8 as a string; anything else as "bodyBase64".
#pragma once

#include "storage/format/event.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::events {

struct Outgoing {
  std::uint32_t partition = 0;
  std::uint64_t sequence_number = 0;
  storage::Event event;
};

/// As routes name it: DeviceMessages, TwinChangeEvents, DeviceLifecycleEvents, DeviceConnectionStateEvents.
[[nodiscard]] std::string_view source_name(storage::EventSource source);
/// Ignores case.
[[nodiscard]] std::optional<storage::EventSource> source_of(std::string_view name);

/// The value of a system property by its stored name, e.g. "content-type". A property without value counts as "".
[[nodiscard]] std::optional<std::string_view> system_property(const storage::Event& event, std::string_view name);

/// Adds what every event of the hub carries: application property hubName and system property user-id, on all but
/// device messages. Source: azure-docs iot-hub-non-telemetry-event-schema.
void stamp_hub_name(storage::Event& event, const std::string& hub_name);

/// "devices/d" or "devices/d/modules/m".
[[nodiscard]] std::string subject_of(const IdentityId& id);

// Pieces of JSON, for every form that shows an event. Bytes that are not UTF-8 become U+FFFD in names and values.
void append_text(std::string& out, std::string_view bytes);
void append_properties(std::string& out, const std::vector<iothub::Property>& properties);
/// Appends `"body":...` or `"bodyBase64":"..."`.
void append_body(std::string& out, const storage::Event& event);
/// True when content type and content say JSON; `text` is then its canonical form.
[[nodiscard]] bool json_body(const storage::Event& event, std::string& text);

/// The form above.
void append_json(std::string& out, const Outgoing& outgoing);

/// What it holds in memory, about.
[[nodiscard]] std::size_t bytes_of(const storage::Event& event);

}  // namespace twinhub::events

// What back ends are told of a twin's change: one event per accepted write, in the same atomic unit as the write. (Of
// identities and connections: storage/event_record.hpp.) Source: azure-docs iot-hub-non-telemetry-event-schema;
// iot-hub-devguide-device-twins ("Back-end operations").
//
// `hubName` and `user-id`, the same on every event of a hub, are added where events leave the hub.
#pragma once

#include "protocol/ids.hpp"
#include "protocol/json/document.hpp"
#include "protocol/twin/document.hpp"
#include "storage/event_record.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace twinhub::hub {

/// opType updateTwin, from a device's patch, whose canonical text is `patch`.
[[nodiscard]] storage::EncodedEvent reported_changed_event(const IdentityId& id, const twin::Twin& after,
                                                           std::string_view patch, Timestamp now);

/// opType updateTwin, from a service PATCH: `tags` is the body's member, `desired_delta` what the device is told;
/// either may be absent.
[[nodiscard]] storage::EncodedEvent twin_patched_event(const IdentityId& id, const twin::Twin& after,
                                                       const std::optional<json::Value>& tags,
                                                       const std::optional<std::string>& desired_delta, Timestamp now);
/// opType replaceTwin, from a service PUT: the whole twin.
[[nodiscard]] storage::EncodedEvent twin_replaced_event(const IdentityId& id, const twin::Twin& after, Timestamp now);

}  // namespace twinhub::hub

// What back ends are told of changes to identities, twins and connections: one event per accepted write, in the same
// atomic unit as the write. Source: azure-docs iot-hub-non-telemetry-event-schema; iot-hub-devguide-device-twins
// ("Back-end operations").
//
// `hubName` and `user-id`, the same on every event of a hub, are added where events leave the hub.
#pragma once

#include "protocol/ids.hpp"
#include "protocol/json/document.hpp"
#include "protocol/twin/document.hpp"
#include "storage/event.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace twinhub::hub {

/// opType createDeviceIdentity; modules too.
[[nodiscard]] storage::Event identity_created_event(const IdentityId& id, Timestamp now);
/// opType deleteDeviceIdentity; modules too.
[[nodiscard]] storage::Event identity_deleted_event(const IdentityId& id, Timestamp now);

/// The members that `section` (a patch or a delta) names and their "$metadata", without braces and without `$version`,
/// ready to be put into an event's body. `desired_version` is given for desired properties, whose metadata shows it.
[[nodiscard]] std::string changed_members(const json::Value& section, Timestamp now,
                                          std::optional<std::uint64_t> desired_version);

/// opType updateTwin, from a device's patch. `members` as changed_members() made them.
[[nodiscard]] storage::Event reported_changed_event(const IdentityId& id, const twin::Twin& after,
                                                    std::string_view members, Timestamp now);

/// opType updateTwin, from a service PATCH: `tags` is the body's member, `desired_delta` what the device is told;
/// either may be absent.
[[nodiscard]] storage::Event twin_patched_event(const IdentityId& id, const twin::Twin& after,
                                                const std::optional<json::Value>& tags,
                                                const std::optional<std::string>& desired_delta, Timestamp now);
/// opType replaceTwin, from a service PUT: the whole twin.
[[nodiscard]] storage::Event twin_replaced_event(const IdentityId& id, const twin::Twin& after, Timestamp now);

/// opType deviceConnected or deviceDisconnected, modules too. `sequence` orders all of a hub's connection events; `at`
/// is when it happened, which after a crash is not when it is told.
[[nodiscard]] storage::Event connection_state_event(const IdentityId& id, bool connected, std::uint64_t sequence,
                                                    Timestamp at, Timestamp now);

}  // namespace twinhub::hub

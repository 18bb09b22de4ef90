// The bodies of the events that tell back ends of changes to twins and identities, made when an event is read: as text
// they would be several times what a write changed. Source: azure-docs iot-hub-non-telemetry-event-schema;
// iot-hub-devguide-device-twins ("Back-end operations").
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/twin/document.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::twin {

/// The members that a write named in one section.
struct SectionChange {
  std::string_view text;      ///< canonical JSON object; the hub's own members in it are left out of the notice
  std::uint64_t version = 0;  ///< the section's `$version` after the write
};

/// The changes of an accepted PATCH. Holds views: the texts must outlive it.
struct Change {
  std::uint64_t version = 0;  ///< the twin's after the write
  std::string_view tags;      ///< canonical JSON as the write gave it, "" = none
  std::optional<SectionChange> desired;
  std::optional<SectionChange> reported;
};

/// Patch form: {"version":3,"properties":{"reported":{"a":1,"$metadata":{...},"$version":2}}}. All that the write named
/// carries its time `now`; what it removed (null) has no metadata any more. Only desired metadata shows versions.
/// Errors: those of json::parse for a section that is no JSON.
[[nodiscard]] Result<std::string> change_notice(const Change& change, Timestamp now);

/// The whole twin after a PUT.
[[nodiscard]] std::string replacement_notice(const IdentityId& id, const Twin& after);

/// The empty twin that an identity starts with; its times are the null date in both life-cycle events. `device_scope`:
/// the identity's place under an edge device, "" = none.
[[nodiscard]] std::string lifecycle_notice(const IdentityId& id, std::string_view device_scope = {});
/// The same of an identity that is created together with what its twin holds.
[[nodiscard]] std::string lifecycle_notice(const IdentityId& id, const Twin& twin, std::string_view device_scope);

}  // namespace twinhub::twin

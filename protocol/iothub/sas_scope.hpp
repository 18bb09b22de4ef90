// Which resources a token's `sr` opens. A policy token has one reading, so that nobody who may choose a device's name
// can have a token for one device open another.
// Source: azure-docs iot-hub-dev-guide-sas; the spellings of `sr` that SDKs send (azure-iot-sdk-c: unencoded;
// azure-iot-sdk-node: encoded twice).
#pragma once

#include "protocol/ids.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::iothub {

/// "/devices/d1" as {"devices", "d1"}; empty segments are left out.
using ResourcePath = std::vector<std::string>;
[[nodiscard]] ResourcePath resource_path(std::string_view path);
/// Of a device or module, e.g. {"devices", "d1", "modules", "m1"}.
[[nodiscard]] ResourcePath resource_path(const IdentityId& id);

/// What `resource`, an `sr` or the audience of one, says by itself: as it stands, or decoded where it has been encoded as
/// a whole; without scheme and host.
[[nodiscard]] ResourcePath path_named_by(std::string_view resource);
/// The identity that a path's first segments name; what may follow is the identity's, too.
[[nodiscard]] std::optional<IdentityId> identity_named_by(const ResourcePath& path);

/// True when a token signed with the identity's own key names exactly `id`. The key is proof enough of who is meant:
/// any reading of `sr` may match, decoded or not, in any case. A hub is reached under many names: its host is not
/// compared.
[[nodiscard]] bool names_identity(std::string_view resource, const IdentityId& id);
/// The same for the list of the device's modules.
[[nodiscard]] bool names_modules_of(std::string_view resource, const IdentityId& device);

/// True when a policy's token opens `wanted`: its `sr` is a prefix of it by whole segments. Devices and modules are
/// named literally, by what `sr` says when it is decoded once, or not at all where it has not been encoded. Another
/// reading of a name (decoded again, in another case) counts only where no identity bears the literal one, which
/// `exists` knows.
[[nodiscard]] bool policy_covers(std::string_view resource, const ResourcePath& wanted,
                                 const std::function<bool(const IdentityId&)>& exists);

}  // namespace twinhub::iothub

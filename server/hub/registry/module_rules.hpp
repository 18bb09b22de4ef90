// What holds between a device and its modules: how many there may be, and that none outlives its device.
// Source: azure-docs iot-hub-devguide-identity-registry ("modules").
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"
#include "storage/store.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace twinhub::hub {

[[nodiscard]] inline IdentityId device_of(const IdentityId& id) { return {id.device, ""}; }

/// The durable modules of a device, at most `limit`. Errors: service_unavailable.
[[nodiscard]] Result<std::vector<IdentityId>> modules_of(const storage::Store& store, const std::string& device,
                                                         std::size_t limit = iothub::modules_per_device_max);

/// Whether `device` may have the modules `wanted`; those that it has already take no more room. Counts durable modules
/// and `pending`, which are on their way (others' are passed over): a burst of creations at once may pass the limit by
/// its own length. Errors: too_many_modules_on_device, service_unavailable.
[[nodiscard]] Result<void> check_room_for_modules(const storage::Store& store, const std::string& device,
                                                  std::vector<IdentityId> wanted,
                                                  const std::vector<IdentityId>& pending = {});

/// A device may have been deleted between the look at it (`device`) and the creation of its `module`: such a module
/// goes as well.
void erase_if_orphan(storage::Store& store, const iothub::Identity& module, const iothub::Identity& device,
                     Timestamp now);

}  // namespace twinhub::hub

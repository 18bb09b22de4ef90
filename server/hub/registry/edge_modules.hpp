// The modules that the hub itself makes for an IoT Edge device, for its runtime to manage: $edgeAgent and $edgeHub come
// with the device, the others with a deployment that names them.
// Source: azure-docs iot-edge iot-edge-runtime; service API 2021-04-12 (401100 SystemModuleModifyUnauthorizedAccess).
#pragma once

#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"
#include "storage/store.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace twinhub::hub {

/// The identity of a module that an edge device is to have and the registry does not know: as IoT Hub makes it. `etag`:
/// see draw_etag().
[[nodiscard]] iothub::Identity edge_module_identity(const IdentityId& id, std::uint64_t etag, Timestamp now);

/// The modules that every edge device has.
inline constexpr std::array system_modules = {iothub::edge_agent, iothub::edge_hub};
/// Their etags: see draw_etag().
using SystemModuleEtags = std::array<std::uint64_t, system_modules.size()>;
/// Those that the edge device of `change` lacks come with it, in one unit: a crash leaves no edge device without them.
void put_system_modules(storage::EntityChange& change, const std::string& device, const SystemModuleEtags& etags,
                        Timestamp now);

}  // namespace twinhub::hub

// Shared access policies as Resource Manager shows and sets them.
#pragma once

#include "server/management/arm/arm_call.hpp"

#include <optional>
#include <string>
#include <vector>

namespace twinhub::management {

inline constexpr std::size_t policies_max = 32;
/// The policy that has every right. It stays: the hub's own tools log in by it.
inline constexpr std::string_view owner_policy = "iothubowner";

/// "RegistryWrite, ServiceConnect, DeviceConnect": joined by ", ", which clients split by. RegistryWrite implies
/// reading.
[[nodiscard]] std::string rights_text(hub::Right rights);

/// The whole new list, from `properties.authorizationPolicies`. A policy that comes without keys keeps those it has, or
/// gets new ones. Refused: names, keys and rights that are none, a list without iothubowner and its rights, too many.
[[nodiscard]] ArmResult<std::vector<hub::Policy>> read_policies(json::Value list, const ArmContext& context);

/// Kept, then in force: tokens of keys that are gone are refused from here on, and connections they opened end.
[[nodiscard]] std::optional<ArmAnswer> apply_policies(ArmCall& call, std::vector<hub::Policy> policies);

}  // namespace twinhub::management

// The stored bytes of what Azure Resource Manager remembers; storage/FORMAT.md draws them.
#pragma once

#include "server/management/arm/arm_state.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace twinhub::management {

inline constexpr std::string_view hub_key = "hub";
inline constexpr std::string_view erasing_key = "erasing";
inline constexpr std::string_view group_key_prefix = "group:";
inline constexpr std::string_view deployment_key_prefix = "deployment:";

[[nodiscard]] std::string group_key(std::string_view name);
/// Names hold no '/'.
[[nodiscard]] std::string deployment_key(std::string_view group, std::string_view name);

/// Of the hub: nullopt = it was deleted.
[[nodiscard]] std::string encode(const std::optional<HubLabels>& hub);
[[nodiscard]] std::string encode(const ResourceGroup& group);
[[nodiscard]] std::string encode(const Deployment& deployment);
/// The mark of a deletion under way, and the group that goes with the hub.
[[nodiscard]] std::string encode_mark(std::string_view group);

// False: the bytes are no such record, or of a newer version.
[[nodiscard]] bool decode(std::string_view record, std::optional<HubLabels>& hub);
[[nodiscard]] bool decode(std::string_view record, ResourceGroup& group);
[[nodiscard]] bool decode(std::string_view record, Deployment& deployment);
[[nodiscard]] bool decode_mark(std::string_view record, std::string& group);

}  // namespace twinhub::management

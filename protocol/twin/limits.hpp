// Ceilings on a twin, and what a patch may hold.
// Source: azure-docs iot-hub-devguide-device-twins, "Device twin size" and "Device twin property format"; edgeHub's
// ReportedPropertiesValidator for blanks and '#' in keys.
#pragma once

#include "protocol/error.hpp"
#include "protocol/json/document.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace twinhub::twin {

inline constexpr std::uint32_t tags_bytes_limit = 8 * 1024;         ///< a section must stay below its limit
inline constexpr std::uint32_t properties_bytes_limit = 32 * 1024;  ///< desired and reported, each
inline constexpr std::size_t key_bytes_max = 1024;
inline constexpr std::size_t string_bytes_max = 4096;
inline constexpr std::size_t depth_max = 10;  ///< objects and arrays below the section's root
inline constexpr std::int64_t integer_max = (std::int64_t{1} << 52) - 1;
inline constexpr std::int64_t integer_min = -(std::int64_t{1} << 52);
static_assert(integer_max == 4'503'599'627'370'495);

/// How strict a check is.
struct CheckRules {
  bool null_deletes = true;    ///< PATCH; in a PUT every null is an error. In arrays it always is.
  bool arrays_allowed = true;  ///< false before api-version 2019-10-01
};

/// True for a top-level member of a section that clients send back and the hub owns: "$metadata", "$version".
[[nodiscard]] bool is_hub_member(std::string_view key_text);

/// Checks keys, values, types and depth of a section's patch or replacement; hub members at the top are passed over.
/// Errors: argument_invalid, naming the key and the limit. REQUIRES: `section` is an object.
[[nodiscard]] Result<void> check_section(const json::Value& section, CheckRules rules);

/// Refuses a section that grew to its limit or beyond; one that shrank may stay too large. `name` as IoT Hub writes it:
/// "Tags", "Properties.Desired", "Properties.Reported". Errors: device_model_max_properties_exceeded.
[[nodiscard]] Result<void> check_growth(std::string_view name, std::uint32_t before_bytes, std::uint32_t after_bytes,
                                        std::uint32_t limit);

}  // namespace twinhub::twin

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
inline constexpr std::size_t number_characters_max = 40;  ///< no double and no decimal needs more
/// Of one array: what the 32 KiB of a section hold of the smallest values that count, which are booleans.
inline constexpr std::size_t array_elements_max = 8192;
/// IoT Hub counts values, not their text: brackets, control characters and the digits of a number are free of charge.
/// So a section's text has a bound of its own, this many times its limit.
inline constexpr std::size_t text_bytes_per_counted_byte = 8;
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

/// What a section takes.
struct SectionSize {
  std::uint32_t counted_bytes = 0;  ///< by IoT Hub's rule
  std::size_t text_bytes = 0;       ///< as it is stored
};

/// Bytes of stored text that a section with this limit may have.
[[nodiscard]] constexpr std::size_t text_bytes_limit(std::uint32_t limit) {
  return text_bytes_per_counted_byte * limit;
}

/// Refuses a section that grew to its limit or beyond, or whose text grew beyond its own; one that shrank may stay too
/// large. `name` as IoT Hub writes it: "Tags", "Properties.Desired", "Properties.Reported". Every change of a section
/// comes through here, whatever its values are. Errors: device_model_max_properties_exceeded.
[[nodiscard]] Result<void> check_growth(std::string_view name, SectionSize before, SectionSize after,
                                        std::uint32_t limit);

/// Refuses a member that no twin has at its root, or none has beside its desired and reported properties: a body that
/// says `desiredProperties` would change nothing, and its sender would not know. What a read twin holds may be sent
/// back. Errors: argument_invalid. REQUIRES: `twin` is an object.
[[nodiscard]] Result<void> check_members(const json::Value& twin);

}  // namespace twinhub::twin

// The version of the whole layout of the stored bytes (FORMAT.md, "Versions").
#pragma once

#include "protocol/error.hpp"
#include "storage/engine/engine.hpp"

#include <string>
#include <string_view>

namespace twinhub::storage {

inline constexpr const char* format_key = "format_version";  // in `meta`
inline constexpr std::string_view format_version = "2";      // what this twinhub writes

/// Errors: service_unavailable for a version that this twinhub does not read, in words for the operator. `place` names
/// the data.
[[nodiscard]] Result<void> check_known_format(std::string_view version, const std::string& place);

/// Reads the version that `engine` holds; a new engine, and one of the version before that may be written, gets the
/// newest. Errors: service_unavailable, also as check_known_format().
[[nodiscard]] Result<void> check_format_version(Engine& engine, bool read_only, const std::string& place);

}  // namespace twinhub::storage

// The version of the whole layout of the stored bytes (FORMAT.md, "Versions").
#pragma once

#include "protocol/error.hpp"
#include "storage/engine/engine.hpp"

#include <string>

namespace twinhub::storage {

/// Reads the version that `engine` holds; a new engine, and one of the version before that may be written, gets the
/// newest. `place` names the data to the operator. Errors: service_unavailable, also for a version that is not known.
[[nodiscard]] Result<void> check_format_version(Engine& engine, bool read_only, const std::string& place);

}  // namespace twinhub::storage

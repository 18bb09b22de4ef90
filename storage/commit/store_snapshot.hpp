// Snapshots of the engine as the store hands them out: stored bytes, visited where they lie.
#pragma once

#include "storage/engine/engine.hpp"
#include "storage/snapshot.hpp"

#include <memory>

namespace twinhub::storage {

/// Errors: service_unavailable while the engine cannot be read. `engine` outlives the snapshot.
[[nodiscard]] Result<std::shared_ptr<const Snapshot>> take_snapshot(const Engine& engine);

}  // namespace twinhub::storage

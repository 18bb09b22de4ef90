// Snapshots of the engine as the store hands them out.
#pragma once

#include "storage/database.hpp"
#include "storage/snapshot.hpp"

#include <memory>

namespace twinhub::storage {

/// Errors: service_unavailable while the engine is closed. `database` outlives the snapshot.
[[nodiscard]] Result<std::shared_ptr<const Snapshot>> take_snapshot(Database& database);

}  // namespace twinhub::storage

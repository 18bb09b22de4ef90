// The devices that a new hub begins with.
#pragma once

#include "config/settings.hpp"
#include "protocol/error.hpp"
#include "server/hub/registry/bulk_registry.hpp"

#include <string>

namespace twinhub {

/// Whether settings.seed can be read and understood. Errors as below.
[[nodiscard]] Result<void> check_seed(const config::Settings& settings);

/// Differs when a file of settings.seed was written since, came or went. Errors: it cannot be read.
[[nodiscard]] Result<std::string> seed_state(const config::Settings& settings);

/// Puts the devices, modules and twins of settings.seed into a hub that has no device yet; of a folder its files in the
/// order of their names. All is read and understood before the first is written, and a hub whose seeding was cut short
/// goes on with it at its next start. Before the doors are open. True: they are there now, and nothing else is. Errors,
/// for the operator: with file, place and reason.
[[nodiscard]] Result<bool> plant_seed(const config::Settings& settings, hub::BulkRegistry& registry);

}  // namespace twinhub

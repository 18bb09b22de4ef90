// Device identities, made by REST as a back end does.
#pragma once

#include "bench/load/world.hpp"

#include <string>
#include <vector>

namespace twinhub::load {

/// Registers every id with the run's device key; one that is there already is left as it is. Throws when one is
/// refused.
void create_devices(World& world, const std::vector<std::string>& ids);

}  // namespace twinhub::load

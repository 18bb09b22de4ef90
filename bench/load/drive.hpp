// Runs one scenario: prepares it, keeps its operations going in a closed or open loop, measures, lets it come to rest,
// and has it look for what was acknowledged.
#pragma once

#include "bench/load/scenario.hpp"

namespace twinhub::load {

/// Errors are counted in `world`. Throws std::runtime_error when there is nothing to measure: no server, or a rate that
/// it does not keep up with.
void drive(World& world, Scenario& scenario);

}  // namespace twinhub::load

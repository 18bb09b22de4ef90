// What a run says of itself: one line of JSON.
#pragma once

#include "bench/load/world.hpp"

#include <string>

namespace twinhub::load {

[[nodiscard]] std::string report_of(const World& world);

}  // namespace twinhub::load

// The one clock that everything here is timed with.
#pragma once

#include <chrono>

namespace twinhub::load {

using Clock = std::chrono::steady_clock;

}  // namespace twinhub::load

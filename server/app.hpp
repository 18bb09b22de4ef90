// `twinhub serve`: everything wired together. The page to read first is app.cpp.
#pragma once

#include "config/load.hpp"

namespace twinhub {

/// Runs the hub until SIGTERM or SIGINT. Returns the process's exit code: 0 after a clean stop, 1 when it could not
/// start.
[[nodiscard]] int serve(const config::Loaded& loaded);

}  // namespace twinhub

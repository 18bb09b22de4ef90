// `twinhub serve`: everything wired together. The page to read first is app.cpp.
#pragma once

#include "config/load.hpp"

namespace twinhub {

/// Runs the hub until SIGTERM or SIGINT. Returns the process's exit code: 0 after a clean stop, 1 when it could not
/// start.
[[nodiscard]] int serve(config::Loaded loaded);

/// Prints everything that serve() would refuse these settings for, or that they are good; nothing is opened, made or
/// reached. Returns the process's exit code: 0 when they are good, else 1. Errors of the data folder's store are not
/// looked for.
[[nodiscard]] int check(const config::Loaded& loaded);

}  // namespace twinhub

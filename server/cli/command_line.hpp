// `twinhub SUB-COMMAND ...`: reads the arguments and runs what they ask for.
#pragma once

#include "config/load.hpp"

#include <functional>
#include <string_view>

namespace twinhub::cli {

// Exit codes
inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_unreachable = 3;  ///< or busy for too long
inline constexpr int exit_not_found = 4;
inline constexpr int exit_conflict = 5;  ///< there already, or changed meanwhile
inline constexpr int exit_denied = 6;

[[nodiscard]] std::string_view version();

/// `serve` runs the hub with the effective settings. Returns the process's exit code.
[[nodiscard]] int run(int argc, char** argv, const std::function<int(const config::Loaded&)>& serve);

}  // namespace twinhub::cli

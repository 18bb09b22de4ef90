// `twinhub SUB-COMMAND ...`: reads the arguments and runs the sub-command.
#pragma once

#include "config/load.hpp"

#include <functional>
#include <string_view>

namespace twinhub::cli {

// Exit codes
inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_unreachable = 3;  ///< the hub cannot be reached, or stays busy for too long
inline constexpr int exit_not_found = 4;
inline constexpr int exit_conflict = 5;  ///< the thing exists already, or has changed meanwhile
inline constexpr int exit_denied = 6;

/// "0.1.0" for the release, "0.1.0~git20261129.130835.ea5b1e4" on the way to it (cmake/version.cmake).
[[nodiscard]] std::string_view version();
/// The commit that the program was built from, in 12 digits; "-dirty" when files were changed.
[[nodiscard]] std::string_view commit();

/// What the program does with the effective settings beside speaking to a hub. Each returns the process's exit code.
struct HubActions {
  std::function<int(const config::Loaded&)> serve;  ///< runs the hub
  std::function<int(const config::Loaded&)> check;  ///< says whether serve could
};

/// Returns the process's exit code.
[[nodiscard]] int run(int argc, char** argv, const HubActions& actions);

}  // namespace twinhub::cli

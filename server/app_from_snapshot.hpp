// A hub that begins with another one's state.
#pragma once

#include "config/settings.hpp"
#include "protocol/error.hpp"

namespace twinhub {

/// Whether settings.from_snapshot is one. Errors, for the operator.
[[nodiscard]] Result<void> check_from_snapshot(const config::Settings& settings);

/// A data folder without a store gets that of settings.from_snapshot. By who owns the folder, before the store is opened. Errors, for the
/// operator.
[[nodiscard]] Result<void> begin_from_snapshot(const config::Settings& settings);

}  // namespace twinhub

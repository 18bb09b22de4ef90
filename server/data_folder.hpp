// The folder for everything that a hub keeps: it holds every device's key, so it is its owner's alone; and it is that of a
// production hub, or of one with well-known keys.
#pragma once

#include "config/settings.hpp"
#include "protocol/error.hpp"
#include "protocol/ids.hpp"

#include <filesystem>

namespace twinhub {

/// Makes the folder where it is missing, for its owner alone (mode 0700), and takes an empty one for the owner alone too.
/// Errors, in words for the operator: it cannot be made, or is no folder; other users may enter it; a restore into it was
/// cut short.
[[nodiscard]] Result<void> prepare_data_folder(const std::filesystem::path& folder);

/// The errors of prepare_data_folder() and check_mode(), with the folder left as it is.
[[nodiscard]] Result<void> check_data_folder(const config::Settings& settings);

/// Whether the folder may be opened with --dev, or without it: keys that everybody knows must not come to a production
/// hub unnoticed, nor devices of a trial into production. Before the store is opened. Errors, in words for the operator.
[[nodiscard]] Result<void> check_mode(const config::Settings& settings);
/// Writes DATA/mode where it is not known yet: before the store is made, so that a first start that is cut short leaves
/// no doubt. Errors, for the operator.
[[nodiscard]] Result<void> mark_new_folder(const config::Settings& settings);
/// Writes down in DATA/mode what the folder is. With force_mode a folder made with --dev becomes a production hub's; a
/// production hub's stays one. After the store was opened. Errors, for the operator.
[[nodiscard]] Result<void> keep_mode(const config::Settings& settings);

/// When the hub in the folder came to be: when its store was made; unspecified before that.
[[nodiscard]] Timestamp made_at(const std::filesystem::path& folder);

}  // namespace twinhub

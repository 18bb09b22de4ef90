// Whether a backup is whole, and the way back from it to a data folder.
#pragma once

#include "protocol/error.hpp"
#include "storage/backup/layout.hpp"
#include "storage/backup/make.hpp"

#include <filesystem>

namespace twinhub::storage::backup {

/// Reads every file of the backup. Errors, in words for the operator: the first few files that are missing or have
/// another content than when the backup was made; stopped by `on_progress`.
[[nodiscard]] Result<void> check_backup(const Backup& backup, const OnProgress& on_progress);

/// Makes `data_folder` from a backup that was checked: files with mode 0600, folders with mode 0700, of the folder's
/// owner, durable when this returns. Until then a mark in the folder keeps a hub from starting on it. Errors: the folder
/// is there and not empty (what a restore that was cut short has left does not count); a file of the backup has changed;
/// the disk is full. Then nothing is left in the folder.
[[nodiscard]] Result<void> restore(const Backup& backup, const std::filesystem::path& data_folder,
                                   const OnProgress& on_progress);

}  // namespace twinhub::storage::backup

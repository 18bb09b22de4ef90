// Where things stand in a folder of backups, and in a data folder as far as backups know it.
//
//   BACKUPS/20261129T080001Z/manifest      one whole backup: it has this name only since it is whole
//   BACKUPS/20261129T080001Z/data/...      a data folder
//   BACKUPS/.twinhub-unfinished/           one that is being made, or was cut short
//
//   DATA/db/                               the store
//   DATA/snapshots/                        earlier states of it (snapshots.hpp); no backup has them
//   DATA/backup-scratch/                   the moment that is being backed up
//   DATA/restore-unfinished                a restore into this folder is under way, or was cut short
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "storage/backup/manifest.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace twinhub::storage::backup {

inline constexpr const char* manifest_name = "manifest";
inline constexpr const char* data_name = "data";
inline constexpr const char* unfinished_name = ".twinhub-unfinished";  ///< no folder of anybody else's: it is removed
/// The hub writes there where it is to be found; no backup has it.
inline constexpr const char* hub_file_name = "hub.json";
/// What file systems have at the top of a volume, for root alone.
inline constexpr const char* volume_folder_name = "lost+found";
inline constexpr const char* store_name = "db";
inline constexpr const char* snapshots_name = "snapshots";
inline constexpr const char* scratch_name = "backup-scratch";
inline constexpr const char* next_store_name = "db.next";
inline constexpr const char* old_store_name = "db.old";
inline constexpr const char* restore_mark_name = "restore-unfinished";

struct Backup {
  std::filesystem::path folder;
  Manifest manifest;
};

/// The names of the backups in a folder of backups, oldest first.
[[nodiscard]] std::vector<std::string> backup_names(const std::filesystem::path& backups);
/// The name for a backup of that time, behind all that are there, whatever the clock says.
[[nodiscard]] std::string next_backup_name(const std::filesystem::path& backups, Timestamp now);

/// Errors: it has no manifest, or a damaged one.
[[nodiscard]] Result<Backup> open_backup(const std::filesystem::path& folder);
/// `folder` is a backup, or a folder of backups: then its newest. Errors: there is none.
[[nodiscard]] Result<Backup> find_backup(const std::filesystem::path& folder);

/// The Error for a data folder whose restore did not come to its end; nullopt: it is none.
[[nodiscard]] std::optional<Error> unfinished_restore(const std::filesystem::path& data_folder);

}  // namespace twinhub::storage::backup

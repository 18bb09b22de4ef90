// A backup of a running hub: one moment of its store and of all that stands beside it in the data folder.
//
//   hold the commits for some milliseconds:
//     checkpoint of the store into DATA/backup-scratch     tables are hard links, so little is copied
//     the small files beside it, into memory
//   go on; then, while the hub works:
//     each file into BACKUPS/.twinhub-unfinished, or a hard link where the newest backup has the same content
//     the manifest, last
//     that becomes BACKUPS/20261129T080001Z
//
// A hub that is restored from it finds what a hub that had been killed at that moment would find. Cut short anywhere,
// it leaves no more than that and DATA/backup-scratch, which the next backup removes.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "storage/cut.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace twinhub::storage::backup {

struct Progress {
  std::size_t files = 0, files_total = 0;
  std::uint64_t bytes = 0, bytes_total = 0;
};
/// Called now and then by the thread that does the work. False: stop.
using OnProgress = std::function<bool(const Progress&)>;

struct Order {
  std::filesystem::path data_folder;
  std::filesystem::path backups;  ///< absolute; made when it is missing
  std::string hub;                ///< its name, for the manifest
  Timestamp now;
};

struct Made {
  std::filesystem::path folder;
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t linked_bytes = 0;     ///< of these: hard links to the backup before
  std::vector<std::string> left_out;  ///< files that went away while they were copied
};

/// `store` is that of the store in DATA/db. May take minutes. Errors, in words for the operator: the folder cannot be used; another
/// backup into it is under way; the disk is full; nothing is on disk; stopped by `on_progress`. Then nothing is left.
[[nodiscard]] Result<Made> make_backup(Cut& store, const Order& order, const OnProgress& on_progress);

/// What a backup that was cut short has left in a data folder. While the hub is stopped, or by make_backup().
[[nodiscard]] Result<void> remove_scratch(const std::filesystem::path& data_folder);

}  // namespace twinhub::storage::backup

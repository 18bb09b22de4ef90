// Snapshots of a store, kept in its own data folder, and the store put back to one of them. Tables are hard links both ways, so that time
// and room do not grow with what is stored.
//
//   DATA/snapshots/NAME/db/        a store as it was
//   DATA/snapshots/NAME/made       when, ISO 8601; behind it a line that says of what, for whoever made it
//   DATA/snapshots/.unfinished/    what is being made, was cut short, or has been replaced
//   DATA/db.next/                  whole: the store that takes the place of DATA/db
//   DATA/db.old/                   the one that had it
//
// From the moment that DATA/db.next is there the folder is that store's: settle_store() brings to its end what was cut
// short, and there is never a half of either.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "storage/cut.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::storage::backup {

struct SnapshotInfo {
  std::string name;
  std::string made;         ///< ISO 8601
  std::uint64_t bytes = 0;  ///< of all its files, those included that others link to as well
};

/// 1 to 64 letters, digits, '-', '_' and '.', the first of them a letter or a digit.
[[nodiscard]] bool is_snapshot_name(std::string_view name);

/// Of one data folder, whose owner this process is. One thread at a time, but for list().
class Snapshots {
 public:
  explicit Snapshots(const std::filesystem::path& data_folder);

  /// What `store`, which is DATA/db, holds now; replaces the snapshot of that name. `of`: one line, told by of(). May take
  /// seconds. Errors: those of Cut::checkpoint(); the disk's.
  [[nodiscard]] Result<SnapshotInfo> save(Cut& store, const std::string& name, Timestamp now, std::string_view of = "");
  /// Those that is_snapshot_name() lets have a name, in its order. Any thread.
  [[nodiscard]] std::vector<SnapshotInfo> list() const;
  [[nodiscard]] bool has(const std::string& name) const;
  [[nodiscard]] std::string of(const std::string& name) const;
  [[nodiscard]] Result<void> remove(const std::string& name);

  // The store put in the place of DATA/db. Whatever fails leaves DATA/db as it is.
  /// Makes a store ready that holds what the snapshot `folder` does; "": nothing. While the store is open.
  [[nodiscard]] Result<void> prepare_store(const std::filesystem::path& folder);
  /// That of the last prepare_store(), once the old one is closed. Durable when it returns.
  [[nodiscard]] Result<void> swap_store();
  /// The old one is put back, when the new one cannot be opened.
  [[nodiscard]] Result<void> swap_store_back();
  /// The old one is given up.
  void drop_old_store();

  [[nodiscard]] std::filesystem::path folder_of(const std::string& name) const { return snapshots_ / name; }

 private:
  [[nodiscard]] Result<void> clear_unfinished() const;

  const std::filesystem::path data_, snapshots_, unfinished_, store_, next_, old_;
};

/// After a start that follows a kill: before the store is opened, by who owns the folder.
[[nodiscard]] Result<void> settle_store(const std::filesystem::path& data_folder);
/// False: the next one to open the store makes a new one.
[[nodiscard]] bool has_store(const std::filesystem::path& data_folder);
/// What Snapshots has made, and nothing else: the store of a running hub changes while it is read.
[[nodiscard]] bool is_snapshot(const std::filesystem::path& folder);

}  // namespace twinhub::storage::backup

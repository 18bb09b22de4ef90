#include "storage/backup/snapshots.hpp"

#include "storage/backup/files.hpp"
#include "storage/backup/layout.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace twinhub::storage::backup {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t name_max = 64;
constexpr const char* made_name = "made";
constexpr const char* unfinished_snapshot_name = ".unfinished";
constexpr std::uint64_t made_bytes_max = 64U << 10;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

Result<void> rename_to(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return file_error(from, "renamed", errno);
  return {};
}

/// An earlier one has the name `from` afterwards. There is always one of the two by the name `to`, but where the file
/// system cannot exchange names (NFS).
Result<void> put_in_place(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) return {};
  if (errno == ENOENT) return rename_to(from, to);
  if (errno == EINVAL || errno == ENOSYS) {
    if (const auto cleared = remove_tree(to); !cleared) return cleared;
    return rename_to(from, to);
  }
  return file_error(from, "exchanged for the earlier one", errno);
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

/// What is written once and never again may be one file in several stores: tables. Of the others RocksDB goes on with
/// some.
Result<void> link_or_copy(const fs::path& from, const fs::path& to) {
  if (from.extension() == ".sst" && ::link(from.c_str(), to.c_str()) == 0) return {};
  // Another file system has no links, and a file has 65,000 of them at most on some.
  const auto copied = backup::copy_file(from, to, {});
  if (!copied) return copied.error();
  return {};
}

Result<void> link_store(const fs::path& from, const fs::path& to) {
  std::error_code error;
  for (fs::directory_iterator at(from, error), end; !error && at != end; at.increment(error)) {
    if (!at->is_regular_file(error)) continue;
    if (const auto made = link_or_copy(at->path(), to / at->path().filename()); !made) return made;
  }
  if (error) return file_error(from, "read", error.value());
  return {};
}

/// In whichever order a power cut keeps the names, settle_store() finds the new store, or else the old one.
Result<void> put_next_in_place(const fs::path& data) {
  const fs::path store = data / store_name, next = data / next_store_name, old = data / old_store_name;
  if (!is_there(next)) return {};
  if (is_there(store)) {
    if (const auto cleared = remove_tree(old); !cleared) return cleared;
    if (const auto moved = rename_to(store, old); !moved) return moved;
  }
  if (const auto placed = rename_to(next, store); !placed) return placed;
  return sync_folder(data);
}

std::pair<std::string, std::string> lines_of(const fs::path& snapshot) {
  const auto text = read_small_file(snapshot / made_name, made_bytes_max);
  if (!text) return {};
  const std::size_t end = std::min(text->find('\n'), text->size());
  const std::string rest = text->substr(std::min(end + 1, text->size()));
  return {text->substr(0, end), rest.substr(0, rest.find('\n'))};
}

SnapshotInfo info_of(const fs::path& snapshot) {
  SnapshotInfo info{snapshot.filename().string(), lines_of(snapshot).first, 0};
  std::error_code error;
  for (fs::directory_iterator at(snapshot / store_name, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    const std::uint64_t bytes = at->file_size(gone);
    if (!gone) info.bytes += bytes;
  }
  return info;
}

}  // namespace

bool is_snapshot_name(std::string_view name) {
  return !name.empty() && name.size() <= name_max && is_letter_or_digit(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; });
}

Snapshots::Snapshots(const fs::path& data_folder)
    : data_(fs::absolute(data_folder).lexically_normal()),
      snapshots_(data_ / snapshots_name),
      unfinished_(snapshots_ / unfinished_snapshot_name),
      store_(data_ / store_name),
      next_(data_ / next_store_name),
      old_(data_ / old_store_name) {}

Result<void> Snapshots::clear_unfinished() const {
  if (const auto cleared = remove_tree(unfinished_); !cleared) return cleared;
  if (!is_there(snapshots_)) {
    if (const auto made = make_folder(snapshots_); !made) return made;
  }
  return make_folder_in_tree(unfinished_);
}

Result<SnapshotInfo> Snapshots::save(Cut& store, const std::string& name, Timestamp now, std::string_view of) {
  if (const auto cleared = clear_unfinished(); !cleared) return cleared.error();
  const auto cut = store.checkpoint(unfinished_ / store_name, {});
  if (!cut) return cut.error();
  const auto written = write_new_file(unfinished_ / made_name, to_iso8601(now) + "\n" + std::string(of) + "\n");
  if (!written) return written.error();
  if (const auto synced = sync_folders(unfinished_); !synced) return synced.error();
  const fs::path to = folder_of(name);
  if (const auto named = put_in_place(unfinished_, to); !named) return named.error();
  if (const auto synced = sync_folder(snapshots_); !synced) return synced.error();
  if (const auto cleared = remove_tree(unfinished_); !cleared) return cleared.error();
  return info_of(to);
}

std::vector<SnapshotInfo> Snapshots::list() const {
  std::vector<SnapshotInfo> all;
  std::error_code error;
  for (fs::directory_iterator at(snapshots_, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    if (is_snapshot_name(at->path().filename().string()) && at->is_directory(gone)) all.push_back(info_of(at->path()));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

bool Snapshots::has(const std::string& name) const { return is_snapshot(folder_of(name)); }

std::string Snapshots::of(const std::string& name) const { return lines_of(folder_of(name)).second; }

Result<void> Snapshots::remove(const std::string& name) {
  if (const auto cleared = clear_unfinished(); !cleared) return cleared;
  // Out of sight first: what is left of one that was cut short would be taken for a whole one.
  if (const auto moved = rename_to(folder_of(name), unfinished_ / "removed"); !moved) return moved;
  return remove_tree(unfinished_);
}

Result<void> Snapshots::prepare_store(const fs::path& folder) {
  std::error_code error;
  if (fs::is_symlink(store_, error))
    return fail(Errc::operation_not_allowed_in_current_state,
                store_.string() + " is a link: its store cannot be replaced by another");
  if (const auto cleared = clear_unfinished(); !cleared) return cleared;
  // What is there from now on is what swap_store() has put aside.
  if (const auto cleared = remove_tree(old_); !cleared) return cleared;
  const fs::path made = unfinished_ / store_name;
  if (const auto there = make_folder_in_tree(made); !there) return there;
  if (!folder.empty()) {
    if (const auto linked = link_store(folder / store_name, made); !linked) return linked;
  }
  return sync_folder(made);
}

Result<void> Snapshots::swap_store() {
  if (const auto named = rename_to(unfinished_ / store_name, next_); !named) return named;
  auto placed = put_next_in_place(data_);
  if (placed) return {};
  (void)swap_store_back();
  (void)remove_tree(next_);
  return placed;
}

Result<void> Snapshots::swap_store_back() {
  if (!is_there(old_)) return {};
  if (is_there(store_)) {
    if (const auto moved = rename_to(store_, unfinished_ / "unusable"); !moved) return moved;
  }
  if (const auto back = rename_to(old_, store_); !back) return back;
  return sync_folder(data_);
}

void Snapshots::drop_old_store() {
  if (!is_there(store_)) return;  // then the old one is all there is
  // What is left of it goes at the next start.
  (void)remove_tree(old_);
  (void)remove_tree(unfinished_);
}

Result<void> settle_store(const fs::path& data) {
  const fs::path store = data / store_name, old = data / old_store_name;
  if (const auto placed = put_next_in_place(data); !placed) return placed;
  if (is_there(old)) {
    const auto settled = is_there(store) ? remove_tree(old) : rename_to(old, store);
    if (!settled) return settled;
  }
  return remove_tree(data / snapshots_name / unfinished_snapshot_name);
}

bool has_store(const fs::path& data) { return is_there(data / store_name / "CURRENT"); }

bool is_snapshot(const fs::path& folder) { return has_store(folder) && is_there(folder / made_name); }

}  // namespace twinhub::storage::backup

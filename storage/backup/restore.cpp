#include "storage/backup/restore.hpp"

#include "storage/backup/files.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <system_error>

namespace twinhub::storage::backup {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t named_max = 5;  // files in one message

Progress progress_of(const Manifest& manifest) {
  Progress progress;
  progress.files_total = manifest.files.size();
  for (const ManifestFile& file : manifest.files) progress.bytes_total += file.content.bytes;
  return progress;
}

OnBytes counting(Progress& progress, const OnProgress& on_progress) {
  return [&progress, &on_progress](std::uint64_t bytes) {
    progress.bytes += bytes;
    return !on_progress || on_progress(progress);
  };
}

Error stopped() { return fail(Errc::service_unavailable, "stopped before the end"); }

/// An empty folder, of mode 0700, with the mark in it.
Result<void> prepare(const fs::path& folder) {
  const auto unusable = [&folder](const std::string& why) {
    return fail(Errc::argument_invalid, "nothing is restored into " + folder.string() + ": " + why);
  };
  std::error_code error;
  if (fs::exists(folder / restore_mark_name, error)) {
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      if (at->path().filename() == restore_mark_name) continue;  // to the last
      if (const auto removed = remove_tree(at->path()); !removed) return removed;
    }
    if (error) return file_error(folder, "read", error.value());
    if (const auto removed = remove_tree(folder / restore_mark_name); !removed) return removed;
  }
  if (const auto made = make_folder(folder); !made) return made;
  bool is_empty = true;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    is_empty = is_empty && at->path().filename() == volume_folder_name;
  if (error) return file_error(folder, "read", error.value());
  if (!is_empty) return unusable("it is not empty; name a new folder");
  if (::chmod(folder.c_str(), S_IRWXU) != 0) return file_error(folder, "closed to others", errno);
  if (const auto marked = write_new_file(folder / restore_mark_name, ""); !marked) return marked.error();
  return sync_folder(folder);
}

/// root restores for the user whose folder it is.
Result<void> hand_over(const fs::path& folder) {
  struct stat owner {};
  if (::geteuid() != 0 || ::stat(folder.c_str(), &owner) != 0 || owner.st_uid == 0) return {};
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path() == folder / volume_folder_name) {
      at.disable_recursion_pending();
      continue;
    }
    if (::lchown(at->path().c_str(), owner.st_uid, owner.st_gid) != 0)
      return file_error(at->path(), "given to its owner", errno);
  }
  return {};
}

Result<void> copy_back(const Backup& backup, const fs::path& folder, const OnProgress& on_progress) {
  Progress progress = progress_of(backup.manifest);
  for (const ManifestFile& file : backup.manifest.files) {
    const fs::path to = folder / file.path;
    if (const auto made = make_folder_in_tree(to.parent_path()); !made) return made;
    const auto copied = copy_file(backup.folder / data_name / file.path, to, counting(progress, on_progress));
    if (!copied) return copied.error();
    if (*copied != file.content)
      return fail(Errc::service_unavailable, file.path + " has changed in the backup while it was restored");
    ++progress.files;
    if (on_progress && !on_progress(progress)) return stopped();
  }
  if (const auto handed = hand_over(folder); !handed) return handed;
  return sync_folders(folder);
}

}  // namespace

Result<void> check_backup(const Backup& backup, const OnProgress& on_progress) {
  Progress progress = progress_of(backup.manifest);
  std::string wrong;
  std::size_t count = 0;
  const auto note = [&](const std::string& what) {
    if (++count <= named_max) wrong += (wrong.empty() ? "" : "; ") + what;
  };
  for (const ManifestFile& file : backup.manifest.files) {
    const auto found = content_of(backup.folder / data_name / file.path, counting(progress, on_progress));
    if (on_progress && !on_progress(progress)) return stopped();
    if (!found) {
      note(found.error().detail);
    } else if (found->bytes != file.content.bytes) {
      note(file.path + " has " + std::to_string(found->bytes) + " bytes instead of " +
           std::to_string(file.content.bytes));
    } else if (*found != file.content) {
      note(file.path + " has another content than when the backup was made");
    }
    ++progress.files;
  }
  if (count == 0) return {};
  if (count > named_max) wrong += "; and " + std::to_string(count - named_max) + " more files";
  return fail(Errc::service_unavailable, "the backup " + backup.folder.string() + " is damaged: " + wrong);
}

Result<void> restore(const Backup& backup, const fs::path& data_folder, const OnProgress& on_progress) {
  if (const auto prepared = prepare(data_folder); !prepared) return prepared;
  if (const auto copied = copy_back(backup, data_folder, on_progress); !copied) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(data_folder, ignored)) {
      if (entry.path().filename() != restore_mark_name) (void)remove_tree(entry.path());
    }
    (void)remove_tree(data_folder / restore_mark_name);
    return copied;
  }
  if (const auto removed = remove_tree(data_folder / restore_mark_name); !removed) return removed;
  return sync_folder(data_folder);
}

}  // namespace twinhub::storage::backup

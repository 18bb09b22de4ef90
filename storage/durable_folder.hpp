// Folders whose names survive a power cut. A file that was synced is gone all the same when the name that leads to it was not: its own in
// its folder, and that folder's in the one above.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace twinhub::storage {

/// The names in `folder` are durable; "" = the working folder.
[[nodiscard]] inline std::error_code sync_folder(const std::filesystem::path& folder) {
  const int names = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (names < 0) return {errno, std::generic_category()};
  const std::error_code error =
      ::fsync(names) == 0 ? std::error_code() : std::error_code(errno, std::generic_category());
  ::close(names);
  return error;
}

/// Makes `folder`, and those above it that are missing, with `mode` as far as the umask allows; the name of each is durable. That of a
/// folder that is there is made durable, too, as far as this user may: who has made it may have been killed before that.
[[nodiscard]] inline std::error_code make_durable_folder(const std::filesystem::path& folder, ::mode_t mode = 0777) {
  if (!folder.has_filename())
    return folder.has_relative_path() ? make_durable_folder(folder.parent_path(), mode) : std::error_code();
  int why = ::mkdir(folder.c_str(), mode) == 0 ? 0 : errno;
  if (why == ENOENT && folder.has_parent_path()) {
    if (const auto error = make_durable_folder(folder.parent_path(), mode)) return error;
    why = ::mkdir(folder.c_str(), mode) == 0 ? 0 : errno;
  }
  if (why == 0) return sync_folder(folder.parent_path());
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) return {why, std::generic_category()};
  (void)sync_folder(folder.parent_path());
  return {};
}

}  // namespace twinhub::storage

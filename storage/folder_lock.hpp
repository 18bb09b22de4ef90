// A folder that one process at a time works on: the kernel lets go of it when the process ends.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <cerrno>
#include <filesystem>

namespace twinhub::storage {

class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder)
      : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}
  ~FolderLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  /// errno, 0 = locked; EWOULDBLOCK: another process has it.
  [[nodiscard]] int take() const {
    if (descriptor_ < 0) return errno;
    return ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
  }

 private:
  int descriptor_;
};

}  // namespace twinhub::storage

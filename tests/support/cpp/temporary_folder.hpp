// A folder for one test, gone with it.
#pragma once

#include <stdlib.h>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace twinhub::test {

/// For stores by the hundred: in memory where that is and TMPDIR names no other, as each sync of a disk may take a third of
/// a second.
inline std::filesystem::path folder_of_stores() {
  const std::filesystem::path memory = "/dev/shm";
  std::error_code absent;
  constexpr std::uintmax_t enough = 256U << 20;  // a container has 64 MiB there, for all of its processes
  const auto available = std::filesystem::space(memory, absent).available;
  const bool in_memory = std::getenv("TMPDIR") == nullptr && !absent && available >= enough;
  return in_memory ? memory : std::filesystem::temp_directory_path();
}

/// Empty at first. `name` tells in a list of left folders whose it was.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& name,
                           const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string pattern = (parent / ("twinhub-" + name + "-XXXXXX")).string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder: " + pattern);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace twinhub::test

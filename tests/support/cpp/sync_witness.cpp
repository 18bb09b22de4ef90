#include "tests/support/cpp/sync_witness.hpp"

#include <sys/syscall.h>
#include <unistd.h>
#include <mutex>
#include <set>
#include <string>

namespace {

std::mutex mutex;
std::set<std::string> synced;  // guarded by mutex

}  // namespace

// A program's own function goes before the C library's, for shared libraries, too.
extern "C" int fsync(int descriptor) {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor), error);
  if (!error) {
    const std::lock_guard lock(mutex);
    synced.insert(path.string());
  }
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

namespace twinhub::test {

bool was_synced(const std::filesystem::path& path) {
  const std::lock_guard lock(mutex);
  return synced.contains(std::filesystem::canonical(path).string());
}

}  // namespace twinhub::test

// A file of keys that a command writes.
#pragma once

#include "protocol/error.hpp"
#include "storage/durable_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

namespace twinhub::cli {

/// A file that is there under its name only when it is whole. It holds keys: it is made anew with mode 0600, and neither
/// a link nor a file of somebody else that waits under the name of the part is written to.
class WholeFile {
 public:
  explicit WholeFile(const std::string& name)
      : name_(name),
        part_(name + ".part"),
        descriptor_(::open(part_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR)) {
    if (descriptor_ < 0) why_ = errno;
  }
  ~WholeFile() {
    if (descriptor_ < 0) return;
    ::close(descriptor_);
    if (!done_) ::unlink(part_.c_str());
  }
  WholeFile(const WholeFile&) = delete;
  WholeFile& operator=(const WholeFile&) = delete;

  [[nodiscard]] Result<void> opened() const {
    if (descriptor_ >= 0) return {};
    if (why_ == EEXIST) {
      return fail(Errc::argument_invalid, part_ +
                                              " is there already: another one is being written, or one was broken off; "
                                              "remove it to go on");
    }
    return fail(Errc::argument_invalid, part_ + " cannot be written: " + std::strerror(why_));
  }
  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ::ssize_t wrote = ::write(descriptor_, bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
  }
  bool finish() {
    done_ = ::fsync(descriptor_) == 0 && ::rename(part_.c_str(), name_.c_str()) == 0;
    return done_ && !storage::sync_folder(std::filesystem::path(name_).parent_path());
  }

 private:
  std::string name_, part_;
  int descriptor_;
  int why_ = 0;
  bool done_ = false;
};

}  // namespace twinhub::cli

#include "server/events/file_sink.hpp"

#include "protocol/utf8.hpp"
#include "server/base/log.hpp"
#include "storage/durable_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>
#include <vector>

namespace twinhub::events {
namespace {

namespace fs = std::filesystem;

class FileSink final : public Sink {
 public:
  explicit FileSink(FileSinkOptions options) : options_(std::move(options)) {}
  ~FileSink() override { close(); }

  Delivery deliver(std::span<const Outgoing> batch, const std::stop_token&) override {
    if (descriptor_ < 0 && !open()) return failed("cannot be opened");
    if (size_ >= options_.rotate_bytes && !rotate()) return failed("cannot be rotated");
    std::string lines;
    for (const Outgoing& outgoing : batch) {
      std::string json;
      append_json(json, outgoing);
      lines += visible_text(json);  // the same JSON, with nothing in it that a terminal obeys
      lines += '\n';
    }
    if (!write_all(lines) || ::fdatasync(descriptor_) != 0) {
      const int why = errno;
      // What was half written, on a full disk, must not stand before the next attempt. After a failed sync the file is
      // opened again: what the kernel has of it is unknown.
      (void)::ftruncate(descriptor_, static_cast<off_t>(size_));
      close();
      errno = why;
      return failed("cannot be written");
    }
    size_ += lines.size();
    return {.done = batch.size()};
  }

  Result<void> reach(const std::stop_token&) override {
    if (descriptor_ >= 0 || open()) return {};
    return fail(Errc::service_unavailable, failed("cannot be opened").failure);
  }

 private:
  Delivery failed(const std::string& what) const {
    return {.failure = options_.path.string() + " " + what + ": " + std::strerror(errno)};
  }

  bool open() {
    const fs::path folder = options_.path.parent_path();
    if (const auto error = folder.empty() ? std::error_code() : storage::make_durable_folder(folder)) {
      errno = error.value();
      return false;
    }
    descriptor_ = ::open(options_.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0640);
    if (descriptor_ < 0) return false;
    if (cut_torn_line() && make_name_durable()) return true;
    const int why = errno;
    close();
    errno = why;
    return false;
  }

  /// A crash may leave half a line; its event was not acknowledged and is written again.
  bool cut_torn_line() {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) return false;
    size_ = static_cast<std::uint64_t>(status.st_size);
    std::uint64_t end = size_;
    std::string chunk(64U << 10, '\0');
    while (end > 0) {
      const std::uint64_t begin = end > chunk.size() ? end - chunk.size() : 0;
      const ::ssize_t got = ::pread(descriptor_, chunk.data(), end - begin, static_cast<off_t>(begin));
      if (got < 0 || static_cast<std::uint64_t>(got) != end - begin) return false;
      const std::size_t line_end = std::string_view(chunk.data(), end - begin).rfind('\n');
      if (line_end != std::string_view::npos) {
        end = begin + line_end + 1;
        break;
      }
      end = begin;
    }
    if (end == size_) return true;
    log::warn({.event = "file_mended"}, "{}: the last line was torn by a crash; it is cut off and written again",
              options_.path.string());
    size_ = end;
    return ::ftruncate(descriptor_, static_cast<off_t>(end)) == 0;
  }

  bool write_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ::ssize_t wrote = ::write(descriptor_, bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
  }

  /// The numbers of rotated files, in order.
  std::vector<std::uint64_t> rotated() const {
    std::vector<std::uint64_t> numbers;
    const std::string prefix = options_.path.stem().string() + ".", suffix = options_.path.extension().string();
    std::error_code error;
    const fs::path folder = options_.path.has_parent_path() ? options_.path.parent_path() : fs::path(".");
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      const std::string name = entry.path().filename().string();
      if (name.size() <= prefix.size() + suffix.size() || !name.starts_with(prefix) || !name.ends_with(suffix))
        continue;
      std::uint64_t number = 0;
      const char* const end = name.data() + name.size() - suffix.size();
      const auto read = std::from_chars(name.data() + prefix.size(), end, number);
      if (read.ec == std::errc{} && read.ptr == end) numbers.push_back(number);
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
  }

  fs::path numbered(std::uint64_t number) const {
    fs::path path = options_.path;
    path.replace_filename(options_.path.stem().string() + "." + std::to_string(number) +
                          options_.path.extension().string());
    return path;
  }

  bool rotate() {
    auto numbers = rotated();
    numbers.push_back(numbers.empty() ? 1 : numbers.back() + 1);
    if (::rename(options_.path.c_str(), numbered(numbers.back()).c_str()) != 0) return false;
    close();
    std::error_code error;
    for (std::size_t i = 0; options_.keep > 0 && i + options_.keep < numbers.size(); ++i)
      fs::remove(numbered(numbers[i]), error);
    return open();
  }

  bool make_name_durable() const {
    const auto error = storage::sync_folder(options_.path.parent_path());
    errno = error.value();
    return !error;
  }

  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }

  FileSinkOptions options_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace

std::unique_ptr<Sink> make_file_sink(FileSinkOptions options) { return std::make_unique<FileSink>(std::move(options)); }

}  // namespace twinhub::events

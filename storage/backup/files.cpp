#include "storage/backup/files.hpp"

#include "storage/durable_folder.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

namespace twinhub::storage::backup {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece_bytes = 1U << 20;
constexpr ::mode_t private_file = S_IRUSR | S_IWUSR;
constexpr ::mode_t private_folder = S_IRWXU;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

/// -1: see errno.
::ssize_t read_piece(int descriptor, std::vector<char>& piece) {
  while (true) {
    const ::ssize_t bytes = ::read(descriptor, piece.data(), piece.size());
    if (bytes >= 0 || errno != EINTR) return bytes;
  }
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ::ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Hands each piece to `take`, which says "" or what went wrong.
Result<Content> read_through(const fs::path& file, const OnBytes& on_bytes,
                             const std::function<Result<void>(std::string_view)>& take) {
  const Descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in.is_open()) return file_error(file, "read", errno);
  Digest digest;
  std::vector<char> piece(piece_bytes);
  while (true) {
    const ::ssize_t bytes = read_piece(in.get(), piece);
    if (bytes < 0) return file_error(file, "read", errno);
    if (bytes == 0) return digest.finish();
    const std::string_view read(piece.data(), static_cast<std::size_t>(bytes));
    digest.add(read);
    if (take) {
      if (const auto taken = take(read); !taken) return taken.error();
    }
    if (on_bytes && !on_bytes(read.size())) return fail(Errc::service_unavailable, "stopped before the end");
  }
}

}  // namespace

void Digest::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Digest::Digest() : context_(EVP_MD_CTX_new()) {
  if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
}

void Digest::add(std::string_view bytes) {
  bytes_ += bytes.size();
  if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) throw std::bad_alloc();
}

Content Digest::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned int size = 0;
  if (EVP_DigestFinal_ex(context_.get(), raw.data(), &size) != 1) throw std::bad_alloc();
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += {digits[raw[i] >> 4U], digits[raw[i] & 0xFU]};
  return {bytes_, hex};
}

Error file_error(const fs::path& path, const char* verb, int error) {
  return fail(Errc::service_unavailable, path.string() + " cannot be " + verb + ": " + std::strerror(error));
}

Result<Content> content_of(const fs::path& file, const OnBytes& on_bytes) { return read_through(file, on_bytes, {}); }

Result<Content> copy_file(const fs::path& from, const fs::path& to, const OnBytes& on_bytes) {
  const Descriptor out(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, private_file));
  if (!out.is_open()) return file_error(to, "written", errno);
  auto copied = read_through(from, on_bytes, [&](std::string_view piece) -> Result<void> {
    if (!write_all(out.get(), piece)) return file_error(to, "written", errno);
    return {};
  });
  if (!copied) return copied;
  if (::fsync(out.get()) != 0) return file_error(to, "made durable", errno);
  // The hub's own files are worth more in memory than a copy that nobody reads.
  (void)::posix_fadvise(out.get(), 0, 0, POSIX_FADV_DONTNEED);
  return copied;
}

Result<Content> write_new_file(const fs::path& to, std::string_view text) {
  const Descriptor out(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, private_file));
  if (!out.is_open() || !write_all(out.get(), text)) return file_error(to, "written", errno);
  if (::fsync(out.get()) != 0) return file_error(to, "made durable", errno);
  Digest digest;
  digest.add(text);
  return digest.finish();
}

Result<std::string> read_small_file(const fs::path& file, std::uint64_t bytes_max) {
  std::string text;
  bool is_small = true;
  const auto read = read_through(file, {}, [&](std::string_view piece) -> Result<void> {
    is_small = text.size() + piece.size() <= bytes_max;
    if (!is_small) return fail(Errc::message_too_large, file.string() + " is too large");
    text += piece;
    return {};
  });
  if (!read) return read.error();
  return text;
}

Result<void> make_folder(const fs::path& folder) {
  if (const auto error = make_durable_folder(folder, private_folder)) return file_error(folder, "made", error.value());
  return {};
}

Result<void> make_folder_in_tree(const fs::path& folder) {
  if (::mkdir(folder.c_str(), private_folder) == 0) return {};
  if (errno == ENOENT && folder.has_parent_path() && folder.parent_path() != folder) {
    if (const auto made = make_folder_in_tree(folder.parent_path()); !made) return made;
    if (::mkdir(folder.c_str(), private_folder) == 0) return {};
  }
  const int why = errno;
  std::error_code ignored;
  if (why == EEXIST && fs::is_directory(folder, ignored)) return {};
  return file_error(folder, "made", why);
}

Result<void> sync_folder(const fs::path& folder) {
  if (const auto error = storage::sync_folder(folder)) return file_error(folder, "made durable", error.value());
  return {};
}

Result<void> sync_folders(const fs::path& folder) {
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (!at->is_directory(error) || at->is_symlink(error)) continue;
    if (const auto synced = sync_folder(at->path()); !synced) return synced;
  }
  if (error) return file_error(folder, "made durable", error.value());
  return sync_folder(folder);
}

Result<void> remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return file_error(path, "removed", error.value());
  return {};
}

}  // namespace twinhub::storage::backup

// Files as backups need them: private to their owner, durable before anything rests on them, known by their SHA-256.
#pragma once

#include "protocol/error.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX

namespace twinhub::storage::backup {

/// What a file holds.
struct Content {
  std::uint64_t bytes = 0;
  std::string sha256;  ///< in hex, lower case

  bool operator==(const Content&) const = default;
};

class Digest {
 public:
  Digest();
  void add(std::string_view bytes);
  /// Once.
  [[nodiscard]] Content finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
  std::uint64_t bytes_ = 0;
};

/// `bytes` more were read. False: stop; the operation then ends with an Error.
using OnBytes = std::function<bool(std::uint64_t bytes)>;

// Errors are service_unavailable and name the file.

/// Reads a file from end to end.
[[nodiscard]] Result<Content> content_of(const std::filesystem::path& file, const OnBytes& on_bytes);
/// Makes `to` (not there yet, its folder is) with mode 0600; durable when this returns. Returns what was copied.
[[nodiscard]] Result<Content> copy_file(const std::filesystem::path& from, const std::filesystem::path& to,
                                        const OnBytes& on_bytes);
[[nodiscard]] Result<Content> write_new_file(const std::filesystem::path& to, std::string_view text);
/// Reads a file of at most `bytes_max`.
[[nodiscard]] Result<std::string> read_small_file(const std::filesystem::path& file, std::uint64_t bytes_max);

/// Makes a folder, and those above it that are missing, with mode 0700; their names are durable.
[[nodiscard]] Result<void> make_folder(const std::filesystem::path& folder);
/// The same in a tree of which sync_folders() makes the names durable afterwards.
[[nodiscard]] Result<void> make_folder_in_tree(const std::filesystem::path& folder);
/// The names in `folder` are durable, and those in the folders in it.
[[nodiscard]] Result<void> sync_folders(const std::filesystem::path& folder);
/// The names in `folder` alone.
[[nodiscard]] Result<void> sync_folder(const std::filesystem::path& folder);
/// Removes a file or a folder with everything in it; what is not there is no Error.
[[nodiscard]] Result<void> remove_tree(const std::filesystem::path& path);

/// "PATH cannot be VERB: why", from errno.
[[nodiscard]] Error file_error(const std::filesystem::path& path, const char* verb, int error);

}  // namespace twinhub::storage::backup

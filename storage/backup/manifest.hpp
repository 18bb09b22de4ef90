// The manifest of a backup: every file with its size and SHA-256, and when and of what it was made. It is text, so that
// it can be read, and checked with sha256sum, where there is no twinhub:
//
//   twinhub-backup 1
//   made 2026-11-29T08:00:01.0000000Z
//   hub my-hub
//   file 9f86d081...0f00a08 4096 db/000012.sst
//   ...
//   whole 60303ae2...b95162e       SHA-256 of all bytes before this line: a manifest that was cut short is none
//
// Paths are relative to the data folder; '%' and bytes outside of '!' to '~' stand as %XX.
#pragma once

#include "protocol/error.hpp"
#include "storage/backup/files.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace twinhub::storage::backup {

struct ManifestFile {
  std::string path;  ///< never leads out of the folder
  Content content;

  bool operator==(const ManifestFile&) const = default;
};

struct Manifest {
  std::string made;
  std::string hub;
  std::vector<ManifestFile> files;

  bool operator==(const Manifest&) const = default;
};

/// A relative path to a file below, without "." and "..".
[[nodiscard]] bool is_inner_path(std::string_view path);

/// REQUIRES: `made` and `hub` have no line end; the paths are inner paths.
[[nodiscard]] std::string manifest_text(const Manifest& manifest);
/// Errors, in words for the operator: it is not whole, or of a newer version.
[[nodiscard]] Result<Manifest> parse_manifest(std::string_view text);

}  // namespace twinhub::storage::backup

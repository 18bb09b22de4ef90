#include "storage/backup/layout.hpp"

#include <algorithm>
#include <cctype>
#include <system_error>

namespace twinhub::storage::backup {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t manifest_bytes_max = 256U << 20;  // a million files
constexpr std::string_view pattern = "00000000T000000Z";

/// 20261129T080001Z, or 20261129T080001Z-001 when that one is there already.
bool is_backup_name(std::string_view name) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (name.size() < pattern.size()) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '0' ? !is_digit(name[i]) : name[i] != pattern[i]) return false;
  }
  const std::string_view rest = name.substr(pattern.size());
  return rest.empty() || (rest.size() > 1 && rest[0] == '-' && std::all_of(rest.begin() + 1, rest.end(), is_digit));
}

/// "2026-11-29T08:00:01.0000000Z" as a name that every file system takes.
std::string name_of(Timestamp at) {
  std::string name;
  for (const char c : to_iso8601(at)) {
    if (c == '.') break;
    if (c != '-' && c != ':' && c != 'Z') name += c;
  }
  return name + "Z";
}

}  // namespace

std::vector<std::string> backup_names(const fs::path& backups) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(backups, error), end; !error && at != end; at.increment(error)) {
    std::string name = at->path().filename().string();
    if (is_backup_name(name)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string next_backup_name(const fs::path& backups, Timestamp now) {
  const auto names = backup_names(backups);
  std::string name = name_of(now);
  if (names.empty() || names.back() < name) return name;
  const std::string newest = names.back();
  const std::string time = newest.substr(0, pattern.size());
  const unsigned long number = newest.size() > time.size() ? std::stoul(newest.substr(time.size() + 1)) + 1 : 1;
  std::string digits = std::to_string(number);
  constexpr std::size_t digits_min = 6;  // names sort by their bytes
  if (digits.size() < digits_min) digits.insert(0, digits_min - digits.size(), '0');
  return time + "-" + digits;
}

Result<Backup> open_backup(const fs::path& folder) {
  const auto text = read_small_file(folder / manifest_name, manifest_bytes_max);
  if (!text) return text.error();
  auto manifest = parse_manifest(*text);
  if (!manifest) return fail(manifest.error().code, folder.string() + " is no backup: " + manifest.error().detail);
  return Backup{folder, std::move(*manifest)};
}

Result<Backup> find_backup(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / manifest_name, error)) return open_backup(folder);
  if (!fs::is_directory(folder, error)) return fail(Errc::service_unavailable, "there is no folder " + folder.string());
  const auto names = backup_names(folder);
  if (!names.empty()) return open_backup(folder / names.back());
  const bool was_cut_short = fs::exists(folder / unfinished_name, error);
  return fail(Errc::service_unavailable,
              "there is no backup in " + folder.string() + (was_cut_short ? ", only one that was not finished" : ""));
}

std::optional<Error> unfinished_restore(const fs::path& data_folder) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(data_folder / restore_mark_name, error))) return std::nullopt;
  return fail(Errc::service_unavailable, "a restore into " + data_folder.string() +
                                             " was cut short, or is under way: what is there is no whole hub. Run the "
                                             "restore again: it begins anew");
}

}  // namespace twinhub::storage::backup

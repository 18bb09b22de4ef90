#include "server/data_folder.hpp"

#include "server/net/certificates.hpp"
#include "storage/backup/layout.hpp"
#include "storage/durable_folder.hpp"

#include <sys/stat.h>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace twinhub {
namespace {

namespace fs = std::filesystem;

constexpr fs::perms others = fs::perms::group_all | fs::perms::others_all;

constexpr const char* mode_name = "mode";
constexpr std::string_view dev_word = "dev", production_word = "production";

enum class Mode : std::uint8_t { dev, production };

std::string read_word(const fs::path& file) {
  std::string word;
  std::getline(std::ifstream(file), word);
  return word;
}

/// nullopt: no hub was started on the folder yet.
std::optional<Mode> mode_of(const fs::path& folder) {
  const std::string word = read_word(folder / mode_name);
  if (word == dev_word) return Mode::dev;
  if (word == production_word) return Mode::production;
  // A hub of an older version has left no word. In production it had keys of its own from its first start on.
  std::error_code error;
  if (fs::exists(folder / "policies.toml", error)) return Mode::production;
  if (fs::exists(folder / "db" / "CURRENT", error)) return Mode::dev;
  return std::nullopt;
}

Error cannot_use(const fs::path& folder, const std::string& why) {
  return fail(Errc::service_unavailable, "the data folder " + folder.string() + " cannot be used: " + why);
}

bool is_closed(const fs::path& folder) {
  std::error_code error;
  return (fs::status(folder, error).permissions() & others) == fs::perms::none;
}

/// A folder that is there. One that others may enter will do while it is empty: it can still be closed.
Result<void> check_folder(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) return cannot_use(folder, error ? error.message() : "it is no folder");
  if (const auto unfinished = storage::backup::unfinished_restore(folder)) return *unfinished;
  if (is_closed(folder) || fs::is_empty(folder, error)) return {};
  return cannot_use(
      folder,
      "it holds every device's key, and other users may enter it. Close it with: chmod -R go-rwx " + folder.string());
}

}  // namespace

Result<void> prepare_data_folder(const fs::path& folder) {
  std::error_code error = storage::make_durable_folder(folder);
  if (error) return cannot_use(folder, error.message());
  if (const auto checked = check_folder(folder); !checked || is_closed(folder)) return checked;
  fs::permissions(folder, fs::perms::owner_all, error);
  if (error) return cannot_use(folder, "it cannot be closed to other users: " + error.message());
  if (!is_closed(folder)) return cannot_use(folder, "it is open to other users, and its file system keeps no modes");
  return {};
}

Result<void> check_data_folder(const config::Settings& settings) {
  std::error_code error;
  if (!fs::exists(settings.data_dir, error)) return {};
  if (const auto checked = check_folder(settings.data_dir); !checked) return checked;
  return check_mode(settings);
}

Result<void> check_mode(const config::Settings& settings) {
  const auto mode = mode_of(settings.data_dir);
  if (!mode || settings.force_mode || settings.dev == (*mode == Mode::dev)) return {};
  const auto refuse = [&settings](const std::string& why) {
    return fail(Errc::service_unavailable, "the data folder " + settings.data_dir + why);
  };
  if (settings.dev)
    return refuse(
        " is a production hub's: with --dev everybody who reaches it would own it, for the keys are well known. Start "
        "it "
        "without --dev, or on another --data-dir; --force-mode does it all the same");
  return refuse(
      " was made with --dev: whoever reached it then may have left devices and keys in it. Start it with --dev, or on "
      "another --data-dir; --force-mode makes a production hub of it");
}

Result<void> mark_new_folder(const config::Settings& settings) {
  return mode_of(settings.data_dir) ? Result<void>() : keep_mode(settings);
}

Result<void> keep_mode(const config::Settings& settings) {
  const auto mode = mode_of(settings.data_dir);
  const bool is_production = !settings.dev || mode == Mode::production;
  const fs::path file = fs::path(settings.data_dir) / mode_name;
  const std::string_view word = is_production ? production_word : dev_word;
  if (read_word(file) == word) return {};
  return net::write_file(file, std::string(word) + "\n", 0600);
}

Timestamp made_at(const fs::path& folder) {
  struct stat found {};
  // The one file of the store that is written when the store is made, and never again.
  if (::stat((folder / "db" / "IDENTITY").c_str(), &found) != 0) return {};
  return timestamp_from_unix(found.st_mtim.tv_sec, static_cast<std::uint32_t>(found.st_mtim.tv_nsec));
}

}  // namespace twinhub

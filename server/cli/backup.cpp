// `twinhub backup`, `restore` and `check`.
#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/document.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/command_set.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/ops_orders.hpp"
#include "server/cli/progress.hpp"
#include "storage/backup/layout.hpp"
#include "storage/backup/restore.hpp"
#include "storage/rocksdb/store_check.hpp"

#include <array>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <thread>

namespace twinhub::cli {
namespace {

namespace fs = std::filesystem;
namespace backup = storage::backup;

constexpr std::chrono::milliseconds ask_again{100};

struct BackupOptions {
  std::string folder;
  bool json = false;
};

std::string mib(std::uint64_t bytes) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f MiB", static_cast<double>(bytes) / (1U << 20));
  return text.data();
}

std::string far(const char* doing, const backup::Progress& progress) {
  if (progress.files_total == 0) return std::string(doing) + ": looking at the files";
  return std::string(doing) + ": " + std::to_string(progress.files) + " of " + std::to_string(progress.files_total) +
         " files, " + mib(progress.bytes) + " of " + mib(progress.bytes_total);
}

int failed(const Error& error) {
  std::cerr << "twinhub: " << error.detail << "\n";
  return exit_failed;
}

// Through the running hub

backup::Progress progress_in(const json::Document& document) {
  return {number_in(document.root(), "files"), number_in(document.root(), "filesTotal"),
          number_in(document.root(), "bytes"), number_in(document.root(), "bytesTotal")};
}

/// Until the backup `id` is no longer under way.
Result<json::Document> wait_for(OpsOrders& door, const std::string& id) {
  Progress shown;
  while (true) {
    auto state = door.ask("GET", "/backup");
    if (!state) return state;
    if (text_in(state->root(), "id") != id)
      return fail(Errc::service_unavailable, "the hub was restarted before the backup was whole");
    if (text_in(state->root(), "state") != "running") return state;
    shown.show(far("backing up", progress_in(*state)));
    std::this_thread::sleep_for(ask_again);
  }
}

int make_backup(const config::Settings& settings, const BackupOptions& options) {
  auto door = OpsOrders::open(settings, "/backup");
  if (!door) return report(door.error());
  const std::string to = fs::absolute(options.folder).lexically_normal().string();
  const auto begun = door->ask("POST", "/backup?to=" + iothub::percent_encode(to));
  if (!begun) return report(begun.error());
  const auto state = wait_for(*door, text_in(begun->root(), "id"));
  if (!state) return report(state.error());
  if (text_in(state->root(), "state") != "done")
    return failed(fail(Errc::server_error, text_in(state->root(), "error")));
  if (options.json) {
    std::cout << state->text() << "\n";
    return exit_ok;
  }
  std::cout << text_in(state->root(), "folder") << ": " << number_in(state->root(), "files") << " files, "
            << mib(number_in(state->root(), "bytes")) << ", " << mib(number_in(state->root(), "linkedBytes"))
            << " of them as links to the backup before\n";
  const auto left_out = state->root().find("leftOut");
  for (const json::Value path : *left_out)
    std::cerr << "twinhub: " << path.string().value_or("") << " went away while it was copied, and is not in it\n";
  return exit_ok;
}

// Without a hub

int restore_backup(const config::Settings& settings, const std::string& folder) {
  const auto found = backup::find_backup(folder);
  if (!found) return failed(found.error());
  Progress shown;
  const auto showing = [&shown](const char* doing) {
    return [&shown, doing](const backup::Progress& progress) {
      shown.show(far(doing, progress));
      return true;
    };
  };
  auto done = backup::check_backup(*found, showing("checking"));
  if (done) done = backup::restore(*found, settings.data_dir, showing("restoring"));
  shown.clear();
  if (!done) return failed(done.error());
  std::cout << "the hub '" << found->manifest.hub << "' as it was at " << found->manifest.made << " is in "
            << settings.data_dir << "\n";
  return exit_ok;
}

int check_one(const fs::path& folder) {
  const auto found = backup::open_backup(folder);
  if (!found) return failed(found.error());
  Progress shown;
  const auto checked = backup::check_backup(*found, [&shown](const backup::Progress& progress) {
    shown.show(far("checking", progress));
    return true;
  });
  shown.clear();
  if (!checked) return failed(checked.error());
  std::uint64_t bytes = 0;
  for (const auto& file : found->manifest.files) bytes += file.content.bytes;
  std::cout << folder.string() << ": whole, " << found->manifest.files.size() << " files, " << mib(bytes)
            << ", of the hub '" << found->manifest.hub << "' at " << found->manifest.made << "\n";
  return exit_ok;
}

int check_data_folder(const fs::path& folder) {
  if (const auto unfinished = backup::unfinished_restore(folder)) return failed(*unfinished);
  // As many as a hub may have: those that this one does not have are empty.
  constexpr std::uint32_t event_partitions_max = 32;
  const auto check = storage::check_rocksdb_store({.directory = folder / backup::store_name,
                                                   .event_partitions = event_partitions_max,
                                                   .now = [] { return Timestamp{}; }});
  if (!check) return failed(check.error());
  std::cout << folder.string() << ": whole, " << check->identities << " devices and modules, " << check->events
            << " events, " << check->records << " other records\n";
  return exit_ok;
}

/// Whatever it is: a backup, a folder of backups (every one of them), or a data folder.
int check(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / backup::manifest_name, error)) return check_one(folder);
  if (fs::exists(folder / backup::store_name, error) || fs::exists(folder / backup::restore_mark_name, error))
    return check_data_folder(folder);
  if (const auto any = backup::find_backup(folder); !any) return failed(any.error());
  int worst = exit_ok;
  for (const std::string& name : backup::backup_names(folder)) worst = std::max(worst, check_one(folder / name));
  return worst;
}

}  // namespace

void add_backup_commands(CommandSet& commands) {
  const auto options = std::make_shared<BackupOptions>();
  CLI::App& made = commands.add(commands.root(), "backup", "Have the running hub make a backup of itself",
                                [options](const auto& settings) { return make_backup(settings, *options); });
  made.add_option("folder", options->folder, "A folder of backups on the hub's machine; made when it is missing")
      ->required()
      ->type_name("FOLDER");
  made.add_flag("--json", options->json, "Print the outcome as JSON");
  made.footer("Each backup is whole by itself; what has not changed since the one before is a hard link to it.");

  const auto from = std::make_shared<std::string>();
  CLI::App& restored = commands.add(commands.root(), "restore", "Make a data folder from a backup",
                                    [from](const auto& settings) { return restore_backup(settings, *from); });
  restored.add_option("folder", *from, "A backup, or a folder of backups: then the newest of them")
      ->required()
      ->type_name("FOLDER");
  restored.footer("The data folder is that of --data-dir: one that is not there, or empty.");

  const auto looked_at = std::make_shared<std::string>();
  CLI::App& checked =
      *commands.root().add_subcommand("check", "Read a backup, or a data folder without a hub, from end to end");
  checked.add_option("folder", *looked_at, "A backup, a folder of backups, or a data folder")
      ->required()
      ->type_name("FOLDER");
  commands.add_plain(checked, [looked_at] { return check(*looked_at); });
}

}  // namespace twinhub::cli

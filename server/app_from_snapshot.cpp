#include "server/app_from_snapshot.hpp"

#include "server/base/log.hpp"
#include "storage/backup/layout.hpp"
#include "storage/backup/snapshots.hpp"

#include <filesystem>
#include <system_error>

namespace twinhub {
namespace {

namespace fs = std::filesystem;
namespace backup = storage::backup;

fs::path snapshot_of(const config::Settings& settings) {
  if (!backup::is_snapshot_name(settings.from_snapshot)) return settings.from_snapshot;
  const fs::path own = backup::Snapshots(settings.data_dir).folder_of(settings.from_snapshot);
  return backup::is_snapshot(own) ? own : fs::path(settings.from_snapshot);
}

}  // namespace

Result<void> check_from_snapshot(const config::Settings& settings) {
  if (settings.from_snapshot.empty()) return {};
  if (settings.durability == "memory")
    return fail(Errc::argument_invalid, "--from-snapshot: with durability \"memory\" nothing is on disk");
  if (!backup::is_snapshot(snapshot_of(settings)))
    return fail(Errc::argument_invalid, "--from-snapshot: " + settings.from_snapshot + " is no snapshot");
  return {};
}

Result<void> begin_from_snapshot(const config::Settings& settings) {
  if (settings.from_snapshot.empty()) return {};
  // One that is damaged, too: its files are not given up.
  const fs::path store = fs::path(settings.data_dir) / backup::store_name;
  std::error_code error;
  if (fs::exists(store, error) && !fs::is_empty(store, error)) {
    log::info({.event = "snapshot_left_out"}, "the hub has a store already; {} is left aside", settings.from_snapshot);
    return {};
  }
  if (const auto checked = check_from_snapshot(settings); !checked) return checked;
  backup::Snapshots snapshots(settings.data_dir);
  if (const auto prepared = snapshots.prepare_store(snapshot_of(settings)); !prepared) return prepared;
  if (const auto placed = snapshots.swap_store(); !placed) return placed;
  snapshots.drop_old_store();
  log::info({.event = "forked"}, "the hub begins with {}", settings.from_snapshot);
  return {};
}

}  // namespace twinhub

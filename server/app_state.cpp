#include "server/app_state.hpp"

#include "protocol/json/text.hpp"
#include "server/app_seed.hpp"
#include "server/base/log.hpp"
#include "server/signals.hpp"
#include "storage/cut.hpp"

#include <utility>

namespace twinhub {
namespace {

/// No name that anybody can give a snapshot.
constexpr const char* seed_name = ".seed";

void append_text(std::string& out, std::string_view name, std::string_view text) {
  json::append_key(out, name);
  json::append_string(out, json::to_utf8(text));
}

std::string json_of(const storage::backup::SnapshotInfo& info) {
  std::string out = "{";
  append_text(out, "name", info.name);
  out += ',';
  append_text(out, "made", info.made);
  out += ',';
  json::append_key(out, "bytes");
  return out + std::to_string(info.bytes) + "}";
}

Error no_snapshot(const std::string& name) { return fail(Errc::device_not_found, "there is no snapshot " + name); }

Error not_on_disk() {
  return fail(Errc::operation_not_allowed_in_current_state,
              "with durability \"memory\" nothing is on disk, and there are no snapshots");
}

}  // namespace

Result<void> StateOrders::give(control::StateOrder order, control::OrderDone done) {
  {
    const MutexLock lock(mutex_);
    if (is_busy_) return fail(Errc::precondition_failed, "another order is under way");
    is_busy_ = true;
    given_ = Given{std::move(order), std::move(done)};
  }
  tell_of_order();
  return {};
}

std::optional<StateOrders::Given> StateOrders::take() {
  const MutexLock lock(mutex_);
  return std::exchange(given_, std::nullopt);
}

void StateOrders::end() {
  const MutexLock lock(mutex_);
  is_busy_ = false;
}

HubState::HubState(const config::Settings& settings, const hub::Clock& clock, StateParts parts)
    : settings_(settings), clock_(clock), parts_(std::move(parts)), snapshots_(settings.data_dir) {}

void HubState::note_seed(Serving& serving) {
  if (!settings_.control_enabled || !is_on_disk()) return;
  const auto state = seed_state(settings_);
  if (!state) return;
  const auto saved = snapshots_.save(storage::cut_of(serving.store()), seed_name, clock_.wall(), *state);
  if (!saved) log::warn({.event = "seed_not_kept"}, "resets will read the seed again: {}", saved.error().detail);
}

Result<std::string> HubState::carry_out(const control::StateOrder& order) {
  using Kind = control::StateOrder::Kind;
  began_ = std::chrono::steady_clock::now();
  switch (order.kind) {
    case Kind::reset:
      return reset(!settings_.seed.empty());
    case Kind::reset_to_seed:
      return reset(true);
    case Kind::reset_to_empty:
      return reset(false);
    case Kind::save:
      return save(order.snapshot);
    case Kind::restore:
      return restore(order.snapshot);
    case Kind::remove:
      return remove(order.snapshot);
  }
  return fail(Errc::server_error, "no such order");
}

Result<std::string> HubState::save(const std::string& name) {
  if (!is_on_disk()) return not_on_disk();
  const auto saved = snapshots_.save(storage::cut_of(parts_.serving().store()), name, clock_.wall());
  if (!saved) return saved.error();
  log::info({.event = "snapshot_saved"}, "snapshot {}: saved", name);
  return json_of(*saved);
}

Result<std::string> HubState::restore(const std::string& name) {
  if (!snapshots_.has(name)) return is_on_disk() ? no_snapshot(name) : not_on_disk();
  if (const auto replaced = replace_store(snapshots_.folder_of(name), Seeding::left_out); !replaced)
    return replaced.error();
  log::info({.event = "snapshot_restored"}, "snapshot {}: restored", name);
  return outcome(name);
}

Result<std::string> HubState::remove(const std::string& name) {
  if (!snapshots_.has(name)) return no_snapshot(name);
  if (const auto removed = snapshots_.remove(name); !removed) return removed.error();
  log::info({.event = "snapshot_removed"}, "snapshot {}: removed", name);
  return "{}";
}

Result<std::string> HubState::reset(bool to_seed) {
  std::filesystem::path from;
  Seeding seeding = Seeding::left_out;
  if (to_seed) {
    if (settings_.seed.empty()) return fail(Errc::argument_invalid, "the hub was started without --seed");
    const auto state = seed_state(settings_);
    if (!state) return state.error();
    if (is_on_disk() && snapshots_.has(seed_name) && snapshots_.of(seed_name) == *state) {
      from = snapshots_.folder_of(seed_name);
    } else {
      if (const auto understood = check_seed(settings_); !understood) return understood.error();
      seeding = Seeding::planted;
    }
  }
  if (const auto replaced = replace_store(from, seeding); !replaced) return replaced.error();
  log::info({.event = "reset"}, "reset: {}", to_seed ? "the hub has its seed" : "the hub is empty");
  return outcome(to_seed ? "seed" : "empty");
}

/// Everything that can fail is done before what serves is ended, but for what the disk refuses in between.
Result<void> HubState::replace_store(const std::filesystem::path& snapshot, Seeding seeding) {
  if (parts_.serving().is_backing_up()) return fail(Errc::precondition_failed, "a backup of this hub is under way");
  if (is_on_disk()) {
    if (const auto prepared = snapshots_.prepare_store(snapshot); !prepared) return prepared;
  }
  parts_.end_serving();
  const auto swapped = is_on_disk() ? snapshots_.swap_store() : Result<void>();
  if (!swapped) {
    const auto as_before = parts_.begin_serving(Seeding::left_out);
    return as_before ? swapped : as_before;
  }
  const auto begun = parts_.begin_serving(seeding);
  if (begun) return begun;
  // What was in memory is gone with its store: the hub is empty then.
  const auto back = is_on_disk() ? snapshots_.swap_store_back() : Result<void>();
  if (!back) return back;
  const auto as_before = parts_.begin_serving(Seeding::left_out);
  return as_before ? begun : as_before;
}

void HubState::tidy() { snapshots_.drop_old_store(); }

std::string HubState::list() const {
  std::string out = "{\"snapshots\":[";
  for (const auto& info : snapshots_.list()) {
    if (out.back() != '[') out += ',';
    out += json_of(info);
  }
  return out + "]}";
}

std::string HubState::outcome(std::string_view state) const {
  const auto took = std::chrono::steady_clock::now() - began_;
  std::string out = "{";
  append_text(out, "state", state);
  out += ",\"milliseconds\":";
  return out + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()) + "}";
}

}  // namespace twinhub

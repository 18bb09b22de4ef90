// The hub's whole state, as tests order it: reset, saved as a snapshot, put back to one.
#pragma once

#include "config/settings.hpp"
#include "protocol/error.hpp"
#include "server/base/clock.hpp"
#include "server/control/state_order.hpp"
#include "server/serving.hpp"
#include "storage/backup/snapshots.hpp"
#include "storage/guarded.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace twinhub {

/// Orders on their way to the main thread: one at a time. Any thread.
class StateOrders {
 public:
  struct Given {
    control::StateOrder order;
    control::OrderDone done;
  };
  /// Wakes the main thread. Errors: precondition_failed, another one is under way; `done` is not called then.
  [[nodiscard]] Result<void> give(control::StateOrder order, control::OrderDone done) EXCLUDES(mutex_);
  /// The main thread: what was given, until end().
  [[nodiscard]] std::optional<Given> take() EXCLUDES(mutex_);
  void end() EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  bool is_busy_ GUARDED_BY(mutex_) = false;
  std::optional<Given> given_ GUARDED_BY(mutex_);
};

/// How the process ends what serves, and has another one serve.
struct StateParts {
  std::function<Serving&()> serving;
  std::function<void()> end_serving;
  /// Errors: nothing serves.
  std::function<Result<void>(Seeding seeding)> begin_serving;
};

/// The main thread, unless said otherwise.
class HubState {
 public:
  /// All outlive it.
  HubState(const config::Settings& settings, const hub::Clock& clock, StateParts parts);

  /// A hub that has its seed and nothing else: resets come back to this. Nothing comes of it where none are ordered.
  void note_seed(Serving& serving);
  /// The outcome in JSON. Errors as control::OrderDone has them; REQUIRED afterwards: tidy().
  [[nodiscard]] Result<std::string> carry_out(const control::StateOrder& order);
  /// Whatever nobody has to wait for.
  void tidy();
  /// {"snapshots":[{"name","made","bytes"}]}. Any thread.
  [[nodiscard]] std::string list() const;

 private:
  [[nodiscard]] bool is_on_disk() const { return settings_.durability != "memory"; }
  [[nodiscard]] Result<std::string> save(const std::string& name);
  [[nodiscard]] Result<std::string> restore(const std::string& name);
  [[nodiscard]] Result<std::string> remove(const std::string& name);
  [[nodiscard]] Result<std::string> reset(bool to_seed);
  [[nodiscard]] Result<void> replace_store(const std::filesystem::path& snapshot, Seeding seeding);
  [[nodiscard]] std::string outcome(std::string_view state) const;

  const config::Settings& settings_;
  const hub::Clock& clock_;
  const StateParts parts_;
  storage::backup::Snapshots snapshots_;
  std::chrono::steady_clock::time_point began_;
};

}  // namespace twinhub

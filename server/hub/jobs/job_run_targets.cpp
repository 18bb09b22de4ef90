#include "protocol/json/text.hpp"
#include "server/base/error_table.hpp"
#include "server/hub/jobs/job_run.hpp"

#include <algorithm>
#include <utility>

namespace twinhub::hub {
namespace {

/// Waits of the gate up to this are not worth a pause: a tick comes about that often.
constexpr std::chrono::milliseconds pause_min{100};
constexpr std::uint64_t ticks_per_microsecond = ticks_per_second / 1'000'000;
/// With the day's messages used up, the gate is asked again this often.
constexpr std::uint64_t quota_pause_ticks = ticks_per_second;
/// Beside its twin, a change puts its event, its row and the patch's text into the store's queue.
constexpr std::size_t change_overhead_bytes = 1024;

void fail_row(DeviceJob& row, Timestamp now, std::string_view code, std::string_view description) {
  row.status = DeviceJobStatus::failed;
  if (row.started.ticks == 0) row.started = now;
  row.ended = now;
  row.error_code = code;
  row.error_description = json::to_utf8(description);
}

void fail_row(DeviceJob& row, Timestamp now, const Error& error) {
  const ErrorRow& known = row_of(error.code);
  const std::string_view detail = detail_for_peers(error);
  fail_row(row, now, known.name, detail.empty() ? known.message : detail);
}

}  // namespace

void JobRun::work(JobBudget& budget) {
  take(budget);
  act(budget);
  advance();
  save_state();
  if (!all_taken_ || !window_.empty()) return;
  close(state_.failure_reason.empty() ? JobStatus::completed : JobStatus::failed, {});
}

bool JobRun::overdue() const {
  const std::uint64_t ran = ran_before_ticks_ + context_.clock.steady().ticks - running_since_.ticks;
  return ran >= definition_->execution_seconds_max * ticks_per_second;
}

/// How many rows may enter the window now.
std::size_t JobRun::room(const JobBudget& budget) const {
  if (window_.size() >= context_.options.window_max) return 0;
  std::size_t rows = std::min(budget.devices, context_.options.window_max - window_.size());
  if (state_.type == JobType::device_method && !overdue()) {
    const std::size_t calls_max = context_.options.calls_max;
    return std::min(rows, calls_max - std::min(calls_max, context_.calls_under_way));
  }
  return std::min(rows, context_.options.slice_devices - std::min(context_.options.slice_devices, unsettled_));
}

void JobRun::take(JobBudget& budget) {
  if (all_taken_ || context_.clock.steady() < paused_until_) return;
  const std::size_t rows_max = room(budget);
  if (rows_max == 0) return;
  std::vector<std::pair<std::string, DeviceJob>> rows;
  const auto scanned = context_.store.scan_records(storage::RecordKind::job_devices, prefix_,
                                                   taken_up_to_.empty() ? std::string() : prefix_ + taken_up_to_,
                                                   [&](std::string_view key, std::string_view record) {
                                                     auto row = decode_device_job(record);
                                                     if (!row) {
                                                       // What it was is unknown: it must not be done again.
                                                       row = DeviceJob{};
                                                       fail_row(*row, context_.clock.wall(), row.error());
                                                     }
                                                     rows.emplace_back(key.substr(prefix_.size()), std::move(*row));
                                                     return rows.size() < rows_max;
                                                   });
  if (!scanned) return;  // asked again by the next tick
  budget.devices -= std::min(budget.devices, rows.size());
  for (auto& [key, row] : rows) {
    const bool begins = row.status == DeviceJobStatus::pending && !overdue();
    if (begins && !admit()) return;
    taken_up_to_ = key;
    enter(key, std::move(row));
  }
  all_taken_ = rows.size() < rows_max;
}

/// With a sku: whether a device's turn has come. One that is let in may put off the next.
bool JobRun::admit() {
  const Timestamp now = context_.clock.steady();
  if (now < paused_until_) return false;
  const Admission admission = context_.gate.admit(Operation::job_device, 0);
  if (admission.refusal != Refusal::none) {
    paused_until_ = {now.ticks + quota_pause_ticks};
    return false;
  }
  if (admission.wait >= pause_min)
    paused_until_ = {now.ticks + static_cast<std::uint64_t>(admission.wait.count()) * ticks_per_microsecond};
  return true;
}

void JobRun::enter(const std::string& key, DeviceJob row) {
  const Timestamp now = context_.clock.wall();
  Target& target = window_[key];
  target.row = std::move(row);
  if (target.row.settled()) return count(target);  // by a former life of the hub
  ++unsettled_;
  if (state_.type == JobType::device_method) ++context_.calls_under_way;
  if (target.row.status == DeviceJobStatus::running) {
    fail_row(target.row, now, row_of(Errc::service_unavailable).name,
             "The hub ended while the call was with the device: whether the method ran is not known, and it is not "
             "called again");
    return next(key, Step::record);
  }
  if (overdue()) {
    fail_row(target.row, now, "GenericTimeout",
             "The job's maxExecutionTimeInSeconds was over before the device's turn");
    if (state_.failure_reason.empty()) {
      state_.failure_reason = "The job did not reach all of its devices within maxExecutionTimeInSeconds.";
      state_changed_ = true;
    }
    return next(key, Step::record);
  }
  next(key, state_.type == JobType::update_twin ? Step::patch : Step::mark);
}

void JobRun::next(const std::string& key, Step step) {
  window_.at(key).step = step;
  due_.push_back(key);
}

void JobRun::act(JobBudget& budget) {
  std::vector<storage::RecordWrite> writes;
  std::vector<std::string> written;
  const auto put = [&](const std::string& key, const DeviceJob& row) {
    writes.push_back(row_write(key, row));
    written.push_back(key);
  };
  // The reason is there before the rows that it explains: units become durable in their order.
  if (state_changed_ && !state_.failure_reason.empty() && !context_.stopping) save_state();
  for (const std::string& key : std::exchange(due_, {})) {
    Target& target = window_.at(key);
    switch (target.step) {
      case Step::record:
        target.step = Step::recording;
        put(key, target.row);
        break;
      case Step::call:
        if (context_.stopping) break;
        target.step = Step::calling;
        call(key);
        break;
      case Step::mark:
        if (context_.stopping) break;
        target.row.status = DeviceJobStatus::running;
        target.row.started = context_.clock.wall();
        target.step = Step::marking;
        put(key, target.row);
        break;
      case Step::patch:
        if (context_.stopping) break;
        if (budget.changed_bytes == 0) {
          due_.push_back(key);
          break;
        }
        target.step = Step::patching;
        patch(key, budget);
        break;
      default:
        break;
    }
  }
  if (writes.empty()) return;
  write(std::move(writes), [this, keys = std::move(written)](bool done) { rows_written(keys, done); });
}

void JobRun::end() {
  std::vector<storage::RecordWrite> writes;
  for (const auto& [key, target] : window_) {
    // `marking` may become durable yet, before this does.
    if (target.step == Step::marking || target.step == Step::call) writes.push_back(row_write(key, {}));
  }
  if (!writes.empty()) write(std::move(writes), [](bool) {});
}

void JobRun::rows_written(const std::vector<std::string>& keys, bool written) {
  for (const std::string& key : keys) {
    switch (window_.at(key).step) {
      case Step::marking:
        next(key, written ? Step::call : Step::mark);
        break;
      case Step::recording:
        if (written) {
          settle(key);
        } else {
          next(key, Step::record);
        }
        break;
      default:
        break;
    }
  }
}

void JobRun::patch(const std::string& key, JobBudget& budget) {
  const auto outcome = std::make_shared<DeviceJob>();
  const std::string row_key = prefix_ + key;
  std::size_t bytes = 0;
  const auto row_of_patch = [&](const Result<void>& patched,
                                std::size_t twin_bytes) -> std::optional<storage::RecordWrite> {
    *outcome = {};
    // A store that failed and came back may show a unit that was reported as failed: then this is done already.
    const auto record = context_.store.read_record(storage::RecordKind::job_devices, row_key);
    if (!record) return std::nullopt;
    if (*record) {
      auto row = decode_device_job(**record);
      if (row && row->settled()) {
        *outcome = std::move(*row);
        return std::nullopt;
      }
    }
    bytes = twin_bytes;
    const Timestamp now = context_.clock.wall();
    outcome->started = outcome->ended = now;
    outcome->status = DeviceJobStatus::completed;
    if (!patched) fail_row(*outcome, now, patched.error());
    return storage::RecordWrite{storage::RecordKind::job_devices, row_key, encode(*outcome)};
  };
  context_.twins.patch_with_record(target_of(key), *twin_patch_, row_of_patch,
                                   [this, inbox = inbox_, key, outcome](const Result<void>& durable, storage::Outbox&) {
                                     inbox->post([this, key, outcome, done = durable.has_value()] {
                                       if (!done || !outcome->settled()) return next(key, Step::patch);
                                       window_.at(key).row = *outcome;
                                       settle(key);
                                     });
                                   });
  const std::size_t used = bytes + 2 * definition_->content.size() + change_overhead_bytes;
  budget.changed_bytes -= std::min(budget.changed_bytes, used);
}

void JobRun::call(const std::string& key) {
  context_.methods.invoke(
      target_of(key), invocation_,
      [this, inbox = inbox_, key, &clock = context_.clock](const Result<MethodAnswer>& answer, storage::Outbox&) {
        inbox->post([this, key, answer, at = clock.wall()] { answered(key, answer, at); });
      });
}

void JobRun::answered(const std::string& key, const Result<MethodAnswer>& answer, Timestamp at) {
  DeviceJob& row = window_.at(key).row;
  if (answer) {
    row.status = DeviceJobStatus::completed;
    row.ended = at;
    row.method_status = answer->status;
    row.method_payload = canonical_payload(*answer);
    return next(key, Step::record);
  }
  // Either means, in a hub that goes on, that no device was asked.
  const bool refused =
      answer.error().code == Errc::throttling_exception || answer.error().code == Errc::service_unavailable;
  if (refused && !context_.stopping) return next(key, Step::call);
  fail_row(row, at, answer.error());
  if (refused) row.error_description = "The hub was stopped before the device answered";
  next(key, Step::record);
}

void JobRun::settle(const std::string& key) {
  Target& target = window_.at(key);
  --unsettled_;
  if (state_.type == JobType::device_method) --context_.calls_under_way;
  count(target);
  ++(target.row.status == DeviceJobStatus::completed ? context_.devices_succeeded : context_.devices_failed);
}

void JobRun::count(Target& target) {
  target.step = Step::settled;
  target.row.method_payload = {};
  ++(target.row.status == DeviceJobStatus::completed ? statistics_.succeeded : statistics_.failed);
}

/// Settled rows leave the window from its front.
void JobRun::advance() {
  while (!window_.empty() && window_.begin()->second.step == Step::settled) {
    const auto& [key, target] = *window_.begin();
    state_.settled_up_to = key;
    ++(target.row.status == DeviceJobStatus::completed ? state_.succeeded : state_.failed);
    state_changed_ = true;
    window_.erase(window_.begin());
  }
}

}  // namespace twinhub::hub

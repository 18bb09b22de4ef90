#include "server/hub/jobs/job_run.hpp"

#include <algorithm>
#include <utility>

namespace twinhub::hub {

void JobRun::Inbox::post(std::function<void()> one) {
  const MutexLock lock(mutex);
  news.push_back(std::move(one));
}

std::vector<std::function<void()>> JobRun::Inbox::take() {
  const MutexLock lock(mutex);
  return std::exchange(news, {});
}

JobRun::JobRun(JobContext& context, std::string id, JobState state)
    : context_(context),
      id_(std::move(id)),
      prefix_(device_jobs_prefix(id_)),
      phase_(state.status == JobStatus::waiting ? Phase::opening
             : state.gathering                  ? Phase::clearing
                                                : Phase::working),
      state_(std::move(state)),
      taken_up_to_(state_.settled_up_to),
      running_since_(context.clock.steady()),
      statistics_{state_.devices, state_.succeeded, state_.failed, 0},
      durable_state_(state_),
      shown_statistics_(statistics_) {
  const Timestamp wall = context.clock.wall();
  if (state_.started.ticks != 0 && wall > state_.started) ran_before_ticks_ = wall.ticks - state_.started.ticks;
}

JobRun::Shown JobRun::shown() const {
  const MutexLock lock(shown_mutex_);
  return {durable_state_, shown_statistics_};
}

void JobRun::show() {
  statistics_.running = unsettled_;
  const MutexLock lock(shown_mutex_);
  shown_statistics_ = statistics_;
}

void JobRun::step(JobBudget& budget) {
  for (const auto& one : inbox_->take()) one();
  if (phase_ == Phase::over) return;
  if (context_.stopping) {
    // What is known is written down; nothing is begun.
    gathering_.reset();
    if (phase_ == Phase::working) act(budget);
    return;
  }
  if (!definition_ && !load_definition()) return;
  Phase before = phase_;
  do {
    before = phase_;
    run_phase(budget);
  } while (phase_ != before && !waits_for_write_);
  show();
}

/// False: to be tried again.
bool JobRun::load_definition() {
  const auto record = context_.store.read_record(storage::RecordKind::jobs, job_key(job_definition_prefix, id_));
  if (!record) return false;
  auto definition = decode_job_definition(record->value_or(""));
  if (definition && state_.type == JobType::device_method) {
    const auto document = json::parse(definition->content);
    auto invocation = document ? read_method_invocation(document->root()) : Result<MethodInvocation>(document.error());
    if (invocation) {
      invocation_ = std::move(*invocation);
    } else {
      definition = invocation.error();
    }
  }
  definition_ = definition ? std::move(*definition) : JobDefinition{};
  if (state_.type == JobType::update_twin) twin_patch_.emplace(definition_->content);
  if (!definition) close(JobStatus::failed, "The job's definition cannot be read: " + definition.error().detail);
  return true;
}

void JobRun::run_phase(JobBudget& budget) {
  switch (phase_) {
    case Phase::opening:
      if (!waits_for_write_) open();
      break;
    case Phase::clearing:
      if (!waits_for_write_ && clear(budget)) phase_ = Phase::gathering;
      break;
    case Phase::gathering:
      if (!waits_for_write_) gather(budget);
      break;
    case Phase::working:
      work(budget);
      break;
    case Phase::closing:
      if (waits_for_write_) break;
      waits_for_write_ = true;
      write({state_write()}, [this](bool written) {
        waits_for_write_ = false;
        if (written) phase_ = Phase::over;
      });
      break;
    case Phase::over:
      break;
  }
}

void JobRun::open() {
  state_.status = JobStatus::running;
  state_.gathering = true;
  if (state_.started.ticks == 0) {
    state_.started = context_.clock.wall();
    running_since_ = context_.clock.steady();
  }
  waits_for_write_ = true;
  write({state_write()}, [this](bool written) {
    waits_for_write_ = false;
    if (written) phase_ = Phase::clearing;
  });
}

/// True: there are no rows.
bool JobRun::clear(JobBudget& budget) {
  std::vector<storage::RecordWrite> removals;
  const auto scanned = context_.store.scan_records(
      storage::RecordKind::job_devices, prefix_, {}, [&](std::string_view key, std::string_view) {
        removals.push_back({storage::RecordKind::job_devices, std::string(key), std::nullopt});
        return removals.size() < context_.options.slice_rows;
      });
  if (!scanned) return false;
  statistics_ = {};
  if (removals.empty()) return true;
  budget.rows -= std::min(budget.rows, removals.size());
  waits_for_write_ = true;
  write(std::move(removals), [this](bool) { waits_for_write_ = false; });
  return false;
}

void JobRun::gather(JobBudget& budget) {
  if (!gathering_) {
    auto begun =
        JobTargets::begin(context_.store, context_.activities, definition_->condition, context_.options.strict);
    if (!begun && begun.error().code == Errc::service_unavailable) return;
    if (!begun) return close(JobStatus::failed, begun.error().detail);
    gathering_ = std::move(*begun);
  }
  if (budget.rows == 0 || budget.entities == 0 || budget.scanned_bytes == 0) return;
  JobTargets::Limits limits{budget.entities, budget.scanned_bytes, budget.rows};
  std::vector<std::string> found;
  const auto more = gathering_->slice(limits, found);
  budget.entities = limits.entities;
  budget.scanned_bytes = limits.bytes;
  budget.rows -= std::min(budget.rows, found.size());
  if (!more) {
    gathering_.reset();
    phase_ = Phase::opening;
    if (more.error().code != Errc::service_unavailable) close(JobStatus::failed, more.error().detail);
    return;
  }
  const std::size_t count = found.size();
  if (count == 0 && *more) return;
  std::vector<storage::RecordWrite> writes;
  for (const std::string& key : found) writes.push_back(row_write(key, {}));
  state_.devices = statistics_.devices + count;
  state_.gathering = *more;
  // No device is touched before this is durable: what is not gathered whole is gathered again.
  if (!*more) writes.push_back(state_write());
  waits_for_write_ = true;
  write(std::move(writes), [this, count, last = !*more](bool written) {
    waits_for_write_ = false;
    if (!written || last) gathering_.reset();
    if (!written) {
      // A store that is back may show what it reported as failed: the state, too, is written anew.
      phase_ = Phase::opening;
      return;
    }
    statistics_.devices += count;
    if (last) phase_ = Phase::working;
  });
}

void JobRun::close(JobStatus status, std::string failure_reason) {
  gathering_.reset();
  state_.status = status;
  state_.gathering = false;
  // Not before its start, so that a clock that was behind for a moment does not end its retention early.
  state_.ended = std::max({context_.clock.wall(), state_.started, state_.created});
  if (!failure_reason.empty()) state_.failure_reason = std::move(failure_reason);
  phase_ = Phase::closing;
}

storage::RecordWrite JobRun::state_write() const {
  return {storage::RecordKind::jobs, job_key(job_state_prefix, id_), encode(state_)};
}

/// `then` runs on the ticking thread, with the next step at the earliest.
void JobRun::write(std::vector<storage::RecordWrite> writes, std::function<void(bool written)> then) {
  const std::string state_key = job_key(job_state_prefix, id_);
  const bool with_state = std::any_of(writes.begin(), writes.end(), [&](const storage::RecordWrite& one) {
    return one.kind == storage::RecordKind::jobs && one.key == state_key;
  });
  auto tell = [this, with_state, state = with_state ? state_ : JobState{}, then = std::move(then)](bool written) {
    if (written && with_state) {
      const MutexLock lock(shown_mutex_);
      durable_state_ = state;
    }
    then(written);
  };
  const auto shared = std::make_shared<decltype(tell)>(std::move(tell));
  const auto queued = context_.store.write_records(
      std::move(writes), {}, [inbox = inbox_, shared](const Result<void>& durable, storage::Outbox&) {
        inbox->post([shared, written = durable.has_value()] { (*shared)(written); });
      });
  if (!queued) inbox_->post([shared] { (*shared)(false); });
}

void JobRun::save_state() {
  if (!state_changed_) return;
  state_changed_ = false;
  write({state_write()}, [this](bool written) {
    if (!written) state_changed_ = true;
  });
}

storage::RecordWrite JobRun::row_write(const std::string& key, const DeviceJob& row) const {
  return {storage::RecordKind::job_devices, prefix_ + key, encode(row)};
}

}  // namespace twinhub::hub

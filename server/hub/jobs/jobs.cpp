#include "server/hub/jobs/jobs.hpp"

#include "server/base/answer.hpp"
#include "server/base/log.hpp"
#include "server/hub/jobs/job_request.hpp"

#include <algorithm>
#include <utility>

namespace twinhub::hub {
namespace {

Error exists_already(const std::string& id) {
  return fail(Errc::job_already_exists, "A job with ID '" + id + "' exists already.");
}

storage::RecordWrite state_write(const std::string& id, const JobState& state) {
  return {storage::RecordKind::jobs, job_key(job_state_prefix, id), encode(state)};
}

}  // namespace

Jobs::Jobs(storage::Store& store, const Clock& clock, const Activities& activities, Twins& twins, Methods& methods,
           Gate& gate, const JobOptions& options)
    : context_{store, clock, activities, twins, methods, gate, options}, retention_(store, clock, options.retention) {}

Result<void> Jobs::recover() {
  const MutexLock lock(mutex_);
  std::vector<std::pair<Timestamp, std::string>> waiting;
  const auto scanned = context_.store.scan_records(
      storage::RecordKind::jobs, std::string(1, job_state_prefix), {},
      [this, &waiting](std::string_view key, std::string_view record) REQUIRES(mutex_) {
        std::string id(key.substr(1));
        auto state = decode_job_state(record);
        if (!state) {
          log::error({.event = "job_unreadable"}, "job {}: {}; it is left alone", id, state.error().detail);
          return true;
        }
        if (state->ended_already()) return true;
        Entry entry;
        entry.state = std::move(*state);
        entry.durable = true;
        if (entry.state.status == JobStatus::waiting) {
          waiting.emplace_back(entry.state.created, id);
        } else {
          entry.run = std::make_shared<JobRun>(context_, id, entry.state);
          runs_.push_back(entry.run);
        }
        active_.emplace(std::move(id), std::move(entry));
        return true;
      });
  std::sort(waiting.begin(), waiting.end());
  for (const auto& [created, id] : waiting) wait(id, active_.at(id));
  return scanned;
}

void Jobs::wait(const std::string& id, Entry& entry) {
  if (entry.state.is_for_at_once()) {
    line_up(id, entry);
  } else {
    waiting_.emplace(entry.state.start, id);
  }
}

void Jobs::line_up(const std::string& id, Entry& entry) {
  entry.turn = next_turn_++;
  due_.emplace(entry.turn, id);
}

void Jobs::stop_waiting(const std::string& id, Entry& entry) {
  if (entry.turn == 0) {
    waiting_.erase({entry.state.start, id});
  } else {
    due_.erase(std::exchange(entry.turn, 0));
  }
}

void Jobs::create(const std::string& id, std::string_view body, bool arrays_allowed, Done<std::string> done) {
  const auto settled = context_.clock.settled();
  const JobRequestTime time{.now = settled.value_or(context_.clock.wall()), .is_trusted = settled.has_value()};
  auto request = read_job_request(id, body, time, arrays_allowed);
  if (!request) return answer_now<std::string>(request.error(), done);
  std::optional<Error> refusal;
  {
    const MutexLock lock(mutex_);
    if (const auto known = active_.find(id); known != active_.end()) {
      if (!known->second.durable) {
        known->second.followers.emplace_back([id, done](bool exists, storage::Outbox& outbox) {
          done(exists ? exists_already(id) : unavailable(), outbox);
        });
        return;
      }
      refusal = exists_already(id);
    } else if (active_.size() >= context_.options.active_max) {
      refusal = fail(Errc::throttling_max_active_job_count_exceeded,
                     "The number of active and scheduled jobs has reached its limit of " +
                         std::to_string(context_.options.active_max));
    } else {
      active_[id].state = request->state;
    }
  }
  if (refusal) return answer_now<std::string>(*refusal, done);
  storage::Outbox outbox;
  const auto ended = context_.store.read_record(storage::RecordKind::jobs, job_key(job_state_prefix, id));
  if (!ended || *ended) {
    settle_creation(id, false, ended.has_value(), outbox);
    return done(ended ? exists_already(id) : unavailable(), outbox);
  }
  std::vector<storage::RecordWrite> writes{
      state_write(id, request->state),
      {storage::RecordKind::jobs, job_key(job_definition_prefix, id), encode(request->definition)}};
  std::string answer;
  append_job(answer, id, request->state, request->definition, {}, "queued");
  const auto queued = context_.store.write_records(
      std::move(writes), {},
      [this, id, done, answer = std::move(answer)](const Result<void>& durable, storage::Outbox& later) {
        settle_creation(id, durable.has_value(), durable.has_value(), later);
        done(durable ? Result<std::string>(answer) : Result<std::string>(unavailable()), later);
      });
  if (queued) return;
  settle_creation(id, false, false, outbox);
  done(unavailable(), outbox);
}

void Jobs::settle_creation(const std::string& id, bool created, bool exists, storage::Outbox& outbox) {
  decltype(Entry::followers) followers;
  {
    const MutexLock lock(mutex_);
    const auto entry = active_.find(id);
    followers = std::move(entry->second.followers);
    if (created) {
      entry->second.durable = true;
      wait(id, entry->second);
    } else {
      active_.erase(entry);
    }
  }
  for (const auto& follower : followers) follower(exists, outbox);
}

std::optional<Jobs::Shown> Jobs::shown_active(std::string_view id) const {
  const MutexLock lock(mutex_);
  const auto found = active_.find(id);
  if (found == active_.end() || !found->second.durable) return std::nullopt;
  const Entry& entry = found->second;
  if (!entry.run) return Shown{entry.state, {}};
  auto run = entry.run->shown();
  return Shown{std::move(run.state), run.statistics};
}

Result<std::optional<Jobs::Shown>> Jobs::shown(std::string_view id) const {
  if (auto active = shown_active(id)) return active;
  const auto record = context_.store.read_record(storage::RecordKind::jobs, job_key(job_state_prefix, id));
  if (!record) return unavailable();
  if (!*record) return std::optional<Shown>{};
  auto state = decode_job_state(**record);
  if (!state) return state.error();
  const JobStatistics statistics{state->devices, state->succeeded, state->failed, 0};
  return std::optional(Shown{std::move(*state), statistics});
}

Result<std::string> Jobs::response(std::string_view id, const Shown& shown, std::string_view status) const {
  const auto record = context_.store.read_record(storage::RecordKind::jobs, job_key(job_definition_prefix, id));
  if (!record) return unavailable();
  const auto definition = decode_job_definition(record->value_or(""));
  if (!definition) return definition.error();
  std::string out;
  append_job(out, id, shown.state, *definition, shown.statistics,
             status.empty() ? shown_status(shown.state, context_.clock.wall()) : status);
  return out;
}

void Jobs::get(const std::string& id, Done<std::string> done) const {
  const auto found = shown(id);
  if (!found) return answer_now<std::string>(found.error(), done);
  answer_now<std::string>(*found ? response(id, **found, {}) : Result<std::string>(unknown_job(id)), done);
}

void Jobs::cancel(const std::string& id, Done<std::string> done) {
  const auto found = shown(id);
  if (!found) return answer_now<std::string>(found.error(), done);
  if (!*found) return answer_now<std::string>(fail(Errc::job_not_found, "Job '" + id + "' is not known"), done);
  Shown cancelled = **found;
  cancelled.state.status = JobStatus::cancelled;
  cancelled.state.ended = std::max(context_.clock.wall(), cancelled.state.created);
  auto answer = response(id, cancelled, {});
  if (!answer) return answer_now<std::string>(answer.error(), done);
  bool waits = false;
  {
    const MutexLock lock(mutex_);
    const auto entry = active_.find(id);
    waits = entry != active_.end() && entry->second.durable && !entry->second.run && !entry->second.leaving;
    if (waits) {
      entry->second.leaving = true;
      stop_waiting(id, entry->second);
    }
  }
  if (!waits) {
    return answer_now<std::string>(fail(Errc::operation_not_allowed_in_current_state,
                                        "Job '" + id + "' is running or has ended: it cannot be cancelled"),
                                   done);
  }
  const auto settled = [this, id, done, answer = std::move(*answer)](const Result<void>& durable,
                                                                     storage::Outbox& outbox) {
    {
      const MutexLock lock(mutex_);
      const auto entry = active_.find(id);
      if (durable) {
        active_.erase(entry);
      } else {
        entry->second.leaving = false;
        wait(id, entry->second);
      }
    }
    done(durable ? Result<std::string>(answer) : Result<std::string>(unavailable()), outbox);
  };
  const auto queued = context_.store.write_records({state_write(id, cancelled.state)}, {}, settled);
  if (queued) return;
  storage::Outbox outbox;
  settled(queued.error(), outbox);
}

Result<void> Jobs::scan(std::string_view only, std::string_view after, const Visitor& visit) const {
  std::string job;
  std::optional<JobState> state;
  return context_.store.scan_records(
      storage::RecordKind::job_devices, only.empty() ? std::string() : device_jobs_prefix(only), after,
      [&](std::string_view key, std::string_view record) {
        const std::size_t end = std::min(key.find('\0'), key.size());
        if (!state || key.substr(0, end) != job) {
          job = key.substr(0, end);
          state.reset();
          const auto found = context_.store.read_record(storage::RecordKind::jobs, job_key(job_state_prefix, job));
          if (!found || !*found) return true;  // its removal is under way
          auto decoded = decode_job_state(**found);
          if (!decoded) return true;
          state = std::move(*decoded);
        }
        const auto row = decode_device_job(record);
        if (!row) return true;
        return visit(key, device_job_json(job, *state, target_of(key.substr(std::min(end + 1, key.size()))), *row));
      });
}

/// The one that has been due for longest comes first, as long as there is room.
void Jobs::start_due() {
  const auto settled = context_.clock.settled();
  const MutexLock lock(mutex_);
  while (settled && !waiting_.empty() && waiting_.begin()->first <= *settled) {
    const std::string id = waiting_.begin()->second;
    waiting_.erase(waiting_.begin());
    line_up(id, active_.at(id));
  }
  while (runs_.size() < context_.options.running_max && !due_.empty()) {
    const std::string id = due_.begin()->second;
    Entry& entry = active_.at(id);
    stop_waiting(id, entry);
    entry.run = std::make_shared<JobRun>(context_, id, entry.state);
    runs_.push_back(entry.run);
  }
}

void Jobs::tick() {
  if (!context_.stopping) start_due();
  const JobOptions& options = context_.options;
  JobBudget budget{.entities = options.slice_entities,
                   .scanned_bytes = options.slice_bytes,
                   .rows = options.slice_rows,
                   .devices = options.slice_devices,
                   .changed_bytes = options.slice_bytes};
  // Each job in turn has the whole budget first.
  if (!runs_.empty()) first_ = (first_ + 1) % runs_.size();
  for (std::size_t i = 0; i < runs_.size(); ++i) runs_[(first_ + i) % runs_.size()]->step(budget);
  std::erase_if(runs_, [this](const std::shared_ptr<JobRun>& run) {
    if (!run->over()) return false;
    const MutexLock lock(mutex_);
    active_.erase(run->id());
    return true;
  });
  if (!context_.stopping) retention_.tick();
}

void Jobs::end() {
  stop();
  tick();
  for (const auto& run : runs_) run->end();
}

Jobs::Figures Jobs::figures() const {
  const MutexLock lock(mutex_);
  return {.running = static_cast<std::uint64_t>(std::count_if(
              active_.begin(), active_.end(), [](const auto& entry) { return entry.second.run != nullptr; })),
          .waiting = waiting_.size() + due_.size(),
          .devices_succeeded = context_.devices_succeeded,
          .devices_failed = context_.devices_failed};
}

}  // namespace twinhub::hub

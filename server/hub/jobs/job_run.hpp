// One job at work, step by step, from its start to its end.
//
//   opening    the job is written down as running
//   clearing   rows of an attempt that a crash cut off are removed: none of their devices was touched
//   gathering  a row `pending` for each target, from one snapshot, in slices
//   working    each row is settled once
//   closing    the job's end is written down
//
// A twin update settles its row in the very unit that changes the twin, and looks at the row under the twin's lock: a
// device is done once, whatever crashes. A method cannot be tied to a record: its row is durably `running` before the
// device is asked, and a row that a new life of the hub finds `running` is settled as failed, since it cannot be known
// whether the device was asked; it is not asked again.
//
// Memory is bounded by what is under way. A restart goes on behind the last row that was written down as settled
// together with all rows before it; each row behind it says what became of its device.
#pragma once

#include "server/base/clock.hpp"
#include "server/hub/jobs/job_record.hpp"
#include "server/hub/jobs/job_targets.hpp"
#include "server/hub/jobs/job_views.hpp"
#include "server/hub/limits/gate.hpp"
#include "server/hub/methods/methods.hpp"
#include "server/hub/twins/activities.hpp"
#include "server/hub/twins/twins.hpp"
#include "storage/guarded.hpp"
#include "storage/store.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace twinhub::hub {

struct JobOptions {
  std::size_t active_max = 10'000;        ///< jobs that have not ended; more are refused
  std::size_t running_max = 10;           ///< at once; others wait
  std::chrono::hours retention{30 * 24};  ///< of a job that has ended
  bool strict = false;                    ///< conditions as QueryOptions::strict
  std::size_t calls_max = 500;            ///< methods under way, of all jobs together
  std::size_t window_max = 50'000;        ///< of one job: rows between the oldest that is under way and the newest
  // What one tick does, for all jobs together.
  std::size_t slice_entities = 16'384;  ///< twins that conditions look at
  std::size_t slice_bytes = 8U << 20;   ///< of those twins; and of twins that are changed
  std::size_t slice_devices = 1'000;    ///< devices that are begun with
  std::size_t slice_rows = 4'000;       ///< targets that are written down, or removed again
};

/// What a job is made with; all of it outlives every job.
struct JobContext {
  storage::Store& store;
  const Clock& clock;
  const Activities& activities;
  Twins& twins;
  Methods& methods;
  Gate& gate;
  const JobOptions options;

  std::size_t calls_under_way = 0;                                     ///< the ticking thread's
  std::atomic<bool> stopping{false};                                   ///< nothing more is begun
  std::atomic<std::uint64_t> devices_succeeded{0}, devices_failed{0};  ///< since the start, for metrics
};

/// What is left of one tick.
struct JobBudget {
  std::size_t entities = 0;
  std::size_t scanned_bytes = 0;
  std::size_t rows = 0;
  std::size_t devices = 0;
  std::size_t changed_bytes = 0;
};

/// One thread ticks it; shown() is for any.
class JobRun {
 public:
  /// `state` is durable: of a job that begins, or that a former life of the hub has begun.
  JobRun(JobContext& context, std::string id, JobState state);

  void step(JobBudget& budget);
  /// After the last step of a hub that stops: rows whose devices were not asked yet are `pending` again.
  void end();
  /// The job's end is durable.
  [[nodiscard]] bool over() const { return phase_ == Phase::over; }
  [[nodiscard]] const std::string& id() const { return id_; }

  struct Shown {
    JobState state;
    JobStatistics statistics;
  };
  /// Nothing that is not durable.
  [[nodiscard]] Shown shown() const;

 private:
  enum class Phase : std::uint8_t { opening, clearing, gathering, working, closing, over };
  /// What a target's row needs next, or waits for.
  enum class Step : std::uint8_t { patch, patching, mark, marking, call, calling, record, recording, settled };
  struct Target {
    Step step = Step::settled;
    DeviceJob row;
  };
  using Targets = std::map<std::string, Target>;  ///< by target key

  /// Work that other threads leave for the ticking one. It may outlive the job: what comes then is not run.
  struct Inbox {
    Mutex mutex;
    std::vector<std::function<void()>> news GUARDED_BY(mutex);
    void post(std::function<void()> one);
    [[nodiscard]] std::vector<std::function<void()>> take();
  };

  // job_run.cpp: the phases
  [[nodiscard]] bool load_definition();
  void run_phase(JobBudget& budget);
  void open();
  [[nodiscard]] bool clear(JobBudget& budget);
  void gather(JobBudget& budget);
  void close(JobStatus status, std::string failure_reason);
  void write(std::vector<storage::RecordWrite> writes, std::function<void(bool written)> then);
  [[nodiscard]] storage::RecordWrite state_write() const;
  void save_state();
  void show();

  // job_run_targets.cpp: the work on rows
  void work(JobBudget& budget);
  void take(JobBudget& budget);
  [[nodiscard]] std::size_t room(const JobBudget& budget) const;
  [[nodiscard]] bool admit();
  void enter(const std::string& key, DeviceJob row);
  void act(JobBudget& budget);
  void patch(const std::string& key, JobBudget& budget);
  void call(const std::string& key);
  void answered(const std::string& key, const Result<MethodAnswer>& answer, Timestamp at);
  void rows_written(const std::vector<std::string>& keys, bool written);
  void next(const std::string& key, Step step);
  void settle(const std::string& key);
  void count(Target& target);
  void advance();
  [[nodiscard]] bool overdue() const;
  [[nodiscard]] storage::RecordWrite row_write(const std::string& key, const DeviceJob& row) const;

  JobContext& context_;
  const std::string id_;
  const std::string prefix_;  ///< of its rows
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();

  // The ticking thread's
  Phase phase_;
  JobState state_;  ///< as it is to be written next
  std::optional<JobDefinition> definition_;
  std::optional<ServiceBody> twin_patch_;  ///< of a twin update: the definition's content, parsed once for all devices
  MethodInvocation invocation_;            ///< of a direct method: the same
  std::unique_ptr<JobTargets> gathering_;
  bool waits_for_write_ = false;  ///< in all phases but working
  Targets window_;                ///< rows under way, and settled ones behind the oldest of them
  std::vector<std::string> due_;  ///< keys of the window with something to do
  std::size_t unsettled_ = 0;     ///< rows of the window that are not settled
  std::string taken_up_to_;       ///< key of the last row that entered the window
  bool all_taken_ = false;
  bool state_changed_ = false;  ///< state_ is to be written
  Timestamp paused_until_;      ///< by the gate; on the steady clock
  // How long the job has been running: on the steady clock since then, and before that, in former lives of the hub. What
  // passed between those is known from the wall clock alone, read once: a later step of that clock changes nothing.
  Timestamp running_since_;
  std::uint64_t ran_before_ticks_ = 0;
  JobStatistics statistics_;

  mutable Mutex shown_mutex_;
  JobState durable_state_ GUARDED_BY(shown_mutex_);
  JobStatistics shown_statistics_ GUARDED_BY(shown_mutex_);
};

}  // namespace twinhub::hub

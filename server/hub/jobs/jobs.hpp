// Scheduled jobs: one twin update or one direct method for many devices, at a time that a back end names. A job runs for
// minutes or hours and must not be lost with the process, so it is a room of its own: the job and what became of each
// of its devices are durable, and a restart in the middle goes on where the job was (job_run.hpp says how).
//
// Time. A start that a back end named is a time of day, and to begin cannot be undone: such a job begins only while the
// wall clock has held (Clock::settled). A job for at once needs no clock. How long a job may take is counted on the
// steady clock, over a restart by what the wall clock says has passed since the start (job_run.hpp).
// Source: azure-docs iot-hub-devguide-jobs; service API 2021-04-12 ("Jobs"); azure-iot-sdk-node job_client.js.
#pragma once

#include "protocol/error.hpp"
#include "server/base/done.hpp"
#include "server/hub/jobs/job_retention.hpp"
#include "server/hub/jobs/job_run.hpp"
#include "server/hub/queries/device_jobs.hpp"
#include "server/hub/queries/queries.hpp"
#include "storage/guarded.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twinhub::hub {

/// Any thread, save where it says so.
class Jobs final : public DeviceJobs {
 public:
  Jobs(storage::Store& store, const Clock& clock, const Activities& activities, Twins& twins, Methods& methods,
       Gate& gate, const JobOptions& options);

  /// Takes up the jobs of the last run. Before a door opens. Errors: those of the store.
  [[nodiscard]] Result<void> recover();

  // Each answers with a JobResponse.
  /// PUT. Errors: those of read_job_request(); job_already_exists; throttling_max_active_job_count_exceeded;
  /// service_unavailable.
  void create(const std::string& id, std::string_view body, bool arrays_allowed, Done<std::string> done);
  /// A job that is not known has the type and status "unknown", as in IoT Hub. Errors: service_unavailable,
  /// server_error.
  void get(const std::string& id, Done<std::string> done) const;
  /// Only a job that has not begun can be cancelled, as in IoT Hub. Errors: job_not_found;
  /// operation_not_allowed_in_current_state; service_unavailable.
  void cancel(const std::string& id, Done<std::string> done);

  struct ListRequest {
    std::string type;                                ///< in any case; "" = all
    std::string status;                              ///< the same
    std::size_t page_rows = Queries::page_rows_max;  ///< 1 to page_rows_max
    std::string continuation = {};                   ///< "" = the first page
  };
  /// One page of JobResponses in the order of their ids, made by a worker thread. Errors: argument_invalid,
  /// generic_too_many_requests.
  [[nodiscard]] Result<std::unique_ptr<Queries::Run>> list(ListRequest request) const;

  [[nodiscard]] Result<void> scan(std::string_view job, std::string_view after, const Visitor& visit) const override;

  /// A slice of work for each running job. See Hub::tick().
  void tick();
  /// The hub is about to stop: nothing more is begun; ticks write down what is still answered.
  void stop() { context_.stopping = true; }
  /// After the last tick, before the store goes.
  void end();

  struct Figures {
    std::uint64_t running = 0;
    std::uint64_t waiting = 0;            ///< queued or scheduled
    std::uint64_t devices_succeeded = 0;  ///< since the start
    std::uint64_t devices_failed = 0;
  };
  [[nodiscard]] Figures figures() const;

 private:
  class List;
  /// A job that has not ended.
  struct Entry {
    JobState state;
    bool durable = false;         ///< else its PUT is not answered yet, and no view shows it
    bool leaving = false;         ///< its cancellation is being written
    std::uint64_t turn = 0;       ///< under which it stands in due_; 0 = its start is to come, or it runs
    std::shared_ptr<JobRun> run;  ///< null: waiting
    std::vector<std::function<void(bool exists, storage::Outbox& outbox)>> followers;  ///< PUTs of the same id
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  /// What views show of a job.
  struct Shown {
    JobState state;
    JobStatistics statistics;
  };
  /// nullopt: not among those that have not ended.
  [[nodiscard]] std::optional<Shown> shown_active(std::string_view id) const;
  [[nodiscard]] Result<std::optional<Shown>> shown(std::string_view id) const;
  /// `status` "" = as the state says.
  [[nodiscard]] Result<std::string> response(std::string_view id, const Shown& shown, std::string_view status) const;
  /// `created`: its records are durable. `exists`: these, or those of an earlier job of the same id.
  void settle_creation(const std::string& id, bool created, bool exists, storage::Outbox& outbox);
  void start_due();
  // What waits: until its start, or for its turn.
  void wait(const std::string& id, Entry& entry) REQUIRES(mutex_);
  void line_up(const std::string& id, Entry& entry) REQUIRES(mutex_);
  void stop_waiting(const std::string& id, Entry& entry) REQUIRES(mutex_);

  JobContext context_;
  JobRetention retention_;
  mutable Mutex mutex_;
  Entries active_ GUARDED_BY(mutex_);
  std::set<std::pair<Timestamp, std::string>> waiting_ GUARDED_BY(mutex_);  // by start, on the wall clock
  std::map<std::uint64_t, std::string> due_ GUARDED_BY(mutex_);             // first in, first out
  std::uint64_t next_turn_ GUARDED_BY(mutex_) = 1;
  // The ticking thread's
  std::vector<std::shared_ptr<JobRun>> runs_;
  std::size_t first_ = 0;  // of runs_, the one whose turn is first

  mutable std::atomic<std::size_t> lists_{0};
};

}  // namespace twinhub::hub

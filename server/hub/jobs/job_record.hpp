// A scheduled job as the hub keeps it: what was asked for, how far it has come, and what became of each device.
// storage/FORMAT.md draws the bytes.
//
//   jobs         'd' id                          definition, never changed
//                's' id                          state, written with every step
//   job_devices  id '\0' device '\0' module      one row for each target, written when the targets are gathered
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "storage/format/keys.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::hub {

/// Stored: never renumber.
enum class JobType : std::uint8_t { update_twin = 0, device_method = 1 };
/// Stored: never renumber. `waiting` is shown as queued, or as scheduled while its start time is to come.
enum class JobStatus : std::uint8_t { waiting = 0, running = 1, completed = 2, failed = 3, cancelled = 4 };
/// Stored: never renumber.
enum class DeviceJobStatus : std::uint8_t { pending = 0, running = 1, completed = 2, failed = 3 };

struct JobDefinition {
  std::uint64_t execution_seconds_max = 0;
  std::string condition;
  std::string content;  ///< canonical JSON object: updateTwin or cloudToDeviceMethod
};

struct JobState {
  JobType type = JobType::update_twin;
  JobStatus status = JobStatus::waiting;
  bool gathering = false;  ///< of a running job: not all rows are there, and no device has been touched
  Timestamp created;
  Timestamp start;    ///< asked for; `created` when at once
  Timestamp started;  ///< 0 = not yet
  Timestamp ended;    ///< 0 = not yet
  std::uint64_t devices = 0;
  std::uint64_t succeeded = 0;  ///< of the rows up to `settled_up_to`
  std::uint64_t failed = 0;     ///< the same
  std::string settled_up_to;    ///< device '\0' module: it and all rows before it are settled; "" = none
  std::string failure_reason;

  /// No start was asked for, or one that was past.
  [[nodiscard]] bool is_for_at_once() const { return start == created; }
  [[nodiscard]] bool ended_already() const { return status > JobStatus::running; }
};

struct DeviceJob {
  DeviceJobStatus status = DeviceJobStatus::pending;
  Timestamp started;                          ///< 0 = not yet
  Timestamp ended;                            ///< 0 = not yet
  std::optional<std::int32_t> method_status;  ///< a device's answer
  std::string method_payload;                 ///< JSON, with `method_status`
  std::string error_code;                     ///< "" = none
  std::string error_description;

  [[nodiscard]] bool settled() const { return status >= DeviceJobStatus::completed; }
};

[[nodiscard]] std::string encode(const JobDefinition& definition);
[[nodiscard]] std::string encode(const JobState& state);
[[nodiscard]] std::string encode(const DeviceJob& row);
// Errors: server_error.
[[nodiscard]] Result<JobDefinition> decode_job_definition(std::string_view record);
[[nodiscard]] Result<JobState> decode_job_state(std::string_view record);
[[nodiscard]] Result<DeviceJob> decode_device_job(std::string_view record);

inline constexpr char job_definition_prefix = 'd';
inline constexpr char job_state_prefix = 's';
[[nodiscard]] inline std::string job_key(char prefix, std::string_view job) { return prefix + std::string(job); }

/// The start of a job's rows; a target's key behind it is device '\0' module.
[[nodiscard]] inline std::string device_jobs_prefix(std::string_view job) { return std::string(job) + '\0'; }
[[nodiscard]] inline std::string target_key(const IdentityId& id) { return storage::entity_key(id); }
[[nodiscard]] inline IdentityId target_of(std::string_view target_key) {
  return storage::parse_entity_key(target_key).value_or(IdentityId{});
}

}  // namespace twinhub::hub

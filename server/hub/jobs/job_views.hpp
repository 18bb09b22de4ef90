// Jobs as back ends see them. Source: service API 2021-04-12 ("JobResponse"); azure-iot-sdk-csharp DeviceJob.cs.
#pragma once

#include "server/hub/jobs/job_record.hpp"

#include <string>
#include <string_view>

namespace twinhub::hub {

/// A job's devices at this moment, all of them settled or not.
struct JobStatistics {
  std::uint64_t devices = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t running = 0;
};

/// "scheduleUpdateTwin"
[[nodiscard]] std::string_view name_of(JobType type);
/// "queued", "scheduled", "running", "completed", "failed", "cancelled"
[[nodiscard]] std::string_view shown_status(const JobState& state, Timestamp wall);

/// Appends a JobResponse. `status`: one of shown_status().
void append_job(std::string& out, std::string_view id, const JobState& state, const JobDefinition& definition,
                const JobStatistics& statistics, std::string_view status);
/// What IoT Hub says of a job that it does not know.
[[nodiscard]] std::string unknown_job(std::string_view id);

/// A row of devices.jobs, canonical. Times that are yet to come are the null date: .NET's reader requires all four.
[[nodiscard]] std::string device_job_json(std::string_view job, const JobState& state, const IdentityId& target,
                                          const DeviceJob& row);

}  // namespace twinhub::hub

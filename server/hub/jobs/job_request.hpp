// What a back end asks for by PUT /jobs/v2/{id}. Source: service API 2021-04-12 ("JobRequest"); azure-docs
// iot-hub-devguide-jobs.
#pragma once

#include "protocol/error.hpp"
#include "server/hub/jobs/job_record.hpp"

#include <optional>
#include <string_view>

namespace twinhub::hub {

struct JobRequest {
  JobState state;  ///< waiting
  JobDefinition definition;
};

/// 1 to 64 of A-Z a-z 0-9 - '; two ids that differ in case are two jobs (inferred). Source: azure-iot-sdk-csharp's tests
/// ("JOBSAMPLE" + Guid), azure-iot-hub-python's iothub_job_manager_method_sample ("methodJob-").
[[nodiscard]] bool is_job_id(std::string_view id);

/// "scheduleUpdateTwin" and "scheduleDeviceMethod" in any case; nullopt for another.
[[nodiscard]] std::optional<JobType> parse_job_type(std::string_view text);

struct JobRequestTime {
  Timestamp now;           ///< on the wall clock
  bool is_trusted = true;  ///< the wall clock has held. Else a start that seems past may be still to come: it is kept.
};

/// Everything is checked that does not depend on a device; the condition is looked at when the job starts, as in the
/// cloud. Errors: iot_hub_format_error, argument_invalid, argument_null, message_too_large,
/// device_model_max_properties_exceeded.
[[nodiscard]] Result<JobRequest> read_job_request(std::string_view id, std::string_view body,
                                                  const JobRequestTime& time, bool arrays_allowed);

}  // namespace twinhub::hub

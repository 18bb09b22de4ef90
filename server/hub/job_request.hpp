// What a back end asks for by PUT /jobs/v2/{id}. Source: service API 2021-04-12 ("JobRequest"); azure-docs
// iot-hub-devguide-jobs.
#pragma once

#include "protocol/error.hpp"
#include "server/hub/job_record.hpp"

#include <optional>
#include <string_view>

namespace twinhub::hub {

struct JobRequest {
  JobState state;  ///< waiting
  JobDefinition definition;
};

/// 1 to 64 of a-z 0-9 - '. Source: answers of IoT Hub as azure-iot-sdk-java's tests and the CLI's recordings hold them.
[[nodiscard]] bool is_job_id(std::string_view id);

/// "scheduleUpdateTwin" and "scheduleDeviceMethod" in any case; nullopt for another.
[[nodiscard]] std::optional<JobType> parse_job_type(std::string_view text);

/// Everything is checked that does not depend on a device; the condition is looked at when the job starts, as in the
/// cloud. Errors: iot_hub_format_error, argument_invalid, argument_null, message_too_large,
/// device_model_max_properties_exceeded.
[[nodiscard]] Result<JobRequest> read_job_request(std::string_view id, std::string_view body, Timestamp now,
                                                  bool arrays_allowed);

}  // namespace twinhub::hub

// What a peer asks the hub to do, in the classes by which IoT Hub limits it.
// Source: azure-docs iot-hub-devguide-quotas-throttling ("Operation throttles").
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace twinhub::hub {

enum class Operation : std::uint8_t {
  unlimited,      ///< nothing that IoT Hub counts
  connect,        ///< a new device connection
  telemetry,      ///< a device-to-cloud send
  twin_read,      ///< by device or back end
  twin_update,    ///< by device or back end
  registry,       ///< an identity: create, retrieve, list, update, delete
  query,          ///< of twins or jobs
  method,         ///< a direct method, metered by 4 KB of payload
  c2d_send,       ///< by a back end
  c2d_receive,    ///< by a device over HTTPS
  file_upload,    ///< the beginning of one
  job,            ///< a job: create, update, list, delete
  job_device,     ///< what a job does at one device
  configuration,  ///< an automatic configuration or deployment: create, update, list, delete
  count,
};
inline constexpr std::size_t operation_count = static_cast<std::size_t>(Operation::count);

/// For metrics: "telemetry".
[[nodiscard]] std::string_view name_of(Operation operation);

/// What becomes of an operation.
enum class Refusal : std::uint8_t {
  none,
  throttled,     ///< too many for too long
  over_quota,    ///< the day's messages are used up
  unauthorized,  ///< by an injected fault
};

}  // namespace twinhub::hub

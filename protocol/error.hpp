// The one error type of the hub, for every request that can be answered. A peer that breaks MQTT itself gets an
// mqtt::Fault instead (protocol/mqtt). server/base/error_table gives each Errc its IoT Hub name and HTTP status, so
// that both wires agree.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace twinhub {

/// IoT Hub's error codes; the value is the number on the wire ("errorCode").
/// Source: azure-docs iot-hub troubleshoot-error-codes; azure-iot-sdk-csharp ErrorCode.cs.
enum class Errc : std::uint32_t {
  generic_bad_request = 400000,
  invalid_protocol_version = 400001,
  invalid_operation = 400003,
  argument_invalid = 400004,
  argument_null = 400005,
  iot_hub_format_error = 400006,
  blob_container_validation_error = 400008,
  device_defined_multiple_times = 400011,
  bulk_registry_operation_failure = 400013,
  default_storage_endpoint_not_configured = 400014,
  invalid_device_scope = 400028,
  invalid_configuration_target_condition = 400401,
  invalid_configuration_content = 400402,
  invalid_configuration_custom_metrics_query = 400404,
  invalid_digital_twin_patch = 400507,
  iot_hub_unauthorized_access = 401002,
  iot_hub_unauthorized = 401003,
  system_module_modify_unauthorized_access = 401100,
  iot_hub_quota_exceeded = 403002,
  device_maximum_queue_depth_exceeded = 403004,
  device_disabled = 403012,
  device_model_max_properties_exceeded = 403100,
  device_not_found = 404001,
  job_not_found = 404002,
  module_not_found = 404010,
  device_not_online = 404103,
  device_connection_closed_remotely = 404104,
  configuration_not_found = 404301,
  certificate_not_found = 404900,  // not IoT Hub's: certificates are Azure Resource Manager's there
  generic_method_not_allowed = 405000,
  operation_not_allowed_in_current_state = 405102,
  device_already_exists = 409001,
  job_already_exists = 409104,
  module_already_exists_on_device = 409301,
  configuration_already_exists = 409401,
  precondition_failed = 412001,
  device_message_lock_lost = 412002,
  message_too_large = 413001,
  too_many_devices = 413002,
  too_many_modules_on_device = 413003,
  configuration_count_limit_exceeded = 413101,
  generic_unsupported_media_type = 415000,
  generic_too_many_requests = 429000,
  throttling_exception = 429001,
  throttling_backlog_timeout = 429003,
  throttling_max_active_job_count_exceeded = 429004,
  server_error = 500001,
  not_implemented = 501000,
  invalid_response_while_proxying = 502001,
  service_unavailable = 503001,
  gateway_timeout = 504101,
};

/// A request that failed, in words for its sender. `detail` names the property, the limit or the id; it
/// never holds a key or a token, and it is never empty on the wire (clients split the message at ';').
struct Error {
  Errc code{Errc::server_error};
  std::string detail;
};

[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::logic_error("Result without a value: " + error.detail);
}

template <class T>
using Result = boost::system::result<T, Error>;

/// `return fail(Errc::argument_invalid, "...")` from any function that returns a Result.
[[nodiscard]] inline Error fail(Errc code, std::string detail) { return Error{code, std::move(detail)}; }

}  // namespace twinhub

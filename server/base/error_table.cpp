#include "server/base/error_table.hpp"

#include "protocol/json/text.hpp"
#include "protocol/utf8.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>

namespace twinhub::hub {
namespace {

/// The status is what the number starts with.
constexpr ErrorRow row(Errc code, std::string_view name, std::string_view message) {
  return {code, static_cast<unsigned>(code) / 1000, name, message};
}

constexpr std::array rows{
    row(Errc::generic_bad_request, "GenericBadRequest", "The request is not valid."),
    row(Errc::invalid_protocol_version, "InvalidProtocolVersion", "The api-version is missing or not supported."),
    row(Errc::invalid_operation, "InvalidOperation", "The operation is not valid."),
    row(Errc::argument_invalid, "ArgumentInvalid", "An argument is not valid."),
    row(Errc::argument_null, "ArgumentNull", "A required argument is missing."),
    row(Errc::iot_hub_format_error, "IotHubFormatError", "The request's content is malformed."),
    row(Errc::blob_container_validation_error, "BlobContainerValidationError", "The blob container cannot be reached."),
    row(Errc::device_defined_multiple_times, "DeviceDefinedMultipleTimes", "A device is named more than once."),
    row(Errc::bulk_registry_operation_failure, "BulkRegistryOperationFailure", "One or more of the operations failed."),
    row(Errc::default_storage_endpoint_not_configured, "DefaultStorageEndpointNotConfigured",
        "No storage is configured for file uploads."),
    row(Errc::invalid_device_scope, "InvalidDeviceScope", "The device scope is not known."),
    row(Errc::invalid_configuration_target_condition, "InvalidConfigurationTargetCondition",
        "The target condition is not valid."),
    row(Errc::invalid_configuration_content, "InvalidConfigurationContent",
        "The content provided for configuration is invalid. Please check and try again"),
    row(Errc::invalid_configuration_custom_metrics_query, "InvalidConfigurationCustomMetricsQuery",
        "The custom metrics query is not valid."),
    row(Errc::invalid_digital_twin_patch, "InvalidDigitalTwinPatch", "The digital twin patch is not valid."),
    row(Errc::iot_hub_unauthorized_access, "IotHubUnauthorizedAccess", "Unauthorized"),
    row(Errc::iot_hub_unauthorized, "IotHubUnauthorized", "Unauthorized"),
    row(Errc::system_module_modify_unauthorized_access, "SystemModuleModifyUnauthorizedAccess",
        "Unauthorized to modify reserved module."),
    row(Errc::iot_hub_quota_exceeded, "IotHubQuotaExceeded", "The hub's quota is used up."),
    row(Errc::device_maximum_queue_depth_exceeded, "DeviceMaximumQueueDepthExceeded",
        "The device's queue of cloud-to-device messages is full."),
    row(Errc::device_disabled, "DeviceDisabled", "The device is disabled."),
    row(Errc::device_model_max_properties_exceeded, "DeviceModelMaxPropertiesExceeded", "The twin is too large."),
    row(Errc::device_not_found, "DeviceNotFound", "The device is not registered."),
    row(Errc::job_not_found, "JobNotFound", "There is no such job."),
    row(Errc::module_not_found, "ModuleNotFound", "The module is not registered."),
    row(Errc::device_not_online, "DeviceNotOnline",
        "The operation failed because the requested device isn't online. To learn more, see "
        "https://aka.ms/iothub404103"),
    row(Errc::device_connection_closed_remotely, "DeviceConnectionClosedRemotely", "The device closed its connection."),
    row(Errc::configuration_not_found, "ConfigurationNotFound", "There is no such configuration."),
    row(Errc::certificate_not_found, "CertificateNotFound", "There is no such certificate."),
    row(Errc::generic_method_not_allowed, "GenericMethodNotAllowed", "The resource does not support this method."),
    row(Errc::operation_not_allowed_in_current_state, "OperationNotAllowedInCurrentState",
        "The operation is not allowed in the current state."),
    row(Errc::device_already_exists, "DeviceAlreadyExists", "A device with this ID is already registered."),
    row(Errc::job_already_exists, "JobAlreadyExists", "A job with this ID exists already."),
    row(Errc::module_already_exists_on_device, "ModuleAlreadyExistsOnDevice",
        "The device already contains this module."),
    row(Errc::configuration_already_exists, "ConfigurationAlreadyExists",
        "A configuration with this ID exists already."),
    row(Errc::precondition_failed, "PreconditionFailed", "Precondition failed."),
    row(Errc::device_message_lock_lost, "DeviceMessageLockLost", "The lock on the message was lost."),
    row(Errc::message_too_large, "MessageTooLarge", "The message is too large."),
    row(Errc::too_many_devices, "TooManyDevices", "Too many devices."),
    row(Errc::too_many_modules_on_device, "TooManyModulesOnDevice", "The device has too many modules."),
    row(Errc::configuration_count_limit_exceeded, "ConfigurationCountLimitExceeded",
        "The hub has as many configurations as it may have."),
    row(Errc::generic_unsupported_media_type, "GenericUnsupportedMediaType", "The media type is not supported."),
    row(Errc::generic_too_many_requests, "GenericTooManyRequests", "Too many requests."),
    row(Errc::throttling_exception, "ThrottlingException", "The request was throttled."),
    row(Errc::throttling_backlog_timeout, "ThrottlingBacklogTimeout", "The request has been throttled."),
    row(Errc::throttling_max_active_job_count_exceeded, "ThrottlingMaxActiveJobCountExceeded",
        "Too many jobs are active or scheduled."),
    row(Errc::server_error, "ServerError", "The hub failed to carry out the request."),
    // IoT Hub has no name for a feature that it lacks (inferred).
    row(Errc::not_implemented, "NotImplemented", "This hub does not have this feature yet."),
    // The name is Azure's; its number is inferred.
    row(Errc::invalid_response_while_proxying, "InvalidResponseWhileProxying", "The device's response is not valid."),
    row(Errc::service_unavailable, "ServiceUnavailable", "The hub cannot take the request now; try again."),
    row(Errc::gateway_timeout, "GatewayTimeout", "Timed out waiting for the response from device."),
};

constexpr bool is_sorted_by_code() {
  for (std::size_t i = 1; i < rows.size(); ++i) {
    if (rows[i - 1].code >= rows[i].code) return false;
  }
  return true;
}
static_assert(is_sorted_by_code(), "row_of() searches by halves");

}  // namespace

const ErrorRow& row_of(Errc code) {
  const auto found =
      std::lower_bound(rows.begin(), rows.end(), code, [](const ErrorRow& r, Errc c) { return r.code < c; });
  if (found != rows.end() && found->code == code) return *found;
  return row_of(Errc::server_error);
}

std::string_view detail_for_peers(const Error& error) {
  const bool is_inner = error.code == Errc::service_unavailable || error.code == Errc::server_error;
  return is_inner ? std::string_view() : std::string_view(error.detail);
}

std::string message_for_peers(const Error& error) {
  const ErrorRow& known = row_of(error.code);
  std::string_view rest = detail_for_peers(error);
  std::string out;
  // Node's service SDK splits at ';' and needs a second part that is not empty.
  if (rest.empty() || rest.front() == ';') out = known.message;
  if (!rest.empty() && rest.front() == ';') out += ' ';
  while (!rest.empty()) {
    const std::size_t bytes = utf8_sequence_bytes(rest);
    if (bytes == 0) {
      out += '?';
    } else {
      out += rest.substr(0, bytes);
    }
    rest.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return out;
}

std::string make_request_id() {
  // Not a secret, only never the same twice.
  thread_local std::mt19937_64 random{[] {
    std::random_device seed;
    return std::uint64_t{seed()} << 32 | seed();
  }()};
  constexpr std::string_view hex_digits = "0123456789abcdef";
  std::string id;
  id.reserve(64);
  for (std::uint64_t bits : {random(), random()}) {
    for (int digit = 0; digit < 16; ++digit, bits >>= 4) id += hex_digits[bits & 0xF];
  }
  return id;
}

std::string make_tracking_id(Timestamp now) { return make_request_id() + "-G:0-TimeStamp:" + to_tracking_time(now); }

std::string rest_error_body(const Error& error, std::string_view tracking_id) {
  std::string out = R"({"Message":"ErrorCode:)";
  out += row_of(error.code).name;
  out += ';';
  json::append_escaped(out, message_for_peers(error));
  out += R"(","ExceptionMessage":"Tracking ID:)";
  json::append_escaped(out, tracking_id);
  out += "\"}";
  return out;
}

std::string method_error_body(const Error& error, std::string_view tracking_id, Timestamp now) {
  std::string inner = R"({"errorCode":)" + std::to_string(number_of(error.code)) + R"(,"message":)";
  json::append_string(inner, message_for_peers(error));
  inner += R"(,"trackingId":)";
  json::append_string(inner, tracking_id);
  inner += R"(,"timestampUtc":")";
  append_iso8601(inner, now);
  inner += R"(","info":null})";
  std::string out = R"({"Message":)";
  json::append_string(out, inner);
  out += R"(,"ExceptionMessage":""})";
  return out;
}

std::string twin_error_body(const Error& error, std::string_view tracking_id, Timestamp now) {
  std::string out = R"({"errorCode":)" + std::to_string(number_of(error.code)) + R"(,"trackingId":)";
  json::append_string(out, tracking_id);
  out += R"(,"message":)";
  json::append_string(out, message_for_peers(error));
  out += R"(,"info":{},"timestampUtc":")";
  append_iso8601(out, now);
  out += "\"}";
  return out;
}

}  // namespace twinhub::hub

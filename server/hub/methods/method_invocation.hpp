// What a back end asks of a device by a direct method, by itself or in a job.
// Source: service API 2021-04-12 ("CloudToDeviceMethod"); azure-docs iot-hub-devguide-direct-methods.
#pragma once

#include "protocol/error.hpp"
#include "protocol/json/document.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace twinhub::hub {

/// A payload's ceiling, each way, as JSON text without white space.
inline constexpr std::size_t method_payload_bytes_max = 128 * 1024;

struct MethodInvocation {
  std::string name;
  std::string payload = {};            ///< one JSON value; "" = none: the device gets an empty message
  std::int64_t response_timeout = 30;  ///< seconds from the delivery to the device, 5 to 300
  std::int64_t connect_timeout = 0;    ///< seconds to wait for a device that is not online, 0 to response_timeout
};

/// Reads a CloudToDeviceMethod. Members that are not named above are ignored, as older SDKs send some. Errors:
/// argument_invalid.
[[nodiscard]] Result<MethodInvocation> read_method_invocation(const json::Value& body);

/// What no device is asked: errors are argument_invalid, message_too_large.
[[nodiscard]] Result<void> check_method_invocation(const MethodInvocation& invocation);

}  // namespace twinhub::hub

// The hub's errors as AMQP error conditions, by the names that IoT Hub's SDKs turn into their own errors.
// Source: azure-iot-sdk-node amqp_common_errors.ts; azure-iot-sdk-csharp AmqpIotErrorAdapter.cs.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "server/amqp/engine/engine.hpp"

#include <string>
#include <string_view>

namespace twinhub::amqp_door {

namespace condition {
inline constexpr std::string_view unauthorized = "amqp:unauthorized-access";
inline constexpr std::string_view not_found = "amqp:not-found";
inline constexpr std::string_view not_allowed = "amqp:not-allowed";
inline constexpr std::string_view resource_limit = "amqp:resource-limit-exceeded";
inline constexpr std::string_view message_size = "amqp:link:message-size-exceeded";
inline constexpr std::string_view stolen = "amqp:link:stolen";
inline constexpr std::string_view redirect = "amqp:link:redirect";
inline constexpr std::string_view internal_error = "amqp:internal-error";
inline constexpr std::string_view not_implemented = "amqp:not-implemented";
inline constexpr std::string_view argument_error = "com.microsoft:argument-error";
inline constexpr std::string_view argument_out_of_range = "com.microsoft:argument-out-of-range";
inline constexpr std::string_view throttled = "com.microsoft:device-container-throttled";
inline constexpr std::string_view server_busy = "com.microsoft:server-busy";
inline constexpr std::string_view lock_lost = "com.microsoft:message-lock-lost";
}  // namespace condition

/// `text TrackingId:<id>`, and the id in the info map, where .NET reads it.
[[nodiscard]] amqp::Condition make_condition(std::string_view name, std::string_view text);
/// Its description begins "ErrorCode:<Name>;" as REST's do.
[[nodiscard]] amqp::Condition condition_of(const Error& error);

[[nodiscard]] inline amqp::Outcome accepted() { return {amqp::Outcome::Kind::accepted}; }
[[nodiscard]] inline amqp::Outcome rejected(amqp::Condition error) {
  return {amqp::Outcome::Kind::rejected, std::move(error)};
}

}  // namespace twinhub::amqp_door

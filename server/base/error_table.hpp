// The one place that gives an Errc its IoT Hub name and HTTP status, so that both doors agree.
// Source: azure-docs iot-hub troubleshoot-error-codes; azure-iot-sdk-csharp ErrorCode.cs.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"

#include <string>
#include <string_view>

namespace twinhub::hub {

struct ErrorRow {
  Errc code;
  unsigned http_status;
  std::string_view name;     ///< "DeviceNotFound": header iothub-errorcode and "ErrorCode:<name>"
  std::string_view message;  ///< default text, when an Error has no detail
};

[[nodiscard]] const ErrorRow& row_of(Errc code);

/// The error's detail, as far as it is a peer's business: "" for what goes wrong inside the hub (service_unavailable,
/// server_error), where the detail names files and places. That is for the log.
[[nodiscard]] std::string_view detail_for_peers(const Error& error);

/// That, or the row's text when there is none. The detail may quote a peer: what is not UTF-8 becomes '?'.
[[nodiscard]] std::string message_for_peers(const Error& error);

/// The number IoT Hub shows.
[[nodiscard]] inline std::uint32_t number_of(Errc code) { return static_cast<std::uint32_t>(code); }

/// 32 hex digits, never the same twice. Any thread.
[[nodiscard]] std::string make_request_id();

/// "<32 hex>-G:0-TimeStamp:MM/dd/yyyy HH:mm:ss". Any thread.
[[nodiscard]] std::string make_tracking_id(Timestamp now);

/// REST body, shape A: {"Message":"ErrorCode:<name>;<detail>","ExceptionMessage":"Tracking ID:..."}.
[[nodiscard]] std::string rest_error_body(const Error& error, std::string_view tracking_id);
/// REST body of direct methods, shape C: the Message is JSON text itself. The .NET SDK reads it as string to string, so
/// `info` is null.
[[nodiscard]] std::string method_error_body(const Error& error, std::string_view tracking_id, Timestamp now);
/// Body of a twin response, over MQTT and AMQP:
/// {"errorCode":..,"trackingId":"..","message":"..","info":{},"timestampUtc":".."}; Node reads errorCode.
[[nodiscard]] std::string twin_error_body(const Error& error, std::string_view tracking_id, Timestamp now);

}  // namespace twinhub::hub

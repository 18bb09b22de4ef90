// A device's messages to the cloud, as `twinhub device send` and `device simulate` make them.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace twinhub::cli {

/// What a message says of itself; "" = absent.
struct TelemetryProperties {
  std::vector<std::string> own;  ///< NAME=VALUE
  std::string content_type;
  std::string content_encoding;
  std::string message_id;
  std::string correlation_id;
  std::string user_id;
};

/// Adds the options that fill `properties` to a sub-command.
void add_telemetry_options(CLI::App& app, TelemetryProperties& properties);

/// --certificate and --private-key, for a device that authenticates by them.
void add_certificate_options(CLI::App& app, std::string& certificate, std::string& private_key);

/// devices/{device}[/modules/{module}]/messages/events/{property bag}. Errors: argument_invalid, a property that is no
/// NAME=VALUE.
[[nodiscard]] Result<std::string> telemetry_topic(const IdentityId& id, const TelemetryProperties& properties);

}  // namespace twinhub::cli

// The properties of a telemetry message, from its property bag, under the names that back ends know.
// Source: edgeHub SystemProperties.cs; azure-iot-sdk-c uamqp_messaging.c for the tracing names; azure-docs
// iot-hub-devguide-messages-construct.
#pragma once

#include "protocol/ids.hpp"
#include "protocol/iothub/property_bag.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::iothub {

/// How a sender authenticated.
struct AuthMethod {
  bool by_policy = false;       ///< by a shared access policy's key, else by its own
  bool by_certificate = false;  ///< by certificate, else by SAS token
};
/// iothub-connection-auth-method of `id`, e.g. {"scope":"device","type":"sas","issuer":"iothub",
/// "acceptingIpFilterRule":null}.
[[nodiscard]] std::string to_text(AuthMethod method, const IdentityId& id);

struct TelemetryProperties {
  std::vector<Property> system;       ///< by their back-end names, each once: the last value wins
  std::vector<Property> application;  ///< as sent
};

/// System properties that are not the sender's to say (`$.cdid`, `$.to`, ...) are dropped.
[[nodiscard]] TelemetryProperties parse_telemetry_properties(std::string_view bag);

/// Gives the first property of this name a value; adds it when there is none.
void set_property(std::vector<Property>& properties, std::string_view name, std::optional<std::string> value);

/// Values of system properties, names and values of application properties.
[[nodiscard]] std::size_t counted_bytes(const TelemetryProperties& properties);

/// No property can be longer than this, nor all of them together: an escape that makes no text is written out.
[[nodiscard]] inline std::size_t property_bytes_max(std::string_view bag) { return 3 * bag.size(); }

/// True when the bag may hold a message-id of more than `bytes`; without an allocation.
[[nodiscard]] bool may_have_message_id_beyond(std::string_view bag, std::size_t bytes);

}  // namespace twinhub::iothub

// The property bag at the end of a telemetry topic: "k1=v1&k2=v2", percent-encoded, system properties as "$.name".
// Source: azure-docs iot-mqtt-connect-to-iot-hub ("Sending device-to-cloud messages").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::iothub {

struct Property {
  std::string name;                  ///< decoded; system properties keep their "$." name
  std::optional<std::string> value;  ///< nullopt: a back end's message has a name alone
};

/// Decodes `%XX`, leaves '+' alone, splits each pair at its first '='; a name without '=' has the value "", as IoT Hub
/// shows it. A '%' that is not an escape stays as it is, and
/// so does one whose escape is not UTF-8.
[[nodiscard]] std::vector<Property> parse_property_bag(std::string_view bag);

/// Percent-decodes `text` once; malformed escapes stay as they are.
[[nodiscard]] std::string percent_decode(std::string_view text);
/// True when percent_decode(text) == plain; without an allocation.
[[nodiscard]] bool decodes_to(std::string_view text, std::string_view plain);
/// Percent-encodes everything outside A-Z a-z 0-9 - . _ ~ (upper-case hex).
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace twinhub::iothub

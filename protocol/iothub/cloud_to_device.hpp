// A cloud-to-device message, and the MQTT topic that carries its properties to the device.
// Source: azure-docs iot-hub-devguide-messages-c2d, iot-mqtt-connect-to-iot-hub ("Receiving cloud-to-device messages");
// the topic parsers of azure-iot-sdk-{node,python,c,java,csharp}.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/iothub/property_bag.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::iothub {

/// Of which outcome the sender wants to hear. Stored on disk (storage/FORMAT.md): never renumber.
enum class Acknowledgement : std::uint8_t { none = 0, positive = 1, negative = 2, full = 3 };

[[nodiscard]] std::string_view to_string(Acknowledgement acknowledgement);
/// "none", "positive", "negative" or "full" in any case; "" is none.
[[nodiscard]] std::optional<Acknowledgement> parse_acknowledgement(std::string_view text);

/// Texts are UTF-8; an empty system property is an absent one.
struct CloudToDeviceMessage {
  std::string message_id;
  std::string correlation_id;
  std::string user_id;
  std::string content_type;
  std::string content_encoding;
  std::string to;
  Acknowledgement acknowledgement = Acknowledgement::none;
  std::optional<Timestamp> expiry;   ///< as the sender asked; absent = the hub's default
  std::vector<Property> properties;  ///< the application's
  std::string body;
};

/// 64 KiB: body, values of system properties, names and values of application properties.
inline constexpr std::size_t cloud_to_device_bytes_max = 64 * 1024;
/// azure-docs iot-hub-devguide-messages-construct: message-id and correlation-id have up to 128 characters.
inline constexpr std::size_t message_id_bytes_max = 128;

/// Whether the message to `device` can be kept and delivered over every wire. Errors: message_too_large (also when its
/// properties do not fit into a topic), argument_invalid (ids too long, text that is no UTF-8, a property without a
/// name).
[[nodiscard]] Result<void> check(const CloudToDeviceMessage& message, std::string_view device);

/// "/devices/{device}/messages/deviceBound", the device percent-encoded: `to` of a message whose sender gave none.
[[nodiscard]] std::string device_bound_address(std::string_view device);

/// "devices/{device}/messages/devicebound/{bag}". The form that all the SDKs' parsers understand: system properties
/// first, '$' as %24 and '.' as it is; `$.to` always; everything else outside A-Z a-z 0-9 - . _ ~ percent-encoded, '/'
/// and ' ' too; no leading '?', no trailing '/'; `key` for a null value, `key=` for an empty one.
void append_device_bound_topic(std::string& out, std::string_view device, const CloudToDeviceMessage& message);

}  // namespace twinhub::iothub

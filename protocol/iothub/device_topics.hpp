// The topics of IoT Hub's MQTT door: those that a device may publish and subscribe to, and those that the hub publishes
// to, with their `$rid` and `$version`. Topics of twins and methods carry no device id: the sender is known from the
// connection only.
// Source: azure-docs iot-mqtt-connect-to-iot-hub; azure-iot-sdk-node mqtt_twin_client.
#pragma once

#include "protocol/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace twinhub::iothub {

/// All views point into the topic that was parsed.
struct TelemetryTopic {
  std::string_view property_bag;
};  ///< after "events/", a trailing '/' removed; a '?' in front belongs to the first name
struct TwinGetTopic {
  std::string_view rid;
};
struct TwinReportedTopic {
  std::string_view rid;                     ///< empty: apply, but do not answer
  std::optional<std::string_view> version;  ///< `$version` as sent, not yet a number
};
struct MethodResponseTopic {
  std::string_view status;
  std::string_view rid;
};

using DeviceTopic = std::variant<TelemetryTopic, TwinGetTopic, TwinReportedTopic, MethodResponseTopic>;

/// Whether a PUBLISH or a will of `self` may name this topic at all: it is not empty [MQTT-4.7.3-1] and has no wildcards
/// [MQTT-4.7.1-1]. The own ids may hold a '+' or '#': there they are letters.
[[nodiscard]] bool is_topic_name(std::string_view topic, const IdentityId& self);

/// Reads the Topic Name of a PUBLISH by `self`. nullopt: a topic the hub does not serve to this identity, a malformed
/// twin topic, a twin GET without `$rid`, or no Topic Name at all; the connection is to be closed.
[[nodiscard]] std::optional<DeviceTopic> parse_device_topic(std::string_view topic, const IdentityId& self);

/// The subscriptions that IoT Hub knows. Stored on disk (storage/FORMAT.md): never renumber.
enum class FilterKind : std::uint8_t {
  cloud_to_device = 0,  ///< devices/{D}/messages/devicebound/#
  module_inputs = 1,    ///< devices/{D}/modules/{M}/# | .../inputs/# | .../messages/devicebound/#
  twin_responses = 2,   ///< $iothub/twin/res/#
  desired_changes = 3,  ///< $iothub/twin/PATCH/properties/desired/#
  methods = 4,          ///< $iothub/methods/POST/# or $iothub/methods/POST/{name}/#
};

/// Of a direct method's name there is no documented ceiling; a PnP command's is far below (component*command).
inline constexpr std::size_t method_name_bytes_max = 1024;

/// Reads a Topic Filter of a SUBSCRIBE by `self`; `+` is taken for the own device id as embedded clients send it.
/// nullopt: answer 0x80.
[[nodiscard]] std::optional<FilterKind> parse_topic_filter(std::string_view filter, const IdentityId& self);

/// What of a Topic Filter stands behind the own ids, in which '+' and '#' are no wildcards; of another one all of it.
[[nodiscard]] std::string_view filter_behind_own_ids(std::string_view filter, const IdentityId& self);

/// True when a filter that parse_topic_filter() knows as methods asks for the method of this name.
[[nodiscard]] bool filter_takes_method(std::string_view filter, std::string_view method);

/// "$iothub/twin/res/{status}/?$rid={rid}[&$version={version}]"; the rid is echoed byte for byte.
void append_twin_response_topic(std::string& out, unsigned status, std::string_view rid,
                                std::optional<std::uint64_t> version = std::nullopt);
/// "$iothub/twin/PATCH/properties/desired/?$version={version}"
void append_desired_topic(std::string& out, std::uint64_t version);
/// "$iothub/methods/POST/{method}/?$rid={rid}"; SDKs take all behind "$rid=" for the rid, so nothing may follow the
/// rid.
void append_method_topic(std::string& out, std::string_view method, std::uint64_t rid);

}  // namespace twinhub::iothub

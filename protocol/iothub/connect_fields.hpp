// The fields that IoT Hub reads out of an MQTT CONNECT's client identifier and user name.
// Source: azure-docs iot-mqtt-connect-to-iot-hub; edgeHub MqttUsernameParser.
#pragma once

#include "protocol/ids.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace twinhub::iothub {

struct ConnectFields {
  std::string host;  ///< as the client named the hub; not verified
  IdentityId id;
  std::string api_version;  ///< "" when absent
  std::string client_type;  ///< DeviceClientType, percent-decoded; for logs
  std::string model_id;     ///< percent-decoded; "" when absent
};

/// Reads "{host}/{device}[/{module}]/[?]api-version=...". nullopt for anything else (CONNACK 4).
[[nodiscard]] std::optional<ConnectFields> parse_user_name(std::string_view user_name);

/// "{device}" or "{device}/{module}", raw.
[[nodiscard]] std::string client_id_of(const IdentityId& id);

}  // namespace twinhub::iothub

// A message's properties as HTTP headers: "iothub-messageid: m1", "iothub-app-colour: red".
// Source: IoT Hub device REST API ("Device - Send Device Event", "Device - Receive Device Bound Notification");
// azure-iot-device-http http.ts, azure-iot-sdk-c iothubtransporthttp.c, azure-iot-explorer devicesService.ts.
#pragma once

#include "protocol/error.hpp"
#include "protocol/iothub/cloud_to_device.hpp"
#include "server/hub/messages/cloud_to_device.hpp"
#include "server/rest/request.hpp"
#include "server/rest/response.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twinhub::rest {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// Reads the headers of a back end's message to a device. Errors: argument_invalid (iothub-ack, iothub-expiry).
[[nodiscard]] Result<iothub::CloudToDeviceMessage> message_of(const Request& request);

/// The properties of a device's message as a property bag, which is how telemetry takes them. A sender's own "to" and
/// expiry are dropped, as over MQTT.
[[nodiscard]] std::string property_bag_of(const Headers& headers);

/// 200 with the message's content as the body and its properties in headers.
[[nodiscard]] Response delivery_response(hub::CloudToDevice::Delivery delivery);

}  // namespace twinhub::rest

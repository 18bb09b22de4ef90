// An event as a CloudEvent 1.0, structured JSON. Types and data follow Event Grid's schema for IoT Hub where it has
// one; twin changes have none there and get a type of their own.
// Source: cloudevents.io spec 1.0.2 (JSON format), azure-docs iot-hub-event-grid.
//
//   Microsoft.Devices.DeviceTelemetry      data: properties, systemProperties, body
//   Microsoft.Devices.DeviceCreated, .DeviceDeleted              data: deviceId, hubName, opType, twin
//   Microsoft.Devices.DeviceConnected, .DeviceDisconnected       data: ..., deviceConnectionStateEventInfo
//   twinhub.Devices.TwinChanged            data: deviceId, hubName, opType, twin (the change)
#pragma once

#include "server/events/outgoing.hpp"

#include <string>

namespace twinhub::events {

void append_cloud_event(std::string& out, const Outgoing& outgoing, const std::string& hub_name);

}  // namespace twinhub::events

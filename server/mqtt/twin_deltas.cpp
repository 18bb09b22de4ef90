// Changes of desired properties on their way to the device: the delta and the new version, in version order, at QoS 0.
// Source: azure-docs iot-mqtt-connect-to-iot-hub ("Receiving desired properties update notifications").
#include "protocol/iothub/device_topics.hpp"
#include "server/mqtt/hub_device.hpp"

namespace twinhub::mqtt_door {

void HubDevice::send_delta(std::uint64_t version, std::string_view delta) {
  if (!has_filter(iothub::FilterKind::desired_changes)) return;
  std::string topic;
  iothub::append_desired_topic(topic, version);
  connection_.send_publish(topic, delta);
}

}  // namespace twinhub::mqtt_door

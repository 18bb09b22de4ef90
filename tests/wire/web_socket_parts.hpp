// What the tests of MQTT over WebSocket begin with.
#pragma once

#include "tests/wire/wire_hub.hpp"

#include <stdexcept>
#include <string>

namespace twinhub::test {

inline const std::string events_topic = "devices/dev1/messages/events/";

inline MqttClient web_socket(const WireHub& hub, const UpgradeFields& fields = {}) {
  MqttClient client(hub.http_port());
  const std::string response = client.upgrade(fields);
  if (!response.starts_with("HTTP/1.1 101 ")) throw std::runtime_error(response);
  return client;
}

inline MqttClient connected(const WireHub& hub, const ConnectFields& fields) {
  MqttClient client = web_socket(hub);
  if (connect_code(client, fields) != 0) throw std::runtime_error("CONNECT was refused");
  return client;
}

inline MqttClient connected(const WireHub& hub) { return connected(hub, hub.credentials(dev1)); }

}  // namespace twinhub::test

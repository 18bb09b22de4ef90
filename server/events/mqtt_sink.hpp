// Events to an MQTT broker, by Eclipse Paho. QoS 1, a bounded window; delivered = PUBACK. Paho keeps nothing: each
// connection starts clean, and what was not acknowledged is sent again from the log.
//
// MQTT 5 ("properties"): the payload is the event's body; its properties are user properties, system properties by
// their back-end names ("iothub-connection-device-id"), with "iothub-enqueuedtime", "x-opt-partition" and
// "x-opt-sequence-number" beside them; content-type is also MQTT's own Content Type. "envelope": the payload is
// outgoing.hpp's JSON form.
#pragma once

#include "protocol/error.hpp"
#include "server/events/sink.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace twinhub::events {

struct MqttSinkOptions {
  std::string url;        ///< mqtt://HOST[:1883] or mqtts://HOST[:8883]
  std::string shown_url;  ///< in words for the operator: without what nobody may read
  std::string client_id;
  std::string user;
  std::string password;
  std::string ca;           ///< PEM file; "" = the system's
  std::string certificate;  ///< PEM file of the client's certificate; "" = none
  std::string private_key;
  std::string topic;
  std::string hub_name;
  bool envelope = false;
  bool mqtt_5 = true;
  std::size_t window = 100;
  std::chrono::seconds timeout{10};
};

/// Does not connect yet. Errors, for the operator: a wrong topic template.
[[nodiscard]] Result<std::unique_ptr<Sink>> make_mqtt_sink(MqttSinkOptions options);

}  // namespace twinhub::events

// The party that an MQTT connection serves once its CONNECT was accepted: today an IoT Hub device (hub_device.hpp). The
// connection keeps the rules of MQTT and the order of PUBACKs; the client knows the topics.
#pragma once

#include "protocol/mqtt/packet.hpp"
#include "server/hub/connections/device_connection.hpp"
#include "server/mqtt/close_reason.hpp"
#include "server/wire/timer_wheel.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace twinhub::mqtt_door {

/// One thread: its connection's. Any call may close the connection, which leaves the client in place until its thread's
/// wake-up ends.
class Client {
 public:
  virtual ~Client() = default;

  /// CONNACK was written.
  virtual void accepted() = 0;
  virtual void on_publish(const mqtt::Publish& publish) = 0;
  virtual void on_subscribe(std::uint16_t packet_id, std::span<const mqtt::SubscribeEntry> entries) = 0;
  virtual void on_unsubscribe(std::uint16_t packet_id, std::span<const std::string_view> filters) = 0;
  virtual void on_puback(std::uint16_t packet_id) = 0;
  /// The transport has taken everything that was written.
  virtual void all_written() = 0;
  /// When the login's grace ends; min() when it has ended.
  [[nodiscard]] virtual wire::Clock::time_point login_deadline() const = 0;
  /// The hub's trusted CAs have changed: ends the connection if its login rests on one that is gone.
  virtual void check_vouchers() = 0;
  /// The connection is closed. Once.
  virtual void left(CloseReason reason) = 0;
  /// How the hub reaches this client; nullptr when it is no device of the hub.
  [[nodiscard]] virtual hub::DeviceConnection* device() = 0;
};

}  // namespace twinhub::mqtt_door

// A device's own connection to the hub, over MQTT with TLS: for commands that stand for a device. Paho behind it.
// Source: azure-docs iot-mqtt-connect-to-iot-hub ("Using the MQTT protocol directly (as a device)").
#pragma once

#include "config/settings.hpp"
#include "protocol/error.hpp"
#include "protocol/iothub/connection_string.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::cli {

/// How a device is let in, and where.
struct DeviceLogin {
  iothub::ConnectionString credentials;  ///< the device's or module's; HostName without a port
  std::vector<std::string>
      hosts;  ///< names and addresses to try in turn; the certificate has to hold the one that answers
  std::uint16_t port = 8883;
  std::string ca_file;      ///< PEM; "" = the system's
  std::string certificate;  ///< PEM files, for a device that authenticates by them
  std::string private_key;
};

/// By the hub's registry. `certificate` and `private_key`: "" unless the identity authenticates by certificate.
/// Errors, for the person at the terminal: no such identity; no key, or no certificate where one is needed; no MQTT port.
[[nodiscard]] Result<DeviceLogin> device_login(const config::Settings& settings, const IdentityId& id,
                                               const std::string& certificate, const std::string& private_key);

/// One connection with a clean session. One thread.
class MqttDevice {
 public:
  struct Message {
    std::string topic;
    std::string payload;
  };
  using Moment = std::chrono::steady_clock::time_point;

  /// With a token that is valid for an hour. Errors: iot_hub_unauthorized_access (CONNACK), service_unavailable.
  [[nodiscard]] static Result<std::unique_ptr<MqttDevice>> connect(const DeviceLogin& login);
  virtual ~MqttDevice() = default;

  /// Both wait for the hub's answer. Errors: service_unavailable: no answer, or a refusal.
  [[nodiscard]] virtual Result<void> subscribe(const std::string& filter) = 0;
  [[nodiscard]] virtual Result<void> publish(const std::string& topic, const std::string& payload) = 0;  // QoS 1
  /// The next message; nullopt when none has come by then. Errors: service_unavailable, the connection is lost.
  [[nodiscard]] virtual Result<std::optional<Message>> next(Moment until) = 0;
};

}  // namespace twinhub::cli

// Faults on demand: IoT Hub's hidden message properties, by which the public SDKs' end-to-end suites have the hub end a
// connection, throttle a device, and so on. Obeyed with the setting `faults`, else they are properties like any other.
// Source: azure-iot-sdk-csharp FaultInjection.cs and FaultInjectionConstants.cs; azure-iot-sdk-c
// iothubclient_common_e2e.c; azure-iot-sdk-java ErrorInjectionHelper.java; azure-iot-sdk-python and -node e2e tests.
//
//   telemetry with the properties -> (delay) -> the device's connection ends -> (duration) -> it is as before
//
// As in the cloud, the message over MQTT is never acknowledged, so clients send it again once they are back (the suites
// of Java and .NET work around the loop that follows). Here the second copy is acknowledged and does nothing.
#pragma once

#include "protocol/ids.hpp"
#include "server/base/clock.hpp"
#include "server/hub/limits/operation.hpp"
#include "storage/guarded.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace twinhub::hub {

/// AzIoTHub_FaultOperationType. Those of AMQP links and sessions mean nothing over MQTT and are not known here.
enum class FaultType : std::uint8_t {
  kill_tcp,        ///< "KillTcp": the connection is cut without a goodbye
  shut_down_mqtt,  ///< "ShutDownMqtt": it is closed in order
  throttling,      ///< "InvokeThrottling": it ends; then telemetry ends it again and twin requests get 429
  message_quota,   ///< "InvokeMaxMessageQuota": it ends; then CONNECT is refused with 3
  auth_error,      ///< "InvokeAuthError": it ends; then CONNECT is refused with 5
};

struct Fault {
  FaultType type = FaultType::kill_tcp;
  std::chrono::milliseconds delay{0};     ///< AzIoTHub_FaultOperationDelayInSecs, at most an hour
  std::chrono::milliseconds duration{0};  ///< AzIoTHub_FaultOperationDurationInSecs, at most an hour; default 5 s
  std::uint64_t message = 0;              ///< a hash: two messages with the same one are copies
};

/// Reads a telemetry message's property bag. nullopt: it asks for no fault that is known here.
[[nodiscard]] std::optional<Fault> parse_fault(std::string_view property_bag, std::string_view body);

/// The faults that devices are under. Any thread.
class Faults {
 public:
  explicit Faults(const Clock& clock) : clock_(clock) {}

  /// The message that asks for `fault` came. False: it is the second copy of one that has struck.
  [[nodiscard]] bool is_new(const IdentityId& id, const Fault& fault);
  /// The delay is over.
  void strike(const IdentityId& id, const Fault& fault);
  [[nodiscard]] Refusal refusal_of(const IdentityId& id, Operation operation) const;
  /// Forgets what is over; true while some device is under a fault.
  [[nodiscard]] bool prune();
  [[nodiscard]] std::uint64_t struck() const;

 private:
  struct Struck {
    Fault fault;
    Timestamp at;
    Timestamp until;         ///< of the fault's effect
    bool repeatable = true;  ///< its second copy is still to come
  };
  static constexpr std::size_t devices_max = 10'000;

  const Clock& clock_;
  mutable Mutex mutex_;
  std::unordered_map<IdentityId, Struck> struck_ GUARDED_BY(mutex_);
  std::uint64_t count_ GUARDED_BY(mutex_) = 0;
};

}  // namespace twinhub::hub

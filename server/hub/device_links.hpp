// What the hub asks of the wire that devices are connected by. Declared here, implemented by server/mqtt: the hub knows
// no wire.
#pragma once

#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"
#include "storage/outbox.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace twinhub::hub {

/// A direct method on its way to a device.
struct MethodRequest {
  std::uint64_t number = 0;  ///< what the wire calls it by towards Methods; the lowest 31 bits name it for days
  IdentityId id;
  std::string name;
  std::string payload;  ///< one JSON value
};

/// Any thread; calls do not block. Calls for one identity made in order take effect in order.
class DeviceLinks {
 public:
  virtual ~DeviceLinks() = default;

  /// A durable change of desired properties. Called on the commit thread in version order. Not connected or not
  /// subscribed: dropped.
  virtual void desired_changed(const IdentityId& id, std::uint64_t version,
                               const std::shared_ptr<const std::string>& delta, storage::Outbox& outbox) = 0;
  /// A cloud-to-device message waits: a connection that takes them is to ask for it. Called from any thread, and often
  /// in vain: not connected or not subscribed is fine.
  virtual void messages_waiting(const IdentityId& id, storage::Outbox& outbox) = 0;
  /// The identity's record changed (durably): a connection whose login is no longer valid is closed.
  virtual void identity_changed(const iothub::Identity& before, const iothub::Identity& now,
                                storage::Outbox& outbox) = 0;
  /// The identity is gone; of a device, its modules too: their connections are closed.
  virtual void identity_deleted(const IdentityId& id, storage::Outbox& outbox) = 0;

  /// Hands a direct method to the device's connection. False: there is none. True: Methods hears, by the number, either
  /// undelivered() or delivering(); after the latter one of answered() and failed(), unless told to forget it.
  [[nodiscard]] virtual bool invoke_method(const std::shared_ptr<const MethodRequest>& request,
                                           storage::Outbox& outbox) = 0;
  /// Nobody waits for the answer any more.
  virtual void forget_method(const IdentityId& id, std::uint64_t number, storage::Outbox& outbox) = 0;
};

}  // namespace twinhub::hub

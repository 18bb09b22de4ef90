// What twins, registry, methods and messages ask of devices that are connected. The device table (device_table.hpp)
// does so for every door; tests write down what is asked.
#pragma once

#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"
#include "storage/outbox.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace twinhub::hub {

/// A direct method on its way to a device.
struct MethodRequest {
  std::uint64_t number = 0;  ///< the door's name for the call towards Methods; the lowest 31 bits are unique for days
  IdentityId id;
  std::string name;
  std::string payload;  ///< one JSON value
  /// For the device table: the connection was gone before the request reached it, or does not take this method.
  std::function<void(storage::Outbox&)> undelivered;
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
  virtual void identity_changed(const iothub::Identity& now, storage::Outbox& outbox) = 0;
  /// The identity is gone; of a device, its modules too: their connections are closed.
  virtual void identity_deleted(const IdentityId& id, storage::Outbox& outbox) = 0;

  /// Hands a direct method to the device's connection. False: there is none. True: Methods is called with its number,
  /// by either undelivered() or delivering(); after the latter by answered() or failed(), unless forget_method() was
  /// called before.
  [[nodiscard]] virtual bool invoke_method(const std::shared_ptr<const MethodRequest>& request,
                                           storage::Outbox& outbox) = 0;
  /// No caller waits for the answer any more.
  virtual void forget_method(const IdentityId& id, std::uint64_t number, storage::Outbox& outbox) = 0;
};

}  // namespace twinhub::hub

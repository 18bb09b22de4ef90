// What views show of an identity beside its record: its connection, when it was last heard of, and how many messages
// wait for it. The parts that know each of these stand behind one object, so that a view is made with one.
#pragma once

#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"
#include "server/hub/connections/presence.hpp"
#include "server/hub/messages/cloud_to_device.hpp"

#include <string>
#include <vector>

namespace twinhub::hub {

/// Any thread.
class Activities {
 public:
  Activities(Presence& presence, CloudToDevice& messages) : presence_(presence), messages_(messages) {}

  [[nodiscard]] iothub::Activity of(const IdentityId& id) const {
    iothub::Activity activity = presence_.activity_of(id);
    activity.cloud_to_device_message_count = messages_.count(id);
    return activity;
  }
  /// The identity, and of a device its `modules`, were deleted durably. Also from the store's callbacks.
  void forget(const IdentityId& id, const std::string& generation_id, const std::vector<IdentityId>& modules) const {
    presence_.forget(id);
    for (const IdentityId& module : modules) presence_.forget(module);
    if (!id.is_module()) messages_.forget(id.device, generation_id);
  }

 private:
  Presence& presence_;
  CloudToDevice& messages_;
};

}  // namespace twinhub::hub

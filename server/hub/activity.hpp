// What views show of an identity beside its record.
#pragma once

#include "server/hub/cloud_to_device.hpp"
#include "server/hub/presence.hpp"

namespace twinhub::hub {

/// Connection and last activity, and how many messages wait for it. Any thread.
[[nodiscard]] inline iothub::Activity activity_of(const Presence& presence, CloudToDevice& messages,
                                                  const IdentityId& id) {
  iothub::Activity activity = presence.activity_of(id);
  activity.cloud_to_device_message_count = messages.count(id);
  return activity;
}

}  // namespace twinhub::hub

// Why an MQTT connection ends.
#pragma once

#include <cstdint>

namespace twinhub::mqtt_door {

enum class CloseReason : std::uint8_t {
  peer_closed,
  disconnect,  ///< the client said DISCONNECT: its will is discarded
  protocol_fault,
  forbidden_topic,
  refused,    ///< CONNECT was answered with a return code; its notice is written
  timed_out,  ///< keep alive, or no CONNECT in time
  token_expired,
  taken_over,
  identity_changed,
  identity_deleted,
  slow_reader,
  store_failed,
  throttled,       ///< over a rate or the day's quota
  injected_fault,  ///< the device asked for it (hub/limits/faults.hpp)
  cut,             ///< the same, without a goodbye
  shutting_down,
};

}  // namespace twinhub::mqtt_door

// The part of an MQTT session that is kept while its client is away.
// Source: MQTT 3.1.1, 4.1 "Storing state".
#pragma once

#include "protocol/ids.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace twinhub::storage {

struct Subscription {
  std::string filter;
  std::uint8_t qos = 0;

  bool operator==(const Subscription&) const = default;
};
/// Kept of an MQTT session with clean session 0 while its client is away.
struct Session {
  std::vector<Subscription> subscriptions;
  /// When its client was last known to be connected, at least; kept only while sessions expire, else 0.
  Timestamp last_seen = {};

  bool operator==(const Session&) const = default;
};

}  // namespace twinhub::storage

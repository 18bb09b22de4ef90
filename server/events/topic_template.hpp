// The MQTT topic of an event, e.g. "{hub}/{identity}/{channel}":
//
//   {hub}       the hub's name
//   {identity}  devices/ID, or devices/ID/modules/ID
//   {deviceId} {moduleId} {source}
//   {opType}    of the hub's own events; "" for device messages, which could forge one
//   {channel}   messages/events, twin/changes, lifecycle, connectionState
//
// Ids and names are percent-encoded where they hold what has a meaning in topics or no place there
// (mqtt::safe_topic_level()): no identity reaches a level that is not its own.
#pragma once

#include "protocol/error.hpp"
#include "storage/format/event.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::events {

class TopicTemplate {
 public:
  /// Errors: an unknown placeholder, an open brace, a wildcard, a control character, nothing at all.
  [[nodiscard]] static Result<TopicTemplate> parse(std::string_view text);
  [[nodiscard]] std::string topic_of(const storage::Event& event, std::string_view hub_name) const;

 private:
  enum class Kind : std::uint8_t { literal, hub, identity, device, module, source, operation, channel };
  struct Piece {
    Kind kind = Kind::literal;
    std::string text;
  };
  std::vector<Piece> pieces_;
};

}  // namespace twinhub::events

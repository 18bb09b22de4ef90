// The MQTT topic of an event, e.g. "{hub}/{identity}/{channel}":
//
//   {hub}       the hub's name
//   {identity}  devices/ID, or devices/ID/modules/ID
//   {deviceId} {moduleId} {source} {opType}
//   {channel}   messages/events, twin/changes, lifecycle, connectionState
//
// '+', '#' and '%' of an id are percent-encoded: a topic may not hold the first two.
#pragma once

#include "protocol/error.hpp"
#include "storage/event.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::events {

class TopicTemplate {
 public:
  /// Errors: an unknown placeholder, an open brace, a wildcard, nothing at all.
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

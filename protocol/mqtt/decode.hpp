// The packets a client sends, from the bytes behind the fixed header. nullopt: malformed; the connection is to be
// closed. Source: MQTT 3.1.1 chapter 3; the statement numbers stand in decode.cpp.
#pragma once

#include "protocol/mqtt/packet.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace twinhub::mqtt {

/// The protocol level of a CONNECT: read before the rest, which later versions lay out differently.
struct ProtocolVersion {
  bool is_mqtt = false;  ///< the protocol name is "MQTT"
  std::uint8_t level = 0;
  std::size_t bytes = 0;  ///< name and level
};
[[nodiscard]] std::optional<ProtocolVersion> decode_protocol_version(std::string_view body);

/// The client identifier of an MQTT 5 CONNECT, which stands behind its properties (MQTT 5, 3.1.2.11); "" when it
/// cannot be read. REQUIRES: decode_protocol_version() gave level 5.
[[nodiscard]] std::string_view decode_client_id_5(std::string_view body);
/// REQUIRES: decode_protocol_version() gave level 4.
[[nodiscard]] std::optional<Connect> decode_connect(std::string_view body);
/// `flags`: the low half of the first byte. QoS 2 is decoded; the session refuses it.
[[nodiscard]] std::optional<Publish> decode_publish(std::uint8_t flags, std::string_view body);

/// Entries are appended to `entries`, which is cleared first. Returns the packet identifier.
[[nodiscard]] std::optional<std::uint16_t> decode_subscribe(std::string_view body,
                                                            std::vector<SubscribeEntry>& entries);
[[nodiscard]] std::optional<std::uint16_t> decode_unsubscribe(std::string_view body,
                                                              std::vector<std::string_view>& filters);

/// PUBACK's packet identifier.
[[nodiscard]] std::optional<std::uint16_t> decode_puback(std::string_view body);

/// [MQTT-1.5.3-1], [MQTT-1.5.3-2]: well-formed UTF-8 without surrogates and U+0000.
[[nodiscard]] bool is_mqtt_string(std::string_view text);
/// [MQTT-4.7.1]: '#' only alone in the last level, '+' only alone in its level; not empty.
[[nodiscard]] bool is_topic_filter(std::string_view filter);

}  // namespace twinhub::mqtt

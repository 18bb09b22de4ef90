// MQTT 3.1.1 control packets as the server sees them. Views point into the bytes that were decoded.
// Source: OASIS MQTT Version 3.1.1, chapters 2 and 3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace twinhub::mqtt {

/// Why the server ends a connection. MQTT 3.1.1 has no server DISCONNECT: the peer sees a close (or a CONNACK first).
enum class Fault : std::uint8_t {
  malformed_packet,    ///< bytes that are no MQTT 3.1.1 packet
  protocol_violation,  ///< a packet that may not come now, or at all
  packet_too_large,
  qos_not_supported,   ///< PUBLISH with QoS 2
  unsupported_version  ///< CONNECT of another level than 4
};

/// [MQTT-3.2.2-4] Connect Return codes.
enum class ReturnCode : std::uint8_t {
  accepted = 0,
  unacceptable_protocol_version = 1,
  identifier_rejected = 2,
  server_unavailable = 3,
  bad_user_name_or_password = 4,
  not_authorized = 5,
};

struct Will {
  std::string_view topic;
  std::string_view message;
  std::uint8_t qos = 0;
  bool retain = false;
};

struct Connect {
  bool clean_session = false;
  std::uint16_t keep_alive_seconds = 0;
  std::string_view client_id;
  std::optional<Will> will;
  std::optional<std::string_view> user_name;
  std::optional<std::string_view> password;
};

struct Publish {
  std::string_view topic;
  std::string_view payload;
  std::uint16_t packet_id = 0;  ///< 0 at QoS 0
  std::uint8_t qos = 0;
  bool dup = false;
  bool retain = false;
};

struct SubscribeEntry {
  std::string_view filter;
  std::uint8_t requested_qos = 0;
};

/// SUBACK's code for a filter that was refused.
inline constexpr std::uint8_t suback_failure = 0x80;

}  // namespace twinhub::mqtt

// Where one control packet ends: the fixed header.
//
//   +------------------+---------------------------+----------------------------+
//   | type:4 flags:4   | remaining length, 1-4 B   | variable header, payload   |
//   +------------------+---------------------------+----------------------------+
//
// Source: MQTT 3.1.1 section 2.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace twinhub::mqtt {

enum class PacketType : std::uint8_t {
  connect = 1,
  connack = 2,
  publish = 3,
  puback = 4,
  pubrec = 5,
  pubrel = 6,
  pubcomp = 7,
  subscribe = 8,
  suback = 9,
  unsubscribe = 10,
  unsuback = 11,
  pingreq = 12,
  pingresp = 13,
  disconnect = 14,
};

struct Frame {
  enum class State : std::uint8_t {
    incomplete,  ///< more bytes are needed
    malformed,   ///< the remaining length has a fifth byte [MQTT-2.2.3]
    complete_header,
  };
  State state = State::incomplete;
  std::uint8_t first_byte = 0;
  std::size_t header_bytes = 0;
  std::size_t body_bytes = 0;  ///< remaining length

  [[nodiscard]] std::size_t packet_bytes() const { return header_bytes + body_bytes; }
};

/// Reads the fixed header at the start of `input`.
[[nodiscard]] Frame read_frame(std::string_view input);

}  // namespace twinhub::mqtt

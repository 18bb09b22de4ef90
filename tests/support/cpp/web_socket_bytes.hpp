// WebSocket requests and frames made by hand, and frames taken apart: the tests' second opinion. Every field can be
// given a wrong value. Source: RFC 6455, sections 4.1 and 5.2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::test {

namespace opcode {
inline constexpr std::uint8_t continuation = 0x0, text = 0x1, binary = 0x2, close = 0x8, ping = 0x9, pong = 0xA;
}

struct FrameFields {
  std::uint8_t opcode = opcode::binary;
  std::string payload = {};
  bool fin = true;
  bool masked = true;              ///< a client has to
  std::uint8_t reserved_bits = 0;  ///< RSV1..3 as the three low bits
};
[[nodiscard]] std::string frame_bytes(const FrameFields& fields);
/// The header of a masked binary frame that promises `payload_bytes`, without its payload.
[[nodiscard]] std::string frame_header(std::uint64_t payload_bytes);
/// A close frame's payload.
[[nodiscard]] std::string close_payload(std::uint16_t code);

struct Frame {
  std::uint8_t opcode = 0;
  bool fin = false;
  std::string payload;

  /// Of a close frame; 1005 when there is none.
  [[nodiscard]] std::uint16_t close_code() const;
};
/// Takes the first whole frame from the front of `bytes`. Throws when it is masked: a server must not.
[[nodiscard]] std::optional<Frame> take_frame(std::string& bytes);

struct UpgradeFields {
  std::string path = "/$iothub/websocket";
  std::string subprotocol = "mqtt";  ///< empty: no header
  std::string version = "13";
  std::string headers = {};  ///< further lines, each ending in CR LF
};
[[nodiscard]] std::string upgrade_request(const UpgradeFields& fields);

}  // namespace twinhub::test

// RFC 6455 as a server needs it, without I/O: the answer to a request for a WebSocket, a peer's frames taken apart where
// they lie, and frames for the peer. An idle connection keeps 64 bytes of state and no buffer.
//
//   | fin 1 rsv 3 opcode 4 | mask 1 length 7 | more length 0, 16 or 64 | mask 32 | payload |      in bits
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace twinhub::wire {

/// Why a WebSocket ends (RFC 6455, 7.4.1).
struct CloseCode {
  static constexpr std::uint16_t normal = 1000, protocol_error = 1002, unknown_data = 1003, invalid_text = 1007,
                                 too_large = 1009;
};

[[nodiscard]] std::string_view words_of(std::uint16_t code);

/// The head of the answer that turns HTTP into a WebSocket. REQUIRES: `subprotocol` is a token.
[[nodiscard]] std::string switching_protocols(std::string_view key, std::string_view subprotocol);

/// Appends a binary message of one frame.
void append_message(std::string& out, std::string_view payload);
/// Appends a close frame.
void append_close(std::string& out, std::uint16_t code);

/// The peer's side of a WebSocket, of binary messages only. A message is a stretch of a byte stream, never put together.
class FrameReader {
 public:
  explicit FrameReader(std::size_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}

  /// Takes `bytes`, the next that have come, and moves the payload of messages to their front. Pongs that are due are
  /// appended to `pongs`. How many bytes of payload there are; what comes behind the end of the WebSocket is dropped.
  [[nodiscard]] std::size_t take(std::span<char> bytes, std::string& pongs);
  /// The peer has closed, or has broken the rules: what it is to be answered with.
  [[nodiscard]] std::optional<std::uint16_t> ended() const { return ended_; }
  /// It was the rules: whatever code a peer closes with, to close is its right.
  [[nodiscard]] bool is_broken() const { return is_broken_; }

 private:
  [[nodiscard]] bool take_header_byte(std::uint8_t byte);
  [[nodiscard]] std::size_t header_bytes() const;
  void begin_frame();
  void end_frame(std::string& pongs);
  void end_close_frame();
  void end_broken(std::uint16_t code) {
    ended_ = code;
    is_broken_ = true;
  }

  std::size_t message_bytes_max_;
  std::uint64_t payload_left_ = 0;  ///< of the frame
  std::uint64_t message_bytes_ = 0;
  std::string control_;  ///< payload of a control frame that has not come whole
  std::array<std::uint8_t, 14> header_{};
  std::uint8_t header_taken_ = 0;
  std::uint8_t mask_at_ = 0;
  bool in_payload_ = false;
  bool in_message_ = false;  ///< its last frame has not begun
  bool is_broken_ = false;
  std::optional<std::uint16_t> ended_;
};

}  // namespace twinhub::wire

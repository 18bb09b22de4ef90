// A client's frames taken apart, cut anywhere, and the rules that a client can break (RFC 6455, 5).
#include "server/wire/web_socket_frames.hpp"

#include "tests/support/cpp/web_socket_bytes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>

namespace twinhub::wire {
namespace {

using test::frame_bytes;
namespace opcode = test::opcode;

constexpr std::size_t message_bytes_max = 100'000;

struct Read {
  std::string payload, pongs;
  std::optional<std::uint16_t> ended;
  bool operator==(const Read&) const = default;
};

Read read_in_pieces(std::string bytes, std::size_t piece) {
  FrameReader reader(message_bytes_max);
  Read read;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const std::size_t size = std::min(piece, bytes.size() - at);
    const std::size_t payload = reader.take({bytes.data() + at, size}, read.pongs);
    read.payload.append(bytes, at, payload);
  }
  read.ended = reader.ended();
  return read;
}

Read read_all(const std::string& bytes) {
  const Read whole = read_in_pieces(bytes, bytes.size());
  for (const std::size_t piece : std::initializer_list<std::size_t>{1, 2, 3, 7, 126})
    EXPECT_EQ(read_in_pieces(bytes, piece), whole) << piece;
  return whole;
}

std::string hub_frame(std::uint8_t code, const std::string& payload) {
  return frame_bytes({.opcode = code, .payload = payload, .masked = false});
}

TEST(WebSocketFrames, PayloadOfAllLengthsComesThrough) {
  for (const std::size_t size : std::initializer_list<std::size_t>{0, 1, 125, 126, 127, 65535, 65536, 100000}) {
    std::string payload(size, 'x');
    for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(i * 7);
    EXPECT_EQ(read_all(frame_bytes({.payload = payload})), (Read{payload, "", std::nullopt})) << size;
    std::string made;
    append_message(made, payload);
    EXPECT_EQ(made, hub_frame(opcode::binary, payload)) << size;
  }
}

TEST(WebSocketFrames, FragmentsAreOneStretchOfBytesAndControlFramesMayStandBetweenThem) {
  const std::string bytes = frame_bytes({.payload = "one ", .fin = false}) +
                            frame_bytes({.opcode = opcode::ping, .payload = "a"}) +
                            frame_bytes({.opcode = opcode::continuation, .payload = "two ", .fin = false}) +
                            frame_bytes({.opcode = opcode::pong, .payload = "unasked"}) +
                            frame_bytes({.opcode = opcode::continuation, .payload = "three "}) +
                            frame_bytes({.payload = "four"}) + frame_bytes({.opcode = opcode::ping});
  EXPECT_EQ(read_all(bytes),
            (Read{"one two three four", hub_frame(opcode::pong, "a") + hub_frame(opcode::pong, ""), std::nullopt}));
}

TEST(WebSocketFrames, WhatStandsBehindACloseIsDropped) {
  const std::string bytes = frame_bytes({.payload = "last"}) +
                            frame_bytes({.opcode = opcode::close, .payload = test::close_payload(4000) + "why"}) +
                            frame_bytes({.payload = "more"}) + frame_bytes({.opcode = opcode::ping});
  EXPECT_EQ(read_all(bytes), (Read{"last", "", 4000}));
}

TEST(WebSocketFrames, ACloseIsAnsweredWithItsCodeIfThatMayBeSent) {
  const auto answer_to = [](const std::string& payload) {
    return read_all(frame_bytes({.opcode = opcode::close, .payload = payload})).ended;
  };
  EXPECT_EQ(answer_to(""), CloseCode::normal);
  EXPECT_EQ(answer_to("\x03"), CloseCode::protocol_error);
  for (const std::uint16_t code : std::initializer_list<std::uint16_t>{1000, 1001, 1003, 1011, 1014, 3000, 4999})
    EXPECT_EQ(answer_to(test::close_payload(code)), code);
  for (const std::uint16_t code :
       std::initializer_list<std::uint16_t>{0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65'535})
    EXPECT_EQ(answer_to(test::close_payload(code)), CloseCode::protocol_error) << code;
  EXPECT_EQ(answer_to(test::close_payload(1000) + "\xC3"), CloseCode::invalid_text);
}

TEST(WebSocketFrames, EachRuleThatIsBrokenEndsTheWebSocket) {
  const auto with_length = [](std::string head) { return "\x82" + std::move(head) + std::string(4, '\0'); };
  const std::tuple<const char*, std::string, std::uint16_t> cases[] = {
      {"text", frame_bytes({.opcode = opcode::text, .payload = "hello"}), CloseCode::unknown_data},
      {"not masked", frame_bytes({.payload = "x", .masked = false}), CloseCode::protocol_error},
      {"reserved bit", frame_bytes({.payload = "x", .reserved_bits = 1}), CloseCode::protocol_error},
      {"reserved opcode", frame_bytes({.opcode = 7, .payload = "x"}), CloseCode::protocol_error},
      {"reserved control opcode", frame_bytes({.opcode = 0xF}), CloseCode::protocol_error},
      {"continuation of nothing", frame_bytes({.opcode = opcode::continuation}), CloseCode::protocol_error},
      {"a message in a message", frame_bytes({.payload = "", .fin = false}) + frame_bytes({.payload = "x"}),
       CloseCode::protocol_error},
      {"half a ping", frame_bytes({.opcode = opcode::ping, .fin = false}), CloseCode::protocol_error},
      {"a ping of 126 bytes", frame_bytes({.opcode = opcode::ping, .payload = std::string(126, 'x')}),
       CloseCode::protocol_error},
      {"125 in 16 bits", with_length({'\xFE', 0, 125}), CloseCode::protocol_error},
      {"65535 in 64 bits", with_length({'\xFF', 0, 0, 0, 0, 0, 0, '\xFF', '\xFF'}), CloseCode::protocol_error},
      {"2^63", with_length({'\xFF', '\x80', 0, 0, 0, 0, 0, 0, 0}), CloseCode::protocol_error},
      {"2^63 - 1", with_length({'\xFF', '\x7F', '\xFF', '\xFF', '\xFF', '\xFF', '\xFF', '\xFF', '\xFF'}),
       CloseCode::too_large},
      {"one byte too many", test::frame_header(message_bytes_max + 1), CloseCode::too_large},
      {"one fragment too many",
       frame_bytes({.payload = std::string(message_bytes_max, 'x'), .fin = false}) +
           frame_bytes({.opcode = opcode::continuation, .payload = "x"}),
       CloseCode::too_large},
  };
  for (const auto& [what, bytes, code] : cases) {
    EXPECT_EQ(read_all(bytes).ended, code) << what;
    FrameReader reader(message_bytes_max);
    std::string copy = bytes, pongs;
    (void)reader.take({copy.data(), copy.size()}, pongs);
    EXPECT_TRUE(reader.is_broken()) << what;
  }
}

TEST(WebSocketFrames, TheAnswerToARequestIsThatOfTheRfc) {
  EXPECT_EQ(switching_protocols("dGhlIHNhbXBsZSBub25jZQ==", "mqtt"),
            "HTTP/1.1 101 Switching Protocols\r\nServer: twinhub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n");
  std::string close;
  append_close(close, 1009);
  EXPECT_EQ(close, hub_frame(opcode::close, test::close_payload(1009)));
}

}  // namespace
}  // namespace twinhub::wire

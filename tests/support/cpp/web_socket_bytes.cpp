#include "tests/support/cpp/web_socket_bytes.hpp"

#include <stdexcept>

namespace twinhub::test {
namespace {

constexpr std::string_view mask = "\x12\x34\x56\x78";

void append_length(std::string& out, std::uint64_t length, bool masked) {
  const std::uint8_t mask_bit = masked ? 0x80 : 0;
  const auto append_bytes = [&](int count) {
    for (int shift = (count - 1) * 8; shift >= 0; shift -= 8)
      out.push_back(static_cast<char>((length >> shift) & 0xFFU));
  };
  if (length < 126) {
    out.push_back(static_cast<char>(mask_bit | length));
  } else if (length < 65'536) {
    out.push_back(static_cast<char>(mask_bit | 126U));
    append_bytes(2);
  } else {
    out.push_back(static_cast<char>(mask_bit | 127U));
    append_bytes(8);
  }
}

}  // namespace

std::string frame_bytes(const FrameFields& fields) {
  std::string out(1, static_cast<char>((fields.fin ? 0x80U : 0U) | static_cast<unsigned>(fields.reserved_bits) << 4 |
                                       fields.opcode));
  append_length(out, fields.payload.size(), fields.masked);
  if (!fields.masked) return out + fields.payload;
  out += mask;
  for (std::size_t i = 0; i < fields.payload.size(); ++i)
    out.push_back(static_cast<char>(fields.payload[i] ^ mask[i % 4]));
  return out;
}

std::string frame_header(std::uint64_t payload_bytes) {
  std::string out(1, static_cast<char>(0x80U | opcode::binary));
  append_length(out, payload_bytes, true);
  return out.append(mask);
}

std::string close_payload(std::uint16_t code) { return {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)}; }

std::uint16_t Frame::close_code() const {
  if (payload.size() < 2) return 1005;
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>(payload[0]) << 8 | static_cast<std::uint8_t>(payload[1]));
}

std::optional<Frame> take_frame(std::string& bytes) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  if (bytes.size() < 2) return std::nullopt;
  if ((at(1) & 0x80U) != 0) throw std::runtime_error("the hub masked a frame");
  std::uint64_t length = at(1) & 0x7FU;
  const std::size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (bytes.size() < 2 + extended) return std::nullopt;
  if (extended > 0) length = 0;
  for (std::size_t i = 0; i < extended; ++i) length = length << 8 | at(2 + i);
  const std::size_t header = 2 + extended;
  if (bytes.size() - header < length) return std::nullopt;
  Frame frame{static_cast<std::uint8_t>(at(0) & 0x0FU), (at(0) & 0x80U) != 0, bytes.substr(header, length)};
  bytes.erase(0, header + length);
  return frame;
}

std::string upgrade_request(const UpgradeFields& fields) {
  std::string out = "GET " + fields.path +
                    " HTTP/1.1\r\nHost: hub.local\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  if (!fields.version.empty()) out += "Sec-WebSocket-Version: " + fields.version + "\r\n";
  if (!fields.subprotocol.empty()) out += "Sec-WebSocket-Protocol: " + fields.subprotocol + "\r\n";
  return out + fields.headers + "\r\n";
}

}  // namespace twinhub::test

#include "server/wire/web_socket_frames.hpp"

#include "protocol/ids.hpp"
#include "protocol/utf8.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

#include <openssl/evp.h>

namespace twinhub::wire {
namespace {

enum Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

constexpr std::uint8_t fin_bit = 0x80, reserved_bits = 0x70, opcode_bits = 0x0F, control_bit = 0x08;
constexpr std::uint8_t mask_bit = 0x80, length_bits = 0x7F;
constexpr std::size_t mask_bytes = 4;
constexpr std::uint8_t length_in_16_bits = 126, length_in_64_bits = 127;
constexpr std::size_t control_payload_max = 125;

std::size_t more_length_bytes(std::uint8_t length) {
  return length == length_in_16_bits ? 2 : length == length_in_64_bits ? 8 : 0;
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload) {
  out.push_back(static_cast<char>(fin_bit | opcode));
  const std::uint64_t size = payload.size();
  const auto length = size <= control_payload_max ? static_cast<std::uint8_t>(size)
                      : size <= UINT16_MAX        ? length_in_16_bits
                                                  : length_in_64_bits;
  out.push_back(static_cast<char>(length));
  for (std::size_t left = more_length_bytes(length); left > 0; --left)
    out.push_back(static_cast<char>(size >> 8 * (left - 1) & 0xFF));
  out.append(payload);
}

/// `to` may overlap `from`, as long as it does not lie behind it. Eight bytes at a time: each byte of a device passes here.
void unmask(char* to, const char* from, std::size_t size, const std::uint8_t* mask, std::size_t mask_at) {
  std::array<std::uint8_t, sizeof(std::uint64_t)> key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = mask[(mask_at + i) % mask_bytes];
  const auto whole_key = std::bit_cast<std::uint64_t>(key);
  std::size_t i = 0;
  for (; i + sizeof whole_key <= size; i += sizeof whole_key) {
    std::uint64_t word = 0;
    std::memcpy(&word, from + i, sizeof word);
    word ^= whole_key;
    std::memcpy(to + i, &word, sizeof word);
  }
  for (; i < size; ++i) to[i] = static_cast<char>(from[i] ^ key[i % mask_bytes]);
}

/// Codes that may be sent (RFC 6455, 7.4.1 and 7.4.2).
bool may_be_sent(std::uint16_t code) {
  return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
         (code >= 3000 && code <= 4999);
}

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t sequence = utf8_sequence_bytes(bytes);
    if (sequence == 0) return false;
    bytes.remove_prefix(sequence);
  }
  return true;
}

}  // namespace

std::string_view words_of(std::uint16_t code) {
  switch (code) {
    case CloseCode::unknown_data:
      return "A WebSocket message that is not binary.";
    case CloseCode::invalid_text:
      return "A WebSocket close frame whose reason is not UTF-8.";
    case CloseCode::too_large:
      return "A WebSocket message that is too large.";
    default:
      return "A broken WebSocket frame.";
  }
}

std::string switching_protocols(std::string_view key, std::string_view subprotocol) {
  const std::string salted = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455, 4.2.2
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(salted.data(), salted.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1)
    throw std::runtime_error("OpenSSL has no SHA-1");
  const std::string accept = base64_encode({reinterpret_cast<const char*>(digest.data()), size});
  return "HTTP/1.1 101 Switching Protocols\r\nServer: twinhub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
         accept + "\r\nSec-WebSocket-Protocol: " + std::string(subprotocol) + "\r\n\r\n";
}

void append_message(std::string& out, std::string_view payload) { append_frame(out, binary, payload); }

void append_close(std::string& out, std::uint16_t code) {
  const std::array<char, 2> payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  append_frame(out, close, {payload.data(), payload.size()});
}

std::size_t FrameReader::take(std::span<char> bytes, std::string& pongs) {
  std::size_t payload = 0;
  std::size_t at = 0;
  while (at < bytes.size() && !ended_) {
    if (!in_payload_) {
      if (!take_header_byte(static_cast<std::uint8_t>(bytes[at++]))) continue;
      begin_frame();
      if (!ended_ && payload_left_ == 0) end_frame(pongs);
      continue;
    }
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(payload_left_, bytes.size() - at));
    char* const to = bytes.data() + payload;
    unmask(to, bytes.data() + at, size, header_.data() + header_taken_ - mask_bytes, mask_at_);
    mask_at_ = static_cast<std::uint8_t>((mask_at_ + size) % mask_bytes);
    at += size;
    payload_left_ -= size;
    if ((header_[0] & control_bit) != 0) {
      control_.append(to, size);
    } else {
      payload += size;
    }
    if (payload_left_ == 0) end_frame(pongs);
  }
  return payload;
}

std::size_t FrameReader::header_bytes() const {
  return header_taken_ < 2 ? 2 : 2 + more_length_bytes(header_[1] & length_bits) + mask_bytes;
}

/// True when the frame's header is whole.
bool FrameReader::take_header_byte(std::uint8_t byte) {
  header_[header_taken_++] = byte;
  const std::uint8_t opcode = header_[0] & opcode_bits;
  const bool is_control = (opcode & control_bit) != 0;
  if (header_taken_ == 1) {
    const bool is_known = opcode <= binary || (opcode >= close && opcode <= pong);
    const bool is_in_order = is_control || (opcode == continuation) == in_message_;
    if ((byte & reserved_bits) != 0 || !is_known || !is_in_order || (is_control && (byte & fin_bit) == 0))
      end_broken(CloseCode::protocol_error);
    if (opcode == text) end_broken(CloseCode::unknown_data);
  } else if (header_taken_ == 2) {
    if ((byte & mask_bit) == 0 || (is_control && (byte & length_bits) > control_payload_max))
      end_broken(CloseCode::protocol_error);
  }
  return !ended_ && header_taken_ >= 2 && header_taken_ == header_bytes();
}

void FrameReader::begin_frame() {
  const std::uint8_t length = header_[1] & length_bits;
  const std::size_t more = more_length_bytes(length);
  payload_left_ = more == 0 ? length : 0;
  for (std::size_t i = 0; i < more; ++i) payload_left_ = payload_left_ << 8 | header_[2 + i];
  const bool is_shortest = more == 0 || (more == 2 ? payload_left_ > control_payload_max : payload_left_ > UINT16_MAX);
  if (!is_shortest || payload_left_ > INT64_MAX) return end_broken(CloseCode::protocol_error);
  mask_at_ = 0;
  in_payload_ = true;
  if ((header_[0] & control_bit) != 0) return;
  if (!in_message_) message_bytes_ = 0;
  in_message_ = (header_[0] & fin_bit) == 0;
  message_bytes_ += payload_left_;  // no overflow: bounded by a message's bytes before, and 2^63 now
  if (message_bytes_ > message_bytes_max_) end_broken(CloseCode::too_large);
}

void FrameReader::end_frame(std::string& pongs) {
  const std::uint8_t opcode = header_[0] & opcode_bits;
  if (opcode == ping) append_frame(pongs, pong, control_);
  if (opcode == close) end_close_frame();
  std::string().swap(control_);
  header_taken_ = 0;
  in_payload_ = false;
}

void FrameReader::end_close_frame() {
  if (control_.empty()) {
    ended_ = CloseCode::normal;
    return;
  }
  if (control_.size() == 1) return end_broken(CloseCode::protocol_error);
  const auto code =
      static_cast<std::uint16_t>(static_cast<std::uint8_t>(control_[0]) << 8 | static_cast<std::uint8_t>(control_[1]));
  if (!may_be_sent(code)) return end_broken(CloseCode::protocol_error);
  if (!is_utf8(std::string_view(control_).substr(2))) return end_broken(CloseCode::invalid_text);
  ended_ = code;
}

}  // namespace twinhub::wire

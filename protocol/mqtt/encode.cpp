#include "protocol/mqtt/encode.hpp"

#include "protocol/mqtt/frame.hpp"

namespace twinhub::mqtt {
namespace {

char first_byte(PacketType type, unsigned flags = 0) {
  return static_cast<char>(static_cast<unsigned>(type) << 4 | flags);
}

void append_integer(std::string& out, std::uint16_t value) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value & 0xFF));
}

void append_remaining_length(std::string& out, std::size_t length) {
  do {
    const auto low = static_cast<unsigned>(length & 0x7F);
    length >>= 7;
    out.push_back(static_cast<char>(length > 0 ? low | 0x80U : low));
  } while (length > 0);
}

void append_acknowledgement(std::string& out, PacketType type, std::uint16_t packet_id) {
  out.push_back(first_byte(type));
  out.push_back(2);
  append_integer(out, packet_id);
}

}  // namespace

void append_connack(std::string& out, bool session_present, ReturnCode code) {
  out.push_back(first_byte(PacketType::connack));
  out.push_back(2);
  out.push_back(session_present && code == ReturnCode::accepted ? 1 : 0);  // [MQTT-3.2.2-4]
  out.push_back(static_cast<char>(code));
}

void append_puback(std::string& out, std::uint16_t packet_id) {
  append_acknowledgement(out, PacketType::puback, packet_id);
}

void append_suback(std::string& out, std::uint16_t packet_id, std::span<const std::uint8_t> return_codes) {
  out.push_back(first_byte(PacketType::suback));
  append_remaining_length(out, 2 + return_codes.size());
  append_integer(out, packet_id);
  for (const std::uint8_t code : return_codes) out.push_back(static_cast<char>(code));
}

void append_unsuback(std::string& out, std::uint16_t packet_id) {
  append_acknowledgement(out, PacketType::unsuback, packet_id);
}

void append_pingresp(std::string& out) {
  out.push_back(first_byte(PacketType::pingresp));
  out.push_back(0);
}

void append_publish(std::string& out, const Publish& publish) {
  const unsigned flags = (publish.dup ? 8U : 0U) | static_cast<unsigned>(publish.qos) << 1 | (publish.retain ? 1U : 0U);
  out.push_back(first_byte(PacketType::publish, flags));
  append_remaining_length(out, 2 + publish.topic.size() + (publish.qos > 0 ? 2 : 0) + publish.payload.size());
  append_integer(out, static_cast<std::uint16_t>(publish.topic.size()));
  out += publish.topic;
  if (publish.qos > 0) append_integer(out, publish.packet_id);
  out += publish.payload;
}

}  // namespace twinhub::mqtt

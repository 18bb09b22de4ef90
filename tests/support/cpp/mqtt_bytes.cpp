#include "tests/support/cpp/mqtt_bytes.hpp"

namespace twinhub::test {

std::string integer16(std::uint16_t value) { return {static_cast<char>(value >> 8), static_cast<char>(value & 0xFF)}; }

std::string length_and(std::string_view text) {
  return integer16(static_cast<std::uint16_t>(text.size())) + std::string(text);
}

std::string packet(std::uint8_t first_byte, std::string_view body) {
  std::string bytes(1, static_cast<char>(first_byte));
  std::size_t length = body.size();
  do {
    const std::size_t more = length > 127 ? 128 : 0;
    bytes.push_back(static_cast<char>(length % 128 + more));
    length /= 128;
  } while (length > 0);
  return bytes.append(body);
}

std::string connect_packet(const ConnectFields& fields) {
  unsigned flags = 0;
  if (fields.clean_session) flags |= 0x02;
  if (fields.will) flags |= 0x04U | static_cast<unsigned>(fields.will->qos) << 3 | (fields.will->retain ? 0x20U : 0U);
  if (fields.password) flags |= 0x40;
  if (fields.user_name) flags |= 0x80;

  std::string body = length_and(fields.protocol_name);
  body.push_back(static_cast<char>(fields.level));
  body.push_back(static_cast<char>(flags));
  body += integer16(fields.keep_alive_seconds);
  body += length_and(fields.client_id);
  if (fields.will) body += length_and(fields.will->topic) + length_and(fields.will->message);
  if (fields.user_name) body += length_and(*fields.user_name);
  if (fields.password) body += length_and(*fields.password);
  return packet(0x10, body);
}

std::string publish_packet(const PublishFields& fields) {
  const unsigned flags = (fields.dup ? 0x08U : 0U) | static_cast<unsigned>(fields.qos) << 1 | (fields.retain ? 1U : 0U);
  std::string body = length_and(fields.topic);
  if (fields.qos > 0) body += integer16(fields.packet_id);
  return packet(static_cast<std::uint8_t>(0x30U | flags), body + fields.payload);
}

std::string subscribe_packet(std::uint16_t packet_id, const Filters& filters) {
  std::string body = integer16(packet_id);
  for (const auto& [filter, qos] : filters) (body += length_and(filter)).push_back(static_cast<char>(qos));
  return packet(0x82, body);
}

std::string unsubscribe_packet(std::uint16_t packet_id, const std::vector<std::string>& filters) {
  std::string body = integer16(packet_id);
  for (const auto& filter : filters) body += length_and(filter);
  return packet(0xA2, body);
}

}  // namespace twinhub::test

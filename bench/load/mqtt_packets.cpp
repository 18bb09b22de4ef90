#include "bench/load/mqtt_packets.hpp"

namespace twinhub::load {
namespace {

void append_integer(std::string& out, std::size_t value) {
  out += static_cast<char>(value >> 8 & 0xFF);
  out += static_cast<char>(value & 0xFF);
}

void append_text(std::string& out, std::string_view text) {
  append_integer(out, text.size());
  out += text;
}

/// Fixed header, section 2.2: seven bits of the remaining length per byte, the least first.
void append_header(std::string& out, unsigned first_byte, std::size_t length) {
  out += static_cast<char>(first_byte);
  do {
    const std::size_t rest = length >> 7;
    out += static_cast<char>((length & 0x7F) | (rest > 0 ? 0x80U : 0U));
    length = rest;
  } while (length > 0);
}

}  // namespace

void append_connect(std::string& out, const ConnectFields& fields) {
  const bool has_user = !fields.user_name.empty();
  const bool has_password = has_user && !fields.password.empty();
  std::size_t length = 10 + 2 + fields.client_id.size();
  if (has_user) length += 2 + fields.user_name.size();
  if (has_password) length += 2 + fields.password.size();
  append_header(out, 0x10, length);
  append_text(out, "MQTT");
  out += '\x04';
  out += static_cast<char>((has_user ? 0x80U : 0U) | (has_password ? 0x40U : 0U) | (fields.clean_session ? 0x02U : 0U));
  append_integer(out, fields.keep_alive_seconds);
  append_text(out, fields.client_id);
  if (has_user) append_text(out, fields.user_name);
  if (has_password) append_text(out, fields.password);
}

void append_subscribe(std::string& out, std::uint16_t packet_id, const std::vector<std::string>& filters,
                      std::uint8_t qos) {
  std::size_t length = 2;
  for (const std::string& filter : filters) length += 2 + filter.size() + 1;
  append_header(out, 0x82, length);
  append_integer(out, packet_id);
  for (const std::string& filter : filters) {
    append_text(out, filter);
    out += static_cast<char>(qos);
  }
}

void append_publish(std::string& out, std::string_view topic, std::string_view payload, std::uint16_t packet_id) {
  append_header(out, packet_id == 0 ? 0x30 : 0x32, 2 + topic.size() + (packet_id == 0 ? 0 : 2) + payload.size());
  append_text(out, topic);
  if (packet_id != 0) append_integer(out, packet_id);
  out += payload;
}

void append_puback(std::string& out, std::uint16_t packet_id) {
  append_header(out, 0x40, 2);
  append_integer(out, packet_id);
}

void append_pingreq(std::string& out) { append_header(out, 0xC0, 0); }

void append_disconnect(std::string& out) { append_header(out, 0xE0, 0); }

Cut cut_packet(std::string_view bytes, Packet& packet) {
  std::size_t length = 0;
  for (std::size_t i = 1; i <= 4; ++i) {
    if (i >= bytes.size()) return Cut::incomplete;
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    length |= static_cast<std::size_t>(byte & 0x7FU) << (7 * (i - 1));
    if ((byte & 0x80U) != 0) continue;
    packet.bytes = 1 + i + length;
    if (bytes.size() < packet.bytes) return Cut::incomplete;
    packet.first_byte = static_cast<std::uint8_t>(bytes[0]);
    packet.body = bytes.substr(1 + i, length);
    return Cut::whole;
  }
  return Cut::malformed;
}

std::optional<std::uint16_t> read_packet_id(const Packet& packet) {
  if (packet.body.size() < 2) return std::nullopt;
  const unsigned high = static_cast<std::uint8_t>(packet.body[0]);
  return static_cast<std::uint16_t>(high << 8U | static_cast<std::uint8_t>(packet.body[1]));
}

std::optional<Message> read_publish(const Packet& packet) {
  const unsigned qos = packet.first_byte >> 1U & 3U;
  const auto topic_bytes = read_packet_id(packet);  // laid out the same
  if (qos > 1 || !topic_bytes) return std::nullopt;
  std::string_view rest = packet.body.substr(2);
  if (rest.size() < *topic_bytes + (qos == 0 ? 0U : 2U)) return std::nullopt;
  Message message;
  message.topic = rest.substr(0, *topic_bytes);
  message.dup = (packet.first_byte & 0x08U) != 0;
  rest.remove_prefix(*topic_bytes);
  if (qos == 1) {
    message.packet_id = *read_packet_id({.first_byte = 0, .body = rest, .bytes = 0});
    if (message.packet_id == 0) return std::nullopt;
    rest.remove_prefix(2);
  }
  message.payload = rest;
  return message;
}

}  // namespace twinhub::load

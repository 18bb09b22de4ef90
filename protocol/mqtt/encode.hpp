// The packets a server sends, appended to a byte string.
// Source: OASIS MQTT Version 3.1.1, chapter 3.
#pragma once

#include "protocol/mqtt/packet.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace twinhub::mqtt {

void append_connack(std::string& out, bool session_present, ReturnCode code);
void append_puback(std::string& out, std::uint16_t packet_id);
void append_suback(std::string& out, std::uint16_t packet_id, std::span<const std::uint8_t> return_codes);
void append_unsuback(std::string& out, std::uint16_t packet_id);
void append_pingresp(std::string& out);
/// `publish.packet_id` is written at QoS 1 only. REQUIRES: topic of at most 65,535 bytes.
void append_publish(std::string& out, const Publish& publish);

}  // namespace twinhub::mqtt

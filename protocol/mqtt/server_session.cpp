#include "protocol/mqtt/server_session.hpp"

#include "protocol/mqtt/decode.hpp"
#include "protocol/mqtt/encode.hpp"
#include "protocol/mqtt/frame.hpp"

#include <algorithm>
#include <vector>

namespace twinhub::mqtt {
namespace {

constexpr std::uint8_t level_3_1_1 = 4;
constexpr std::uint8_t level_5 = 5;
/// Room for a will message of the largest size there is, and for all else that a CONNECT holds. Before a
/// CONNECT the peer is not authenticated, so this is the buffer that strangers can fill.
constexpr std::size_t connect_bytes_max = 96U * 1024;

/// [MQTT-2.2.2-2]: the low half of the first byte is fixed for every packet but PUBLISH.
bool flags_allowed(PacketType type, unsigned flags) {
  switch (type) {
    case PacketType::publish:
      return true;
    case PacketType::pubrel:
    case PacketType::subscribe:
    case PacketType::unsubscribe:
      return flags == 2;
    default:
      return flags == 0;
  }
}

bool begins_connect(char first_byte) {
  return static_cast<unsigned char>(first_byte) >> 4 == static_cast<unsigned>(PacketType::connect);
}

/// Lists reused by every packet of a thread, so that a SUBSCRIBE costs no allocation.
template <class T>
std::vector<T>& reused() {
  thread_local std::vector<T> list;
  return list;
}

std::optional<Fault> refuse_version(std::uint8_t level, std::string& out) {
  if (level == level_5) {
    // MQTT 5 section 3.2: a CONNACK its client can read; 0x84 Unsupported Protocol Version.
    constexpr std::string_view connack_5{"\x20\x03\x00\x84\x00", 5};
    out += connack_5;
  } else {
    append_connack(out, false, ReturnCode::unacceptable_protocol_version);  // [MQTT-3.1.2-2]
  }
  return Fault::unsupported_version;
}

}  // namespace

std::optional<Fault> ServerSession::receive(std::string_view input, Handler& handler, std::string& out) {
  // Whole packets are read where they arrived; only a packet that came in pieces is put together in a buffer of its
  // own.
  std::unique_ptr<std::string> joined;
  if (kept_) {
    joined = std::move(kept_);
    joined->append(input);
    input = *joined;
  }
  while ((state_ == State::awaiting_connect || state_ == State::connected) && !held_ && !input.empty()) {
    if (state_ == State::awaiting_connect && !begins_connect(input.front())) {
      close();  // [MQTT-3.1.0-1]; at the packet's first byte, so that a stranger can fill no buffer
      return Fault::protocol_violation;
    }
    const Frame frame = read_frame(input);
    if (frame.state == Frame::State::malformed) {
      close();
      return Fault::malformed_packet;
    }
    if (frame.state == Frame::State::incomplete) break;
    const bool is_first = state_ == State::awaiting_connect;
    if (frame.packet_bytes() > (is_first ? std::min(packet_bytes_max_, connect_bytes_max) : packet_bytes_max_)) {
      close();
      return Fault::packet_too_large;
    }
    if (input.size() < frame.packet_bytes()) break;
    if (const auto fault =
            handle_packet(frame.first_byte, input.substr(frame.header_bytes, frame.body_bytes), handler, out)) {
      close();
      return fault;
    }
    input.remove_prefix(frame.packet_bytes());
  }
  if (state_ == State::closed || input.empty()) return std::nullopt;
  if (input.size() > packet_bytes_max_ && !held_) {  // pipelined behind a CONNECT that is not answered yet
    close();
    return Fault::packet_too_large;
  }
  if (joined && input.size() == joined->size()) {
    kept_ = std::move(joined);
  } else {
    kept_ = std::make_unique<std::string>(input);
  }
  return std::nullopt;
}

std::optional<Fault> ServerSession::handle_packet(unsigned char first_byte, std::string_view body, Handler& handler,
                                                  std::string& out) {
  const auto type = static_cast<PacketType>(first_byte >> 4);
  const auto flags = static_cast<std::uint8_t>(first_byte & 0x0F);
  if (!flags_allowed(type, flags)) return Fault::malformed_packet;
  const bool first = state_ == State::awaiting_connect;
  if (first != (type == PacketType::connect)) return Fault::protocol_violation;  // [MQTT-3.1.0-1], [MQTT-3.1.0-2]

  switch (type) {
    case PacketType::connect:
      return handle_connect(body, handler, out);
    case PacketType::publish: {
      const auto publish = decode_publish(flags, body);
      if (!publish) return Fault::malformed_packet;
      if (publish->qos == 2) return Fault::qos_not_supported;
      handler.on_publish(*publish);
      return std::nullopt;
    }
    case PacketType::puback: {
      const auto id = decode_puback(body);
      if (!id) return Fault::malformed_packet;
      handler.on_puback(*id);
      return std::nullopt;
    }
    case PacketType::subscribe: {
      auto& entries = reused<SubscribeEntry>();
      const auto id = decode_subscribe(body, entries);
      if (!id) return Fault::malformed_packet;
      handler.on_subscribe(*id, entries);
      return std::nullopt;
    }
    case PacketType::unsubscribe: {
      auto& filters = reused<std::string_view>();
      const auto id = decode_unsubscribe(body, filters);
      if (!id) return Fault::malformed_packet;
      handler.on_unsubscribe(*id, filters);
      return std::nullopt;
    }
    case PacketType::pingreq:
      if (!body.empty()) return Fault::malformed_packet;
      append_pingresp(out);  // [MQTT-3.12.4-1]
      return std::nullopt;
    case PacketType::disconnect:
      if (!body.empty()) return Fault::malformed_packet;
      handler.on_disconnect();
      close();  // [MQTT-3.14.4-2]
      return std::nullopt;
    default:
      return Fault::protocol_violation;  // packets of QoS 2, and packets that only a server sends
  }
}

std::optional<Fault> ServerSession::handle_connect(std::string_view body, Handler& handler, std::string& out) {
  const auto version = decode_protocol_version(body);
  if (!version) return Fault::malformed_packet;
  if (!version->is_mqtt) return Fault::protocol_violation;  // [MQTT-3.1.2-1]
  if (version->level != level_3_1_1) {
    handler.on_other_version(version->level, version->level == level_5 ? decode_client_id_5(body) : "");
    return refuse_version(version->level, out);
  }
  const auto connect = decode_connect(body);
  if (!connect) return Fault::malformed_packet;
  state_ = State::answering_connect;
  handler.on_connect(*connect);
  return std::nullopt;
}

}  // namespace twinhub::mqtt

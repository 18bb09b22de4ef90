#include "bench/load/device.hpp"

#include <utility>

namespace twinhub::load {

void Device::connect(const Address& address, int receive_buffer_bytes) {
  partial_.clear();
  connected_ = ready_ = false;
  stream_.connect(address, receive_buffer_bytes);
}

void Device::leave() {
  if (stream_.is_open()) {
    append_disconnect(stream_.out());
    stream_.flush();
  }
  stream_.close();
  connected_ = ready_ = false;
}

void Device::on_open() {
  append_connect(stream_.out(), login_.connect);
  stream_.send();
}

void Device::on_closed(const std::string& why) {
  if (!tolerates_end_) errors_.add(Wrong::closed, id() + ": " + why);
  gone();
}

void Device::gone() {
  connected_ = ready_ = false;
  owner_.on_gone(*this);
}

bool Device::refuse(Wrong kind, const std::string& what) {
  errors_.add(kind, id() + ": " + what);
  stream_.close();
  gone();
  return false;
}

void Device::on_bytes(std::string_view bytes) {
  std::string joined;
  if (!partial_.empty()) {
    joined = std::exchange(partial_, {});
    joined += bytes;
    bytes = joined;
  }
  while (!bytes.empty()) {
    Packet packet;
    const Cut cut = cut_packet(bytes, packet);
    if (cut == Cut::incomplete) break;
    if (cut == Cut::malformed) {
      (void)refuse(Wrong::malformed, "a remaining length of five bytes");
      return;
    }
    if (!handle(packet)) return;
    bytes.remove_prefix(packet.bytes);
  }
  partial_ = bytes;
}

bool Device::handle(const Packet& packet) {
  constexpr unsigned connack = 2, publish = 3, puback = 4, suback = 9, pingresp = 13;
  const unsigned type = packet.type();
  if (type == connack) return handle_connack(packet);
  if (!connected_) return refuse(Wrong::malformed, "a packet before CONNACK");
  if (type == suback) return handle_suback(packet);
  if (type == publish) {
    const auto message = read_publish(packet);
    if (!message) return refuse(Wrong::malformed, "a PUBLISH that cannot be read");
    owner_.on_message(*this, *message);
  } else if (type == puback) {
    const auto id = read_packet_id(packet);
    if (!id || packet.body.size() != 2) return refuse(Wrong::malformed, "a PUBACK that cannot be read");
    owner_.on_puback(*this, *id);
  } else if (type == pingresp && packet.body.empty()) {
    owner_.on_pingresp(*this);
  } else {
    return refuse(Wrong::malformed, "a packet of type " + std::to_string(type));
  }
  return stream_.is_open();
}

bool Device::handle_connack(const Packet& packet) {
  if (connected_ || packet.body.size() != 2) return refuse(Wrong::malformed, "CONNACK");
  if (packet.body[1] != 0)
    return refuse(Wrong::refused, "CONNECT was answered with " + std::to_string(static_cast<int>(packet.body[1])));
  connected_ = true;
  if (login_.filters.empty()) {
    become_ready();
    return stream_.is_open();
  }
  subscribe_id_ = next_packet_id();
  append_subscribe(stream_.out(), subscribe_id_, login_.filters, login_.qos);
  stream_.send();
  return true;
}

bool Device::handle_suback(const Packet& packet) {
  if (ready_ || read_packet_id(packet) != subscribe_id_) return refuse(Wrong::unexpected, "a SUBACK nobody waits for");
  if (packet.body.size() != 2 + login_.filters.size()) return refuse(Wrong::malformed, "SUBACK");
  for (const char code : packet.body.substr(2)) {
    if (static_cast<unsigned char>(code) > login_.qos) return refuse(Wrong::refused, "a subscription was refused");
  }
  become_ready();
  return stream_.is_open();
}

void Device::become_ready() {
  ready_ = true;
  owner_.on_ready(*this);
}

}  // namespace twinhub::load

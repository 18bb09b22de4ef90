// One device: its connection, CONNECT and SUBSCRIBE, and the packets that come, told to whoever runs the scenario.
#pragma once

#include "bench/load/errors.hpp"
#include "bench/load/mqtt_packets.hpp"
#include "bench/load/stream.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::load {

class Device final : private Stream::Owner {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    /// CONNECT was accepted and every subscription granted.
    virtual void on_ready(Device&) {}
    virtual void on_message(Device& device, const Message& message) = 0;
    virtual void on_puback(Device& device, std::uint16_t packet_id) = 0;
    virtual void on_pingresp(Device&) {}
    /// The connection has ended, or never came to be; not told after leave(). The error is counted already.
    virtual void on_gone(Device&) {}
  };

  /// Who it is, and what it subscribes to when it connects.
  struct Login {
    ConnectFields connect;
    std::vector<std::string> filters;
    std::uint8_t qos = 0;
  };

  Device(EventLoop& loop, Owner& owner, Errors& errors, SSL_CTX* tls, std::size_t index, Login login)
      : stream_(loop, *this, tls), owner_(owner), errors_(errors), index_(index), login_(std::move(login)) {}

  [[nodiscard]] std::size_t index() const { return index_; }
  [[nodiscard]] const std::string& id() const { return login_.connect.client_id; }
  [[nodiscard]] bool is_ready() const { return ready_; }

  void connect(const Address& address, int receive_buffer_bytes = 0);
  /// DISCONNECT, then the end. The server sees a device that leaves in order.
  void leave();
  /// It stays, and reads no more.
  void stop_reading() { stream_.stop_reading(); }
  /// The end of this connection is no error.
  void tolerate_end() { tolerates_end_ = true; }

  void publish(std::string_view topic, std::string_view payload, std::uint16_t packet_id = 0) {
    append_publish(stream_.out(), topic, payload, packet_id);
    stream_.send();
  }
  void puback(std::uint16_t packet_id) {
    append_puback(stream_.out(), packet_id);
    stream_.send();
  }
  void ping() {
    append_pingreq(stream_.out());
    stream_.send();
  }
  /// The next packet identifier; the scenarios have far fewer than 65,535 open at a time.
  [[nodiscard]] std::uint16_t next_packet_id() {
    packet_id_ = packet_id_ == 0xFFFF ? 1 : static_cast<std::uint16_t>(packet_id_ + 1);
    return packet_id_;
  }

 private:
  void on_open() override;
  void on_bytes(std::string_view bytes) override;
  void on_closed(const std::string& why) override;
  /// False: the connection is over.
  [[nodiscard]] bool handle(const Packet& packet);
  [[nodiscard]] bool handle_connack(const Packet& packet);
  [[nodiscard]] bool handle_suback(const Packet& packet);
  [[nodiscard]] bool refuse(Wrong kind, const std::string& what);
  void become_ready();
  void gone();

  Stream stream_;
  Owner& owner_;
  Errors& errors_;
  std::size_t index_;
  Login login_;
  std::string partial_;  // the beginning of a packet whose end has not come yet
  std::uint16_t packet_id_ = 0;
  std::uint16_t subscribe_id_ = 0;
  bool connected_ = false;
  bool ready_ = false;
  bool tolerates_end_ = false;
};

}  // namespace twinhub::load

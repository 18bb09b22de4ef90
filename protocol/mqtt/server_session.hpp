// Server end of one MQTT 3.1.1 connection as a pure state machine: bytes in, calls out. It owns no socket, clock or
// thread.
//
//   bytes from the peer --> receive() --> Handler::on_<packet>()   packets for the hub to act on
//                                     --> `out`                    bytes to write to the peer (PINGRESP)
//
// Answers that need the hub (CONNACK, SUBACK, PUBACK ...) are appended by the owner with protocol/mqtt/encode.
#pragma once

#include "protocol/mqtt/packet.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace twinhub::mqtt {

/// The packets that a session hands to its owner. Views die when the call returns. Any call may call
/// ServerSession::close().
class Handler {
 public:
  virtual ~Handler() = default;
  /// First packet, well formed, protocol level 4. The owner answers with CONNACK, then accept() or close().
  virtual void on_connect(const Connect& connect) = 0;
  /// A CONNECT of another protocol level, which the session refuses: a Fault follows. `client_id`: "" when it cannot be
  /// read.
  virtual void on_other_version(std::uint8_t level, std::string_view client_id) {
    (void)level;
    (void)client_id;
  }
  /// QoS 0 or 1. At QoS 1 the owner sends PUBACK once the message is safe.
  virtual void on_publish(const Publish& publish) = 0;
  virtual void on_subscribe(std::uint16_t packet_id, std::span<const SubscribeEntry> entries) = 0;
  virtual void on_unsubscribe(std::uint16_t packet_id, std::span<const std::string_view> filters) = 0;
  virtual void on_puback(std::uint16_t packet_id) = 0;
  /// The peer sent DISCONNECT: its will is discarded; the owner closes.
  virtual void on_disconnect() = 0;
};

/// One thread at a time. Small by intent: a hub holds one per connected device.
class ServerSession {
 public:
  /// `packet_bytes_max` bounds a whole packet, fixed header included.
  explicit ServerSession(std::size_t packet_bytes_max) : packet_bytes_max_(packet_bytes_max) {}

  /// Feeds received bytes, cut anywhere; whole packets are acted on in order, an incomplete tail is kept (its buffer is
  /// freed as soon as the packet is complete). Returns a Fault when the peer broke the protocol: the owner writes `out`
  /// and closes. After a fault, DISCONNECT or close() further input is ignored. A CONNECT of a wrong level appends its
  /// CONNACK (return code 1; level 5 gets a v5 CONNACK 0x84) and faults.
  [[nodiscard]] std::optional<Fault> receive(std::string_view input, Handler& handler, std::string& out);

  /// The CONNECT was accepted: other packets are now served. Those pipelined behind it wait for this: an owner that
  /// accepts later than inside on_connect() then calls receive("") to have them handled.
  void accept() { state_ = State::connected; }
  void close() { state_ = State::closed; }
  /// While held, packets are kept instead of acted on, the present one excepted: back-pressure, also from inside a
  /// Handler's call. The owner then stops feeding, and after hold(false) calls receive("").
  void hold(bool held) { held_ = held; }

  [[nodiscard]] bool connected() const { return state_ == State::connected; }
  /// Bytes that are being kept: an incomplete packet, or what came while held.
  [[nodiscard]] std::size_t kept_bytes() const { return kept_ ? kept_->size() : 0; }
  /// The memory that they take: a buffer grows ahead of its bytes.
  [[nodiscard]] std::size_t kept_memory() const { return kept_ ? kept_->capacity() : 0; }

 private:
  enum class State : unsigned char { awaiting_connect, answering_connect, connected, closed };
  std::optional<Fault> handle_connect(std::string_view body, Handler& handler, std::string& out);
  std::optional<Fault> handle_packet(unsigned char first_byte, std::string_view body, Handler& handler,
                                     std::string& out);

  std::size_t packet_bytes_max_;
  std::unique_ptr<std::string> kept_;
  State state_ = State::awaiting_connect;
  bool held_ = false;
};

}  // namespace twinhub::mqtt

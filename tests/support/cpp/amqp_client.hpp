// An AMQP peer of a test, by hand: it writes performatives field by field and shows what comes, frame by frame.
#pragma once

#include "protocol/amqp/message.hpp"
#include "protocol/amqp/value.hpp"
#include "tests/support/cpp/mqtt_client.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twinhub::test {

inline const std::string amqp_header("AMQP\x00\x01\x00\x00", 8);
inline const std::string sasl_header("AMQP\x03\x01\x00\x00", 8);

/// A frame with a performative; SASL's have type 1.
struct AmqpFrame {
  std::uint8_t type = 0;
  std::uint16_t channel = 0;
  std::uint8_t code = 0;  ///< of the performative; 0 = an empty frame
  std::vector<amqp::Value> fields;
  std::string payload;
};

[[nodiscard]] std::string amqp_frame(std::uint8_t code, const std::vector<amqp::Value>& fields,
                                     std::string_view payload = "", std::uint16_t channel = 0, std::uint8_t type = 0);
// Performatives of an ordinary client.
[[nodiscard]] std::string open_frame(std::optional<std::uint32_t> frame_max = std::nullopt);
[[nodiscard]] std::string begin_frame(std::uint16_t channel = 0);
/// `sends`: the client does, to `address`. `settles_second`: it awaits an answer to each outcome.
[[nodiscard]] std::string attach_frame(std::uint32_t handle, bool sends, std::string_view address,
                                       std::uint16_t channel = 0, bool settles_second = false);
[[nodiscard]] std::string flow_frame(std::uint32_t handle, std::uint32_t credit, std::uint16_t channel = 0);
[[nodiscard]] std::string transfer_frame(std::uint32_t handle, std::uint32_t delivery, std::string_view message,
                                         bool more = false, std::uint16_t channel = 0);

// Outcomes that a receiver gives.
[[nodiscard]] amqp::Value accepted_outcome();
[[nodiscard]] amqp::Value rejected_outcome();
[[nodiscard]] amqp::Value released_outcome();
[[nodiscard]] amqp::Value modified_outcome(bool undeliverable_here);

/// What the hub has sent.
struct AmqpReceived {
  std::uint32_t delivery = 0;
  std::string tag;
  bool settled = false;
  amqp::Message message;
};

/// One thread. Reads wait for at most a minute, then throw.
class AmqpClient {
 public:
  /// Plain TCP to 127.0.0.1.
  explicit AmqpClient(std::uint16_t port) : transport_(port) {}
  /// Over TLS or a WebSocket: the tests' MQTT client carries any bytes.
  explicit AmqpClient(MqttClient transport) : transport_(std::move(transport)) {}

  void send(std::string_view bytes) { transport_.send(bytes); }
  [[nodiscard]] MqttClient& transport() { return transport_; }
  /// A protocol header. Throws when something else comes.
  [[nodiscard]] std::string expect_header();
  /// The next frame that is no sign of life; nullopt when the peer has closed.
  [[nodiscard]] std::optional<AmqpFrame> read();
  /// The next frame with this performative; FLOWs before it are passed over, anything else throws.
  [[nodiscard]] AmqpFrame expect(std::uint8_t code);
  /// The next FLOW; any other frame before it throws, but for dispositions without an outcome.
  [[nodiscard]] AmqpFrame expect_flow();
  /// The next disposition of the hub's as a sender; FLOWs before it are passed over.
  [[nodiscard]] AmqpFrame expect_disposition();
  /// Header, OPEN and BEGIN, both ways. `frame_max`: what the client takes; none = any.
  void open(std::optional<std::uint32_t> frame_max = std::nullopt);
  /// The longest frame that has come.
  [[nodiscard]] std::size_t longest_frame() const { return longest_frame_; }
  /// Attaches a link and expects the answer.
  AmqpFrame attach(std::uint32_t handle, bool sends, std::string_view address, bool settles_second = false);
  /// SASL up to its outcome, whose code is returned.
  [[nodiscard]] std::uint64_t sasl(std::string_view mechanism, std::string_view response);
  /// The next message of the hub's, whole.
  [[nodiscard]] AmqpReceived expect_message();
  void settle(std::uint32_t delivery, const amqp::Value& outcome, bool settled = true);
  /// Accepts and settles deliveries from `first` to `last`.
  void settle_range(std::uint32_t first, std::uint32_t last);
  /// The $cbs pair as handles 0 and 1, and one put-token; returns the status code.
  [[nodiscard]] std::int64_t put_token(std::string_view audience, std::string_view token);
  /// Sends a message on `handle`; returns the outcome as the disposition's state.
  [[nodiscard]] amqp::Value outcome_of(std::uint32_t handle, const amqp::Message& message);
  [[nodiscard]] std::uint32_t next_delivery() { return next_delivery_++; }

 private:
  [[nodiscard]] bool fill();

  MqttClient transport_;
  std::string received_;
  std::uint32_t next_delivery_ = 0;
  std::size_t longest_frame_ = 0;
  bool has_cbs_ = false;
};

/// The condition of a rejected outcome, or of an error list; "" when there is none.
[[nodiscard]] std::string condition_in(const amqp::Value& state_or_error);

}  // namespace twinhub::test

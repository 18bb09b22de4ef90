// One MQTT connection: the pump's bytes into an MQTT session, CONNECT and its answer, keep alive, and PUBACKs in their
// order. The client that CONNECT named stands on it (client.hpp).
#pragma once

#include "protocol/error.hpp"
#include "protocol/mqtt/server_session.hpp"
#include "protocol/reason.hpp"
#include "server/base/done.hpp"
#include "server/hub/limits/operation.hpp"
#include "server/mqtt/client.hpp"
#include "server/mqtt/close_reason.hpp"
#include "server/wire/pump.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::mqtt_door {

class DoorLane;

/// The name of the protocol in notices.
inline constexpr std::string_view protocol = "mqtt";

/// A CONNECT that is not accepted, and why, for its notice.
struct Refusal {
  std::optional<mqtt::ReturnCode> code;  ///< nullopt: it breaks the protocol and gets no CONNACK [MQTT-3.1.4-1]
  Reason reason;
  std::string id;  ///< whom the client claims to be
  std::string detail;
};

/// One thread: its lane's. Others reach it by its number, through the lane.
class Connection final : public wire::Pump, private mqtt::Handler {
 public:
  Connection(DoorLane& lane, std::uint64_t id, std::unique_ptr<wire::Transport> transport);
  ~Connection() override;

  [[nodiscard]] DoorLane& lane() const;
  /// nullptr until CONNECT was accepted.
  [[nodiscard]] Client* client() { return client_.get(); }
  /// Sends what can be sent at once, then ends the connection. May be called at any time; only the first call counts.
  /// `detail` is for the notice, and may be foreign.
  void close(CloseReason reason, std::string_view detail = {});

  // For the client
  /// Sends a PUBLISH at QoS 0.
  void send_publish(std::string_view topic, std::string_view payload);

  /// PUBACKs leave in the order of their PUBLISHes [MQTT-4.6.0-2]: one that is due may have to wait for an earlier one.
  using AckNumber = std::uint64_t;
  /// A PUBACK will be due for `packet_id`.
  [[nodiscard]] AckNumber expect_ack(std::uint16_t packet_id);
  /// The PUBLISH is safe: sends its PUBACK, and those that waited for it.
  void acknowledge(AckNumber number);
  /// The PUBLISH that came last is never acknowledged, and does not hold up those behind it.
  void drop_last_ack();

  /// Wraps `task(client, result)` so that it runs on this connection's client, on its thread, if it is still there, and
  /// counts as one request of `bytes` in flight. The time since its bytes came is that of `operation`, unless this is
  /// Operation::unlimited. `ThisClient`: the class of the client that calls.
  template <class ThisClient, class T, class Task>
  [[nodiscard]] hub::Done<T> when_done(hub::Operation operation, Task task, std::uint32_t bytes = 0);

 private:
  /// Each PUBACK is found by its number, however many wait.
  struct PendingAcks {
    struct One {
      std::uint16_t packet_id = 0;
      bool due = false;
    };
    std::deque<One> waiting;   ///< oldest first
    std::uint64_t oldest = 0;  ///< its number; the next has the next
  };

  // wire::Pump
  [[nodiscard]] bool receive(std::string_view bytes) override;
  [[nodiscard]] std::size_t kept_bytes() const override { return session_.kept_bytes(); }
  void hold(bool held) override { session_.hold(held); }
  [[nodiscard]] std::size_t unanswered() const override;
  void all_written() override;
  void deadline_reached() override;
  void close_for(Cause cause) override;

  // mqtt::Handler
  void on_connect(const mqtt::Connect& connect) override;
  void on_other_version(std::uint8_t level, std::string_view client_id) override;
  void on_publish(const mqtt::Publish& publish) override;
  void on_subscribe(std::uint16_t packet_id, std::span<const mqtt::SubscribeEntry> entries) override;
  void on_unsubscribe(std::uint16_t packet_id, std::span<const std::string_view> filters) override;
  void on_puback(std::uint16_t packet_id) override;
  void on_disconnect() override;

  // connect.cpp
  void accept(std::uint16_t keep_alive_seconds, std::unique_ptr<Client> client, bool session_present);
  void refuse(const Refusal& refusal);

  [[nodiscard]] bool bound_stranger();
  /// Ends the connection because the peer broke MQTT; false.
  bool break_off(std::optional<mqtt::Fault> fault);
  void note_connected() const;
  void note_end(CloseReason reason, std::string_view detail) const;
  void note_end_of_stranger(CloseReason reason, std::string_view detail) const;
  [[nodiscard]] wire::Clock::time_point keep_alive_deadline() const;

  mqtt::ServerSession session_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<PendingAcks> acks_;  // null while no PUBACK is awaited
  std::uint16_t keep_alive_seconds_ = 0;
};

}  // namespace twinhub::mqtt_door

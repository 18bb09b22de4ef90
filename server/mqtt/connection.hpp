// One device's connection: bytes from a transport into an MQTT session, what the session tells into calls of the hub,
// the hub's answers back into bytes. Split by idea over connection.cpp (bytes), connect.cpp, admission.cpp,
// subscriptions.cpp, device_requests.cpp, direct_methods.cpp and cloud_to_device.cpp.
#pragma once

#include "protocol/iothub/device_topics.hpp"
#include "protocol/mqtt/server_session.hpp"
#include "server/hub/authenticator.hpp"
#include "server/hub/cloud_to_device.hpp"
#include "server/hub/device_links.hpp"
#include "server/hub/done.hpp"
#include "server/hub/operation.hpp"
#include "server/mqtt/poller.hpp"
#include "server/mqtt/session_table.hpp"
#include "server/mqtt/timer_wheel.hpp"
#include "server/mqtt/transport.hpp"
#include "storage/store.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace twinhub::mqtt_door {

enum class CloseReason : std::uint8_t {
  peer_closed,
  disconnect,  ///< the client said DISCONNECT: its will is discarded
  protocol_fault,
  refused,    ///< CONNECT was answered with a return code
  timed_out,  ///< keep alive, or no CONNECT in time
  token_expired,
  taken_over,
  identity_changed,
  identity_deleted,
  slow_reader,
  store_failed,
  throttled,       ///< over a rate or the day's quota
  injected_fault,  ///< the device asked for it (hub/faults.hpp)
  cut,             ///< the same, without a goodbye
  shutting_down,
};

class DoorLane;

/// One thread: its lane's. Others reach it by ConnectionHandle.
class Connection final : public Pollable, private mqtt::Handler {
 public:
  Connection(DoorLane& lane, std::uint64_t id, std::unique_ptr<Transport> transport);
  ~Connection() override;

  /// False when the kernel refuses: the connection is to be dropped.
  [[nodiscard]] bool start();
  [[nodiscard]] std::uint64_t id() const { return id_; }
  /// REQUIRES: reached through the session table, so CONNECT was accepted.
  [[nodiscard]] const hub::DeviceLogin& login() const { return device_->login; }

  // Bytes
  void ready(bool readable, bool writable, bool hung_up) override;
  void read();
  void flush();
  /// Sends what can be sent at once, then ends the connection. May be called at any time; only the first call counts.
  void close(CloseReason reason);
  void check_deadline();
  /// Ends a connection whose certificate rests on a CA that is no longer trusted.
  void check_vouchers();
  void stop_when_answered();

  /// A desired-property delta, if the device subscribed to them.
  void send_delta(std::uint64_t version, std::string_view delta);
  /// A direct method; tells the hub's Methods whether it is on its way.
  void send_method(const hub::MethodRequest& request);
  /// Nobody waits for the answer of this one any more.
  void forget_method(std::uint64_t number);
  /// Sends the cloud-to-device messages that wait, as far as there is room, if the device subscribed to them.
  void deliver_messages();

 private:
  /// What exists from the accepted CONNECT on.
  struct Device {
    hub::DeviceLogin login;
    std::string model_id;
    bool clean_session = false;
    bool session_owed = false;      ///< kept, but not written yet: there is nothing in it
    std::uint8_t filter_kinds = 0;  ///< bit per iothub::FilterKind
    std::vector<storage::Subscription> subscriptions;
    storage::CommitSeq kept_with = 0;  ///< the unit that made the session what it is
    struct Will {
      std::string topic;
      std::string message;
      bool retain = false;
    };
    std::unique_ptr<Will> will;
    /// Direct methods sent on this connection that it has not answered: the hub's numbers by `$rid`. Null while none
    /// are.
    std::unique_ptr<std::unordered_map<std::uint32_t, std::uint64_t>> methods;
  };
  /// PUBACKs that are owed. They leave in the order of their PUBLISHes [MQTT-4.6.0-2], so one that is due may have to
  /// wait for an earlier one; each is found by its number, however many wait.
  struct PendingAcks {
    struct One {
      std::uint16_t packet_id = 0;
      bool due = false;
    };
    std::deque<One> waiting;   ///< oldest first
    std::uint64_t oldest = 0;  ///< its number; the next has the next
  };
  using AckNumber = std::uint64_t;

  /// Cloud-to-device messages that were sent and not settled; there once the first one was.
  struct Deliveries {
    explicit Deliveries(std::uint64_t consumer_in) : consumer(consumer_in) {}
    struct Sent {
      std::uint16_t packet_id = 0;  ///< 0 at QoS 0: settled when the socket has taken it
      hub::MessageLock lock;
    };
    std::uint64_t consumer;
    std::vector<Sent> sent;
    bool waiting = false;  ///< for room in the output
    bool sending = false;
  };

  // mqtt::Handler
  void on_connect(const mqtt::Connect& connect) override;
  void on_publish(const mqtt::Publish& publish) override;
  void on_subscribe(std::uint16_t packet_id, std::span<const mqtt::SubscribeEntry> entries) override;
  void on_unsubscribe(std::uint16_t packet_id, std::span<const std::string_view> filters) override;
  void on_puback(std::uint16_t packet_id) override;
  void on_disconnect() override;

  // connect.cpp
  struct Refusal {
    mqtt::ReturnCode code;
    std::string why;
  };
  [[nodiscard]] std::optional<Refusal> check_connect(const mqtt::Connect& connect, Device& device) const;
  [[nodiscard]] Result<hub::DeviceLogin> log_in(const IdentityId& id, std::string_view password) const;
  [[nodiscard]] std::optional<Refusal> open_session(Device& device, bool& session_present);
  void refuse(const Refusal& refusal);
  void enter(std::uint16_t keep_alive_seconds, std::unique_ptr<Device> device, bool session_present);
  void close_older(const IdentityId& id, const ConnectionHandle& older);
  void leave(CloseReason reason);
  void write_owed_session();
  void publish_will();

  // subscriptions.cpp
  [[nodiscard]] bool was_taken_over();
  /// The code that the filter is answered with; sets `changed` when it is new, or its QoS is.
  [[nodiscard]] std::uint8_t add_subscription(const mqtt::SubscribeEntry& entry, bool& changed);
  void note_filters();
  [[nodiscard]] bool has_filter(iothub::FilterKind kind) const;
  /// Writes the session's subscriptions if they have `changed`, and runs `answer` once what is kept is durable; at once
  /// with clean session 1.
  void keep_session(bool changed, std::function<void(Connection&)> answer);

  // device_requests.cpp
  void get_twin(std::string_view rid);
  void patch_reported(std::string_view rid, std::optional<std::string_view> version, std::string_view body);
  /// `ack`: what the message is owed, nothing at QoS 0.
  void ingest(const iothub::TelemetryTopic& topic, const mqtt::Publish& publish, std::optional<AckNumber> ack);
  void answer_error(std::string_view rid, const Error& error);
  void send_twin_response(unsigned status, std::string_view rid, std::optional<std::uint64_t> version,
                          std::string_view body);
  [[nodiscard]] AckNumber owe_ack(std::uint16_t packet_id);
  void acknowledge(AckNumber number);

  // direct_methods.cpp
  void answer_method(const iothub::MethodResponseTopic& topic, std::string_view payload);
  [[nodiscard]] bool takes_method(std::string_view name) const;
  void announce_methods();
  /// Takes the number that `rid` stands for out of what is open.
  [[nodiscard]] std::optional<std::uint64_t> take_method(std::uint32_t rid);
  void fail_methods();

  // cloud_to_device.cpp
  [[nodiscard]] std::uint8_t message_qos() const;
  void send_message(const hub::CloudToDevice::Delivery& delivery);
  [[nodiscard]] std::uint16_t packet_id_for(const hub::CloudToDevice::Delivery& delivery) const;
  void messages_written();
  void release_messages();

  // admission.cpp
  [[nodiscard]] std::optional<Refusal> admit_connect(const IdentityId& id);
  [[nodiscard]] bool admit_telemetry(std::size_t bytes);
  [[nodiscard]] bool admit_twin_request(hub::Operation operation, std::string_view rid, std::size_t bytes);
  /// Neither reads nor writes for `time`.
  void sleep(std::chrono::microseconds time);
  void wake();
  [[nodiscard]] bool take_fault(std::string_view property_bag, const mqtt::Publish& publish,
                                std::optional<AckNumber> ack);

  // connection.cpp
  void send_publish(std::string_view topic, std::string_view payload);
  void wrote();
  void update_interest();
  /// Has the session act on `bytes`; false when no more are wanted now.
  [[nodiscard]] bool feed(std::string_view bytes);
  void request_began();
  void request_ended();
  /// How many of the client's packets wait for the hub.
  [[nodiscard]] std::size_t owed() const;
  /// Has the wheel bring this connection up at `when`; what was asked for before is forgotten.
  void look_again(Clock::time_point when);
  [[nodiscard]] Clock::time_point keep_alive_deadline() const;
  /// When the token's grace ends; min() when it has ended.
  [[nodiscard]] Clock::time_point token_deadline() const;
  [[nodiscard]] ConnectionHandle handle() { return {&lane_, id_}; }

  /// Wraps `task` so that it runs on this connection, on its thread, if it is still there, and counts as one request in
  /// flight.
  template <class T, class Task>
  [[nodiscard]] hub::Done<T> when_done(Task task);

  DoorLane& lane_;
  std::uint64_t id_;
  std::unique_ptr<Transport> transport_;
  mqtt::ServerSession session_;
  std::string out_;  // bytes to send; no memory while there are none
  std::unique_ptr<Device> device_;
  std::unique_ptr<PendingAcks> acks_;  // null while none are owed
  std::unique_ptr<Deliveries> deliveries_;
  Clock::time_point last_received_;
  Clock::time_point next_look_;  // other times that the wheel brings this connection up are left-overs
  std::uint32_t in_flight_ = 0;
  std::uint16_t keep_alive_seconds_ = 0;
  bool closed_ = false;
  bool stopping_ = false;
  bool flush_queued_ = false;
  bool reading_ = true;          // the transport is asked for bytes
  bool write_interest_ = false;  // the transport is asked for room
  bool paused_ = false;          // too much in flight or unsent, or asleep
  bool asleep_ = false;          // traffic shaping: see sleep()
};

}  // namespace twinhub::mqtt_door

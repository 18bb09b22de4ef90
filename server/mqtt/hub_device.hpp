// An IoT Hub device or module on an MQTT connection: what it sends into calls of the hub, and what the hub has for it
// into packets. Split by subject over connect.cpp (CONNECT's checks), kept_session.cpp, subscriptions.cpp,
// twin_requests.cpp, twin_deltas.cpp, telemetry_publish.cpp (wills and ordered faults, too), direct_methods.cpp and
// cloud_to_device.cpp; hub_device.cpp has its topics and its end.
#pragma once

#include "protocol/iothub/connect_fields.hpp"
#include "protocol/iothub/device_topics.hpp"
#include "server/hub/access/refusal_cause.hpp"
#include "server/hub/connections/device_connection.hpp"
#include "server/hub/limits/operation.hpp"
#include "server/hub/messages/cloud_to_device.hpp"
#include "server/mqtt/client.hpp"
#include "server/mqtt/connection.hpp"
#include "server/mqtt/door_lane.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace twinhub::mqtt_door {

/// One thread: its connection's.
class HubDevice final : public Client, public hub::DeviceConnection {
 public:
  explicit HubDevice(Connection& connection) : connection_(connection) {}

  /// Checks CONNECT and lets the device in, taking over its older connection. nullopt: it is in, and stays so until
  /// left(). `session_present` is for CONNACK.
  [[nodiscard]] std::optional<Refusal> connect(const mqtt::Connect& connect, bool& session_present);

  // Client
  void accepted() override;
  void on_publish(const mqtt::Publish& publish) override;
  void on_subscribe(std::uint16_t packet_id, std::span<const mqtt::SubscribeEntry> entries) override;
  void on_unsubscribe(std::uint16_t packet_id, std::span<const std::string_view> filters) override;
  void on_puback(std::uint16_t packet_id) override;
  void all_written() override;
  [[nodiscard]] wire::Clock::time_point login_deadline() const override;
  void check_vouchers() override;
  void left(CloseReason reason) override;
  [[nodiscard]] hub::DeviceConnection* device() override { return this; }

  // hub::DeviceConnection
  [[nodiscard]] const hub::DeviceLogin& login() const override { return login_; }
  void send_delta(std::uint64_t version, std::string_view delta) override;
  [[nodiscard]] bool send_method(const hub::MethodRequest& request) override;
  void forget_method(std::uint64_t number) override;
  void deliver_messages() override;
  void close(hub::EndReason reason) override;

 private:
  using AckNumber = Connection::AckNumber;
  struct Will {
    std::string topic;
    std::string message;
    bool retain = false;
  };
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

  // connect.cpp
  [[nodiscard]] Result<hub::DeviceLogin> log_in(const IdentityId& id, std::string_view password) const;
  [[nodiscard]] hub::RefusalCause cause_of_refusal(const IdentityId& id, std::string_view password,
                                                   const Error& error) const;

  // kept_session.cpp
  [[nodiscard]] Result<void> open_session(const IdentityId& id, bool& session_present);
  /// Writes the session's subscriptions if they have `changed`, and runs `answer` once what is kept is durable; at once
  /// with clean session 1.
  void keep_session(bool changed, std::function<void(HubDevice&)> answer);
  void write_empty_session();

  // subscriptions.cpp
  [[nodiscard]] bool was_taken_over() const;
  /// The code that the filter is answered with; sets `changed` when it is new, or its QoS is.
  [[nodiscard]] bool is_topic_filter(std::string_view filter) const;
  void refuse_filters();
  [[nodiscard]] std::uint8_t add_subscription(const mqtt::SubscribeEntry& entry, bool& changed);
  void note_filters();
  [[nodiscard]] bool has_filter(iothub::FilterKind kind) const;

  // twin_requests.cpp
  void get_twin(std::string_view rid);
  void patch_reported(std::string_view rid, std::optional<std::string_view> version, std::string_view body);
  [[nodiscard]] bool admit_twin_request(hub::Operation operation, std::string_view rid, std::size_t bytes);
  void answer_error(std::string_view rid, const Error& error);
  void send_twin_response(unsigned status, std::string_view rid, std::optional<std::uint64_t> version,
                          std::string_view body);

  // telemetry_publish.cpp
  /// `ack`: the PUBACK that the message will be answered with; none at QoS 0.
  void ingest(const iothub::TelemetryTopic& topic, const mqtt::Publish& publish, std::optional<AckNumber> ack);
  [[nodiscard]] bool admit_telemetry(std::size_t bytes);
  [[nodiscard]] bool take_fault(std::string_view property_bag, const mqtt::Publish& publish,
                                std::optional<AckNumber> ack);
  void publish_will();

  // direct_methods.cpp
  void answer_method(const iothub::MethodResponseTopic& topic, std::string_view payload);
  [[nodiscard]] bool takes_method(std::string_view name) const;
  void announce_methods();
  /// Takes the number that `rid` stands for out of the open methods.
  [[nodiscard]] std::optional<std::uint64_t> take_method(std::uint32_t rid);
  void fail_methods();

  // cloud_to_device.cpp
  [[nodiscard]] std::uint8_t message_qos() const;
  void send_message(const hub::CloudToDevice::Delivery& delivery);
  [[nodiscard]] std::uint16_t packet_id_for(const hub::CloudToDevice::Delivery& delivery) const;
  void release_messages();

  [[nodiscard]] DoorLane& lane() const { return connection_.lane(); }
  [[nodiscard]] hub::Hub& hub() const { return lane().hub(); }
  [[nodiscard]] hub::ConnectionHandle handle() const { return {&lane(), connection_.id()}; }
  template <class T, class Task>
  [[nodiscard]] hub::Done<T> when_done(hub::Operation operation, Task task, std::size_t bytes = 0) {
    return connection_.when_done<HubDevice, T>(operation, std::move(task), static_cast<std::uint32_t>(bytes));
  }

  Connection& connection_;
  hub::DeviceLogin login_;
  std::string model_id_;
  std::vector<storage::Subscription> subscriptions_;
  storage::CommitSeq kept_with_ = 0;  ///< the unit that made the kept session what it is
  std::unique_ptr<Will> will_;
  /// Direct methods sent on this connection that the device has not answered: the hub's numbers by `$rid`. Null while
  /// there are none.
  std::unique_ptr<std::unordered_map<std::uint32_t, std::uint64_t>> methods_;
  std::unique_ptr<Deliveries> deliveries_;
  bool clean_session_ = false;
  bool session_unwritten_ = false;  ///< kept, but not written yet: there is nothing in it
  std::uint8_t filter_kinds_ = 0;   ///< bit per iothub::FilterKind
};

}  // namespace twinhub::mqtt_door

// A whole hub inside the test's process, on ports that the system chose: real store, real threads, real sockets. Tests
// reach it as a device does, by bytes, and as a back end does, by the hub's own calls.
#pragma once

#include "server/amqp/amqp_door.hpp"
#include "server/events/event_feed.hpp"
#include "server/hub/connections/device_table.hpp"
#include "server/hub/hub.hpp"
#include "server/mqtt/mqtt_door.hpp"
#include "server/net/listener.hpp"
#include "server/net/threads.hpp"
#include "server/net/tls.hpp"
#include "server/notices/notices.hpp"
#include "server/rest/rest_door.hpp"
#include "tests/support/cpp/held_store.hpp"
#include "tests/support/cpp/mqtt_client.hpp"
#include "tests/support/cpp/temporary_folder.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::test {

inline const IdentityId dev1{"dev1", ""};
inline const IdentityId dev2{"dev2", ""};

/// The machine's clock, put forward by as much as a test says.
class MovableClock final : public hub::Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return {system_.now().ticks + ahead_}; }
  void advance_seconds(std::uint64_t seconds) { ahead_ += seconds * ticks_per_second; }

 private:
  hub::SystemClock system_;
  std::atomic<std::uint64_t> ahead_{0};
};

/// As without any route: the built-in endpoint gets telemetry.
[[nodiscard]] inline events::RouterOptions telemetry_to_built_in() {
  events::RouterOptions options;
  options.hub_name = "testhub";
  options.fallback.set(events::built_in_bit);
  return options;
}

class WireHub {
 public:
  /// With devices dev1 and dev2.
  explicit WireHub(mqtt_door::DoorOptions options = {}, const hub::HubOptions& hub_options = {},
                   amqp_door::DoorOptions amqp_options = {}, events::RouterOptions routing = telemetry_to_built_in());
  ~WireHub();

  /// Ends as a SIGTERM does: answers what was accepted, for at most `within`.
  void stop(std::chrono::milliseconds within = std::chrono::seconds(10));
  /// Opens again on the same folder, on new ports.
  void start();
  void restart() {
    stop();
    start();
  }

  // The device's side
  [[nodiscard]] std::uint16_t port() const { return plain_->port(); }
  [[nodiscard]] std::uint16_t tls_port() const { return secure_->port(); }
  /// The service door's ports, which devices use for MQTT over WebSocket.
  [[nodiscard]] std::uint16_t http_port() const { return http_->port(); }
  [[nodiscard]] std::uint16_t https_port() const { return https_->port(); }
  [[nodiscard]] std::uint16_t amqp_port() const { return amqp_plain_->port(); }
  [[nodiscard]] std::uint16_t amqps_port() const { return amqp_secure_->port(); }
  [[nodiscard]] std::filesystem::path ca() const;
  /// A token by the identity's primary key that lives for `seconds`.
  [[nodiscard]] std::string token(const IdentityId& id, std::int64_t seconds = 3600) const;
  /// What `id` has to say in CONNECT to be let in.
  [[nodiscard]] ConnectFields credentials(const IdentityId& id) const;
  /// Sends CONNECT on a new connection and expects it to be accepted.
  [[nodiscard]] MqttClient connect(const ConnectFields& fields) const;
  [[nodiscard]] MqttClient connect(const IdentityId& id) const { return connect(credentials(id)); }
  /// connect(), with clean session 1 and `filters` subscribed.
  [[nodiscard]] MqttClient subscriber(const IdentityId& id, const Filters& filters) const;
  /// Connects a bystander (dev2) and reads its twin: the hub still works.
  [[nodiscard]] bool still_serves() const;

  // The back end's side
  void put(const IdentityId& id, std::string_view body = "{}");
  void remove(const IdentityId& id);
  /// Uploads a CA, or puts another in its place.
  void put_ca(const std::string& name, const x509::Certificate& ca, bool verified = true);
  void remove_ca(const std::string& name);
  /// The CAs of the setting tls.device_ca.
  void trust_configured(std::vector<x509::Certificate> cas) { hub_->certificates.trust_configured(std::move(cas)); }
  /// As Azure Resource Manager's clients set them.
  void set_policies(std::vector<hub::Policy> policies) { hub_->authenticator.replace_policies(std::move(policies)); }
  /// What a log-in by the policy's name and primary key gives to `audience`'s clients.
  [[nodiscard]] std::string access_token(const std::string& policy,
                                         hub::Audience audience = hub::Audience::service_api) const;
  /// Patches the twin (tags and properties, as REST does). Returns once it is durable.
  void patch(const IdentityId& id, std::string_view body);
  void replace(const IdentityId& id, std::string_view body);
  [[nodiscard]] std::string device_view(const IdentityId& id) const;
  [[nodiscard]] bool is_connected(const IdentityId& id) const { return activity(id).connected; }
  [[nodiscard]] iothub::Activity activity(const IdentityId& id) const;
  [[nodiscard]] iothub::Identity identity(const IdentityId& id) const;
  /// What `id` sent to the event log, oldest first.
  [[nodiscard]] std::vector<storage::Event> telemetry(const IdentityId& id) const;
  /// Everything about `id` in the event log, oldest first.
  [[nodiscard]] std::vector<storage::Event> events(const IdentityId& id) const;

  /// Of the event log.
  [[nodiscard]] std::uint32_t partition_of(const IdentityId& id) const { return store_->event_partition_of(id); }

  /// Calls a direct method.
  [[nodiscard]] std::future<Result<hub::MethodAnswer>> invoke(const IdentityId& id, hub::MethodInvocation invocation);
  [[nodiscard]] std::uint64_t pending_methods() const { return hub_->methods.figures().pending; }
  /// Lets time go by: what falls due within it happens now.
  void pass_seconds(std::uint64_t seconds);

  /// Sends a cloud-to-device message. Returns once it is durable.
  void send(const IdentityId& id, iothub::CloudToDeviceMessage message);
  void send(const IdentityId& id, std::string body);
  [[nodiscard]] std::uint32_t messages_of(const IdentityId& id) const { return hub_->cloud_to_device.count(id); }
  [[nodiscard]] Timestamp now_plus(std::chrono::milliseconds time) const;
  /// As if others had asked for it as often: a rate that is used up.
  void use_up(hub::Operation operation, int times) {
    for (int i = 0; i < times; ++i) (void)hub_->gate.admit(operation);
  }
  /// What the server does several times a second.
  void tick() { hub_->tick(); }

  [[nodiscard]] HeldStore& store() { return *store_; }
  [[nodiscard]] mqtt_door::DoorFigures figures() const { return door_->figures(); }
  [[nodiscard]] net::Admission::Figures admission_figures() const { return admission_.figures(); }
  [[nodiscard]] const notices::Notices& notice_log() const { return notices_; }
  [[nodiscard]] amqp_door::DoorFigures amqp_figures() const { return amqp_->figures(); }
  [[nodiscard]] rest::DoorFigures rest_figures() const { return rest_->figures(); }
  [[nodiscard]] hub::Gate::Figures gate_figures() const { return hub_->gate.figures(); }

 private:
  template <class Door>
  [[nodiscard]] std::unique_ptr<net::Listener> listen(Door& door, bool secure);

  mqtt_door::DoorOptions options_;
  hub::HubOptions hub_options_;
  amqp_door::DoorOptions amqp_options_;
  events::RouterOptions routing_;
  TemporaryFolder folder_{"wire"};
  MovableClock clock_;
  hub::AccessTokens access_tokens_{"secret", clock_};
  mutable hub::SystemRandom random_;
  notices::Notices notices_;
  net::Admission admission_{{}, notices_};
  std::unique_ptr<net::Threads> threads_;
  std::shared_ptr<net::TlsContext> tls_;
  std::unique_ptr<HeldStore> store_;
  std::unique_ptr<events::EventFeed> feed_;
  std::unique_ptr<hub::DeviceTable> devices_;
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<mqtt_door::Door> door_;
  std::unique_ptr<amqp_door::Door> amqp_;
  std::unique_ptr<rest::Door> rest_;
  std::unique_ptr<net::Listener> plain_;
  std::unique_ptr<net::Listener> secure_;
  std::unique_ptr<net::Listener> amqp_plain_;
  std::unique_ptr<net::Listener> amqp_secure_;
  std::unique_ptr<net::Listener> http_;
  std::unique_ptr<net::Listener> https_;
};

/// CONNACK's return code; -1 when the peer closed without one. A refusal has to be followed by a close, without session
/// present.
[[nodiscard]] int connect_code(MqttClient& client, const ConnectFields& fields);
/// Waits until `holds` does; false after a generous deadline.
[[nodiscard]] bool eventually(const std::function<bool()>& holds);

// Topics that every test uses.
inline const std::string twin_responses = "$iothub/twin/res/#";
inline const std::string desired_changes = "$iothub/twin/PATCH/properties/desired/#";
[[nodiscard]] inline std::string get_topic(std::string_view rid) {
  return "$iothub/twin/GET/?$rid=" + std::string(rid);
}
[[nodiscard]] inline std::string reported_topic(std::string_view rid) {
  return "$iothub/twin/PATCH/properties/reported/?$rid=" + std::string(rid);
}
/// A GET or a reported patch at QoS 0, and the answer that follows.
[[nodiscard]] Message get_twin(MqttClient& client, std::string_view rid = "1");
[[nodiscard]] Message report(MqttClient& client, std::string_view body, std::string_view rid_and_more = "1");

}  // namespace twinhub::test

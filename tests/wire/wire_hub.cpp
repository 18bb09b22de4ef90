#include "tests/wire/wire_hub.hpp"

#include "protocol/iothub/sas_token.hpp"
#include "server/net/certificates.hpp"
#include "storage/rocksdb/rocksdb_store.hpp"

#include <spdlog/spdlog.h>
#include <future>
#include <stdexcept>
#include <thread>

namespace twinhub::test {
namespace {

template <class T>
T value_or_throw(Result<T> result, std::string_view what) {
  if (!result) throw std::runtime_error(std::string(what) + ": " + result.error().detail);
  return std::move(*result);
}

/// Tasks run where they are posted.
class OwnLane final : public storage::Lane {
 public:
  void post(std::vector<std::function<void()>> tasks) override {
    for (const auto& task : tasks) task();
  }
};

/// Runs one call of the hub and waits for its answer: as the last of its outbox, so that what the call has brought about
/// stands before all that the test does next, on every device's lane.
template <class T>
Result<T> answer_of(const std::function<void(hub::Done<T>)>& call) {
  const auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  call([promise, lane = std::make_shared<OwnLane>()](Result<T> result, storage::Outbox& outbox) {
    outbox.post(*lane, [promise, lane, result = std::move(result)] { promise->set_value(result); });
  });
  return future.get();
}

/// Every certificate file is made once for the whole test program.
net::OwnCertificates certificates() {
  static const struct Shared {
    TemporaryFolder folder{"certificates"};
    net::OwnCertificates own =
        value_or_throw(net::ensure_certificates(folder.path(), {}, net::KeyType::ecdsa_p256), "certificates");
  } shared;
  return shared.own;
}

constexpr std::string_view host = "hub.local";
const IfMatch any_etag{.present = true, .any = true, .etag = {}};

net::DoorKind kind_of(const mqtt_door::Door&) { return net::DoorKind::mqtt; }
net::DoorKind kind_of(const amqp_door::Door&) { return net::DoorKind::amqp; }
net::DoorKind kind_of(const rest::Door&) { return net::DoorKind::rest; }

std::string resource_of(const IdentityId& id) {
  std::string path = std::string(host) + "/devices/" + id.device;
  return id.is_module() ? path + "/modules/" + id.module : path;
}

}  // namespace

WireHub::WireHub(mqtt_door::DoorOptions options, const hub::HubOptions& hub_options,
                 amqp_door::DoorOptions amqp_options, events::RouterOptions routing)
    : options_(options),
      hub_options_(hub_options),
      amqp_options_(std::move(amqp_options)),
      routing_(std::move(routing)) {
  spdlog::set_level(spdlog::level::err);  // what went well, refusals that a test asks for too, hides what failed
  start();
  put(dev1);
  put(dev2);
}

WireHub::~WireHub() { stop(std::chrono::milliseconds(0)); }

void WireHub::start() {
  storage::StoreOptions options;
  options.directory = folder_.path();
  options.now = [this] { return clock_.now(); };
  options.memtable_bytes = 1 << 20;
  store_ = std::make_unique<HeldStore>(value_or_throw(storage::open_rocksdb_store(std::move(options)), "store"));
  tls_ = value_or_throw(net::TlsContext::load(certificates().server), "TLS");
  threads_ = std::make_unique<net::Threads>(2, 1);
  feed_ = std::make_unique<events::EventFeed>(*store_, value_or_throw(events::Router::make(routing_), "routes"),
                                              amqp_door::encode_event());
  store_->watch_events([this] { feed_->wake(); });
  feed_->start();
  devices_ = std::make_unique<hub::DeviceTable>();
  std::vector<hub::Policy> policies{{.name = "device",
                                     .rights = hub::Right::device_connect,
                                     .primary_key = base64_encode(std::string(32, 'd')),
                                     .secondary_key = base64_encode(std::string(32, 'e'))},
                                    {.name = "service",
                                     .rights = hub::Right::service_connect,
                                     .primary_key = base64_encode(std::string(32, 's')),
                                     .secondary_key = base64_encode(std::string(32, 't'))}};
  hub_ = std::make_unique<hub::Hub>(*store_, clock_, random_, std::move(policies), *devices_, hub_options_);
  hub_->authenticator.accept(access_tokens_);
  if (const auto recovered = hub_->recover(); !recovered) throw std::runtime_error(recovered.error().detail);
  door_ = mqtt_door::make_door(*hub_, *devices_, *threads_, options_);
  const auto adopt = [this](net::IoThread& lane, net::WebSocketRequest& request) { door_->adopt(lane, request); };
  amqp_ = amqp_door::make_door(*hub_, *devices_, *threads_, *feed_, amqp_options_);
  const auto adopt_amqp = [this](net::IoThread& lane, net::WebSocketRequest& request) { amqp_->adopt(lane, request); };
  rest_ = rest::make_door(*hub_, *threads_, {},
                          {{net::iot_hub_web_socket_path, "mqtt", adopt},
                           {net::iot_hub_web_socket_path, net::amqp_web_socket_subprotocol, adopt_amqp},
                           {net::event_hubs_web_socket_path, net::amqp_web_socket_subprotocol, adopt_amqp}});
  plain_ = listen(*door_, false);
  secure_ = listen(*door_, true);
  amqp_plain_ = listen(*amqp_, false);
  amqp_secure_ = listen(*amqp_, true);
  http_ = listen(*rest_, false);
  https_ = listen(*rest_, true);
  threads_->start();
  for (const auto& listener : {&plain_, &secure_, &amqp_plain_, &amqp_secure_, &http_, &https_}) (*listener)->start();
}

template <class Door>
std::unique_ptr<net::Listener> WireHub::listen(Door& door, bool secure) {
  const auto socket = value_or_throw(net::ListeningSocket::open("127.0.0.1", 0, "test", admission_.options().backlog),
                                     "listening socket");
  return value_or_throw(
      net::Listener::make(socket, *threads_, admission_, kind_of(door),
                          [this, &door, secure](net::IoThread& lane, int descriptor, net::Place place) {
                            door.adopt(lane, descriptor, std::move(place), secure ? tls_->current() : nullptr);
                          }),
      "listener");
}

void WireHub::stop(std::chrono::milliseconds within) {
  if (!door_) return;
  for (const auto& listener : {&plain_, &secure_, &amqp_plain_, &amqp_secure_, &http_, &https_}) (*listener)->stop();
  rest_->stop(within);
  amqp_->stop(within);
  door_->stop(within);
  store_->release();
  threads_->stop();
  store_->watch_events({});
  feed_->stop();
  store_.reset();  // its last callbacks still find the door
  for (const auto& listener : {&plain_, &secure_, &amqp_plain_, &amqp_secure_, &http_, &https_}) listener->reset();
  rest_.reset();
  amqp_.reset();
  door_.reset();
  hub_.reset();
  feed_.reset();
  devices_.reset();
  threads_.reset();
}

std::string WireHub::access_token(const std::string& policy, hub::Audience audience) const {
  for (const hub::Policy& known : *hub_->authenticator.policies())
    if (known.name == policy) return access_tokens_.issue(audience, policy, known.primary_key);
  throw std::runtime_error("there is no policy " + policy);
}

std::filesystem::path WireHub::ca() const { return certificates().ca; }

std::string WireHub::token(const IdentityId& id, std::int64_t seconds) const {
  const auto now = static_cast<std::int64_t>((clock_.now().ticks - unix_epoch_ticks) / ticks_per_second);
  return iothub::make_sas_token(resource_of(id), identity(id).primary_key, static_cast<std::uint64_t>(now + seconds));
}

ConnectFields WireHub::credentials(const IdentityId& id) const {
  ConnectFields fields;
  fields.client_id = id.is_module() ? id.device + "/" + id.module : id.device;
  fields.user_name = std::string(host) + "/" + fields.client_id + "/?api-version=2021-04-12";
  fields.password = token(id);
  return fields;
}

MqttClient WireHub::connect(const ConnectFields& fields) const {
  MqttClient client(port());
  const int code = connect_code(client, fields);
  if (code != 0) throw std::runtime_error("CONNECT was answered with " + std::to_string(code));
  return client;
}

MqttClient WireHub::subscriber(const IdentityId& id, const Filters& filters) const {
  ConnectFields fields = credentials(id);
  fields.clean_session = true;
  MqttClient client = connect(fields);
  client.send(subscribe_packet(9, filters));
  if (client.expect().first_byte != 0x90) throw std::runtime_error("no SUBACK");
  return client;
}

bool WireHub::still_serves() const {
  MqttClient client = subscriber(dev2, {{twin_responses, 0}});
  return get_twin(client, "still-there").topic == "$iothub/twin/res/200/?$rid=still-there";
}

void WireHub::put(const IdentityId& id, std::string_view body) {
  const bool known = store_->read(id)->entity.identity != nullptr;
  (void)value_or_throw(answer_of<hub::Registry::Answer>([&](auto done) {
                         hub_->registry.put(id, body, known ? any_etag : IfMatch{}, std::move(done));
                       }),
                       "put");
}

void WireHub::remove(const IdentityId& id) {
  const auto removed = answer_of<void>([&](auto done) { hub_->registry.remove(id, any_etag, std::move(done)); });
  if (!removed) throw std::runtime_error("remove: " + removed.error().detail);
}

void WireHub::put_ca(const std::string& name, const x509::Certificate& ca, bool verified) {
  const bool known = hub_->certificates.get(name).has_value();
  const std::string body = R"({"properties":{"certificate":")" + base64_encode(ca.pem()) + R"(","isVerified":)" +
                           (verified ? "true" : "false") + "}}";
  (void)value_or_throw(answer_of<hub::Certificates::Answer>([&](auto done) {
                         hub_->certificates.put(name, body, known ? any_etag : IfMatch{}, std::move(done));
                       }),
                       "put_ca");
}

void WireHub::remove_ca(const std::string& name) {
  (void)value_or_throw(answer_of<bool>([&](auto done) { hub_->certificates.remove(name, any_etag, std::move(done)); }),
                       "remove_ca");
}

void WireHub::patch(const IdentityId& id, std::string_view body) {
  (void)value_or_throw(
      answer_of<hub::Twins::Answer>([&](auto done) { hub_->twins.patch(id, body, {}, {}, std::move(done)); }), "patch");
}

void WireHub::replace(const IdentityId& id, std::string_view body) {
  (void)value_or_throw(
      answer_of<hub::Twins::Answer>([&](auto done) { hub_->twins.replace(id, body, {}, {}, std::move(done)); }),
      "replace");
}

void WireHub::send(const IdentityId& id, iothub::CloudToDeviceMessage message) {
  const auto sent =
      answer_of<void>([&](auto done) { hub_->cloud_to_device.send(id.device, std::move(message), std::move(done)); });
  if (!sent) throw std::runtime_error("send: " + sent.error().detail);
}

void WireHub::send(const IdentityId& id, std::string body) {
  iothub::CloudToDeviceMessage message;
  message.body = std::move(body);
  send(id, std::move(message));
}

Timestamp WireHub::now_plus(std::chrono::milliseconds time) const {
  return {clock_.now().ticks + static_cast<std::uint64_t>(time.count()) * (ticks_per_second / 1000)};
}

std::string WireHub::device_view(const IdentityId& id) const {
  return value_or_throw(answer_of<std::string>([&](auto done) { hub_->twins.get_device_view(id, std::move(done)); }),
                        "device view");
}

iothub::Activity WireHub::activity(const IdentityId& id) const { return hub_->presence.activity_of(id); }

iothub::Identity WireHub::identity(const IdentityId& id) const {
  const auto read = store_->read(id);
  if (!read || !read->entity.identity) throw std::runtime_error("no identity " + id.device);
  return *read->entity.identity;
}

std::vector<storage::Event> WireHub::telemetry(const IdentityId& id) const {
  std::vector<storage::Event> found = events(id);
  std::erase_if(found, [](const auto& event) { return event.source != storage::EventSource::telemetry; });
  return found;
}

std::vector<storage::Event> WireHub::events(const IdentityId& id) const {
  std::vector<storage::Event> found;
  const auto read = store_->read_events(store_->event_partition_of(id), 0, [&](const storage::StoredEvent& stored) {
    if (stored.event.id == id) found.push_back(stored.event);
    return true;
  });
  if (!read) throw std::runtime_error("events: " + read.error().detail);
  return found;
}

std::future<Result<hub::MethodAnswer>> WireHub::invoke(const IdentityId& id, hub::MethodInvocation invocation) {
  const auto promise = std::make_shared<std::promise<Result<hub::MethodAnswer>>>();
  auto future = promise->get_future();
  hub_->methods.invoke(id, std::move(invocation), [promise](Result<hub::MethodAnswer> answer, storage::Outbox&) {
    promise->set_value(std::move(answer));
  });
  return future;
}

void WireHub::pass_seconds(std::uint64_t seconds) {
  clock_.advance_seconds(seconds);
  hub_->tick();
}

int connect_code(MqttClient& client, const ConnectFields& fields) {
  client.send(connect_packet(fields));
  const auto answer = client.read();
  if (!answer) return -1;
  if (answer->first_byte != 0x20 || answer->body.size() != 2) throw std::runtime_error("not a CONNACK");
  const int code = answer->body[1];
  if (code != 0 && (answer->body[0] != 0 || client.drain() != 0)) throw std::runtime_error("a refusal, and more");
  return code;
}

bool eventually(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

Message get_twin(MqttClient& client, std::string_view rid) {
  client.send(publish_packet({.topic = get_topic(rid), .payload = " "}));
  return client.expect_message();
}

Message report(MqttClient& client, std::string_view body, std::string_view rid_and_more) {
  client.send(publish_packet({.topic = reported_topic(rid_and_more), .payload = std::string(body)}));
  return client.expect_message();
}

}  // namespace twinhub::test

#include "server/serving.hpp"

#include "config/hub_name.hpp"
#include "server/app_events.hpp"
#include "server/app_parts.hpp"
#include "server/app_seed.hpp"
#include "server/base/log.hpp"
#include "storage/cut.hpp"
#include "storage/rocksdb/rocksdb_store.hpp"

#include <utility>

namespace twinhub {
namespace {

constexpr std::size_t worker_threads = 2;
constexpr std::chrono::milliseconds tick_pace{100};

}  // namespace

Serving::Serving(ServingParts parts)
    : parts_(std::move(parts)),
      settings_(parts_.loaded.settings),
      threads_(io_thread_count(settings_), worker_threads) {}

Serving::~Serving() {
  backups_.reset();
  store_.reset();  // commits what is queued; its last callbacks still find the doors
}

Result<void> Serving::open(Seeding seeding) {
  if (const auto opened = open_store(); !opened) return opened;
  if (const auto opened = open_hub(); !opened) return opened;
  mqtt_ = mqtt_door::make_door(*hub_, *devices_, threads_, mqtt_options(settings_));
  amqp_ = amqp_door::make_door(*hub_, *devices_, threads_, *feed_, amqp_options(settings_));
  if (seeding == Seeding::left_out) return {};
  const auto planted = plant_seed(settings_, hub_->bulk);
  if (!planted) return planted.error();
  was_seeded_ = *planted;
  return {};
}

Result<void> Serving::open_store() {
  auto store = storage::open_rocksdb_store(store_options(settings_, parts_.clock), [this](const std::string& words) {
    log::error({.event = "store_damaged"}, "stored data is damaged, restore a backup: {}", words);
    store_damaged_ = true;
  });
  if (!store) return store.error();
  store_ = std::move(*store);
  backups_ = std::make_unique<Backups>(storage::cut_of(*store_), parts_.clock, settings_.data_dir,
                                       config::hub_name(settings_));
  auto endpoints = make_endpoints(settings_, parts_.loaded.routing, *store_, parts_.clock, parts_.random);
  if (!endpoints) return endpoints.error();
  endpoints_ = std::move(*endpoints);
  // A new endpoint's place in the log is durable before the first event is written that it could miss.
  if (const auto placed = endpoints_->place(); !placed) return placed.error();
  auto built_in = make_built_in_router(settings_, parts_.loaded.routing);
  if (!built_in) return built_in.error();
  feed_ = std::make_unique<events::EventFeed>(*store_, std::move(*built_in), amqp_door::encode_event());
  return {};
}

Result<void> Serving::open_hub() {
  auto policies = load_policies(settings_, parts_.random);
  if (!policies) return policies.error();
  devices_ = std::make_unique<hub::DeviceTable>();
  hub_ = std::make_unique<hub::Hub>(*store_, parts_.clock, parts_.random, std::move(*policies), *devices_,
                                    hub_options(settings_));
  auto cas = load_device_cas(settings_);
  if (!cas) return cas.error();
  hub_->certificates.trust_configured(std::move(*cas));
  return hub_->recover();
}

Result<void> Serving::complete() {
  if (settings_.management_enabled) {
    auto management =
        Management::open(parts_.loaded, *hub_, *endpoints_, threads_, parts_.random, parts_.policies_mutex);
    if (!management) return management.error();
    management_ = std::move(*management);
  } else if (const auto given_up = Management::give_up_deletion(*store_); !given_up) {
    return given_up.error();
  }
  rest_ = rest::make_door(*hub_, threads_, rest_options(settings_), web_socket_doors(),
                          management_ ? &management_->annex() : nullptr);
  reloader_ = std::make_unique<Reloader>(ReloadParts{parts_.loaded, *parts_.certificates, parts_.policies_mutex, *hub_,
                                                     *endpoints_, *feed_, management_.get()});
  if (!settings_.ops_port.is_open()) return {};
  open_events_ = event_source(*store_, config::hub_name(settings_));
  if (settings_.console_enabled) {
    console_ = std::make_unique<Console>(
        parts_.loaded,
        ConsoleParts{*hub_, parts_.random, parts_.notices, *endpoints_, parts_.admission, threads_, *mqtt_, *amqp_,
                     *rest_, *backups_, parts_.policies_mutex, parts_.certificates->ca_file()});
  }
  if (settings_.control_enabled) {
    waits_ = std::make_shared<control::Waits>(hub_->store, hub_->queries, config::hub_name(settings_),
                                              threads_.workers(), settings_.ops_connections_max / 2);
  }
  return {};
}

Result<void> Serving::start(const std::vector<Port>& ports) {
  if (const auto opened = open_listeners(ports); !opened) return opened;
  store_->watch_events([this] {
    endpoints_->wake();
    feed_->wake();
    parts_.wake_event_streams();
    if (waits_) waits_->wake();
  });
  endpoints_->start();
  feed_->start();
  threads_.start();
  ticker_ = std::make_unique<net::Ticker>(threads_, tick_pace, [this] { tick(); });
  ticker_->start();
  started_ = true;
  for (auto& listener : listeners_) listener->start();
  return {};
}

Result<void> Serving::open_listeners(const std::vector<Port>& ports) {
  for (const Port& port : ports) {
    auto listener = net::Listener::make(port.socket, threads_, parts_.admission, port.door, adopting(port));
    if (!listener) return listener.error();
    listeners_.push_back(std::move(*listener));
  }
  return {};
}

void Serving::tick() {
  hub_->tick();
  if (management_) management_->tick();
  parts_.tick();
  if (console_) console_->tick();
  if (waits_) waits_->tick();
}

void Serving::stop(std::chrono::milliseconds within) {
  if (started_) {
    for (auto& listener : listeners_) listener->stop();
    if (management_) management_->stop();
    hub_->jobs.stop();
    hub_->methods.shut_down(within / 2);  // first: REST requests wait for these calls
    rest_->stop(within);
    amqp_->stop(within);
    mqtt_->stop(within);
    ticker_->stop();
  }
  if (hub_) {
    hub_->jobs.end();
    hub_->queries.stop();
    hub_->census.stop();
    hub_->configuration_reports.stop();
  }
  if (console_) console_->stop();
  if (waits_) waits_->stop();
  threads_.stop();
  if (store_) store_->watch_events({});
  if (feed_) feed_->stop();
  if (endpoints_) endpoints_->stop();
}

/// Which door serves a WebSocket on the HTTPS port: a line for each path and subprotocol.
net::WebSocketDoors Serving::web_socket_doors() {
  const auto mqtt = [this](net::IoThread& lane, net::WebSocketRequest& request) { mqtt_->adopt(lane, request); };
  const auto amqp = [this](net::IoThread& lane, net::WebSocketRequest& request) { amqp_->adopt(lane, request); };
  return {
      {net::iot_hub_web_socket_path, "mqtt", mqtt},
      {net::iot_hub_web_socket_path, net::amqp_web_socket_subprotocol, amqp},
      {net::event_hubs_web_socket_path, net::amqp_web_socket_subprotocol, amqp},
  };
}

net::Accepted Serving::adopting(const Port& port) {
  const auto with = [this, has_tls = port.has_tls](auto& door) -> net::Accepted {
    return [this, has_tls, &door](net::IoThread& lane, int descriptor, net::Place place) {
      door.adopt(lane, descriptor, std::move(place),
                 has_tls ? parts_.certificates->current() : std::shared_ptr<SSL_CTX>());
    };
  };
  if (port.door == net::DoorKind::rest) return with(*rest_);
  return port.door == net::DoorKind::amqp ? with(*amqp_) : with(*mqtt_);
}

std::vector<ops::Figure> Serving::figures() const {
  const auto mqtt = mqtt_->figures();
  const auto amqp = amqp_->figures();
  const auto rest = rest_->figures();
  auto all = twinhub::figures(*store_, *hub_, mqtt, rest);
  for (auto& more : {hub_figures(*hub_, settings_), door_figures(mqtt, amqp, rest), amqp_figures(amqp),
                     admission_figures(parts_.admission), notice_figures(parts_.notices), endpoint_figures(*endpoints_),
                     backups_->figures(), parts_.certificates->figures()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::string Serving::why_not_ready() {
  const auto writable = store_->writable();
  if (!writable) {
    // Once per time of trouble: probes come every few seconds.
    if (!std::exchange(unready_logged_, true))
      log::error({.event = "not_ready"}, "not ready: {}", writable.error().detail);
    return "the store takes no writes; the log says why";
  }
  if (store_damaged_) return "stored data is damaged; the log says where";
  unready_logged_ = false;
  return "";
}

/// An endpoint that cannot be reached does not make a hub unready: its events wait in the log, and devices and back ends
/// are served.
std::string Serving::readiness_lines(bool is_open) const {
  const auto line = [](bool good, const char* what, const char* state) {
    return std::string(good ? "[+] " : "[-] ") + what + ": " + state + '\n';
  };
  const bool writable = store_->writable().has_value();
  return line(is_open, "doors", is_open ? "open" : "closed") +
         line(writable, "store", writable ? "takes writes" : "takes no writes; the log says why") +
         line(!store_damaged_, "stored data", store_damaged_ ? "damaged; the log says where" : "whole") +
         endpoint_lines(*endpoints_);
}

}  // namespace twinhub

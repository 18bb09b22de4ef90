#include "server/app.hpp"

#include "config/hub_name.hpp"
#include "server/app_backup.hpp"
#include "server/app_certificates.hpp"
#include "server/app_console.hpp"
#include "server/app_control.hpp"
#include "server/app_events.hpp"
#include "server/app_management.hpp"
#include "server/app_parts.hpp"
#include "server/app_reload.hpp"
#include "server/app_seed.hpp"
#include "server/base/log.hpp"
#include "server/data_folder.hpp"
#include "server/hub/connections/device_table.hpp"
#include "server/hub/hub.hpp"
#include "server/net/listener.hpp"
#include "server/net/threads.hpp"
#include "server/net/ticker.hpp"
#include "server/notices/notices_page.hpp"
#include "server/ops/log.hpp"
#include "server/ops/ops_door.hpp"
#include "server/ops/service_manager.hpp"
#include "server/signals.hpp"
#include "storage/rocksdb/rocksdb_store.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>

namespace twinhub {
namespace {

constexpr std::size_t worker_threads = 2;
constexpr std::chrono::milliseconds tick_pace{100};

/// The running hub. Members stand in the order in which they are made; stop() takes them down in the reverse order.
class App {
 public:
  /// Writes the numbers of ports that are "auto" into `loaded`.
  explicit App(config::Loaded& loaded)
      : loaded_(loaded),
        settings_(loaded.settings),
        routing_(loaded.routing),
        notices_({.lines = connection_lines(settings_),
                  .lines_per_minute_max = settings_.admission_log_lines_per_minute_max}),
        admission_(admission_options(settings_), notices_),
        threads_(io_thread_count(settings_), worker_threads) {}

  Result<void> start() {
    remove_stale_ready_file(settings_);
    if (const auto prepared = prepare_data_folder(settings_.data_dir); !prepared) return prepared.error();
    if (const auto checked = check_mode(settings_); !checked) return checked.error();
    if (const auto marked = mark_new_folder(settings_); !marked) return marked.error();
    // The store first: its lock is what keeps a second process off the folder.
    auto store = storage::open_rocksdb_store(store_options(settings_, clock_), [this](const std::string& words) {
      log::error({.event = "store_damaged"}, "stored data is damaged, restore a backup: {}", words);
      store_damaged_ = true;
    });
    if (!store) return store.error();
    store_ = std::move(*store);
    remove_ready_file(settings_);
    backups_ =
        std::make_unique<Backups>(storage::cut_of(*store_), clock_, settings_.data_dir, config::hub_name(settings_));
    if (const auto kept = keep_hub_name(settings_); !kept) return kept.error();
    if (const auto kept = keep_mode(settings_); !kept) return kept.error();
    auto policies = load_policies(settings_, random_);
    if (!policies) return policies.error();
    auto certificates = ServerCertificates::open(settings_);
    if (!certificates) return certificates.error();
    certificates_ = std::move(*certificates);

    auto endpoints = make_endpoints(settings_, routing_, *store_, clock_, random_);
    if (!endpoints) return endpoints.error();
    endpoints_ = std::move(*endpoints);
    // A new endpoint's place in the log is durable before the first event is written that it could miss.
    if (const auto placed = endpoints_->place(); !placed) return placed.error();

    auto built_in = make_built_in_router(settings_, routing_);
    if (!built_in) return built_in.error();
    feed_ = std::make_unique<events::EventFeed>(*store_, std::move(*built_in), amqp_door::encode_event());

    devices_ = std::make_unique<hub::DeviceTable>();
    hub_ =
        std::make_unique<hub::Hub>(*store_, clock_, random_, std::move(*policies), *devices_, hub_options(settings_));
    if (const auto trusted = trust_device_cas(); !trusted) return trusted.error();
    if (const auto recovered = hub_->recover(); !recovered) return recovered.error();
    mqtt_ = mqtt_door::make_door(*hub_, *devices_, threads_, mqtt_options(settings_));
    amqp_ = amqp_door::make_door(*hub_, *devices_, threads_, *feed_, amqp_options(settings_));
    if (const auto planted = plant_seed(settings_, hub_->bulk); !planted) return planted.error();
    // Before the management plane, which names the port of AMQP.
    if (const auto opened = open_device_doors(); !opened) return opened.error();
    if (settings_.management_enabled) {
      auto management = Management::open(loaded_, *hub_, *endpoints_, threads_, random_, policies_mutex_);
      if (!management) return management.error();
      management_ = std::move(*management);
    } else if (const auto given_up = Management::give_up_deletion(*store_); !given_up) {
      return given_up.error();
    }
    rest_ = rest::make_door(*hub_, threads_, rest_options(settings_), web_socket_doors(),
                            management_ ? &management_->annex() : nullptr);
    reloader_ = std::make_unique<Reloader>(
        ReloadParts{loaded_, *certificates_, policies_mutex_, *hub_, *endpoints_, *feed_, management_.get()});
    if (const auto opened = open_other_doors(); !opened) return opened.error();
    if (const auto kept = keep_hub_file(settings_, ca_file()); !kept) return kept.error();

    store_->watch_events([this] {
      endpoints_->wake();
      feed_->wake();
      if (ops_) ops_->wake_event_streams();
      if (control_) control_->waits().wake();
    });
    endpoints_->start();
    feed_->start();
    threads_.start();
    ticker_ = std::make_unique<net::Ticker>(threads_, tick_pace, [this] {
      hub_->tick();
      if (management_) management_->tick();
      admission_.tick();
      certificates_->tick(clock_);
      notices_.tick();
      if (console_) console_->tick();
      if (control_) control_->waits().tick();
    });
    ticker_->start();
    started_ = true;
    for (auto& listener : listeners_) listener->start();
    ready_ = true;
    return keep_ready_file(settings_, ca_file());
  }

  void reload() {
    const std::uint64_t asked = reloads_.asked();
    reloads_.done(asked, reloader_->reload());
  }

  /// No new connections; answer what was accepted; sync; close. Bounded by stop_seconds.
  void stop() {
    if (ready_.exchange(false)) remove_ready_file(settings_);
    if (started_) {
      for (auto& listener : listeners_) listener->stop();
      if (management_) management_->stop();
      const std::chrono::milliseconds each(settings_.stop_seconds * 500);
      hub_->jobs.stop();
      hub_->methods.shut_down(each / 2);  // first: REST requests wait for these calls
      rest_->stop(each);
      amqp_->stop(each);
      mqtt_->stop(each);
      ticker_->stop();
    }
    if (hub_) {
      hub_->jobs.end();
      hub_->queries.stop();
      hub_->census.stop();
      hub_->configuration_reports.stop();
    }
    if (console_) console_->stop();
    if (control_) control_->waits().stop();
    threads_.stop();
    if (store_) store_->watch_events({});
    if (feed_) feed_->stop();
    if (endpoints_) endpoints_->stop();
    ops_.reset();
    backups_.reset();
    store_.reset();  // commits what is queued; its last callbacks still find the doors
  }

  [[nodiscard]] const std::filesystem::path& ca_file() const { return certificates_->ca_file(); }

 private:
  Result<void> trust_device_cas() {
    auto cas = load_device_cas(settings_);
    if (!cas) return cas.error();
    hub_->certificates.trust_configured(std::move(*cas));
    return {};
  }

  /// Which door serves a WebSocket on the HTTPS port: a line for each path and subprotocol.
  net::WebSocketDoors web_socket_doors() {
    const auto mqtt = [this](net::IoThread& lane, net::WebSocketRequest& request) { mqtt_->adopt(lane, request); };
    const auto amqp = [this](net::IoThread& lane, net::WebSocketRequest& request) { amqp_->adopt(lane, request); };
    return {
        {net::iot_hub_web_socket_path, "mqtt", mqtt},
        {net::iot_hub_web_socket_path, net::amqp_web_socket_subprotocol, amqp},
        {net::event_hubs_web_socket_path, net::amqp_web_socket_subprotocol, amqp},
    };
  }

  Result<void> open_device_doors() {
    auto& s = loaded_.settings;
    using net::DoorKind;
    for (const auto& opened : {open_door(*mqtt_, DoorKind::mqtt, s.listen, s.mqtts_port, "--mqtts-port", true),
                               open_door(*amqp_, DoorKind::amqp, s.listen, s.amqps_port, "--amqps-port", true),
                               open_door(*mqtt_, DoorKind::mqtt, s.plain_listen, s.mqtt_port, "--mqtt-port", false),
                               open_door(*amqp_, DoorKind::amqp, s.plain_listen, s.amqp_port, "--amqp-port", false)}) {
      if (!opened) return opened.error();
    }
    return {};
  }

  Result<void> open_other_doors() {
    auto& s = loaded_.settings;
    using net::DoorKind;
    for (const auto& opened : {open_door(*rest_, DoorKind::rest, s.listen, s.https_port, "--https-port", true),
                               open_door(*rest_, DoorKind::rest, s.plain_listen, s.http_port, "--http-port", false)}) {
      if (!opened) return opened.error();
    }
    if (!s.ops_port.is_open()) return {};
    if (s.console_enabled) {
      console_ =
          std::make_unique<Console>(loaded_, ConsoleParts{*hub_, random_, notices_, *endpoints_, admission_, threads_,
                                                          *mqtt_, *amqp_, *rest_, *backups_, certificates_->ca_file()});
    }
    std::vector<ops::Site*> sites;
    if (console_) sites.push_back(&console_->site());
    if (s.control_enabled) sites.push_back(&control_.emplace(s, *hub_, threads_).site());
    auto ops = ops::OpsDoor::open(
        s.ops_listen, s.ops_port, ops_options(s), admission_,
        [this](std::string_view path, std::string_view query) { return page(path, query); },
        [this](const ops::Order& order) { return post(order); }, event_source(*store_, config::hub_name(settings_)),
        std::move(sites));
    if (!ops) return ops.error();
    ops_ = std::move(*ops);
    s.ops_port.number = ops_->port();
    return {};
  }

  template <class Door>
  Result<void> open_door(Door& door, net::DoorKind kind, const std::string& address, config::Port& port,
                         const char* setting, bool has_tls) {
    if (!port.is_open()) return {};
    const auto adopt = [this, &door, has_tls](net::IoThread& lane, int descriptor, net::Place place) {
      door.adopt(lane, descriptor, std::move(place), has_tls ? certificates_->current() : std::shared_ptr<SSL_CTX>());
    };
    auto listener = net::Listener::open(address, port, setting, threads_, admission_, kind, adopt);
    if (!listener) return listener.error();
    port.number = (*listener)->port();
    listeners_.push_back(std::move(*listener));
    return {};
  }

  ops::Page page(std::string_view path, std::string_view query) {
    if (path == "/connections") return connections(query);
    if (path == "/healthz") return {.body = "alive\n"};
    if (path == "/readyz") return query == "?verbose" ? verbose_readiness() : readiness();
    if (path == "/metrics") {
      const auto mqtt = mqtt_->figures();
      const auto amqp = amqp_->figures();
      const auto rest = rest_->figures();
      auto all = figures(*store_, *hub_, mqtt, rest);
      for (auto& more : {hub_figures(*hub_, settings_), door_figures(mqtt, amqp, rest), amqp_figures(amqp),
                         admission_figures(admission_), notice_figures(notices_), endpoint_figures(*endpoints_),
                         backups_->figures(), certificates_->figures()})
        all.insert(all.end(), more.begin(), more.end());
      return {.type = "text/plain; version=0.0.4; charset=utf-8", .body = ops::render(all)};
    }
    if (path == "/ca.pem" && !ca_file().empty()) {
      std::ostringstream text;
      text << std::ifstream(ca_file()).rdbuf();
      return {.type = "application/x-pem-file", .body = text.str()};
    }
    if (path == "/ca") return certificates_->state();
    if (path == "/backup") return backups_->state();
    if (path == "/reload") return reloads_.state();
    return {.status = 404,
            .body = "pages: /healthz /readyz /metrics /ca.pem /ca /connections /events /backup /reload\n"};
  }

  /// Whoever orders takes what the owner of the hub alone may: files written anywhere, every key read again, another CA.
  ops::Page post(const ops::Order& order) {
    const bool is_backup = order.path == "/backup", is_reload = order.path == "/reload";
    const bool is_of_ca = order.path == "/ca/rotate" || order.path == "/ca/finish";
    if (!is_backup && !is_reload && !is_of_ca)
      return {.status = 405, .body = "POST of /backup, /reload, /ca/rotate and /ca/finish only\n"};
    constexpr auto registry = hub::Right::registry_read | hub::Right::registry_write;
    constexpr auto all = registry | hub::Right::service_connect | hub::Right::device_connect;
    const auto needed = is_backup ? registry : all;
    if (!order.has_token && !hub_->authenticator.authorize(order.authorization, order.path, needed))
      return is_backup ? Backups::unauthorized() : unauthorized();
    if (is_backup) return order.only_looks ? backups_->state() : backups_->begin(order.query);
    if (is_reload) return order.only_looks ? reloads_.state() : reloads_.begin();
    return certificates_->order(order.path, order.query);
  }

  static ops::Page unauthorized() {
    return {
        .status = 401,
        .type = "application/json; charset=utf-8",
        .body =
            "{\"error\":\"this is ordered with a token of a policy that has every right, as iothubowner, or with that "
            "of ops.token\"}\n"};
  }

  [[nodiscard]] ops::Page connections(std::string_view text) const {
    const auto query = notices::parse_notice_query(text);
    if (!query) return {.status = 400, .body = query.error().detail + "\n"};
    return {.type = "application/json; charset=utf-8", .body = notices::notices_json(notices_.find(*query))};
  }

  /// Ready: every door is open, the store takes writes, and nothing stored was found damaged.
  ops::Page readiness() {
    if (!ready_) return {.status = 503, .body = "not ready: the doors are closed\n"};
    const auto writable = store_->writable();
    if (!writable) {
      log_unready(writable.error().detail);
      return {.status = 503, .body = "not ready: the store takes no writes; the log says why\n"};
    }
    if (store_damaged_) return {.status = 503, .body = "not ready: stored data is damaged; the log says where\n"};
    unready_logged_ = false;
    return {.body = "ready\n"};
  }

  /// The same with its grounds. An endpoint that cannot be reached does not make a hub unready: its events wait in the
  /// log, and devices and back ends are served.
  ops::Page verbose_readiness() {
    ops::Page page = readiness();
    const auto line = [](bool good, const char* what, const char* state) {
      return std::string(good ? "[+] " : "[-] ") + what + ": " + state + '\n';
    };
    const bool writable = store_->writable().has_value();
    page.body += line(ready_, "doors", ready_ ? "open" : "closed") +
                 line(writable, "store", writable ? "takes writes" : "takes no writes; the log says why") +
                 line(!store_damaged_, "stored data", store_damaged_ ? "damaged; the log says where" : "whole") +
                 endpoint_lines(*endpoints_);
    return page;
  }

  /// Once per time of trouble: probes come every few seconds. The operations thread alone.
  void log_unready(const std::string& why) {
    if (!std::exchange(unready_logged_, true)) log::error({.event = "not_ready"}, "not ready: {}", why);
  }

  config::Loaded& loaded_;
  const config::Settings& settings_;
  const config::Routing& routing_;
  hub::SystemClock clock_;
  hub::SystemRandom random_;
  notices::Notices notices_;
  net::Admission admission_;
  net::Threads threads_;
  std::unique_ptr<ServerCertificates> certificates_;
  Mutex policies_mutex_;  ///< of the policies' file and the policies in use, together
  ReloadOrders reloads_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<Backups> backups_;
  std::unique_ptr<events::Endpoints> endpoints_;
  std::unique_ptr<events::EventFeed> feed_;
  std::unique_ptr<hub::DeviceTable> devices_;
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<mqtt_door::Door> mqtt_;
  std::unique_ptr<amqp_door::Door> amqp_;
  std::unique_ptr<Management> management_;  ///< null: the plane is off
  std::unique_ptr<rest::Door> rest_;
  std::unique_ptr<Reloader> reloader_;  // main thread
  std::unique_ptr<net::Ticker> ticker_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::unique_ptr<Console> console_;  ///< null: it is off
  std::optional<Control> control_;    // likewise
  std::unique_ptr<ops::OpsDoor> ops_;
  std::atomic<bool> ready_{false};
  std::atomic<bool> store_damaged_{false};  // for good: a restart reads it again
  bool started_ = false;
  bool unready_logged_ = false;
};

}  // namespace

int serve(config::Loaded loaded) {
  const config::Settings& settings = loaded.settings;
  ops::set_up_log(settings.log_level, settings.log_format == "json");
  block_signals();
  raise_descriptor_limit();
  const auto manager = ops::ServiceManager::of_environment();
  manager.status("Opening the data folder " + settings.data_dir);
  log_start(loaded);
  App app(loaded);
  if (const auto started = app.start(); !started) {
    manager.status(started.error().detail);
    if (settings.log_format == "json") {
      log::error({.event = "start_failed"}, "{}", started.error().detail);
    } else {
      std::cerr << "twinhub: " << started.error().detail << "\n";
    }
    const bool was_stopped = stop_is_pending();
    app.stop();
    return was_stopped ? 0 : 1;
  }
  log_ready(settings);
  if (::isatty(STDOUT_FILENO) == 1) print_welcome(settings, app.ca_file());
  const std::string serving = "Serving " + config::hub_name(settings) + " from " + settings.data_dir;
  manager.ready(serving);
  while (wait_for_signal() == Signal::reload) {
    manager.reloading();
    app.reload();
    manager.ready(serving);
  }
  log::info({.event = "stopping"}, "stopping");
  manager.stopping("Answering what was accepted, at most " + std::to_string(settings.stop_seconds) + " s");
  unblock_stop();
  app.stop();
  log::info({.event = "stopped"}, "stopped");
  return 0;
}

}  // namespace twinhub

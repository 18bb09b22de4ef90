#include "server/app.hpp"

#include "server/app_events.hpp"
#include "server/app_parts.hpp"
#include "server/hub/hub.hpp"
#include "server/net/listener.hpp"
#include "server/net/threads.hpp"
#include "server/net/ticker.hpp"
#include "server/ops/log.hpp"
#include "server/ops/ops_door.hpp"
#include "server/signals.hpp"

#include <spdlog/spdlog.h>
#include <atomic>
#include <fstream>
#include <iostream>
#include <sstream>

namespace twinhub {
namespace {

constexpr std::size_t worker_threads = 2;
constexpr std::chrono::milliseconds tick_pace{100};

/// The running hub. Members stand in the order they are made; stop() takes them down in the other.
class App {
 public:
  explicit App(const config::Loaded& loaded)
      : settings_(loaded.settings), routing_(loaded.routing), threads_(io_thread_count(settings_), worker_threads) {}

  Result<void> start() {
    std::error_code error;
    std::filesystem::create_directories(settings_.data_dir, error);
    if (error)
      return fail(Errc::service_unavailable,
                  "the data folder " + settings_.data_dir + " cannot be made: " + error.message());

    // The store first: its lock is what keeps a second process off the folder.
    auto store = storage::open_rocksdb_store(store_options(settings_, clock_));
    if (!store) return store.error();
    store_ = std::move(*store);
    auto policies = load_policies(settings_, random_);
    if (!policies) return policies.error();
    auto tls = load_tls(settings_);
    if (!tls) return tls.error();
    tls_ = std::move(*tls);

    auto endpoints = make_endpoints(settings_, routing_, *store_, clock_, random_);
    if (!endpoints) return endpoints.error();
    endpoints_ = std::move(*endpoints);
    // A new endpoint's place in the log is durable before there is anything to miss.
    if (const auto placed = endpoints_->place(); !placed) return placed.error();

    links_ = mqtt_door::make_session_table();
    hub_ = std::make_unique<hub::Hub>(*store_, clock_, random_, std::move(*policies), *links_, hub_options(settings_));
    if (const auto trusted = trust_device_cas(); !trusted) return trusted.error();
    if (const auto recovered = hub_->recover(); !recovered) return recovered.error();
    mqtt_ = mqtt_door::make_door(*hub_, *links_, threads_, mqtt_options(settings_));
    rest_ =
        rest::make_door(*hub_, threads_, rest_options(settings_),
                        [this](net::IoThread& lane, net::WebSocketRequest& request) { mqtt_->adopt(lane, request); });
    if (const auto opened = open_doors(); !opened) return opened.error();

    store_->watch_events([this] {
      endpoints_->wake();
      if (ops_) ops_->wake_event_streams();
    });
    endpoints_->start();
    threads_.start();
    ticker_ = std::make_unique<net::Ticker>(threads_, tick_pace, [this] { hub_->tick(); });
    ticker_->start();
    started_ = true;
    for (auto& listener : listeners_) listener->start();
    ready_ = true;
    return {};
  }

  void reload() {
    const auto reloaded = tls_.context->reload();
    if (reloaded) {
      spdlog::info("TLS certificate reloaded");
    } else {
      spdlog::error("{}; the old certificate stays in use", reloaded.error().detail);
    }
    if (const auto trusted = trust_device_cas(); !trusted)
      spdlog::error("{}; the CAs read before stay trusted", trusted.error().detail);
  }

  /// No new connections; answer what was accepted; sync; close. Bounded by stop_seconds.
  void stop() {
    ready_ = false;
    if (started_) {
      for (auto& listener : listeners_) listener->stop();
      const std::chrono::milliseconds each(settings_.stop_seconds * 500);
      hub_->jobs.stop();
      hub_->methods.shut_down(each / 2);  // or the service door waits for devices
      rest_->stop(each);
      mqtt_->stop(each);
      ticker_->stop();
    }
    if (hub_) {
      hub_->jobs.end();
      hub_->queries.stop();
      hub_->configuration_reports.stop();
    }
    threads_.stop();
    if (store_) store_->watch_events({});
    if (endpoints_) endpoints_->stop();
    ops_.reset();
    store_.reset();  // commits what is queued; its last callbacks still find the doors
  }

  [[nodiscard]] const Tls& tls() const { return tls_; }

 private:
  Result<void> trust_device_cas() {
    auto cas = load_device_cas(settings_);
    if (!cas) return cas.error();
    hub_->certificates.trust_configured(std::move(*cas));
    return {};
  }

  Result<void> open_doors() {
    const auto secure = [this] { return tls_.context->current(); };
    const auto plain = [] { return std::shared_ptr<SSL_CTX>(); };
    const auto& s = settings_;
    for (const auto& opened : {open_door(*mqtt_, s.listen, s.mqtts_port, "--mqtts-port", secure),
                               open_door(*rest_, s.listen, s.https_port, "--https-port", secure),
                               open_door(*mqtt_, s.plain_listen, s.mqtt_port, "--mqtt-port", plain),
                               open_door(*rest_, s.plain_listen, s.http_port, "--http-port", plain)}) {
      if (!opened) return opened.error();
    }
    if (s.ops_port == 0) return {};
    auto ops = ops::OpsDoor::open(
        s.ops_listen, s.ops_port, [this](std::string_view path) { return page(path); },
        event_source(*store_, hub_name(settings_)));
    if (!ops) return ops.error();
    ops_ = std::move(*ops);
    return {};
  }

  template <class Door, class MakeTls>
  Result<void> open_door(Door& door, const std::string& address, std::uint16_t port, const char* setting,
                         MakeTls make_tls) {
    if (port == 0) return {};
    auto listener = net::Listener::open(address, port, setting, threads_,
                                        [&door, make_tls](net::IoThread& lane, int descriptor, const auto& peer) {
                                          door.adopt(lane, descriptor, peer.address().to_string(), make_tls());
                                        });
    if (!listener) return listener.error();
    listeners_.push_back(std::move(*listener));
    return {};
  }

  ops::Page page(std::string_view path) {
    if (path == "/healthz") return {.body = "alive\n"};
    if (path == "/readyz") return readiness();
    if (path == "/metrics") {
      auto all = figures(*store_, *hub_, mqtt_->figures(), rest_->figures());
      for (auto& figure : endpoint_figures(*endpoints_)) all.push_back(std::move(figure));
      return {.type = "text/plain; version=0.0.4; charset=utf-8", .body = ops::render(all)};
    }
    if (path == "/ca.pem" && !tls_.ca.empty()) {
      std::ostringstream text;
      text << std::ifstream(tls_.ca).rdbuf();
      return {.type = "application/x-pem-file", .body = text.str()};
    }
    return {.status = 404, .body = "pages: /healthz /readyz /metrics /ca.pem /events\n"};
  }

  /// Ready: every door is open and the store takes writes.
  ops::Page readiness() {
    if (!ready_) return {.status = 503, .body = "not ready: the doors are closed\n"};
    const auto writable = store_->writable();
    if (!writable) return {.status = 503, .body = "not ready: " + writable.error().detail + "\n"};
    return {.body = "ready\n"};
  }

  const config::Settings& settings_;
  const config::Routing& routing_;
  hub::SystemClock clock_;
  hub::SystemRandom random_;
  net::Threads threads_;
  Tls tls_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<events::Endpoints> endpoints_;
  std::unique_ptr<hub::DeviceLinks> links_;
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<mqtt_door::Door> mqtt_;
  std::unique_ptr<rest::Door> rest_;
  std::unique_ptr<net::Ticker> ticker_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::unique_ptr<ops::OpsDoor> ops_;
  std::atomic<bool> ready_{false};
  bool started_ = false;
};

}  // namespace

int serve(const config::Loaded& loaded) {
  const config::Settings& settings = loaded.settings;
  ops::set_up_log(settings.log_level, settings.log_format == "json");
  block_signals();
  raise_descriptor_limit();
  App app(loaded);
  if (const auto started = app.start(); !started) {
    std::cerr << "twinhub: " << started.error().detail << "\n";
    app.stop();
    return 1;
  }
  print_welcome(settings, app.tls());
  while (wait_for_signal() == Signal::reload) app.reload();
  spdlog::info("stopping");
  unblock_stop();
  app.stop();
  spdlog::info("stopped");
  return 0;
}

}  // namespace twinhub

#include "server/app.hpp"

#include "config/hub_name.hpp"
#include "server/app_backup.hpp"
#include "server/app_certificates.hpp"
#include "server/app_console_site.hpp"
#include "server/app_control.hpp"
#include "server/app_from_snapshot.hpp"
#include "server/app_parts.hpp"
#include "server/app_reload.hpp"
#include "server/app_state.hpp"
#include "server/base/log.hpp"
#include "server/data_folder.hpp"
#include "server/net/listener.hpp"
#include "server/notices/notices_page.hpp"
#include "server/ops/log.hpp"
#include "server/ops/ops_door.hpp"
#include "server/ops/service_manager.hpp"
#include "server/serving.hpp"
#include "server/signals.hpp"
#include "server/stage.hpp"
#include "storage/backup/snapshots.hpp"
#include "storage/folder_lock.hpp"

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

/// What a connection may take to hear its last answer when the hub is set back.
constexpr std::chrono::milliseconds end_patience{200};

/// The running hub. Members stand in the order in which they are made; stop() takes them down in the reverse order.
class App {
 public:
  /// Writes the numbers of ports that are "auto" into `loaded`.
  explicit App(config::Loaded& loaded)
      : loaded_(loaded),
        settings_(loaded.settings),
        notices_({.lines = connection_lines(settings_),
                  .lines_per_minute_max = settings_.admission_log_lines_per_minute_max}),
        admission_(admission_options(settings_), notices_),
        state_(settings_, clock_,
               {.serving = [this]() -> Serving& { return *serving_; },
                .end_serving = [this] { end_serving(); },
                .begin_serving = [this](Seeding seeding) { return begin_serving(seeding); }}) {}

  Result<void> start() {
    remove_stale_ready_file(settings_);
    if (const auto taken = take_data_folder(); !taken) return taken;
    // The store first: nothing of a folder that it refuses is changed.
    if (const auto opened = open_serving(Seeding::planted); !opened) return opened;
    auto certificates = ServerCertificates::open(settings_);
    if (!certificates) return certificates.error();
    certificates_ = std::move(*certificates);
    remove_ready_file(settings_);
    if (const auto kept = keep_hub_name(settings_); !kept) return kept;
    if (const auto kept = keep_mode(settings_); !kept) return kept;
    // Before the rest of what serves, which names the ports.
    if (const auto opened = open_ports(); !opened) return opened;
    if (const auto completed = serving_->complete(); !completed) return completed;
    stage_.open(*serving_);
    if (const auto opened = open_ops_door(); !opened) return opened;
    if (const auto kept = keep_hub_file(settings_, ca_file()); !kept) return kept;
    if (const auto started = serving_->start(ports_); !started) return started;
    ready_ = true;
    return keep_ready_file(settings_, ca_file());
  }

  void reload() {
    const std::uint64_t asked = reloads_.asked();
    reloads_.done(asked, serving_->reloader().reload());
  }

  /// What tests have ordered. False: nothing serves any more.
  [[nodiscard]] bool carry_out_order() {
    auto given = orders_.take();
    if (!given) return true;
    auto outcome = carried_out(given->order);
    if (!outcome && serving_)
      log::warn({.event = "order_failed"}, "an order of tests failed: {}", outcome.error().detail);
    if (!outcome && !serving_)
      log::error({.event = "stopping"}, "the hub cannot be made anew: {}", outcome.error().detail);
    orders_.end();  // first: whoever hears of the end may order again at once
    given->done(std::move(outcome));
    if (serving_) state_.tidy();
    return serving_ != nullptr;
  }

  /// No new connections; answer what was accepted; sync; close. Bounded by stop_seconds.
  void stop() {
    if (ready_.exchange(false)) remove_ready_file(settings_);
    ports_.clear();
    if (serving_) serving_->stop(std::chrono::milliseconds(settings_.stop_seconds * 500));
    ops_.reset();
    stage_.close();
    serving_.reset();
  }

  [[nodiscard]] const std::filesystem::path& ca_file() const { return certificates_->ca_file(); }

 private:
  /// For this process alone, until it ends.
  Result<void> take_data_folder() {
    if (const auto prepared = prepare_data_folder(settings_.data_dir); !prepared) return prepared;
    if (const auto checked = check_mode(settings_); !checked) return checked;
    if (const auto marked = mark_new_folder(settings_); !marked) return marked;
    data_folder_lock_.emplace(settings_.data_dir);
    // A file system without such locks still has the store's own.
    if (data_folder_lock_->take() == EWOULDBLOCK)
      return fail(Errc::service_unavailable, "another process uses the data folder " + settings_.data_dir);
    if (const auto settled = storage::backup::settle_store(settings_.data_dir); !settled) return settled;
    return begin_from_snapshot(settings_);
  }

  Result<void> open_serving(Seeding seeding) {
    const bool is_new = !storage::backup::has_store(settings_.data_dir);
    serving_ = std::make_unique<Serving>(ServingParts{loaded_, clock_, random_, notices_, admission_, certificates_,
                                                      policies_mutex_, [this] { tick(); },
                                                      [this] {
                                                        if (ops_) ops_->wake_event_streams();
                                                      }});
    if (const auto opened = serving_->open(seeding); !opened) return opened;
    // In one that had no device there may be more than the seed: configurations, jobs, events.
    if (is_new && serving_->was_seeded()) state_.note_seed(*serving_);
    return {};
  }

  /// Whoever visits is let go of, connections are closed, and of what they were about nothing is left.
  void end_serving() {
    stage_.close();
    if (ops_) ops_->end_event_streams();
    serving_->stop(end_patience);
    // In force are those of the last reload, save the port that was chosen after they were read.
    config::Settings in_force = serving_->reloader().settings();
    in_force.ops_port = loaded_.settings.ops_port;
    loaded_.routing = serving_->reloader().routing();
    loaded_.settings = std::move(in_force);
    serving_.reset();
    notices_.clear();
  }

  /// A file system has more ways to fail than anybody looks for: none of them ends the main thread.
  Result<std::string> carried_out(const control::StateOrder& order) {
    try {
      return state_.carry_out(order);
    } catch (const std::exception& error) {
      return fail(Errc::server_error, error.what());
    }
  }

  Result<void> begin_serving(Seeding seeding) {
    const auto begin = [this, seeding]() -> Result<void> {
      try {
        auto begun = open_serving(seeding);
        if (begun) begun = serving_->complete();
        if (begun) begun = serving_->start(ports_);
        return begun;
      } catch (const std::exception& error) {
        return fail(Errc::server_error, error.what());
      }
    };
    auto begun = begin();
    if (begun) {
      stage_.open(*serving_);
    } else if (serving_) {
      serving_->stop(end_patience);
      serving_.reset();
    }
    return begun;
  }

  void tick() {
    admission_.tick();
    certificates_->tick(clock_);
    notices_.tick();
  }

  Result<void> open_ports() {
    auto& s = loaded_.settings;
    using net::DoorKind;
    for (const auto& opened : {open_port(DoorKind::mqtt, s.listen, s.mqtts_port, "--mqtts-port", true),
                               open_port(DoorKind::amqp, s.listen, s.amqps_port, "--amqps-port", true),
                               open_port(DoorKind::mqtt, s.plain_listen, s.mqtt_port, "--mqtt-port", false),
                               open_port(DoorKind::amqp, s.plain_listen, s.amqp_port, "--amqp-port", false),
                               open_port(DoorKind::rest, s.listen, s.https_port, "--https-port", true),
                               open_port(DoorKind::rest, s.plain_listen, s.http_port, "--http-port", false)}) {
      if (!opened) return opened.error();
    }
    return {};
  }

  Result<void> open_port(net::DoorKind door, const std::string& address, config::Port& port, const char* setting,
                         bool has_tls) {
    if (!port.is_open()) return {};
    auto socket = net::ListeningSocket::open(address, port, setting, admission_.options().backlog);
    if (!socket) return socket.error();
    port.number = socket->port();
    ports_.push_back({door, has_tls, std::move(*socket)});
    return {};
  }

  Result<void> open_ops_door() {
    auto& s = loaded_.settings;
    if (!s.ops_port.is_open()) return {};
    std::vector<ops::Site*> sites;
    if (s.console_enabled) sites.push_back(&console_.emplace(stage_));
    sites.push_back(s.control_enabled ? &control_.emplace(s, stage_, orders_, state_).site() : &no_control_);
    auto options = ops_options(s);
    if (s.ops_tls) options.tls = [this] { return certificates_->current(); };
    auto ops = ops::OpsDoor::open(
        s.ops_listen, s.ops_port, std::move(options), admission_,
        [this](std::string_view path, std::string_view query) { return page(path, query); },
        [this](const ops::Order& order) { return post(order); },
        [this](std::string_view query) { return open_events(query); }, std::move(sites));
    if (!ops) return ops.error();
    ops_ = std::move(*ops);
    s.ops_port.number = ops_->port();
    return {};
  }

  Result<std::unique_ptr<ops::EventSource>> open_events(std::string_view query) {
    const auto visit = stage_.visit();
    if (!visit) return fail(Errc::service_unavailable, std::string(being_set_back));
    return visit->open_events(query);
  }

  ops::Page page(std::string_view path, std::string_view query) {
    if (path == "/connections") return connections(query);
    if (path == "/healthz") return {.body = "alive\n"};
    if (path == "/readyz") return readiness(query == "?verbose");
    if (path == "/ca.pem" && !ca_file().empty()) {
      std::ostringstream text;
      text << std::ifstream(ca_file()).rdbuf();
      return {.type = "application/x-pem-file", .body = text.str()};
    }
    if (path == "/ca") return certificates_->state();
    if (path == "/reload") return reloads_.state();
    if (path != "/metrics" && path != "/backup")
      return {.status = 404,
              .body = "pages: /healthz /readyz /metrics /ca.pem /ca /connections /events /backup /reload\n"};
    const auto visit = stage_.visit();
    if (!visit) return unavailable();
    if (path == "/backup") return visit->backups().state();
    return {.type = "text/plain; version=0.0.4; charset=utf-8", .body = ops::render(visit->figures())};
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
    const auto visit = stage_.visit();
    if (!visit) return unavailable();
    if (!order.has_token && !visit->hub().authenticator.authorize(order.authorization, order.path, needed))
      return is_backup ? Backups::unauthorized() : unauthorized();
    if (is_backup) return order.only_looks ? visit->backups().state() : visit->backups().begin(order.query);
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

  static ops::Page unavailable() { return {.status = 503, .body = std::string(being_set_back) + "\n"}; }

  [[nodiscard]] ops::Page connections(std::string_view text) const {
    const auto query = notices::parse_notice_query(text);
    if (!query) return {.status = 400, .body = query.error().detail + "\n"};
    return {.type = "application/json; charset=utf-8", .body = notices::notices_json(notices_.find(*query))};
  }

  /// Ready: every door is open, and what serves is sound.
  ops::Page readiness(bool is_verbose) {
    const auto visit = stage_.visit();
    const std::string why = !visit    ? std::string(being_set_back)
                            : !ready_ ? "the doors are closed"
                                      : visit->why_not_ready();
    ops::Page page =
        why.empty() ? ops::Page{.body = "ready\n"} : ops::Page{.status = 503, .body = "not ready: " + why + "\n"};
    if (is_verbose && visit) page.body += visit->readiness_lines(ready_);
    return page;
  }

  config::Loaded& loaded_;
  const config::Settings& settings_;
  hub::SystemClock clock_;
  hub::SystemRandom random_;
  notices::Notices notices_;
  net::Admission admission_;
  std::optional<storage::FolderLock> data_folder_lock_;
  std::unique_ptr<ServerCertificates> certificates_;
  Mutex policies_mutex_;  ///< of the policies' file and the policies in use, together
  ReloadOrders reloads_;
  Stage stage_;
  StateOrders orders_;
  HubState state_;
  std::vector<Port> ports_;
  std::unique_ptr<Serving> serving_;
  std::optional<ConsoleSite> console_;  ///< nullopt: it is off
  std::optional<Control> control_;      // likewise
  NoControl no_control_;
  std::unique_ptr<ops::OpsDoor> ops_;
  std::atomic<bool> ready_{false};
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
  bool serves = true;
  for (Signal signal = wait_for_signal(); signal != Signal::stop; signal = wait_for_signal()) {
    if (signal == Signal::order) {
      serves = app.carry_out_order();
      if (!serves) break;
      continue;
    }
    manager.reloading();
    app.reload();
    manager.ready(serving);
  }
  log::info({.event = "stopping"}, "stopping");
  manager.stopping("Answering what was accepted, at most " + std::to_string(settings.stop_seconds) + " s");
  unblock_stop();
  app.stop();
  log::info({.event = "stopped"}, "stopped");
  return serves ? 0 : 1;
}

}  // namespace twinhub

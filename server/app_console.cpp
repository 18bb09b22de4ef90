#include "server/app_console.hpp"

#include "config/hub_name.hpp"
#include "protocol/x509/certificate.hpp"
#include "server/app_parts.hpp"
#include "server/cli/command_line.hpp"
#include "server/net/arrival.hpp"
#include "server/net/web_socket_request.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

namespace twinhub {
namespace {

namespace fs = std::filesystem;
using console::json_array;
using console::JsonObject;

std::string read_text(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

std::optional<x509::Certificate> read_certificate(const fs::path& file) {
  auto parsed = x509::Certificate::parse(read_text(file));
  return parsed ? std::optional(std::move(*parsed)) : std::nullopt;
}

/// "5A:11:..:9C", as OpenSSL prints it.
std::string fingerprint(const x509::Certificate& certificate) {
  std::string text;
  for (const char digit : certificate.sha256_thumbprint()) {
    if (text.size() % 3 == 2) text += ':';
    text += digit;
  }
  return text;
}

std::string certificate_json(const x509::Certificate& certificate) {
  return JsonObject()
      .text("subject", certificate.subject())
      .text("sha256", fingerprint(certificate))
      .time("notBefore", certificate.not_before())
      .time("notAfter", certificate.not_after())
      .close();
}

std::string ports_json(const config::Settings& s) {
  return JsonObject()
      .number("mqtts", s.mqtts_port.number)
      .number("amqps", s.amqps_port.number)
      .number("https", s.https_port.number)
      .number("mqtt", s.mqtt_port.number)
      .number("amqp", s.amqp_port.number)
      .number("http", s.http_port.number)
      .number("ops", s.ops_port.number)
      .close();
}

std::vector<std::string> console_hosts(const config::Settings& settings) {
  std::vector<std::string> names = settings.host_names;
  names.insert(names.end(), settings.console_hosts.begin(), settings.console_hosts.end());
  return names;
}

}  // namespace

Console::Console(const config::Loaded& loaded, const ConsoleParts& parts)
    : loaded_(loaded),
      settings_(loaded.settings),
      parts_(parts),
      started_(parts.hub.clock.wall()),
      sessions_(parts.hub.authenticator, parts.hub.clock, parts.random),
      pending_(std::make_shared<console::PendingCount>(parts.hub.store, parts.hub.clock, parts.threads.workers())),
      stream_{parts.hub,
              parts.notices,
              figures_,
              *pending_,
              sessions_,
              config::hub_name(loaded.settings),
              std::string(console::embedded_assets().build)} {
  const console::EmbeddedAssets assets = console::embedded_assets();
  console::ApiOptions options;
  options.hub_name = config::hub_name(settings_);
  options.build = assets.build;
  options.dev = settings_.dev;
  options.takes_keys = settings_.ops_tls || settings_.console_plain;
  options.body_bytes_max = std::size_t{settings_.rest_body_kib_max} * 1024;
  options.add_info = [this](JsonObject& info, hub::Right rights) { add_info(info, rights); };
  options.add_connect = [this](JsonObject& connect) { add_connect(connect); };
  if (settings_.dev) {
    options.take_device = [this](net::Stream::Released connection, const auto& peer, std::string key) {
      take_device(std::move(connection), peer, std::move(key));
    };
  }
  options.begin_backup = [this](std::string_view query) { return parts_.backups.begin(query); };
  options.backup_state = [this] { return parts_.backups.state(); };
  options.renew_key = [this](const std::string& policy, bool is_primary) {
    const MutexLock lock(parts_.policies_mutex);
    return renew_policy_key(settings_, parts_.hub.authenticator, parts_.random, policy, is_primary);
  };
  options.ca_pem = [this] { return ca_pem(); };
  api_ = std::make_unique<console::Api>(
      console::ApiParts{parts.hub, sessions_, parts.notices, stream_,
                        [&rest = parts.rest](rest::IndirectRequest call) { rest.call(std::move(call)); }},
      std::move(options));
  site_ = std::make_unique<console::Site>(*api_, assets, console::SiteOptions{console_hosts(settings_)});
}

void Console::tick() {
  const std::uint64_t second = parts_.hub.clock.steady().ticks / ticks_per_second;
  if (second == figures_second_) return;
  figures_second_ = second;
  add_console_figures(figures_, parts_, settings_.data_dir);
}

/// The MQTT door's from here on, as if it had come in by the HTTPS port.
void Console::take_device(net::Stream::Released connection, const boost::asio::ip::address& peer, std::string key) {
  connection.place.leave();
  connection.place = parts_.admission.enter(net::DoorKind::mqtt, connection.descriptor, peer);
  if (!connection.place) {
    ::close(connection.descriptor);
    return;
  }
  const int at_once = 1;
  (void)::setsockopt(connection.descriptor, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
  net::IoThread& lane = *parts_.threads.io()[next_lane_++ % parts_.threads.io().size()];
  boost::asio::post(lane.context(), [&lane, &mqtt = parts_.mqtt, ssl = std::move(connection.ssl),
                                     arrival = net::Arrival(connection.descriptor, std::move(connection.place)),
                                     key = std::move(key)]() mutable {
    const int descriptor = arrival.release();
    net::Stream::Released released{descriptor, std::move(ssl), std::move(arrival.place)};
    net::WebSocketRequest request{net::Stream(lane.context().get_executor(), std::move(released)), std::move(key),
                                  "mqtt"};
    mqtt.adopt(lane, request);
  });
}

std::string Console::ca_pem() const { return parts_.ca.empty() ? std::string() : read_text(parts_.ca); }

void Console::add_info(JsonObject& info, hub::Right rights) const {
  const auto& s = settings_;
  info.text("version", cli::version())
      .time("startedAt", started_)
      .raw("hostNames", console::json_texts(s.host_names))
      .raw("ports", ports_json(s))
      .text("sku", s.sku)
      .text("durability", s.durability)
      .flag("faults", s.faults)
      .number("partitions", s.events_partitions)
      .number("retentionHours", s.events_retention_hours)
      .raw("endpoints", endpoints_json());
  const fs::path server =
      s.tls_certificate.empty() ? fs::path(s.data_dir) / "tls" / "server.pem" : fs::path(s.tls_certificate);
  if (const auto certificate = read_certificate(server)) info.raw("certificate", certificate_json(*certificate));
  if (!parts_.ca.empty()) {
    if (const auto ca = read_certificate(parts_.ca)) info.raw("ca", certificate_json(*ca));
  }
  std::error_code error;
  const auto space = fs::space(s.data_dir, error);
  if (!error) {
    info.raw("disk", JsonObject().number("freeBytes", space.available).number("totalBytes", space.capacity).close());
  }
  if (hub::has(rights, hub::Right::registry_read)) info.raw("settings", settings_json());
}

/// Names in the hub's own certificate; of a configured one those that the operator gave.
void Console::add_connect(JsonObject& connect) const {
  std::vector<std::string> names = settings_.host_names;
  if (settings_.listen != "0.0.0.0" && settings_.listen != "::") names.push_back(settings_.listen);
  if (!parts_.ca.empty()) {
    std::array<char, 256> machine{};
    if (::gethostname(machine.data(), machine.size() - 1) == 0) names.emplace_back(machine.data());
    for (const char* name : {"localhost", "127.0.0.1"}) names.emplace_back(name);
  }
  std::vector<std::string> once;
  for (std::string& name : names) {
    if (std::find(once.begin(), once.end(), name) == once.end()) once.push_back(std::move(name));
  }
  connect.raw("hosts", json_array(once, [&once](std::string& out, const std::string& name) {
                boost::system::error_code error;
                (void)boost::asio::ip::make_address(name, error);
                out += JsonObject()
                           .text("name", name)
                           .text("kind", error ? "dns" : "ip")
                           .flag("preferred", name == once.front())
                           .close();
              }));
  connect.raw("ports", ports_json(settings_));
  const auto ca = parts_.ca.empty() ? std::nullopt : read_certificate(parts_.ca);
  if (!ca) return;
  connect.raw("ca", JsonObject()
                        .text("subject", ca->subject())
                        .text("sha256", fingerprint(*ca))
                        .text("path", "/console/api/ca.pem")
                        .close());
}

std::string Console::endpoints_json() const {
  using Reach = events::EndpointWorker::Reach;
  return json_array(parts_.endpoints.figures(), [](std::string& out, const events::Endpoints::Named& endpoint) {
    const Reach reach = endpoint.figures.reach;
    JsonObject object;
    object.text("name", endpoint.name)
        .text("state", reach == Reach::reached  ? "reached"
                       : reach == Reach::trying ? "trying"
                                                : "failing");
    if (reach == Reach::failing) object.time("failingSince", endpoint.figures.failing_since);
    out += object.number("sent", endpoint.figures.sent)
               .number("failedAttempts", endpoint.figures.failed_attempts)
               .number("lost", endpoint.figures.lost)
               .number("lagEvents", endpoint.figures.lag_events)
               .raw("lagSeconds", console::json_number(endpoint.figures.lag_seconds))
               .close();
  });
}

/// Secrets are left out by each setting's own show().
std::string Console::settings_json() const {
  std::vector<const config::SettingInfo*> shown;
  for (const config::SettingInfo& setting : config::all_settings()) {
    if (!setting.key.starts_with(config::client_section)) shown.push_back(&setting);
  }
  return json_array(shown, [this](std::string& out, const config::SettingInfo* setting) {
    const auto origin = loaded_.origins.find(setting->key);
    out += JsonObject()
               .text("key", setting->key)
               .text("value", setting->show(settings_))
               .text("source", origin == loaded_.origins.end() ? "default" : origin->second)
               .text("help", setting->help)
               .close();
  });
}

}  // namespace twinhub

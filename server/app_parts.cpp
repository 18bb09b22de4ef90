#include "server/app_parts.hpp"

#include "config/policies.hpp"
#include "protocol/iothub/connection_string.hpp"
#include "server/cli/command_line.hpp"

#include <sys/resource.h>
#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

namespace twinhub {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t mib = 1U << 20;

hub::Right rights_of(const std::string& policy) {
  using hub::Right;
  if (policy == "iothubowner")
    return Right::registry_read | Right::registry_write | Right::service_connect | Right::device_connect;
  if (policy == "service") return Right::service_connect;
  if (policy == "device") return Right::device_connect;
  if (policy == "registryRead") return Right::registry_read;
  if (policy == "registryReadWrite") return Right::registry_read | Right::registry_write;
  return Right::none;
}

storage::Durability durability_of(const std::string& text) {
  if (text == "os") return storage::Durability::os;
  return text == "memory" ? storage::Durability::memory : storage::Durability::sync;
}

hub::Sku sku_of(const std::string& text) {
  if (text == "F1") return hub::Sku::f1;
  if (text == "S1") return hub::Sku::s1;
  if (text == "S2") return hub::Sku::s2;
  return text == "S3" ? hub::Sku::s3 : hub::Sku::off;
}

/// Active and scheduled jobs. Source: azure-docs iot-hub-devguide-quotas-throttling ("Maximum concurrent jobs").
std::size_t active_jobs_max_of(hub::Sku sku) {
  switch (sku) {
    case hub::Sku::f1:
    case hub::Sku::s1:
      return 1;
    case hub::Sku::s2:
      return 5;
    case hub::Sku::s3:
      return 10;
    case hub::Sku::off:
      break;
  }
  return hub::JobOptions{}.active_max;
}

hub::ConnectionEvents connection_events_of(const std::string& text) {
  if (text == "use") return hub::ConnectionEvents::when_used;
  return text == "off" ? hub::ConnectionEvents::off : hub::ConnectionEvents::at_connect;
}

std::vector<config::PolicyKeys> random_policies(hub::Random& random) {
  constexpr std::size_t key_bytes = 32;
  std::vector<config::PolicyKeys> policies;
  for (const std::string_view name : config::policy_names) {
    policies.push_back(
        {std::string(name), base64_encode(random.bytes(key_bytes)), base64_encode(random.bytes(key_bytes))});
  }
  return policies;
}

std::string door(const std::string& scheme, const std::string& address, std::uint16_t port) {
  if (port == 0) return "off";
  return scheme + "://" + (address.find(':') == std::string::npos ? address : "[" + address + "]") + ":" +
         std::to_string(port);
}

}  // namespace

storage::StoreOptions store_options(const config::Settings& settings, const hub::Clock& clock) {
  storage::StoreOptions options;
  options.directory = fs::path(settings.data_dir) / "db";
  options.durability = durability_of(settings.durability);
  options.event_partitions = settings.events_partitions;
  options.event_retention_age = std::chrono::hours(settings.events_retention_hours);
  options.event_retention_bytes = settings.events_retention_mib * mib;
  options.now = [&clock] { return clock.now(); };
  options.cache_bytes = settings.storage_cache_mib * mib;
  options.memtable_bytes = settings.storage_memtable_mib * mib;
  options.queue_bytes_max = settings.storage_queue_mib * mib;
  options.sync_pause = std::chrono::microseconds(settings.storage_sync_pause_microseconds);
  return options;
}

hub::HubOptions hub_options(const config::Settings& settings) {
  hub::HubOptions options;
  options.cloud_to_device.life_default = std::chrono::seconds(settings.c2d_ttl_default_seconds);
  options.cloud_to_device.life_max = std::chrono::seconds(settings.c2d_ttl_max_seconds);
  options.cloud_to_device.delivery_count_max = settings.c2d_max_delivery_count;
  options.cloud_to_device.lock = std::chrono::seconds(settings.c2d_lock_seconds);
  options.cloud_to_device.messages_max = settings.c2d_messages_max;
  options.feedback.batch_wait = std::chrono::seconds(settings.c2d_feedback_batch_seconds);
  options.methods = {.calls_max = settings.methods_calls_max,
                     .payload_bytes_max = settings.methods_payload_mib_max * mib};
  options.session_life = std::chrono::hours(settings.mqtt_session_expiry_hours);
  options.queries.strict = settings.query_strict;
  options.queries.lag = std::chrono::milliseconds(settings.query_lag_ms);
  // The free tier: azure-docs iot-hub-devguide-quotas-throttling.
  options.configurations.count_max =
      settings.sku == "F1" ? std::min(settings.configurations_max, 20U) : settings.configurations_max;
  options.configurations.strict_queries = settings.query_strict;
  options.gate.throttle.sku = sku_of(settings.sku);
  options.gate.throttle.units = settings.units;
  options.gate.throttle.burst = std::chrono::seconds(settings.throttle_burst_seconds);
  options.gate.throttle.backlog = std::chrono::seconds(settings.throttle_backlog_seconds);
  options.gate.faults = settings.faults;
  options.jobs.active_max =
      settings.jobs_active_max > 0 ? settings.jobs_active_max : active_jobs_max_of(options.gate.throttle.sku);
  options.jobs.running_max = settings.jobs_running_max;
  options.jobs.calls_max = settings.jobs_calls_max;
  options.jobs.retention = std::chrono::hours(settings.jobs_retention_hours);
  options.jobs.strict = settings.query_strict;
  options.connection_events = connection_events_of(settings.events_connection_state);
  return options;
}

mqtt_door::DoorOptions mqtt_options(const config::Settings& settings) {
  mqtt_door::DoorOptions options;
  options.connect_timeout = std::chrono::seconds(settings.mqtt_connect_timeout_seconds);
  options.keep_alive_max = std::chrono::seconds(settings.mqtt_keep_alive_max_seconds);
  options.token_expiry_grace = std::chrono::seconds(settings.mqtt_token_expiry_grace_seconds);
  options.output_bytes_max = std::size_t{settings.mqtt_output_kib_max} * 1024;
  options.in_flight_max = settings.mqtt_in_flight_max;
  options.unacknowledged_max = settings.mqtt_unacknowledged_max;
  return options;
}

rest::DoorOptions rest_options(const config::Settings& settings) {
  rest::DoorOptions options;
  options.header_timeout = std::chrono::seconds(settings.rest_request_timeout_seconds);
  options.idle_timeout = std::chrono::seconds(settings.rest_idle_timeout_seconds);
  options.body_bytes_max = std::size_t{settings.rest_body_kib_max} * 1024;
  options.connections_max = settings.rest_connections_max;
  return options;
}

std::size_t io_thread_count(const config::Settings& settings) {
  if (settings.io_threads > 0) return settings.io_threads;
  return std::max(1U, std::thread::hardware_concurrency());
}

Result<std::vector<hub::Policy>> load_policies(const config::Settings& settings, hub::Random& random) {
  std::vector<config::PolicyKeys> keys;
  if (settings.dev) {
    keys = config::dev_policies();
  } else {
    const fs::path file = fs::path(settings.data_dir) / "policies.toml";
    try {
      keys = config::read_policies(file);
    } catch (const config::SettingsError& error) {
      return fail(Errc::service_unavailable, error.what());
    }
    if (keys.empty()) {
      keys = random_policies(random);
      if (const auto written = net::write_file(file, config::policies_text(keys), 0600); !written)
        return written.error();
    }
  }
  std::vector<hub::Policy> policies;
  for (const auto& key : keys) policies.push_back({key.name, rights_of(key.name), key.primary_key, key.secondary_key});
  return policies;
}

Result<Tls> load_tls(const config::Settings& settings) {
  Tls tls;
  net::TlsFiles files{settings.tls_certificate, settings.tls_private_key};
  if (settings.tls_certificate.empty()) {
    std::vector<std::string> names = settings.host_names;
    if (settings.listen != "0.0.0.0" && settings.listen != "::") names.push_back(settings.listen);
    const auto own =
        net::ensure_certificates(fs::path(settings.data_dir) / "tls", names,
                                 settings.tls_key_type == "rsa" ? net::KeyType::rsa_2048 : net::KeyType::ecdsa_p256);
    if (!own) return own.error();
    tls.ca = own->ca;
    files = own->server;
  }
  auto context = net::TlsContext::load(files);
  if (!context) return context.error();
  tls.context = std::move(*context);
  return tls;
}

Result<std::vector<x509::Certificate>> load_device_cas(const config::Settings& settings) {
  std::vector<x509::Certificate> all;
  for (const std::string& file : settings.tls_device_ca) {
    const auto cannot = [&](const std::string& why) {
      return fail(Errc::service_unavailable, "tls.device_ca: " + file + ": " + why);
    };
    std::ifstream in(file);
    std::ostringstream text;
    if (!in || !(text << in.rdbuf())) return cannot("cannot be read");
    const auto cas = x509::parse_pem_list(text.str());
    if (!cas) return cannot(cas.error().detail);
    for (const x509::Certificate& ca : *cas) {
      if (!ca.is_ca()) return cannot(ca.subject() + " is no CA");
      all.push_back(ca);
    }
  }
  return all;
}

std::vector<ops::Figure> figures(const storage::Store& store, const hub::Hub& hub, const mqtt_door::DoorFigures& mqtt,
                                 const rest::DoorFigures& rest) {
  std::vector<ops::Figure> all = ops::process_figures();
  for (auto& figure : store.figures()) all.push_back({figure.name, figure.help, figure.value, figure.counter});
  const auto add = [&all](const char* name, const char* help, std::uint64_t value, bool counter) {
    all.push_back({name, help, static_cast<double>(value), counter});
  };
  add("twinhub_storage_writable", "1 while the store takes writes.", store.writable() ? 1 : 0, false);
  add("twinhub_connected_identities", "Devices and modules with a connection.", hub.presence.connected().all(), false);
  const hub::Gate::Figures gate = hub.gate.figures();
  const hub::Methods::Figures methods = hub.methods.figures();
  const auto add_by_operation = [&all](const char* name, const char* help, const auto& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::string operation(hub::name_of(static_cast<hub::Operation>(i)));
      all.push_back({name, help, static_cast<double>(values[i]), true, {{"operation", operation}}});
    }
  };
  add_by_operation("twinhub_operations_delayed_total", "Operations that waited for their turn.", gate.delayed);
  add_by_operation("twinhub_operations_refused_total",
                   "Operations refused: over the rate, over the day's messages, or by an injected fault.",
                   gate.refused);
  add("twinhub_quota_messages_today", "Messages counted since midnight UTC, with a sku.", gate.messages_today, false);
  add("twinhub_quota_daily_messages", "Messages that the sku and its units allow per day; 0 = no limit.",
      gate.daily_messages, false);
  add("twinhub_faults_injected_total", "Faults that devices asked for and got.", gate.faults, true);
  add("twinhub_mqtt_connections", "Open device connections, handshaking included.", mqtt.connections, false);
  add("twinhub_mqtt_web_sockets", "Of these, connections over WebSocket; those being closed included.",
      mqtt.web_sockets, false);
  add("twinhub_mqtt_connects_accepted_total", "CONNECTs accepted.", mqtt.connects_accepted, true);
  add("twinhub_mqtt_connects_refused_total", "CONNECTs refused.", mqtt.connects_refused, true);
  add("twinhub_mqtt_packets_received_total", "PUBLISH, SUBSCRIBE and UNSUBSCRIBE packets received.",
      mqtt.packets_received, true);
  add("twinhub_mqtt_publishes_sent_total", "PUBLISH packets sent.", mqtt.publishes_sent, true);
  add("twinhub_mqtt_protocol_faults_total", "Connections closed because the peer broke MQTT.", mqtt.protocol_faults,
      true);
  add("twinhub_mqtt_take_overs_total", "Connections closed by a newer one of the same identity.", mqtt.take_overs,
      true);
  add("twinhub_mqtt_slow_readers_closed_total", "Connections closed because the peer did not read.",
      mqtt.slow_readers_closed, true);
  add("twinhub_rest_connections", "Open back-end connections.", rest.connections, false);
  add("twinhub_rest_requests_total", "Requests received.", rest.requests, true);
  add("twinhub_rest_responses_2xx_total", "Requests answered with success.", rest.responses_2xx, true);
  add("twinhub_rest_responses_4xx_total", "Requests refused.", rest.responses_4xx, true);
  add("twinhub_rest_responses_5xx_total", "Requests that failed here.", rest.responses_5xx, true);
  const hub::Configurator::Figures configurator = hub.configurator.figures();
  add("twinhub_configurations", "Automatic configurations.", hub.configurations.set()->ranked.size(), false);
  add("twinhub_configurations_waiting", "Changed twins that configurations have not looked at yet.",
      configurator.waiting, false);
  add("twinhub_configurations_pass", "1 while configurations look at every twin.", configurator.pass ? 1 : 0, false);
  add("twinhub_configurations_changes_total", "Twins changed for configurations.", configurator.changes, true);
  add("twinhub_configurations_not_applied_total", "Twins that could not take what a configuration says.",
      configurator.not_applied, true);
  add("twinhub_methods_pending", "Direct method calls that wait for a device.", methods.pending, false);
  add("twinhub_methods_invoked_total", "Direct methods that back ends called.", methods.invoked, true);
  add("twinhub_methods_timed_out_total", "Direct method calls that no device took or answered in time.",
      methods.timed_out, true);
  const hub::Jobs::Figures jobs = hub.jobs.figures();
  add("twinhub_jobs_running", "Jobs at work.", jobs.running, false);
  add("twinhub_jobs_waiting", "Jobs queued or scheduled.", jobs.waiting, false);
  add("twinhub_job_devices_succeeded_total", "Devices that jobs were done with.", jobs.devices_succeeded, true);
  add("twinhub_job_devices_failed_total", "Devices that jobs failed with.", jobs.devices_failed, true);
  return all;
}

void print_welcome(const config::Settings& settings, const Tls& tls) {
  const std::string name = settings.host_names.empty() ? "localhost" : settings.host_names.front();
  std::cout << "twinhub " << cli::version() << " is ready\n"
            << "  devices (MQTT)    " << door("mqtts", settings.listen, settings.mqtts_port) << "\n"
            << "  back ends (REST)  " << door("https", settings.listen, settings.https_port) << "\n"
            << "  operations        " << door("http", settings.ops_listen, settings.ops_port)
            << "  /healthz /readyz /metrics /ca.pem /events\n"
            << (settings.events_broker.empty() ? "" : "  events (MQTT)     " + settings.events_broker + "\n")
            << "  data              " << settings.data_dir << ", durability " << settings.durability << "\n";
  if (settings.sku != "off") {
    std::cout << "  limits            as IoT Hub " << settings.sku << ", " << settings.units << " unit(s)\n";
  }
  if (settings.mqtt_port != 0 || settings.http_port != 0) {
    std::cout << "  plain (no TLS)    " << door("mqtt", settings.plain_listen, settings.mqtt_port) << " "
              << door("http", settings.plain_listen, settings.http_port) << "\n";
  }
  std::cout << "\nPaste into a shell for Node:\n";
  if (!tls.ca.empty())
    std::cout << "  export NODE_EXTRA_CA_CERTS=" << fs::absolute(tls.ca).lexically_normal().string() << "\n";
  std::cout << "Back ends: ";
  if (settings.dev) {
    std::cout << "\n  " << iothub::to_string({name, "iothubowner", {}, std::string(config::dev_primary_key)}) << "\n"
              << "Register a device:\n  twinhub device create MyTwinDevice --dev --data-dir " << settings.data_dir
              << "\n"
              << "\n*** DEV MODE: every policy has a well-known key. Do not let others reach this hub. ***\n";
  } else {
    std::cout << "twinhub connection-string --data-dir " << settings.data_dir << "\n";
  }
  std::cout << std::flush;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace twinhub

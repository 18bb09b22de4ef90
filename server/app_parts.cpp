#include "server/app_parts.hpp"

#include "config/hub_name.hpp"
#include "config/policies.hpp"
#include "config/url.hpp"
#include "protocol/iothub/connection_string.hpp"
#include "protocol/json/document.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_file.hpp"
#include "server/net/certificates.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

namespace twinhub {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t mib = 1U << 20;

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

}  // namespace

bool is_loopback(const std::string& address) {
  boost::system::error_code error;
  const auto parsed = boost::asio::ip::make_address(address, error);
  return !error && parsed.is_loopback();
}

std::string foreign_addresses(const config::Settings& settings) {
  std::vector<std::string> addresses;
  const auto add = [&](const std::string& address, bool is_open) {
    if (is_open && !is_loopback(address) && std::find(addresses.begin(), addresses.end(), address) == addresses.end())
      addresses.push_back(address);
  };
  add(settings.listen, settings.mqtts_port.is_open() || settings.https_port.is_open() || settings.amqps_port.is_open());
  add(settings.plain_listen,
      settings.mqtt_port.is_open() || settings.http_port.is_open() || settings.amqp_port.is_open());
  add(settings.ops_listen, settings.ops_port.is_open());
  std::string text;
  for (const std::string& address : addresses) text += (text.empty() ? "" : ", ") + address;
  return text;
}

std::string url_of_door(const std::string& scheme, const std::string& address, std::uint16_t port) {
  if (port == 0) return "off";
  return scheme + "://" + (address.find(':') == std::string::npos ? address : "[" + address + "]") + ":" +
         std::to_string(port);
}

storage::StoreOptions store_options(const config::Settings& settings, const hub::Clock& clock) {
  storage::StoreOptions options;
  options.directory = fs::path(settings.data_dir) / "db";
  options.durability = durability_of(settings.durability);
  options.recover = settings.recover;
  options.event_partitions = settings.events_partitions;
  options.event_retention_age = std::chrono::hours(settings.events_retention_hours);
  options.event_retention_bytes = settings.events_retention_mib * mib;
  options.event_held_bytes_max = settings.events_held_mib * mib;
  options.now = [&clock] { return clock.now(); };
  options.steady = [&clock] { return clock.steady(); };
  options.settled = [&clock] { return clock.settled(); };
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
  options.gate.device_bytes = {.per_second = settings.limits_device_kib_per_second * std::uint64_t{1024},
                               .burst = settings.limits_device_burst_kib * std::uint64_t{1024}};
  options.gate.devices_remembered_max = settings.limits_devices_max;
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

wire::LingerLimits linger_limits(const config::Settings& settings) {
  return {.sockets_max = settings.admission_lingering_max,
          .time = std::chrono::seconds(settings.admission_linger_seconds)};
}

mqtt_door::DoorOptions mqtt_options(const config::Settings& settings) {
  mqtt_door::DoorOptions options;
  options.connect_timeout = std::chrono::seconds(settings.mqtt_connect_timeout_seconds);
  options.connect_bytes_max = std::size_t{settings.mqtt_connect_kib_max} * 1024;
  options.keep_alive_max = std::chrono::seconds(settings.mqtt_keep_alive_max_seconds);
  options.token_expiry_grace = std::chrono::seconds(settings.mqtt_token_expiry_grace_seconds);
  options.output_bytes_max = std::size_t{settings.mqtt_output_kib_max} * 1024;
  options.output_bytes_pause = std::size_t{settings.mqtt_output_pause_kib} * 1024;
  options.linger = linger_limits(settings);
  options.in_flight_max = settings.mqtt_in_flight_max;
  options.in_flight_bytes_max = std::size_t{settings.mqtt_in_flight_kib_max} * 1024;
  options.unacknowledged_max = settings.mqtt_unacknowledged_max;
  return options;
}

rest::DoorOptions rest_options(const config::Settings& settings) {
  rest::DoorOptions options;
  options.header_timeout = std::chrono::seconds(settings.rest_request_timeout_seconds);
  options.idle_timeout = std::chrono::seconds(settings.rest_idle_timeout_seconds);
  options.body_bytes_max = std::size_t{settings.rest_body_kib_max} * 1024;
  options.stranger_idle_timeout = std::chrono::seconds(settings.rest_stranger_idle_timeout_seconds);
  options.stranger_header_bytes_max = std::size_t{settings.rest_stranger_header_kib_max} * 1024;
  options.header_bytes_max = std::size_t{settings.rest_header_kib_max} * 1024;
  options.linger = std::chrono::seconds(settings.rest_linger_seconds);
  return options;
}

net::AdmissionOptions admission_options(const config::Settings& settings) {
  net::AdmissionOptions options;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    options.connections_max = net::connections_within(limit.rlim_cur, settings.admission_descriptors_reserved);
  if (settings.admission_connections_max > 0)
    options.connections_max = std::min<std::size_t>(options.connections_max, settings.admission_connections_max);
  options.rest_connections_max = std::size_t{settings.rest_connections_max} * io_thread_count(settings);
  options.amqp_connections_max = settings.amqp_connections_max;
  options.operations_connections_max = settings.ops_connections_max;
  options.strangers_per_address_max = settings.admission_strangers_per_address_max;
  options.stranger_bytes_max = settings.admission_strangers_mib_max * mib;
  options.strangers_per_second = settings.admission_strangers_per_second;
  options.strangers_burst = settings.admission_strangers_burst;
  options.unfinished_bytes_max = std::size_t{settings.admission_unfinished_kib_max} * 1024;
  options.handshakes_max = settings.admission_handshakes_max;
  options.handshake_time = std::chrono::seconds(settings.admission_handshake_seconds);
  options.client_hello_bytes_max = std::size_t{settings.admission_client_hello_kib_max} * 1024;
  options.addresses_max = settings.admission_addresses_max;
  options.backlog = static_cast<int>(settings.admission_backlog);
  return options;
}

ops::OpsOptions ops_options(const config::Settings& settings) {
  ops::OpsOptions options;
  options.host_names = settings.host_names;
  options.token = settings.ops_token;
  options.streams_max = std::min(settings.ops_streams_max, settings.ops_connections_max - 1);
  options.request_timeout = std::chrono::seconds(settings.ops_request_timeout_seconds);
  options.header_bytes_max = settings.ops_header_kib_max * 1024;
  return options;
}

std::size_t io_thread_count(const config::Settings& settings) {
  if (settings.io_threads > 0) return settings.io_threads;
  return std::max(1U, std::thread::hardware_concurrency());
}

Result<void> keep_hub_name(const config::Settings& settings) {
  return net::write_file(config::hub_name_file(settings), config::hub_name(settings) + "\n", 0600);
}

Result<void> keep_hub_file(const config::Settings& settings, const fs::path& ca) {
  return net::write_file(cli::hub_file(settings), cli::hub_file_text(settings, ca), 0600);
}

Result<void> keep_ready_file(const config::Settings& settings, const fs::path& ca) {
  if (settings.ready_file.empty()) return {};
  return net::write_file(settings.ready_file, cli::hub_file_text(settings, ca), 0644);
}

void remove_stale_ready_file(const config::Settings& settings) {
  if (settings.ready_file.empty()) return;
  std::ostringstream text;
  text << std::ifstream(settings.ready_file).rdbuf();
  const auto document = json::parse(text.str());
  const auto pid = document ? document->root().find("pid") : std::nullopt;
  const std::int64_t number = pid ? pid->integer().value_or(0) : 0;
  if (number > 0 && ::kill(static_cast<pid_t>(number), 0) != 0 && errno == ESRCH) remove_ready_file(settings);
}

void remove_ready_file(const config::Settings& settings) {
  std::error_code ignored;
  if (!settings.ready_file.empty()) fs::remove(settings.ready_file, ignored);
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

void print_welcome(const config::Settings& settings, const fs::path& ca) {
  const std::string name = cli::host_name_of(settings);
  std::cout << "twinhub " << cli::version() << " is ready\n"
            << "  devices (MQTT)    " << url_of_door("mqtts", settings.listen, settings.mqtts_port) << "\n"
            << "  AMQP 1.0          " << url_of_door("amqps", settings.listen, settings.amqps_port) << "\n"
            << "  back ends (REST)  " << url_of_door("https", settings.listen, settings.https_port) << "\n"
            << "  operations        "
            << url_of_door(settings.ops_tls ? "https" : "http", settings.ops_listen, settings.ops_port)
            << (settings.console_enabled ? "  /console/" : " ") << " /healthz /readyz /metrics /ca.pem /events\n"
            << (settings.events_broker.empty()
                    ? ""
                    : "  events (MQTT)     " + config::shown_url(settings.events_broker) + "\n")
            << "  data              " << settings.data_dir << ", durability " << settings.durability << "\n";
  if (settings.sku != "off") {
    std::cout << "  limits            as IoT Hub " << settings.sku << ", " << settings.units << " unit(s)\n";
  }
  if (settings.mqtt_port != 0 || settings.http_port != 0) {
    std::cout << "  plain (no TLS)    " << url_of_door("mqtt", settings.plain_listen, settings.mqtt_port) << " "
              << url_of_door("http", settings.plain_listen, settings.http_port) << "\n";
  }
  std::cout << "\nPaste into a shell for Node:\n";
  if (!ca.empty()) std::cout << "  export NODE_EXTRA_CA_CERTS=" << fs::absolute(ca).lexically_normal().string() << "\n";
  if (settings.management_enabled && settings.https_port != 0)
    std::cout << "az, ARM templates: twinhub az --data-dir " << settings.data_dir << "\n";
  std::cout << "Back ends: ";
  const std::string foreign = foreign_addresses(settings);
  if (settings.dev) {
    std::cout << "\n";
    for (const auto& policy : config::policies_of(settings)) {
      if (policy.name != "iothubowner") continue;
      iothub::ConnectionString owner{cli::service_host_of(settings), policy.name, {}, policy.primary_key};
      std::cout << "  " << iothub::to_string(owner) << "\n";
      owner.host_name = name;
      if (settings.amqps_port == 0) continue;
      std::cout << "Event Hubs clients:\n  "
                << iothub::event_hubs_connection_string(owner, settings.amqps_port, config::hub_name(settings)) << "\n";
    }
    std::cout << "Register a device:\n  twinhub device create MyTwinDevice --data-dir " << settings.data_dir << "\n"
              << "\n*** DEV MODE: the keys are well-known, all those that nobody has renewed. "
              << (foreign.empty() ? "Only this machine reaches the hub."
                                  : "OTHER MACHINES REACH IT ON " + foreign + ": they own this hub.")
              << " ***\n";
  } else {
    std::cout << "twinhub connection-string --data-dir " << settings.data_dir << "\n";
    if (settings.amqps_port != 0)
      std::cout << "Event Hubs clients: twinhub connection-string --events --data-dir " << settings.data_dir << "\n";
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

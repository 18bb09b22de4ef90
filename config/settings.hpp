// Every setting of the hub: its name, default, unit, range and meaning, in one table that drives the TOML file, the
// environment, the flags and what `twinhub config` prints.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::config {

/// A setting that cannot be used, in words for the operator: where it stands, what is wrong, what would be right.
class SettingsError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A port to listen on: a number, 0 for none, or "auto", one that the system chooses: then its number stands here once the
/// hub listens, and 0 before.
struct Port {
  constexpr Port(std::uint16_t port = 0) : number(port) {}  // NOLINT: settings are compared with and set to numbers
  constexpr operator std::uint16_t() const { return number; }
  [[nodiscard]] constexpr bool is_open() const { return is_auto || number != 0; }

  std::uint16_t number;
  bool is_auto = false;
};

struct Settings {
  // Where
  std::string data_dir = "data";
  bool dev = false;
  std::vector<std::string> host_names;
  std::string listen = "0.0.0.0";
  Port mqtts_port = 8883;
  Port amqps_port = 5671;
  Port https_port = 443;
  std::string plain_listen = "127.0.0.1";
  Port mqtt_port = 0;
  Port amqp_port = 0;
  Port http_port = 0;
  std::string ops_listen = "127.0.0.1";
  Port ops_port = 9600;
  bool ops_tls = false;

  // What an acknowledged write survives: "sync" a power cut, "os" a crash of the process, "memory" neither
  std::string durability = "sync";
  bool recover = false;
  bool force_mode = false;

  // For whoever starts a hub and waits for it
  std::string seed;
  std::string from_snapshot;
  std::string ready_file;

  // Limits and faults: "off", "F1", "S1", "S2" or "S3"
  std::string sku = "off";
  std::uint32_t units = 1;
  std::uint32_t throttle_burst_seconds = 60;
  std::uint32_t throttle_backlog_seconds = 10;
  std::uint32_t limits_device_kib_per_second = 4096;
  std::uint32_t limits_device_burst_kib = 16384;
  std::uint32_t limits_devices_max = 65536;
  bool faults = false;  ///< unless set, true with `dev`

  std::uint32_t io_threads = 0;
  std::uint32_t stop_seconds = 10;

  // TLS
  std::string tls_certificate;
  std::string tls_private_key;
  std::string tls_key_type = "ecdsa";
  std::vector<std::string> tls_device_ca;
  std::uint32_t tls_client_chain_kib_max = 16;
  std::uint32_t tls_client_chain_certificates_max = 16;

  // Store
  std::uint64_t storage_cache_mib = 64;
  std::uint64_t storage_memtable_mib = 64;
  std::uint64_t storage_queue_mib = 64;
  std::uint32_t storage_sync_pause_microseconds = 300;
  std::uint32_t events_partitions = 4;
  std::uint32_t events_retention_hours = 24;
  std::uint64_t events_retention_mib = 1024;
  std::uint64_t events_held_mib = 4096;
  std::string events_hub_name;
  std::vector<std::string> events_consumer_groups;
  std::string events_broker;
  std::string events_connection_state = "connect";

  // Admission: strangers are connections that have not proved themselves yet
  std::uint32_t admission_connections_max = 0;
  std::uint32_t admission_descriptors_reserved = 640;
  std::uint32_t admission_strangers_per_address_max = 1024;
  std::uint32_t admission_strangers_mib_max = 64;
  std::uint32_t admission_strangers_per_second = 200;
  std::uint32_t admission_strangers_burst = 4000;
  std::uint32_t admission_unfinished_kib_max = 256;
  std::uint32_t admission_handshakes_max = 144;
  std::uint32_t admission_handshake_seconds = 10;
  std::uint32_t admission_client_hello_kib_max = 8;
  std::uint32_t admission_addresses_max = 65536;
  std::uint32_t admission_backlog = 4096;
  std::uint32_t admission_lingering_max = 512;
  std::uint32_t admission_linger_seconds = 2;
  std::uint32_t admission_log_lines_per_minute_max = 64;

  // Operations port
  std::string ops_token;
  std::uint32_t ops_connections_max = 64;
  std::uint32_t ops_streams_max = 32;
  std::uint32_t ops_request_timeout_seconds = 15;
  std::uint32_t ops_header_kib_max = 8;

  // Web console, on the operations port
  bool console_enabled = true;
  std::vector<std::string> console_hosts;
  bool console_plain = false;

  // Doors
  std::uint32_t mqtt_connect_timeout_seconds = 30;
  std::uint32_t mqtt_connect_kib_max = 96;
  std::uint32_t mqtt_keep_alive_max_seconds = 1767;
  std::uint32_t mqtt_token_expiry_grace_seconds = 600;
  std::uint32_t mqtt_in_flight_max = 64;
  std::uint32_t mqtt_in_flight_kib_max = 512;
  std::uint32_t mqtt_output_kib_max = 1024;
  std::uint32_t mqtt_output_pause_kib = 64;
  std::uint32_t mqtt_unacknowledged_max = 16;
  std::uint32_t mqtt_session_expiry_hours = 0;
  std::uint32_t rest_request_timeout_seconds = 30;
  std::uint32_t rest_idle_timeout_seconds = 300;
  std::uint32_t rest_stranger_idle_timeout_seconds = 10;
  std::uint32_t rest_stranger_header_kib_max = 8;
  std::uint32_t rest_header_kib_max = 32;
  std::uint32_t rest_linger_seconds = 5;
  std::uint32_t rest_body_kib_max = 1024;
  std::uint32_t rest_connections_max = 10'000;
  std::uint32_t amqp_connections_max = 10'000;
  std::uint32_t amqp_links_max = 10'000;
  std::uint32_t amqp_sessions_max = 8192;
  std::uint32_t amqp_tokens_max = 1000;
  std::uint32_t amqp_frame_kib_max = 64;
  std::uint32_t amqp_partial_kib_max = 2048;
  std::uint32_t amqp_in_flight_max = 1024;
  std::uint32_t amqp_in_flight_kib_max = 2048;
  std::uint32_t amqp_login_timeout_seconds = 20;
  std::uint32_t methods_calls_max = 10'000;
  std::uint32_t methods_payload_mib_max = 64;

  // Cloud-to-device messages
  std::uint32_t c2d_ttl_default_seconds = 3600;
  std::uint32_t c2d_ttl_max_seconds = 48 * 3600;
  std::uint32_t c2d_max_delivery_count = 10;
  std::uint32_t c2d_lock_seconds = 60;
  std::uint32_t c2d_messages_max = 1'000'000;
  std::uint32_t c2d_feedback_batch_seconds = 15;

  // Automatic configurations
  std::uint32_t configurations_max = 100;

  // Queries
  bool query_strict = false;
  std::uint32_t query_lag_ms = 0;

  // Management plane
  bool management_enabled = false;           ///< unless set, true with `dev`
  std::string management_delete = "refuse";  ///< unless set, "erase" with `dev`
  std::string management_hub_name;
  std::string management_resource_group = "twinhub";
  std::uint32_t management_login_failures_max = 10;
  std::uint32_t management_login_failure_seconds = 6;
  std::uint32_t management_login_addresses_max = 10'000;
  std::uint32_t management_requests_max = 64;

  // Jobs
  std::uint32_t jobs_active_max = 0;
  std::uint32_t jobs_running_max = 10;
  std::uint32_t jobs_calls_max = 500;
  std::uint32_t jobs_retention_hours = 30 * 24;

  // Which hub the command line speaks to
  std::string client_connection_string;
  std::string client_ca;
  std::string client_context;

  // What tests order, on the operations port
  bool control_enabled = false;

  // Log
  std::string log_level = "info";
  std::string log_format = "text";
  std::string log_connections = "refused";
};

struct SettingInfo {
  std::string_view key;   ///< in the TOML file, e.g. "mqtt.in_flight_max"
  std::string_view flag;  ///< "--mqtts-port", or "" for none
  std::string_view help;  ///< one sentence: unit, effect, range
  /// Sets the member of `settings` from `text`. Throws SettingsError that says what is wrong with the text; the caller
  /// adds where the text stands.
  void (*assign)(Settings& settings, std::string_view text);
  std::string (*show)(const Settings& settings);
};

/// The prefix of the keys that only commands that speak to a hub read.
inline constexpr std::string_view client_section = "client.";

[[nodiscard]] std::span<const SettingInfo> all_settings();
/// The settings of a hub that listens, with the numbers of its "auto" ports in the place of the word.
[[nodiscard]] Settings with_chosen_ports(Settings settings);
[[nodiscard]] const SettingInfo* find_setting(std::string_view key);
/// "mqtt.in_flight_max" -> "TWINHUB_MQTT_IN_FLIGHT_MAX"; what enables a section goes by the section's name, and what is
/// the command line's own by its name alone: TWINHUB_CONNECTION_STRING.
[[nodiscard]] std::string environment_name(std::string_view key);
/// The key, or list of tables (routes.hpp), that `wrong` was most likely meant to be.
[[nodiscard]] std::string_view nearest_key(std::string_view wrong);

}  // namespace twinhub::config

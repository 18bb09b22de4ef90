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

struct Settings {
  // Where
  std::string data_dir = "data";
  bool dev = false;
  std::vector<std::string> host_names;
  std::string listen = "0.0.0.0";
  std::uint16_t mqtts_port = 8883;
  std::uint16_t https_port = 443;
  std::string plain_listen = "127.0.0.1";
  std::uint16_t mqtt_port = 0;
  std::uint16_t http_port = 0;
  std::string ops_listen = "127.0.0.1";
  std::uint16_t ops_port = 9600;

  // What an acknowledgement means: "sync", "os" or "memory"
  std::string durability = "sync";

  // Limits and faults: "off", "F1", "S1", "S2" or "S3"
  std::string sku = "off";
  std::uint32_t units = 1;
  std::uint32_t throttle_burst_seconds = 60;
  std::uint32_t throttle_backlog_seconds = 10;
  bool faults = false;  ///< unless set, true with `dev`

  std::uint32_t io_threads = 0;
  std::uint32_t stop_seconds = 10;

  // TLS
  std::string tls_certificate;
  std::string tls_private_key;
  std::string tls_key_type = "ecdsa";
  std::vector<std::string> tls_device_ca;

  // Store
  std::uint64_t storage_cache_mib = 64;
  std::uint64_t storage_memtable_mib = 64;
  std::uint64_t storage_queue_mib = 64;
  std::uint32_t storage_sync_pause_microseconds = 300;
  std::uint32_t events_partitions = 4;
  std::uint32_t events_retention_hours = 24;
  std::uint64_t events_retention_mib = 1024;
  std::string events_hub_name;
  std::string events_broker;
  std::string events_connection_state = "connect";

  // Doors
  std::uint32_t mqtt_connect_timeout_seconds = 30;
  std::uint32_t mqtt_keep_alive_max_seconds = 1767;
  std::uint32_t mqtt_token_expiry_grace_seconds = 600;
  std::uint32_t mqtt_in_flight_max = 64;
  std::uint32_t mqtt_output_kib_max = 1024;
  std::uint32_t mqtt_unacknowledged_max = 16;
  std::uint32_t mqtt_session_expiry_hours = 0;
  std::uint32_t rest_request_timeout_seconds = 30;
  std::uint32_t rest_idle_timeout_seconds = 300;
  std::uint32_t rest_body_kib_max = 1024;
  std::uint32_t rest_connections_max = 10'000;
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

  // Jobs
  std::uint32_t jobs_active_max = 0;
  std::uint32_t jobs_running_max = 10;
  std::uint32_t jobs_calls_max = 500;
  std::uint32_t jobs_retention_hours = 30 * 24;

  // Log
  std::string log_level = "info";
  std::string log_format = "text";
};

struct SettingInfo {
  std::string_view key;   ///< in the TOML file, e.g. "mqtt.in_flight_max"
  std::string_view flag;  ///< "--mqtts-port", or "" for none
  std::string_view help;  ///< meaning, unit, range
  /// Sets it from text. Throws SettingsError with what is wrong with the text alone.
  void (*assign)(Settings& settings, std::string_view text);
  std::string (*show)(const Settings& settings);
};

[[nodiscard]] std::span<const SettingInfo> all_settings();
[[nodiscard]] const SettingInfo* find_setting(std::string_view key);
/// "mqtt.in_flight_max" -> "TWINHUB_MQTT_IN_FLIGHT_MAX"
[[nodiscard]] std::string environment_name(std::string_view key);
/// The key, or list of tables (routes.hpp), that `wrong` was most likely meant to be.
[[nodiscard]] std::string_view nearest_key(std::string_view wrong);

}  // namespace twinhub::config

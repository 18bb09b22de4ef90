#include "config/settings.hpp"

#include "config/nearest.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace twinhub::config {
namespace {

template <auto Member>
using MemberType = std::remove_reference_t<decltype(std::declval<Settings&>().*Member)>;

template <auto Member, std::uint64_t Min = 0, std::uint64_t Max = std::numeric_limits<MemberType<Member>>::max()>
void assign_number(Settings& settings, std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < Min || value > Max) {
    throw SettingsError("'" + std::string(text) + "' is not a whole number from " + std::to_string(Min) + " to " +
                        std::to_string(Max));
  }
  settings.*Member = static_cast<MemberType<Member>>(value);
}

template <auto Member>
std::string show_number(const Settings& settings) {
  return std::to_string(settings.*Member);
}

template <auto Member>
void assign_text(Settings& settings, std::string_view text) {
  settings.*Member = text;
}

template <auto Member>
std::string show_text(const Settings& settings) {
  return '"' + settings.*Member + '"';
}

void assign_bool(bool& target, std::string_view text) {
  if (text != "true" && text != "false") throw SettingsError("'" + std::string(text) + "' is neither true nor false");
  target = text == "true";
}

void check_one_of(std::string_view text, std::initializer_list<std::string_view> choices) {
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) return;
  std::string all;
  for (const std::string_view choice : choices) all += (all.empty() ? "" : ", ") + std::string(choice);
  throw SettingsError("'" + std::string(text) + "' is not one of: " + all);
}

template <auto Member>
void assign_list(Settings& settings, std::string_view text) {
  auto& list = settings.*Member;
  list.clear();
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) list.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
}

template <auto Member>
std::string show_list(const Settings& settings) {
  std::string out = "[";
  for (const auto& element : settings.*Member) out += (out.size() > 1 ? ", \"" : "\"") + element + '"';
  return out + "]";
}

using S = Settings;

constexpr std::array table = {
    SettingInfo{"data_dir", "--data-dir", "Folder for everything the hub keeps", assign_text<&S::data_dir>, show_text<&S::data_dir>},
    SettingInfo{"dev", "--dev", "A local hub with well-known keys: never where others can reach it",
                [](S& s, std::string_view t) { assign_bool(s.dev, t); },
                [](const S& s) { return std::string(s.dev ? "true" : "false"); }},
    SettingInfo{"host_names", "--host-name", "Names or addresses clients reach the hub by; the certificate carries them", assign_list<&S::host_names>,
                show_list<&S::host_names>},
    SettingInfo{"listen", "--listen", "Address of the TLS doors", assign_text<&S::listen>, show_text<&S::listen>},
    SettingInfo{"mqtts_port", "--mqtts-port", "MQTT over TLS; 0 = off. SDKs expect 8883", assign_number<&S::mqtts_port>, show_number<&S::mqtts_port>},
    SettingInfo{"https_port", "--https-port", "REST and MQTT over WebSocket, over TLS; 0 = off. SDKs expect 443", assign_number<&S::https_port>, show_number<&S::https_port>},
    SettingInfo{"plain_listen", "--plain-listen", "Address of the plain doors", assign_text<&S::plain_listen>, show_text<&S::plain_listen>},
    SettingInfo{"mqtt_port", "--mqtt-port", "MQTT without TLS, for reverse proxies and tests; 0 = off", assign_number<&S::mqtt_port>,
                show_number<&S::mqtt_port>},
    SettingInfo{"http_port", "--http-port", "REST without TLS, for reverse proxies and tests; 0 = off", assign_number<&S::http_port>,
                show_number<&S::http_port>},
    SettingInfo{"ops_listen", "--ops-listen", "Address of the operations port", assign_text<&S::ops_listen>, show_text<&S::ops_listen>},
    SettingInfo{"ops_port", "--ops-port", "Health, readiness, metrics, CA certificate; 0 = off", assign_number<&S::ops_port>, show_number<&S::ops_port>},
    SettingInfo{"durability", "--durability",
                "What an acknowledgement means: sync (survives a power cut), os (survives a crash of the process), memory (nothing on disk)",
                [](S& s, std::string_view t) {
                  check_one_of(t, {"sync", "os", "memory"});
                  s.durability = t;
                },
                show_text<&S::durability>},
    SettingInfo{"sku", "--sku", "Limit rates and daily messages as IoT Hub's F1, S1, S2 or S3 do; off = no limits",
                [](S& s, std::string_view t) {
                  check_one_of(t, {"off", "F1", "S1", "S2", "S3"});
                  s.sku = t;
                },
                show_text<&S::sku>},
    SettingInfo{"units", "--units", "Units of the sku, 1-200", assign_number<&S::units, 1, 200>, show_number<&S::units>},
    SettingInfo{"faults", "", "Obey the fault-injection properties of telemetry (AzIoTHub_FaultOperationType); true with dev unless set",
                [](S& s, std::string_view t) { assign_bool(s.faults, t); },
                [](const S& s) { return std::string(s.faults ? "true" : "false"); }},
    SettingInfo{"io_threads", "--io-threads", "Threads that move bytes; 0 = one per core, at most 256", assign_number<&S::io_threads, 0, 256>,
                show_number<&S::io_threads>},
    SettingInfo{"stop_seconds", "", "How long a stop may wait for answers, 1-300 s", assign_number<&S::stop_seconds, 1, 300>, show_number<&S::stop_seconds>},
    SettingInfo{"tls.certificate", "--tls-certificate", "PEM chain of an own server certificate, leaf first; empty = the hub's own CA issues one",
                assign_text<&S::tls_certificate>, show_text<&S::tls_certificate>},
    SettingInfo{"tls.private_key", "--tls-private-key", "PEM private key of tls.certificate", assign_text<&S::tls_private_key>,
                show_text<&S::tls_private_key>},
    SettingInfo{"tls.key_type", "", "Key of the certificate that the hub issues: ecdsa (P-256) or rsa (2048, for old clients)",
                [](S& s, std::string_view t) {
                  check_one_of(t, {"ecdsa", "rsa"});
                  s.tls_key_type = t;
                },
                show_text<&S::tls_key_type>},
    SettingInfo{"tls.device_ca", "--tls-device-ca", "PEM files of CAs, comma between, whose word for a device is taken as that of verified ones",
                assign_list<&S::tls_device_ca>, show_list<&S::tls_device_ca>},
    SettingInfo{"storage.cache_mib", "", "Records kept in memory, 1-65536 MiB", assign_number<&S::storage_cache_mib, 1, 65536>,
                show_number<&S::storage_cache_mib>},
    SettingInfo{"storage.memtable_mib", "", "Larger: fewer flushes, more memory, longer recovery; 1-4096 MiB",
                assign_number<&S::storage_memtable_mib, 1, 4096>, show_number<&S::storage_memtable_mib>},
    SettingInfo{"storage.queue_mib", "", "What may wait for the next sync before writes are refused, 1-4096 MiB",
                assign_number<&S::storage_queue_mib, 1, 4096>, show_number<&S::storage_queue_mib>},
    SettingInfo{"storage.sync_pause_microseconds", "", "Least time between two syncs under load: saves CPU, adds latency; 0-100000",
                assign_number<&S::storage_sync_pause_microseconds, 0, 100000>, show_number<&S::storage_sync_pause_microseconds>},
    SettingInfo{"events.partitions", "", "Partitions of the event log, 1-32; fixed once events were stored", assign_number<&S::events_partitions, 1, 32>,
                show_number<&S::events_partitions>},
    SettingInfo{"events.retention_hours", "", "Age at which events are dropped, 1-87600 h", assign_number<&S::events_retention_hours, 1, 87600>,
                show_number<&S::events_retention_hours>},
    SettingInfo{"events.retention_mib", "", "Size of the event log at which the oldest are dropped, 8-1048576 MiB",
                assign_number<&S::events_retention_mib, 8, 1048576>, show_number<&S::events_retention_mib>},
    SettingInfo{"events.hub_name", "", "hubName of events and {hub} of topics; empty = the first host name up to its first dot", assign_text<&S::events_hub_name>,
                show_text<&S::events_hub_name>},
    SettingInfo{"events.broker", "--events-broker", "MQTT broker that gets every event, e.g. mqtt://127.0.0.1:1883; empty = none, [[endpoints]] say more",
                assign_text<&S::events_broker>, show_text<&S::events_broker>},
    SettingInfo{"events.connection_state", "",
                "When a device counts as connected: connect (every CONNECT), use (as the cloud: first telemetry or "
                "cloud-to-device subscription), off",
                [](S& s, std::string_view t) {
                  check_one_of(t, {"connect", "use", "off"});
                  s.events_connection_state = t;
                },
                show_text<&S::events_connection_state>},
    SettingInfo{"throttle.burst_seconds", "", "With a sku: how much of a rate is taken at once, 0-3600 s",
                assign_number<&S::throttle_burst_seconds, 0, 3600>, show_number<&S::throttle_burst_seconds>},
    SettingInfo{"throttle.backlog_seconds", "", "With a sku: what would wait longer than this is refused, 0-60 s",
                assign_number<&S::throttle_backlog_seconds, 0, 60>, show_number<&S::throttle_backlog_seconds>},
    SettingInfo{"mqtt.connect_timeout_seconds", "", "From accept to a whole CONNECT, TLS included; 1-600 s",
                assign_number<&S::mqtt_connect_timeout_seconds, 1, 600>, show_number<&S::mqtt_connect_timeout_seconds>},
    SettingInfo{"mqtt.keep_alive_max_seconds", "", "Cap of 1.5 x keep alive, and what keep alive 0 gets; 1-86400 s",
                assign_number<&S::mqtt_keep_alive_max_seconds, 1, 86400>, show_number<&S::mqtt_keep_alive_max_seconds>},
    SettingInfo{"mqtt.token_expiry_grace_seconds", "", "A live connection is closed this long after its token or certificate expired; 0-86400 s",
                assign_number<&S::mqtt_token_expiry_grace_seconds, 0, 86400>, show_number<&S::mqtt_token_expiry_grace_seconds>},
    SettingInfo{"mqtt.in_flight_max", "", "Requests of one connection waiting for the disk before its socket is not read; 1-65535",
                assign_number<&S::mqtt_in_flight_max, 1, 65535>, show_number<&S::mqtt_in_flight_max>},
    SettingInfo{"mqtt.output_kib_max", "", "A device that does not read is closed past this; 64-1048576 KiB",
                assign_number<&S::mqtt_output_kib_max, 64, 1048576>, show_number<&S::mqtt_output_kib_max>},
    SettingInfo{"mqtt.unacknowledged_max", "", "Cloud-to-device messages sent to one device and not acknowledged; 1-50",
                assign_number<&S::mqtt_unacknowledged_max, 1, 50>, show_number<&S::mqtt_unacknowledged_max>},
    SettingInfo{"mqtt.session_expiry_hours", "", "A session whose client stays away is dropped, within a quarter of this; 0 = never; 0-87600 h",
                assign_number<&S::mqtt_session_expiry_hours, 0, 87600>, show_number<&S::mqtt_session_expiry_hours>},
    SettingInfo{"c2d.ttl_default_seconds", "", "Life of a cloud-to-device message whose sender gave no expiry; 1-172800 s",
                assign_number<&S::c2d_ttl_default_seconds, 1, 172800>, show_number<&S::c2d_ttl_default_seconds>},
    SettingInfo{"c2d.ttl_max_seconds", "", "A later expiry is brought forward to this; 1-172800 s",
                assign_number<&S::c2d_ttl_max_seconds, 1, 172800>, show_number<&S::c2d_ttl_max_seconds>},
    SettingInfo{"c2d.max_delivery_count", "", "A message that was abandoned this often is given up; 1-100",
                assign_number<&S::c2d_max_delivery_count, 1, 100>, show_number<&S::c2d_max_delivery_count>},
    SettingInfo{"c2d.lock_seconds", "", "A delivered message that is not settled is queued again; 1-300 s", assign_number<&S::c2d_lock_seconds, 1, 300>,
                show_number<&S::c2d_lock_seconds>},
    SettingInfo{"c2d.messages_max", "", "Waiting cloud-to-device messages of all devices together; 50-100000000",
                assign_number<&S::c2d_messages_max, 50, 100'000'000>, show_number<&S::c2d_messages_max>},
    SettingInfo{"c2d.feedback_batch_seconds", "", "Feedback waits this long for a batch of 64 to fill; 0 = not at all; 0-3600 s",
                assign_number<&S::c2d_feedback_batch_seconds, 0, 3600>, show_number<&S::c2d_feedback_batch_seconds>},
    SettingInfo{"rest.request_timeout_seconds", "", "To receive one whole request; 1-600 s", assign_number<&S::rest_request_timeout_seconds, 1, 600>,
                show_number<&S::rest_request_timeout_seconds>},
    SettingInfo{"rest.idle_timeout_seconds", "", "Between requests: SDKs keep connections and do not retry; 1-86400 s",
                assign_number<&S::rest_idle_timeout_seconds, 1, 86400>, show_number<&S::rest_idle_timeout_seconds>},
    SettingInfo{"rest.body_kib_max", "", "Largest request body; 64-65536 KiB", assign_number<&S::rest_body_kib_max, 64, 65536>,
                show_number<&S::rest_body_kib_max>},
    SettingInfo{"rest.connections_max", "", "Open back-end connections per I/O thread; 1-1000000", assign_number<&S::rest_connections_max, 1, 1000000>,
                show_number<&S::rest_connections_max>},
    SettingInfo{"methods.calls_max", "", "Direct method calls that wait for devices at one time; 1-1000000", assign_number<&S::methods_calls_max, 1, 1000000>,
                show_number<&S::methods_calls_max>},
    SettingInfo{"methods.payload_mib_max", "", "Payloads of calls that are not delivered yet; 1-65536 MiB", assign_number<&S::methods_payload_mib_max, 1, 65536>,
                show_number<&S::methods_payload_mib_max>},
    SettingInfo{"configurations.max", "", "Automatic configurations that the hub may have, at most 20 with sku F1; 1-1000",
                assign_number<&S::configurations_max, 1, 1000>, show_number<&S::configurations_max>},
    SettingInfo{"query.strict", "", "Refuse query functions that IoT Hub takes in routes alone", [](S& s, std::string_view t) { assign_bool(s.query_strict, t); },
                [](const S& s) { return std::string(s.query_strict ? "true" : "false"); }},
    SettingInfo{"query.lag_ms", "", "Queries see the hub as it was that long ago (up to 1/16 more), as in the cloud; 0 = as it is; 0-3600000",
                assign_number<&S::query_lag_ms, 0, 3600000>, show_number<&S::query_lag_ms>},
    SettingInfo{"jobs.active_max", "", "Jobs that run or wait, beyond which a job is refused; 0 = as the sku allows, 10000 without; 0-100000",
                assign_number<&S::jobs_active_max, 0, 100000>, show_number<&S::jobs_active_max>},
    SettingInfo{"jobs.running_max", "", "Jobs that run at one time; others wait, 1-100", assign_number<&S::jobs_running_max, 1, 100>,
                show_number<&S::jobs_running_max>},
    SettingInfo{"jobs.calls_max", "", "Direct methods that jobs have under way at one time, all together; 1-10000", assign_number<&S::jobs_calls_max, 1, 10000>,
                show_number<&S::jobs_calls_max>},
    SettingInfo{"jobs.retention_hours", "", "A job is kept this long after its end, with what it tells of its devices; 1-87600 h",
                assign_number<&S::jobs_retention_hours, 1, 87600>, show_number<&S::jobs_retention_hours>},
    SettingInfo{"log.level", "--log-level", "trace, debug, info, warn, error or off",
                [](S& s, std::string_view t) {
                  check_one_of(t, {"trace", "debug", "info", "warn", "error", "off"});
                  s.log_level = t;
                },
                show_text<&S::log_level>},
    SettingInfo{"log.format", "", "text or json, one line per event",
                [](S& s, std::string_view t) {
                  check_one_of(t, {"text", "json"});
                  s.log_format = t;
                },
                show_text<&S::log_format>},
};

}  // namespace

std::span<const SettingInfo> all_settings() { return table; }

const SettingInfo* find_setting(std::string_view key) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const SettingInfo& info) { return info.key == key; });
  return found == table.end() ? nullptr : &*found;
}

std::string environment_name(std::string_view key) {
  std::string name = "TWINHUB_";
  for (const char c : key) name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
  return name;
}

std::string_view nearest_key(std::string_view wrong) {
  std::vector<std::string_view> keys;
  for (const SettingInfo& info : table) keys.push_back(info.key);
  keys.insert(keys.end(), {"routes", "fallback", "enrichments", "endpoints"});
  return nearest_of(keys, wrong);
}

}  // namespace twinhub::config

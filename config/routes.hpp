// Where events go: routes, fallback, enrichments and endpoints, as lists of tables in the settings file.
// Source of the names and limits: azure-docs iot-hub-devguide-messages-d2c, iot-hub-devguide-quotas-throttling,
// iot-hub-message-enrichments-overview. Endpoints are the hub's own.
#pragma once

#include "config/settings.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twinhub::config {

inline constexpr std::size_t routes_max = 100;
inline constexpr std::size_t endpoints_max = 10;
inline constexpr std::size_t enrichments_max = 10;
/// The endpoint that every hub has: its event log.
inline constexpr std::string_view built_in_endpoint = "events";

struct RouteSettings {
  std::string place;  ///< "FILE:LINE", for errors
  std::string name;
  std::string source;              ///< one of event_sources, in that spelling
  std::string condition = "true";  ///< IoT Hub's routing query language; its syntax is checked when the hub starts
  std::vector<std::string> endpoints;
  bool enabled = true;
  friend bool operator==(const RouteSettings&, const RouteSettings&) = default;
};

/// Where device messages go that matched no route.
struct FallbackSettings {
  std::string place;
  bool enabled = true;
  std::vector<std::string> endpoints{std::string(built_in_endpoint)};
  friend bool operator==(const FallbackSettings&, const FallbackSettings&) = default;
};

struct EnrichmentSettings {
  std::string place;
  std::string key;
  std::string value;  ///< a literal, "$iothubname", or "$twin.tags...", "$twin.properties.desired|reported..."
  std::vector<std::string> endpoints;
  friend bool operator==(const EnrichmentSettings&, const EnrichmentSettings&) = default;
};

struct EndpointSettings {
  std::string place;
  std::string name;
  std::string type;                      ///< mqtt, webhook or file
  std::string from = "now";              ///< where in the log a new endpoint begins: now or start
  std::uint32_t retry_seconds_max = 60;  ///< longest pause between two attempts, 1-3600

  // mqtt and webhook
  std::string url;                     ///< mqtt://HOST:PORT, mqtts://...; http://HOST[:PORT]/PATH, https://...
  std::string ca;                      ///< PEM file; empty = the system's
  std::uint32_t timeout_seconds = 10;  ///< for one answer, 1-600

  // mqtt
  std::string client_id;  ///< empty = twinhub-HUB-NAME
  std::string user;
  std::string password;
  std::string certificate;  ///< PEM, of the client
  std::string private_key;
  std::string topic = "{hub}/{identity}/{channel}";
  std::string format = "properties";  ///< properties (MQTT 5 user properties) or envelope (JSON)
  std::string version = "5";          ///< 5 or 3.1.1; 3.1.1 needs format envelope
  std::uint32_t window = 100;         ///< unacknowledged messages, 1-1000

  // webhook
  std::uint32_t batch = 100;            ///< CloudEvents in one request, 1-1000
  std::uint32_t answer_kib_max = 1024;  ///< of one answer, 1-65536; a longer one is a failed attempt
  std::vector<std::pair<std::string, std::string>> headers;

  // file
  std::string path;
  std::uint32_t rotate_mib = 64;  ///< 1-65536
  std::uint32_t keep = 10;        ///< rotated files; 0 = all
  friend bool operator==(const EndpointSettings&, const EndpointSettings&) = default;
};

struct Routing {
  std::vector<RouteSettings> routes;
  FallbackSettings fallback;
  std::vector<EnrichmentSettings> enrichments;
  std::vector<EndpointSettings> endpoints;
};

inline constexpr std::string_view event_sources[] = {"DeviceMessages", "TwinChangeEvents", "DeviceLifecycleEvents",
                                                     "DeviceConnectionStateEvents"};

/// What holds between the tables: names are unique, endpoints exist. Throws SettingsError.
void check_routing(const Routing& routing);

/// As TOML; passwords, headers and queries of URLs are not shown.
[[nodiscard]] std::string describe(const Routing& routing);

}  // namespace twinhub::config

// Which endpoints an event goes to, and what is added to it on the way.
// Source: azure-docs iot-hub-devguide-messages-d2c, iot-hub-message-enrichments-overview.
#pragma once

#include "protocol/error.hpp"
#include "server/events/routing_message.hpp"

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace twinhub::events {

/// Of endpoints, in the order of their list; the last bit is the built-in endpoint, the event log itself.
inline constexpr std::size_t endpoint_bits = 64;
using EndpointSet = std::bitset<endpoint_bits>;
inline constexpr std::size_t built_in_bit = endpoint_bits - 1;

struct Route {
  std::string place;  ///< in the settings file, for errors
  std::string name;
  storage::EventSource source{};
  std::string condition = "true";
  EndpointSet endpoints;
  bool enabled = true;  ///< the condition is read either way
};

struct Enrichment {
  std::string key;
  std::string value;
  EndpointSet endpoints;
};

struct RouterOptions {
  std::string hub_name;
  std::vector<Route> routes;
  EndpointSet fallback;  ///< takes device messages that no route matched; empty = off
  std::vector<Enrichment> enrichments;
};

/// Any thread.
class Router {
 public:
  /// Errors: a condition that is none, with the route's name and the position.
  [[nodiscard]] static Result<Router> make(RouterOptions options);

  struct Decision {
    EndpointSet endpoints;
    std::uint32_t undefined_conditions = 0;  ///< null or undefined: no match, counted as an error
  };
  /// Every route is looked at; an endpoint gets an event once, however many routes lead there.
  [[nodiscard]] Decision decide(RoutingMessage& message) const;

  /// The event with the enrichments of `endpoint`. nullopt: with them it is larger than a message may be (256 KiB), and
  /// is dropped as IoT Hub drops it.
  [[nodiscard]] std::optional<storage::Event> enrich(storage::Event event, std::size_t endpoint,
                                                     storage::Store& store) const;

  /// Whether enrich() may change an event for `endpoint`.
  [[nodiscard]] bool enriches(std::size_t endpoint) const;

  [[nodiscard]] const std::string& hub_name() const { return options_.hub_name; }

 private:
  explicit Router(RouterOptions options) : options_(std::move(options)) {}
  RouterOptions options_;
  std::vector<query::RoutingCondition> conditions_;  // one for each route
};

}  // namespace twinhub::events

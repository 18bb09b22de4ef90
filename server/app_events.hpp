// Events out, as the settings ask for them: routes and endpoints made from their tables, and the readers of the log
// behind GET /events.
#pragma once

#include "config/routes.hpp"
#include "config/settings.hpp"
#include "protocol/error.hpp"
#include "server/events/endpoints.hpp"
#include "server/ops/event_streams.hpp"
#include "server/ops/metrics.hpp"

#include <memory>
#include <string>
#include <vector>

namespace twinhub {

/// The routing with the endpoint and the routes that events.broker stands for.
[[nodiscard]] config::Routing with_broker(const config::Settings& settings, config::Routing routing);

/// Router and endpoints; nothing is started. events.broker stands for an endpoint "broker" with a route from every
/// source. Errors, with the place in the settings file: a wrong condition, topic, URL or certificate.
[[nodiscard]] Result<std::unique_ptr<events::Endpoints>> make_endpoints(const config::Settings& settings,
                                                                        const config::Routing& routing,
                                                                        storage::Store& store, const hub::Clock& clock,
                                                                        hub::Random& random);

/// Another routing for endpoints that run.
struct RoutingPlan {
  events::Router router;
  events::Router built_in;
  std::vector<events::Endpoints::Endpoint> endpoints;  ///< for Endpoints::change()
  std::string words;                                   ///< what changes; "" = nothing
};
/// From the routing `before` to another; nothing is opened or reached. Errors: those of make_endpoints().
[[nodiscard]] Result<RoutingPlan> plan_routing(const config::Settings& settings, const config::Routing& from_file,
                                               const config::Settings& before_settings,
                                               const config::Routing& before_from_file);

/// The errors of make_endpoints(), without a store: nothing is opened or reached.
[[nodiscard]] Result<void> check_endpoints(const config::Settings& settings, const config::Routing& routing);

/// The routing that decides what the built-in endpoint gets. events.broker has no part in it: a setting that adds a
/// place where events go must not take telemetry from its ordinary readers.
[[nodiscard]] Result<events::Router> make_built_in_router(const config::Settings& settings,
                                                          const config::Routing& routing);

/// A line for each, for GET /readyz?verbose.
[[nodiscard]] std::string endpoint_lines(const events::Endpoints& endpoints);

[[nodiscard]] std::vector<ops::Figure> endpoint_figures(const events::Endpoints& endpoints);

/// The source of GET /events. `store` outlives it.
[[nodiscard]] ops::OpenEventSource event_source(storage::Store& store, std::string hub_name);

}  // namespace twinhub

// Events out, as the settings ask for it: routes and endpoints made from their tables, and what looks into the log.
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

/// What events call this hub: events.hub_name, else the first host name up to its first dot (an address as it is).
[[nodiscard]] std::string hub_name(const config::Settings& settings);

/// Router and endpoints; nothing is started. events.broker stands for an endpoint "broker" with a route from every
/// source. Errors, with the place in the settings file: a wrong condition, topic, URL or certificate.
[[nodiscard]] Result<std::unique_ptr<events::Endpoints>> make_endpoints(const config::Settings& settings,
                                                                        const config::Routing& routing,
                                                                        storage::Store& store, const hub::Clock& clock,
                                                                        hub::Random& random);

[[nodiscard]] std::vector<ops::Figure> endpoint_figures(const events::Endpoints& endpoints);

/// GET /events. `store` outlives it.
[[nodiscard]] ops::OpenEventSource event_source(storage::Store& store, std::string hub_name);

}  // namespace twinhub

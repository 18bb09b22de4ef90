// The service API as one table: what a newcomer reads first.
#pragma once

#include "server/rest/request.hpp"
#include "server/rest/rest_lane.hpp"

namespace twinhub::rest {

/// Finds the route, checks api-version and rights, and has the request handled.
void route(Reply reply, const Request& request);

}  // namespace twinhub::rest

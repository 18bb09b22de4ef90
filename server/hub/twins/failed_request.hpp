// The log's line about a device's twin request that failed here. Every door has such requests.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"

#include <string_view>

namespace twinhub::hub {

/// Writes nothing for an Error that is the device's own. `tracking_id`: as the device is told.
void log_failed_twin_request(const IdentityId& id, const Error& error, std::string_view tracking_id);

}  // namespace twinhub::hub

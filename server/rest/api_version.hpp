// The api-version of a request, and the differences between versions.
// Source: the versions that SDKs and tools of 2016 to 2026 send; arrays in twins came with 2019-10-01, model ids with
// 2020-09-30.
#pragma once

#include "protocol/error.hpp"
#include "server/hub/twins/twins.hpp"
#include "server/rest/request.hpp"

namespace twinhub::rest {

/// Takes any YYYY-MM-DD[-preview] from 2016-02-03 on, IoT Hub's first, which the REST reference of that time names and
/// clients without an SDK were written for (azure-iot-device-http 1.0 sends it as well). Errors: invalid_protocol_version.
[[nodiscard]] Result<hub::Twins::Dialect> dialect_of(const Request& request);

}  // namespace twinhub::rest

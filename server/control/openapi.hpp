// What there is under /control/, for programs: OpenAPI 3.1. tests/control/openapi.test.js holds it against the hub.
#pragma once

#include <string_view>

namespace twinhub::control {

/// openapi.json as it stands.
[[nodiscard]] std::string_view openapi_json();

}  // namespace twinhub::control

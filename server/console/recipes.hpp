// How a device of each kind connects: what is installed, trusted, written and run. `{host}`, `{deviceId}`,
// `{connectionString}`, `{key}`, `{mqttsPort}` and `{httpsPort}` stand for what the reader has chosen.
#pragma once

#include <string_view>

namespace twinhub::console {

/// recipes.json as it stands: an array.
[[nodiscard]] std::string_view recipes_json();

}  // namespace twinhub::console

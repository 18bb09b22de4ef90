// What a configuration, or the content of one applied by hand, does to one twin: the same change, event and delta that a
// back end's PATCH would have made. Source: azure-docs iot-hub-automatic-device-management;
// iot-hub-non-telemetry-event-schema.
#pragma once

#include "protocol/ids.hpp"
#include "server/hub/twins/twin_write.hpp"
#include "storage/store.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace twinhub::hub {

/// Puts into `change` what `before` becomes with `desired_patch` ("" = none) and the `statuses` of configurations
/// (nullopt = as they are); nothing, when the twin stays as it is. Errors: those of twin::apply_service_patch; `change`
/// is then as it was.
[[nodiscard]] Result<DesiredDelta> apply_configuration(storage::EntityChange& change, const TwinWrite& write,
                                                       const twin::Twin& before, std::string_view desired_patch,
                                                       const std::optional<std::string>& statuses);

}  // namespace twinhub::hub

// How a configuration is kept: storage/FORMAT.md, "Configuration".
#pragma once

#include "protocol/configuration/configuration.hpp"
#include "protocol/error.hpp"

#include <string>
#include <string_view>

namespace twinhub::hub {

/// The key beside the configurations' own (ids hold no '\0'): there while a change of configurations has not been
/// carried out at every twin.
inline constexpr std::string_view configurations_due_key{"\0due", 4};

[[nodiscard]] std::string encode_configuration(const configuration::Configuration& configuration);
/// Errors: service_unavailable, for the operator.
[[nodiscard]] Result<configuration::Configuration> decode_configuration(std::string_view id, std::string_view record);

}  // namespace twinhub::hub

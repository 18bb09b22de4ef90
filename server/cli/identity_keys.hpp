// A device's or module's own credentials, for connection strings and tokens.
#pragma once

#include "config/settings.hpp"
#include "protocol/error.hpp"
#include "protocol/iothub/connection_string.hpp"

#include <string>

namespace twinhub::cli {

/// From the store of the data folder, beside a running hub or without one; of a hub elsewhere, or with its store in memory
/// alone, from its registry. An X.509 identity's have no key. Errors: no such identity, no store; those of call_hub().
[[nodiscard]] Result<iothub::ConnectionString> credentials_of(const config::Settings& settings, const IdentityId& id);

/// From the registry of the running hub, wherever it is. The rest as credentials_of().
[[nodiscard]] Result<iothub::ConnectionString> registered_credentials(const config::Settings& settings,
                                                                      const IdentityId& id);

/// What tokens made with these credentials are for, their `sr`: HOST for a policy, HOST/devices/ID[/modules/ID].
[[nodiscard]] std::string resource_of(const iothub::ConnectionString& credentials);

/// The primary key in an identity's JSON as the registry shows it; "" where it has none.
[[nodiscard]] std::string primary_key_in(const std::string& body);

}  // namespace twinhub::cli

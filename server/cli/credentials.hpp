// Where the command line finds keys: the policies' file or the well-known keys of dev mode; devices' keys in the store.
#pragma once

#include "config/settings.hpp"
#include "protocol/error.hpp"
#include "protocol/iothub/connection_string.hpp"

#include <string>

namespace twinhub::cli {

/// The name that connection strings carry: the first configured host name, else localhost.
[[nodiscard]] std::string host_name_of(const config::Settings& settings);
/// The name with the port of a door, where it is not the one that every SDK knows. A port of 0 adds nothing.
[[nodiscard]] std::string with_port(const std::string& host_name, std::uint16_t port, std::uint16_t usual);
/// What devices connect to: MQTT's port.
[[nodiscard]] std::string device_host_of(const config::Settings& settings);
/// What back ends connect to: HTTPS's port.
[[nodiscard]] std::string service_host_of(const config::Settings& settings);

/// Errors, for the person at the terminal: no such policy; the hub was never started on this data folder.
[[nodiscard]] Result<iothub::ConnectionString> policy_credentials(const config::Settings& settings,
                                                                  const std::string& policy);
/// Reads the store, beside a running hub or without one. The credentials of an X.509 identity have no key.
/// Errors: no such device, no store.
[[nodiscard]] Result<iothub::ConnectionString> identity_credentials(const config::Settings& settings,
                                                                    const IdentityId& id);

/// Prints `error` for people; returns the exit code that fits it.
int report(const Error& error);

}  // namespace twinhub::cli

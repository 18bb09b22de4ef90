// A hub that is reached by a connection string alone: none of its files are at hand.
#pragma once

#include "config/load.hpp"
#include "protocol/error.hpp"
#include "protocol/iothub/connection_string.hpp"

#include <cstdint>
#include <string>

namespace twinhub::cli {

/// By client.connection_string; else the hub is that of the data folder.
[[nodiscard]] bool is_remote(const config::Settings& settings);

struct RemoteHub {
  iothub::ConnectionString credentials;  ///< host_name without a port
  std::uint16_t port = 443;
};
/// Errors, for the person at the terminal: the connection string is none, or a device's. REQUIRES: is_remote().
[[nodiscard]] Result<RemoteHub> remote_hub(const config::Settings& settings);

/// Which hub a command speaks to: a connection string, a context or a data folder, whichever is named nearest to the person
/// (a flag before a variable before the file); where none is, the context in use, else what the data folder's hub.json
/// says. Throws SettingsError.
void find_hub(config::Loaded& loaded);

}  // namespace twinhub::cli

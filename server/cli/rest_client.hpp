// The command line's way to the hub: the same REST API, over TLS, as any other back end.
#pragma once

#include "protocol/error.hpp"
#include "protocol/iothub/connection_string.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace twinhub::cli {

/// Which hub to speak to, and as whom.
struct RestTarget {
  iothub::ConnectionString credentials;  ///< a policy's; HostName is verified against the server's certificate
  std::string address = "127.0.0.1";     ///< where to connect
  std::uint16_t port = 443;
  std::filesystem::path ca_file;  ///< PEM of the CA that the hub's certificate chains to
};

struct RestAnswer {
  unsigned status = 0;
  std::string body;
};

/// Sends one request and waits for its answer, 30 s at most. `path` with its query; `if_match` empty = no header.
/// Errors, in words for the person at the terminal: no connection, an untrusted certificate, a broken answer. Any HTTP
/// status is an answer, not an Error.
[[nodiscard]] Result<RestAnswer> call(const RestTarget& target, std::string_view method, std::string_view path,
                                      std::string_view body = {}, std::string_view if_match = {});

}  // namespace twinhub::cli

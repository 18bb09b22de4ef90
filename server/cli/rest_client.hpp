// The command line's way to the hub: the same REST API, over TLS, as any other back end.
#pragma once

#include "config/settings.hpp"
#include "protocol/error.hpp"
#include "protocol/iothub/connection_string.hpp"

#include <chrono>
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
  std::chrono::seconds time_limit{30};
};

struct RestAnswer {
  unsigned status = 0;
  std::string body;
};

/// The hub that these settings describe, as seen from the machine it runs on, with the rights of `policy`. Errors as
/// policy_credentials().
[[nodiscard]] Result<RestTarget> local_target(const config::Settings& settings, const std::string& policy);

/// What an answer that reports a failure says: the message of an error body, or the body itself.
[[nodiscard]] std::string message_of(const RestAnswer& answer);

/// Sends one request and waits for its answer, at most the target's time limit. `path` with its query; `if_match`
/// empty = no header. Errors, in words for the person at the terminal: no connection, an untrusted certificate, a
/// broken answer. Any HTTP status is an answer, not an Error.
[[nodiscard]] Result<RestAnswer> call(const RestTarget& target, std::string_view method, std::string_view path,
                                      std::string_view body = {}, std::string_view if_match = {});

}  // namespace twinhub::cli

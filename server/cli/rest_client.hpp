// The command line's way to the hub: the same REST API, over TLS, as any other back end.
#pragma once

#include "config/settings.hpp"
#include "protocol/error.hpp"
#include "protocol/iothub/connection_string.hpp"
#include "server/net/http_client.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twinhub::cli {

/// The hub to send requests to, and the policy to send them as.
struct RestTarget {
  iothub::ConnectionString credentials;  ///< a policy's; HostName is verified against the server's certificate
  std::string address = {};              ///< where to connect; "" = what HostName resolves to
  std::uint16_t port = 443;
  std::filesystem::path ca_file;  ///< PEM of the CA that the hub's certificate chains to; "" = the system's
  std::chrono::seconds time_limit{30};
};

struct RestRequest {
  std::string_view method = "GET";
  std::string path;  ///< with its query
  std::string body = {};
  std::string if_match = {};  ///< "" = no header
  std::vector<std::pair<std::string, std::string>> headers = {};
};

struct RestAnswer {
  unsigned status = 0;
  std::string body;
  std::string continuation;  ///< x-ms-continuation, "" = absent
  std::string etag = {};     ///< without its quotes, "" = absent
};

/// The CA that the hub's certificate chains to; "" = one of the system's.
[[nodiscard]] std::filesystem::path ca_file_of(const config::Settings& settings);

/// The hub that these settings describe: by its connection string, else as seen from the machine it runs on, with the
/// rights of `policy`. Errors as remote_hub() and policy_credentials().
[[nodiscard]] Result<RestTarget> target_of(const config::Settings& settings, const std::string& policy);

/// The words of an answer that reports a failure: the message of an error body, or the body itself.
[[nodiscard]] std::string message_of(const RestAnswer& answer);

/// A connection that is kept from request to request, and opened anew when the hub has closed it meanwhile. One thread.
class RestConnection {
 public:
  explicit RestConnection(RestTarget target);
  ~RestConnection();
  RestConnection(const RestConnection&) = delete;
  RestConnection& operator=(const RestConnection&) = delete;

  /// Sends one request and waits for its answer, at most the target's time limit. Errors (service_unavailable), in
  /// words for the person at the terminal: no connection, an untrusted certificate, a broken answer. Any HTTP status is
  /// an answer, not an Error.
  [[nodiscard]] Result<RestAnswer> call(const RestRequest& request);

 private:
  const RestTarget target_;
  std::unique_ptr<net::HttpClient> client_;
};

/// Sends one request on a connection of its own, as RestConnection::call() does.
[[nodiscard]] Result<RestAnswer> call(const RestTarget& target, std::string_view method, std::string_view path,
                                      std::string_view body = {}, std::string_view if_match = {});

}  // namespace twinhub::cli

// Pages of a running hub's operations port, for commands that show what it says.
#pragma once

#include "config/settings.hpp"
#include "protocol/error.hpp"
#include "server/net/http_client.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace twinhub::cli {

/// Where the operations port is, and how it is known that it is the hub's.
[[nodiscard]] net::HttpTarget ops_target(const config::Settings& settings);

/// One thread.
class OpsReader {
 public:
  /// `settings` outlives it. `patience`: for each step of a request, as its answer. Errors: there can be no client.
  [[nodiscard]] static Result<OpsReader> open(const config::Settings& settings,
                                              std::chrono::seconds patience = std::chrono::seconds(10));

  /// GET, with the token of ops.token where there is one. Errors: service_unavailable, no hub answers.
  [[nodiscard]] Result<net::HttpAnswer> get(const std::string& target) { return send("GET", target); }
  /// The same with another method, without a body.
  [[nodiscard]] Result<net::HttpAnswer> send(std::string_view method, const std::string& target);

 private:
  OpsReader(const config::Settings& settings, std::unique_ptr<net::HttpClient> client)
      : settings_(&settings), client_(std::move(client)) {}

  const config::Settings* settings_;
  std::unique_ptr<net::HttpClient> client_;
};

}  // namespace twinhub::cli

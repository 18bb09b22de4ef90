// Orders to a running hub over its operations port: a POST that the hub carries out, and a GET that says what came of it.
#pragma once

#include "config/settings.hpp"
#include "protocol/error.hpp"
#include "protocol/json/document.hpp"
#include "server/net/http_client.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::cli {

/// One thread.
class OpsOrders {
 public:
  /// `path`, e.g. "/backup": what its tokens are good for. Errors, for the person at the terminal: there are no keys.
  [[nodiscard]] static Result<OpsOrders> open(const config::Settings& settings, std::string_view path);

  /// `target`: the path, perhaps with a query. The answer's JSON. Errors: service_unavailable, no hub answers; else the hub's
  /// refusal, in its words.
  [[nodiscard]] Result<json::Document> ask(std::string_view method, const std::string& target);

 private:
  OpsOrders(std::unique_ptr<net::HttpClient> client, std::vector<std::string> authorizations, std::uint16_t port)
      : client_(std::move(client)), authorizations_(std::move(authorizations)), port_(port) {}

  std::unique_ptr<net::HttpClient> client_;
  std::vector<std::string> authorizations_;  ///< the one that was taken last is the first
  std::uint16_t port_;
};

/// "" and 0 where the object has no such member.
[[nodiscard]] std::string text_in(const json::Value& object, std::string_view name);
[[nodiscard]] std::uint64_t number_in(const json::Value& object, std::string_view name);

}  // namespace twinhub::cli

#include "server/cli/ops_reader.hpp"

#include "server/cli/commands.hpp"

#include <utility>

namespace twinhub::cli {

Result<OpsReader> OpsReader::open(const config::Settings& settings, std::chrono::seconds patience) {
  auto client = net::HttpClient::make({.tls = false,
                                       .host = "localhost",
                                       .address = reachable(settings.ops_listen),
                                       .port = settings.ops_port,
                                       .timeout = patience,
                                       .answer_bytes_max = 16U << 20});
  if (!client) return client.error();
  return OpsReader(settings, std::move(*client));
}

Result<net::HttpAnswer> OpsReader::send(std::string_view method, const std::string& target) {
  net::HttpRequest request{.method = method, .path = target};
  if (!settings_->ops_token.empty()) request.headers.emplace_back("Authorization", "Bearer " + settings_->ops_token);
  auto answer = client_->send(request);
  if (!answer)
    return fail(Errc::service_unavailable,
                "the operations port " + std::to_string(settings_->ops_port) + ": " + answer.error().detail);
  return answer;
}

}  // namespace twinhub::cli

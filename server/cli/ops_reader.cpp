#include "server/cli/ops_reader.hpp"

#include "server/cli/commands.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/remote_hub.hpp"
#include "server/cli/rest_client.hpp"

#include <utility>

namespace twinhub::cli {

net::HttpTarget ops_target(const config::Settings& settings) {
  net::HttpTarget target{.tls = settings.ops_tls,
                         .host = "localhost",
                         .address = reachable(settings.ops_listen),
                         .port = settings.ops_port};
  if (!settings.ops_tls) return target;
  // A name that the certificate has.
  target.host = host_name_of(settings);
  if (is_remote(settings)) {
    if (const auto hub = remote_hub(settings)) target.host = hub->credentials.host_name;
  }
  target.ca = ca_file_of(settings).string();
  return target;
}

Result<OpsReader> OpsReader::open(const config::Settings& settings, std::chrono::seconds patience) {
  net::HttpTarget target = ops_target(settings);
  target.timeout = patience;
  target.answer_bytes_max = 16U << 20;
  auto client = net::HttpClient::make(std::move(target));
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

#include "server/cli/rest_client.hpp"

#include "protocol/iothub/sas_token.hpp"
#include "protocol/json/document.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/remote_hub.hpp"
#include "server/net/http_client.hpp"

#include <chrono>

namespace twinhub::cli {
namespace {

constexpr std::uint64_t token_life_seconds = 300;
constexpr std::uint64_t answer_bytes_max = 64U << 20;

std::string authorization(const iothub::ConnectionString& credentials) {
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  return iothub::make_sas_token(credentials.host_name, credentials.shared_access_key,
                                static_cast<std::uint64_t>(now.count()) + token_life_seconds, credentials.policy);
}

}  // namespace

std::filesystem::path ca_file_of(const config::Settings& settings) {
  const bool is_own = settings.client_ca.empty() && !is_remote(settings) && settings.tls_certificate.empty();
  return is_own ? std::filesystem::path(settings.data_dir) / "tls" / "ca.pem"
                : std::filesystem::path(settings.client_ca);
}

Result<RestTarget> target_of(const config::Settings& settings, const std::string& policy) {
  RestTarget target;
  target.ca_file = ca_file_of(settings);
  if (is_remote(settings)) {
    auto hub = remote_hub(settings);
    if (!hub) return hub.error();
    target.credentials = std::move(hub->credentials);
    target.port = hub->port;
    return target;
  }
  auto credentials = policy_credentials(settings, policy);
  if (!credentials) return credentials.error();
  target.credentials = std::move(*credentials);
  target.address = reachable(settings.listen);
  target.port = settings.https_port;
  return target;
}

std::string message_of(const RestAnswer& answer) {
  const auto document = json::parse(answer.body);
  const auto message = document ? document->root().find("Message") : std::nullopt;
  const auto text = message ? message->string() : std::nullopt;
  if (!text) return answer.body;
  // The Message of a direct method's error is JSON text.
  const auto inner = json::parse(*text);
  const auto inner_message = inner ? inner->root().find("message") : std::nullopt;
  return inner_message ? inner_message->string().value_or(*text) : *text;
}

RestConnection::RestConnection(RestTarget target) : target_(std::move(target)) {}
RestConnection::~RestConnection() = default;

Result<RestAnswer> RestConnection::call(const RestRequest& request) {
  if (!client_) {
    auto client = net::HttpClient::make({.host = target_.credentials.host_name,
                                         .address = target_.address,
                                         .port = target_.port,
                                         .ca = target_.ca_file.string(),
                                         .timeout = target_.time_limit,
                                         .answer_bytes_max = answer_bytes_max});
    if (!client) return client.error();
    client_ = std::move(*client);
  }
  net::HttpRequest sent{.method = request.method,
                        .path = request.path,
                        .headers = {{"Authorization", authorization(target_.credentials)},
                                    {"User-Agent", "twinhub-cli"},
                                    {"Content-Type", "application/json; charset=utf-8"}},
                        .body = request.body};
  for (const auto& header : request.headers) sent.headers.push_back(header);
  if (!request.if_match.empty()) sent.headers.emplace_back("If-Match", request.if_match);
  auto answer = client_->send(sent);
  if (!answer) return answer.error();
  std::string etag(answer->header("etag"));
  std::erase(etag, '"');
  return RestAnswer{answer->status, std::move(answer->body), std::string(answer->header("x-ms-continuation")),
                    std::move(etag)};
}

Result<RestAnswer> call(const RestTarget& target, std::string_view method, std::string_view path, std::string_view body,
                        std::string_view if_match) {
  RestConnection connection(target);
  return connection.call({.method = method,
                          .path = std::string(path),
                          .body = std::string(body),
                          .if_match = std::string(if_match),
                          .headers = {{"Connection", "close"}}});
}

}  // namespace twinhub::cli

#include "server/cli/ops_orders.hpp"

#include "config/policies.hpp"
#include "protocol/iothub/sas_token.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/ops_reader.hpp"
#include "server/cli/remote_hub.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace twinhub::cli {
namespace {

constexpr std::chrono::seconds token_life{60};
constexpr unsigned unauthorized = 401;

Errc code_of(unsigned status) {
  if (status == unauthorized || status == 403) return Errc::iot_hub_unauthorized_access;
  return status == 409 ? Errc::precondition_failed : Errc::argument_invalid;
}

/// The owner's keys, both of them: the hub may not have read the file again since one of them was changed.
Result<std::vector<std::string>> owner_keys(const config::Settings& settings, const std::string& primary) {
  std::vector<std::string> keys{primary};
  if (is_remote(settings)) return keys;
  try {
    for (const auto& policy : config::policies_of(settings)) {
      if (policy.name == "iothubowner") keys.push_back(policy.secondary_key);
    }
  } catch (const config::SettingsError& error) {
    return fail(Errc::argument_invalid, error.what());
  }
  return keys;
}

/// The token of ops.token, which other machines need for everything; else those of the hub's owner.
Result<std::vector<std::string>> authorizations_for(const config::Settings& settings, std::string_view path) {
  if (!settings.ops_token.empty()) return std::vector<std::string>{"Bearer " + settings.ops_token};
  const auto owner = policy_credentials(settings, "iothubowner");
  if (!owner) return owner.error();
  const auto keys = owner_keys(settings, owner->shared_access_key);
  if (!keys) return keys.error();
  const auto until = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch() + token_life);
  std::vector<std::string> tokens;
  // Good for nothing else: they may go over a port without TLS.
  for (const std::string& key : *keys)
    tokens.push_back(iothub::make_sas_token(owner->host_name + std::string(path), key,
                                            static_cast<std::uint64_t>(until.count()), owner->policy));
  return tokens;
}

}  // namespace

Result<OpsOrders> OpsOrders::open(const config::Settings& settings, std::string_view path) {
  net::HttpTarget target = ops_target(settings);
  target.timeout = std::chrono::seconds(15);
  auto client = net::HttpClient::make(std::move(target));
  if (!client) return client.error();
  auto authorizations = authorizations_for(settings, path);
  if (!authorizations) return authorizations.error();
  return OpsOrders(std::move(*client), std::move(*authorizations), settings.ops_port);
}

Result<json::Document> OpsOrders::ask(std::string_view method, const std::string& target) {
  Result<net::HttpAnswer> answer = fail(Errc::service_unavailable, "");
  for (std::size_t i = 0; i < authorizations_.size(); ++i) {
    answer = client_->send({.method = method, .path = target, .headers = {{"Authorization", authorizations_.front()}}});
    if (!answer || answer->status != unauthorized) break;
    std::rotate(authorizations_.begin(), authorizations_.begin() + 1, authorizations_.end());
  }
  if (!answer)
    return fail(Errc::service_unavailable,
                "the operations port " + std::to_string(port_) +
                    " does not answer, and only a running hub can do this: " + answer.error().detail);
  auto document = json::parse(answer->body);
  if (answer->status < 300) {
    if (!document) return fail(Errc::server_error, "the operations port gives an answer that is not of this version");
    return document;
  }
  const std::string words = document ? text_in(document->root(), "error") : "";
  return fail(code_of(answer->status), words.empty() ? answer->body.substr(0, answer->body.find('\n')) : words);
}

std::string text_in(const json::Value& object, std::string_view name) {
  const auto member = object.find(name);
  return member ? member->string().value_or("") : "";
}

std::uint64_t number_in(const json::Value& object, std::string_view name) {
  const auto member = object.find(name);
  return member ? static_cast<std::uint64_t>(member->integer().value_or(0)) : 0;
}

}  // namespace twinhub::cli

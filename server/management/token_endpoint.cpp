#include "server/management/token_endpoint.hpp"

#include "protocol/iothub/hmac.hpp"
#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/text.hpp"
#include "protocol/utf8.hpp"
#include "server/base/log.hpp"
#include "server/rest/request.hpp"

#include <algorithm>

namespace twinhub::management {
namespace {

constexpr std::size_t shown_bytes_max = 64;

std::string shown(std::string_view client) { return visible_text(client.substr(0, shown_bytes_max)); }

std::string decoded(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return iothub::percent_decode(spaced);
}

/// Compares digests, so that the time says nothing of the lengths either.
bool same_secret(std::string_view a, std::string_view b) {
  constexpr std::string_view purpose = "compare";
  const auto digest_a = iothub::hmac_sha256(purpose, a), digest_b = iothub::hmac_sha256(purpose, b);
  return digest_a && digest_b && iothub::same_bytes(iothub::view_of(*digest_a), iothub::view_of(*digest_b));
}

/// A URL without what means nothing: slashes at its end, HTTPS's own port.
std::string_view bare(std::string_view url) {
  constexpr std::string_view port = ":443";
  while (url.ends_with('/')) url.remove_suffix(1);
  if (url.ends_with(port)) url.remove_suffix(port.size());
  return url;
}

rest::Response wait_response(unsigned seconds) {
  rest::Response response = refused_login(Reason::login_rate, 429, "temporarily_unavailable", 50196,
                                          "Too many log-ins of this address failed.");
  response.headers.emplace_back("Retry-After", std::to_string(seconds));
  return response;
}

std::string_view name_of(hub::Audience audience) {
  return audience == hub::Audience::service_api ? "the service API" : "Resource Manager";
}

}  // namespace

std::optional<std::string> form_field(std::string_view form, std::string_view name) {
  while (!form.empty()) {
    const std::size_t end = std::min(form.find('&'), form.size());
    const std::string_view field = form.substr(0, end);
    form.remove_prefix(std::min(end + 1, form.size()));
    const std::size_t equals = std::min(field.find('='), field.size());
    if (decoded(field.substr(0, equals)) != name) continue;
    return decoded(field.substr(std::min(equals + 1, field.size())));
  }
  return std::nullopt;
}

std::optional<hub::Audience> audience_of(std::string_view scope, std::string_view host) {
  constexpr std::string_view suffix = "/.default";
  if (scope.ends_with(suffix)) scope.remove_suffix(suffix.size());
  const std::string_view wanted = bare(scope);
  const auto is = [wanted](std::string_view name) { return rest::equals_ignoring_case(wanted, name); };
  if (is("https://iothubs.azure.net")) return hub::Audience::service_api;
  if (is("https://" + std::string(bare(host))) || is("https://management.azure.com") ||
      is("https://management.core.windows.net"))
    return hub::Audience::resource_manager;
  return std::nullopt;
}

rest::Response oauth_error(unsigned status, std::string_view error, unsigned number, std::string_view description) {
  std::string body = R"({"error":)";
  json::append_string(body, error);
  body += R"(,"error_description":)";
  json::append_string(body, "AADSTS" + std::to_string(number) + ": " + std::string(description));
  body += R"(,"error_codes":[)" + std::to_string(number) + "]}";
  return {status, std::move(body), {{"Cache-Control", "no-store"}}};
}

rest::Response refused_login(Reason reason, unsigned status, std::string_view error, unsigned number,
                             std::string_view description) {
  rest::Response response = oauth_error(status, error, number, description);
  response.note = rest::RefusalNote{reason, std::string(description)};
  return response;
}

TokenEndpoint::TokenEndpoint(const hub::AccessTokens& tokens, const hub::Clock& clock,
                             hub::AccessTokens::FindClient find, const LoginLimits& limits)
    : tokens_(tokens), find_(std::move(find)), limit_(clock, limits) {}

std::optional<rest::Response> TokenEndpoint::refuse_early(const boost::asio::ip::address& peer) const {
  const unsigned wait = limit_.wait_of(peer);
  return wait == 0 ? std::nullopt : std::optional(wait_response(wait));
}

rest::Response TokenEndpoint::log_in(std::string_view form, std::string_view host,
                                     const boost::asio::ip::address& peer) {
  const auto grant = form_field(form, "grant_type");
  if (!grant)
    return refused_login(Reason::no_credentials, 400, "invalid_request", 900144, "The form lacks 'grant_type'.");
  if (*grant != "client_credentials")
    return refused_login(Reason::unsupported, 400, "unsupported_grant_type", 70003,
                         "This hub has no users: log in with a service principal (client_credentials).");
  const auto client = form_field(form, "client_id"), secret = form_field(form, "client_secret");
  if (!client || !secret || client->empty() || secret->empty())
    return refused_login(Reason::no_credentials, 400, "invalid_request", 900144,
                         "The form lacks 'client_id' or 'client_secret'.");
  auto scope = form_field(form, "scope");
  if (!scope) scope = form_field(form, "resource");
  const auto audience = audience_of(scope.value_or(""), host);
  if (!audience)
    return refused_login(Reason::wrong_resource, 400, "invalid_scope", 500011,
                         "This hub knows two resources: its Resource Manager, https://" + std::string(host) +
                             "/, and the service API, https://iothubs.azure.net.");

  // Once more: further log-ins of the address may have failed while the form came in.
  if (auto refusal = refuse_early(peer)) return std::move(*refusal);
  std::string key;
  const auto found = check_secret(*client, *secret, key);
  if (!found) {
    limit_.note_failure(peer);
    const std::string address = peer.to_string();
    log::warn({.event = "login_refused", .address = address},
              "management: a log-in as '{}' from {} is refused: unknown, or a wrong secret", shown(*client), address);
    return oauth_error(401, "invalid_client", 7000215, "The client is unknown, or its secret is wrong.");
  }
  const std::string address = peer.to_string();
  log::info({.event = "logged_in", .address = address}, "management: '{}' from {} has logged in for {}", found->name,
            address, name_of(*audience));
  const std::string life = std::to_string(hub::AccessTokens::life.count());
  std::string body =
      R"({"token_type":"Bearer","expires_in":)" + life + R"(,"ext_expires_in":)" + life + R"(,"access_token":)";
  json::append_string(body, tokens_.issue(*audience, found->name, key));
  return {200, body + "}", {{"Cache-Control", "no-store"}}};
}

/// An unknown client costs what a known one does.
std::optional<hub::Policy> TokenEndpoint::check_secret(const std::string& client, std::string_view secret,
                                                       std::string& key) const {
  const auto found = find_(client);
  const std::string primary = found ? found->primary_key : std::string();
  const std::string secondary = found ? found->secondary_key : std::string();
  const bool is_primary = same_secret(secret, primary), is_secondary = same_secret(secret, secondary);
  if (!found || !(is_primary || is_secondary)) return std::nullopt;  // `secret` is not empty, so an empty key is not it
  key = is_primary ? primary : secondary;
  return found;
}

}  // namespace twinhub::management

#include "server/hub/access/access_tokens.hpp"

#include "protocol/iothub/access_token.hpp"
#include "protocol/iothub/hmac.hpp"
#include "server/hub/access/authenticator.hpp"

#include <cassert>

namespace twinhub::hub {
namespace {

std::string_view text_of(Audience audience) {
  return audience == Audience::service_api ? "https://iothubs.azure.net" : "https://management.azure.com/";
}

std::uint64_t seconds_of(Timestamp at) {
  return at.ticks < unix_epoch_ticks ? 0 : (at.ticks - unix_epoch_ticks) / ticks_per_second;
}

}  // namespace

AccessTokens::AccessTokens(std::string secret, const Clock& clock)
    : secret_(std::move(secret)),
      clock_(clock),
      tenant_(iothub::derived_guid(secret_, "tenant")),
      subscription_(iothub::derived_guid(secret_, "subscription")),
      issuer_("https://sts.windows.net/" + tenant_ + "/") {
  assert(!secret_.empty());
}

std::string AccessTokens::signing_key(std::string_view client, std::string_view key) const {
  // A name has no line end (the policies' names have not), so no two clients share a text.
  std::string text = "access token\n";
  text.append(client).append("\n").append(key);
  const auto derived = iothub::hmac_sha256(secret_, text);
  return derived ? std::string(iothub::view_of(*derived)) : std::string();
}

std::string AccessTokens::issue(Audience audience, const std::string& client, std::string_view key) const {
  iothub::AccessClaims claims;
  claims.audience = text_of(audience);
  claims.issuer = issuer_;
  claims.client = client;
  claims.tenant = tenant_;
  claims.object = iothub::derived_guid(secret_, "client\n" + client);
  claims.issued_at = seconds_of(clock_.wall());
  claims.expires_at = claims.issued_at + static_cast<std::uint64_t>(life.count());
  return iothub::make_access_token(claims, signing_key(client, key));
}

AccessTokens::Verdict AccessTokens::verify(Audience audience, std::string_view authorization,
                                           const FindClient& find) const {
  const Verdict foreign{{}, TokenFault::foreign, 0, {}};
  const auto text = iothub::bearer_token(authorization);
  const auto token = text ? iothub::read_access_token(*text) : std::nullopt;
  if (!token) return foreign;
  const iothub::AccessClaims& claims = token->claims;
  if (claims.issuer != issuer_ || claims.tenant != tenant_) return foreign;
  const auto client = find(claims.client);
  if (!client) return foreign;
  const std::string* signer = nullptr;
  for (const std::string* key : {&client->secondary_key, &client->primary_key}) {
    if (!key->empty() && iothub::signature_matches(*token, signing_key(claims.client, *key))) signer = key;
  }
  if (signer == nullptr) return foreign;
  // From here on the token is this hub's own; its sender may hear what is wrong with it.
  if (claims.audience != text_of(audience)) return {{}, TokenFault::other_audience, 0, {}};
  // Signer and judge have one clock; only a clock that was set back can show a token from the future.
  const std::uint64_t now = seconds_of(clock_.wall());
  if (now >= claims.expires_at) return {{}, TokenFault::expired, 0, {}};
  if (claims.issued_at > now + iothub::sas_clock_skew_seconds) return foreign;
  return {claims.client, std::nullopt, claims.expires_at, digest_of_key(*signer)};
}

}  // namespace twinhub::hub

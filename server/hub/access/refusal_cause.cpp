#include "server/hub/access/refusal_cause.hpp"

#include "protocol/iothub/access_token.hpp"
#include "protocol/iothub/property_bag.hpp"
#include "protocol/iothub/sas_scope.hpp"
#include "protocol/iothub/sas_token.hpp"
#include "protocol/x509/names.hpp"

#include <algorithm>

namespace twinhub::hub {
namespace {

/// "3 h", "2 d": the larger unit alone, for people.
std::string distance(std::uint64_t seconds) {
  constexpr std::uint64_t minute = 60, hour = 60 * minute, day = 24 * hour;
  if (seconds >= 2 * day) return std::to_string(seconds / day) + " d";
  if (seconds >= 2 * hour) return std::to_string(seconds / hour) + " h";
  if (seconds >= 2 * minute) return std::to_string(seconds / minute) + " min";
  return std::to_string(seconds) + " s";
}

/// For people.
std::string sr_of(const iothub::SasToken& token) { return iothub::percent_decode(token.resource); }

RefusalCause expired(const iothub::SasToken& token, Timestamp now) {
  const std::uint64_t now_unix = iothub::unix_seconds(now);
  const std::uint64_t since = now_unix > token.expires_at ? now_unix - token.expires_at : 0;
  return {Reason::token_expired,
          "It expired " + distance(since) + " ago, by the hub's clock (" + to_iso8601(now) + ")."};
}

bool has_signed(const iothub::SasToken& token, std::string_view primary, std::string_view secondary) {
  const bool by_primary = iothub::signature_matches(token, primary);
  return iothub::signature_matches(token, secondary) || by_primary;
}

RefusalCause wrong_key(const iothub::SasToken& token, std::string_view whose) {
  return {Reason::signature_mismatch,
          "It matches no key of " + std::string(whose) + "; its sr is '" + sr_of(token) + "'."};
}

RefusalCause wrong_type(const iothub::Identity& identity, std::string_view sent) {
  const bool by_certificate = identity.authentication == iothub::AuthenticationType::self_signed ||
                              identity.authentication == iothub::AuthenticationType::certificate_authority;
  return {Reason::wrong_authentication_type,
          "It authenticates by " + std::string(by_certificate ? "certificate" : "token") + " (" +
              std::string(iothub::to_string(identity.authentication)) + ") and sent " + std::string(sent) + '.'};
}

RefusalCause disabled(const iothub::Identity& identity) {
  const bool has_reason = identity.status_reason && !identity.status_reason->empty();
  return {Reason::disabled, has_reason ? "Its status reason: " + *identity.status_reason : "It has no status reason."};
}

RefusalCause cause_of_thumbprint(const x509::Certificate& leaf, const iothub::Identity& identity, Timestamp now) {
  const auto matches = [&](const std::string& thumbprint) {
    return !thumbprint.empty() && (x509::same_thumbprint(thumbprint, leaf.sha1_thumbprint()) ||
                                   x509::same_thumbprint(thumbprint, leaf.sha256_thumbprint()));
  };
  if (!matches(identity.primary_thumbprint) && !matches(identity.secondary_thumbprint))
    return {Reason::thumbprint_mismatch, "It showed SHA-1 " + leaf.sha1_thumbprint() + ", SHA-256 " +
                                             leaf.sha256_thumbprint() + "; " + x509::names_of(leaf) + '.'};
  if (!leaf.is_valid_at(now))
    return {Reason::certificate_dates, "It is valid from " + to_iso8601(leaf.not_before()) + " to " +
                                           to_iso8601(leaf.not_after()) + "; " + x509::names_of(leaf) + '.'};
  return {};
}

RefusalCause cause_of_chain(const x509::Chain& chain, const std::string& device, const x509::TrustedCas& cas,
                            Timestamp now) {
  const x509::Certificate& leaf = chain.front();
  const std::string names = "; " + x509::names_of(leaf) + '.';
  if (leaf.common_name() != device)
    return {Reason::common_name, "It is '" + leaf.common_name().value_or("") + "'" + names};
  const auto vouched = cas.verify(chain, now);
  if (vouched) return {};
  if (!leaf.is_valid_at(now))
    return {Reason::certificate_dates,
            "It is valid from " + to_iso8601(leaf.not_before()) + " to " + to_iso8601(leaf.not_after()) + names};
  return {Reason::ca_unknown, vouched.error().detail + names};
}

std::string resource_of(const IdentityId& id) {
  return "HOST/devices/" + (id.is_module() ? id.device + "/modules/" + id.module : id.device);
}

/// As the login has it: what an identity's own key opens, or a policy.
bool covers(const Authenticator& authenticator, const iothub::SasToken& token, const IdentityId& id, bool by_device) {
  if (!token.policy.empty()) return authenticator.policy_covers(token.resource, iothub::resource_path(id));
  return iothub::names_identity(token.resource, id) ||
         (by_device && iothub::names_identity(token.resource, {id.device, ""}));
}

/// Nothing is wrong any more, or it is none of the credentials' business.
RefusalCause otherwise(const Error& error) {
  RefusalCause cause = cause_of(error);
  if (cause.detail.empty()) cause.detail = error.detail;
  return cause;
}

std::string name_of(Right right) {
  std::string names;
  const auto add = [&](Right each, std::string_view name) {
    if (!has(right, each)) return;
    if (!names.empty()) names += " and ";
    names += name;
  };
  add(Right::registry_read, "RegistryRead");
  add(Right::registry_write, "RegistryWrite");
  add(Right::service_connect, "ServiceConnect");
  add(Right::device_connect, "DeviceConnect");
  return names;
}

bool is_of_credentials(Errc code) {
  return code == Errc::iot_hub_unauthorized || code == Errc::iot_hub_unauthorized_access ||
         code == Errc::device_not_found || code == Errc::module_not_found || code == Errc::device_disabled ||
         code == Errc::argument_invalid;
}

}  // namespace

RefusalCause cause_of(const Error& error) {
  switch (error.code) {
    case Errc::device_not_found:
    case Errc::module_not_found:
      return {Reason::unknown_device, {}};
    case Errc::device_disabled:
      return {Reason::disabled, {}};
    case Errc::throttling_exception:
    case Errc::throttling_backlog_timeout:
    case Errc::generic_too_many_requests:
      return {Reason::throttled, error.detail};
    case Errc::iot_hub_quota_exceeded:
      return {Reason::quota, error.detail};
    case Errc::service_unavailable:
      return {Reason::store_unavailable, error.detail};
    default:
      return {Reason::other, error.detail};
  }
}

RefusalCause RefusalCauses::of_device(const IdentityId& id, std::string_view sas_token, const Error& error) const {
  if (!is_of_credentials(error.code)) return otherwise(error);
  const auto token = iothub::parse_sas_token(sas_token);
  if (!token) return {sas_token.empty() ? Reason::no_credentials : Reason::token_unreadable, {}};
  const Timestamp now = clock_.wall();
  const auto read = store_.read(id);
  const iothub::Identity* const identity = read && read->entity.identity ? read->entity.identity.get() : nullptr;
  // How the device proves itself comes first: to mend the clock of one that needs a certificate mends nothing.
  if (identity != nullptr && identity->authentication != iothub::AuthenticationType::sas)
    return wrong_type(*identity, "a token");
  if (iothub::is_expired(*token, now)) return expired(*token, now);
  if (identity == nullptr) return {Reason::unknown_device, {}};
  bool by_device = false;  // a module's token that its device's key has signed
  if (token->policy.empty()) {
    std::shared_ptr<const iothub::Identity> device;
    if (id.is_module()) {
      if (const auto owner = store_.read({id.device, ""})) device = owner->entity.identity;
    }
    by_device = device && device->authentication == iothub::AuthenticationType::sas &&
                has_signed(*token, device->primary_key, device->secondary_key);
    if (!by_device && !has_signed(*token, identity->primary_key, identity->secondary_key))
      return wrong_key(*token, "the identity");
  } else if (const RefusalCause policy = of_policy(sas_token, Right::device_connect); policy.reason != Reason::other) {
    return policy;
  }
  if (!covers(authenticator_, *token, id, by_device))
    return {Reason::wrong_resource, "Its sr is '" + sr_of(*token) + "', wanted is " + resource_of(id) + '.'};
  return of_identity(id).value_or(otherwise(error));
}

RefusalCause RefusalCauses::of_device(const IdentityId& id, const x509::Chain& chain, const Error& error) const {
  if (!is_of_credentials(error.code)) return otherwise(error);
  if (chain.empty()) return {Reason::no_credentials, {}};
  const auto read = store_.read(id);
  if (!read) return otherwise(error);
  if (!read->entity.identity) return {Reason::unknown_device, {}};
  const iothub::Identity& identity = *read->entity.identity;
  if (id.is_module()) return wrong_type(identity, "a certificate; modules have none");
  RefusalCause cause;
  switch (identity.authentication) {
    case iothub::AuthenticationType::self_signed:
      cause = cause_of_thumbprint(chain.front(), identity, clock_.wall());
      break;
    case iothub::AuthenticationType::certificate_authority:
      cause = cause_of_chain(chain, id.device, *certificates_.trusted(), clock_.wall());
      break;
    default:
      return wrong_type(identity, "a certificate: " + x509::names_of(chain.front()));
  }
  if (cause.reason != Reason::other) return cause;
  return of_identity(id).value_or(otherwise(error));
}

/// Its status, and of a module that of its device.
std::optional<RefusalCause> RefusalCauses::of_identity(const IdentityId& id) const {
  for (const IdentityId& each : {IdentityId{id.device, ""}, id}) {
    const auto read = store_.read(each);
    if (!read) return std::nullopt;
    if (!read->entity.identity) return RefusalCause{Reason::unknown_device, {}};
    if (read->entity.identity->status != iothub::Status::enabled) return disabled(*read->entity.identity);
  }
  return std::nullopt;
}

RefusalCause RefusalCauses::of_policy(std::string_view sas_token, std::optional<Right> needed) const {
  if (sas_token.empty()) return {Reason::no_credentials, {}};
  // Whose access token it is nobody says before it is good; what it mostly lacks is the right.
  const auto bearer = iothub::bearer_token(sas_token);
  if (iothub::read_access_token(bearer.value_or(sas_token)))
    return {Reason::policy_rights, "The access token is not good for this, or not any more."};
  if (bearer) return {Reason::token_unreadable, "It is no access token of this hub's."};
  const auto token = iothub::parse_sas_token(sas_token);
  if (!token) return {Reason::token_unreadable, {}};
  if (iothub::is_expired(*token, clock_.wall())) return expired(*token, clock_.wall());
  if (token->policy.empty()) return {Reason::policy_rights, "The token is a device's own: it names no policy (skn)."};
  const auto policies = authenticator_.policies();
  const auto found = std::find_if(policies->begin(), policies->end(),
                                  [&](const Policy& policy) { return policy.name == token->policy; });
  if (found == policies->end()) return {Reason::unknown_policy, "It is '" + token->policy + "'."};
  const bool by_bytes = has_signed(*token, found->primary_key, found->secondary_key);
  const bool by_text = iothub::text_signature_matches(*token, found->primary_key) ||
                       iothub::text_signature_matches(*token, found->secondary_key);
  if (!by_bytes && !by_text) return wrong_key(*token, "the policy '" + token->policy + "'");
  if (needed && !has(found->rights, *needed))
    return {Reason::policy_rights, "The policy '" + token->policy + "' lacks " + name_of(*needed) + '.'};
  return {Reason::other, {}};
}

}  // namespace twinhub::hub

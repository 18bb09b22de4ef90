#include "server/hub/access/authenticator.hpp"

#include "protocol/iothub/sas_scope.hpp"
#include "protocol/iothub/sas_token.hpp"

#include <algorithm>
#include <memory>
#include <optional>

namespace twinhub::hub {
namespace {

/// Both keys are always tried: the time taken does not tell which one it was.
struct KeyMatch {
  bool primary = false;
  bool secondary = false;
  explicit operator bool() const { return primary || secondary; }
};
KeyMatch match_keys(const iothub::SasToken& token, std::string_view primary_key, std::string_view secondary_key) {
  const bool primary = iothub::signature_matches(token, primary_key);
  const bool secondary = iothub::signature_matches(token, secondary_key);
  return {primary, secondary};
}

const Policy* find_policy(const std::vector<Policy>& policies, std::string_view name) {
  const auto found =
      std::find_if(policies.begin(), policies.end(), [&](const Policy& policy) { return policy.name == name; });
  return found == policies.end() ? nullptr : &*found;
}

Error unauthorized(std::string detail) { return fail(Errc::iot_hub_unauthorized, std::move(detail)); }

Error unknown(const IdentityId& id) {
  return fail(Errc::device_not_found, id.is_module() ? id.device + "/" + id.module : id.device);
}

/// Opens `login` when a key of `identity` has signed the token.
bool match_own_key(const iothub::SasToken& token, const iothub::Identity& identity, DeviceLogin& login) {
  if (identity.authentication != iothub::AuthenticationType::sas) return false;
  const KeyMatch match = match_keys(token, identity.primary_key, identity.secondary_key);
  if (!match) return false;
  if (!match.primary) login.key_used = KeyUsed::secondary;
  login.proof = digest_of_key(match.primary ? identity.primary_key : identity.secondary_key);
  return true;
}

/// Which key opened the door, when one did. `device`: of a module, its device, whose key may sign for it (edgeHub's
/// DeviceScopeAuthenticator: "The module could have used the Device key to sign its token"; azure-iot-sdk-c's module
/// suites do); else null.
Result<DeviceLogin> match_token(const iothub::SasToken& token, const iothub::Identity& identity,
                                const iothub::Identity* device, const std::vector<Policy>& policies) {
  DeviceLogin login;
  login.id = identity.id;
  login.generation_id = identity.generation_id;
  login.etag = identity.etag;
  login.policy = token.policy;
  login.expires_at = token.expires_at;
  if (token.policy.empty()) {
    if (match_own_key(token, identity, login)) return login;
    if (device != nullptr && match_own_key(token, *device, login)) {
      login.by_key_of_device = true;
      return login;
    }
    return unauthorized("the token's signature matches no key of the identity");
  }
  const Policy* policy = find_policy(policies, token.policy);
  if (policy == nullptr) return unauthorized("the token names an unknown policy");
  const KeyMatch match = match_keys(token, policy->primary_key, policy->secondary_key);
  if (!match) return unauthorized("the token's signature matches no key of its policy");
  if (!has(policy->rights, Right::device_connect)) return unauthorized("the token's policy lacks DeviceConnect");
  login.key_used = KeyUsed::policy;
  login.proof = digest_of_key(match.primary ? policy->primary_key : policy->secondary_key);
  return login;
}

/// The one certificate that the identity knows by its thumbprint; who signed it does not matter.
Result<DeviceLogin> match_thumbprint(const x509::Certificate& leaf, const iothub::Identity& identity, Timestamp now) {
  DeviceLogin login;
  const auto matches = [&](const std::string& thumbprint) {
    // IoT Hub takes SHA-1 (40 digits) and SHA-256 (64 digits), each in either place.
    return !thumbprint.empty() && (x509::same_thumbprint(thumbprint, leaf.sha1_thumbprint()) ||
                                   x509::same_thumbprint(thumbprint, leaf.sha256_thumbprint()));
  };
  if (matches(identity.primary_thumbprint)) {
    login.proof = identity.primary_thumbprint;
  } else if (matches(identity.secondary_thumbprint)) {
    login.key_used = KeyUsed::secondary;
    login.proof = identity.secondary_thumbprint;
  } else {
    return unauthorized("the certificate has none of the identity's thumbprints: SHA1Hash " + leaf.sha1_thumbprint() +
                        ", SHA2Hash " + leaf.sha256_thumbprint());
  }
  if (!leaf.is_valid_at(now)) return unauthorized("the certificate is expired, or not valid yet");
  login.expires_at = iothub::unix_seconds(leaf.not_after());
  return login;
}

Result<DeviceLogin> match_chain(const x509::Chain& chain, const std::string& device, const x509::TrustedCas& cas,
                                Timestamp now) {
  if (chain.front().common_name() != device) {
    return unauthorized("the certificate's common name is not the device id: " + chain.front().subject());
  }
  auto vouched = cas.verify(chain, now);
  if (!vouched) return vouched.error();
  DeviceLogin login;
  login.proof = std::move(vouched->cas);
  login.expires_at = iothub::unix_seconds(vouched->not_after);
  return login;
}

}  // namespace

Authenticator::Authenticator(const storage::Store& store, const Clock& clock, const Certificates& certificates,
                             std::vector<Policy> policies)
    : store_(store),
      clock_(clock),
      certificates_(certificates),
      policies_(std::make_shared<const std::vector<Policy>>(std::move(policies))) {}

std::shared_ptr<const std::vector<Policy>> Authenticator::policies() const {
  const MutexLock lock(mutex_);
  return policies_;
}

void Authenticator::replace_policies(std::vector<Policy> policies) {
  auto now = std::make_shared<const std::vector<Policy>>(std::move(policies));
  const MutexLock lock(mutex_);
  policies_ = std::move(now);
  ++policies_generation_;
}

Result<DeviceLogin> Authenticator::login_device(const IdentityId& id, std::string_view sas_token) const {
  const auto token = iothub::parse_sas_token(sas_token);
  if (!token) return unauthorized("the password is not a shared access signature");
  if (iothub::is_expired(*token, clock_.wall())) return unauthorized("the token is expired");

  const auto read = store_.read(id);
  if (!read) return read.error();
  if (!read->entity.identity) return unknown(id);
  const iothub::Identity& identity = *read->entity.identity;

  if (identity.authentication != iothub::AuthenticationType::sas) {
    return unauthorized("the identity does not authenticate by shared access signature");
  }
  std::shared_ptr<const iothub::Identity> device;
  if (id.is_module()) {
    const auto owner = store_.read({id.device, ""});
    if (!owner) return owner.error();
    device = owner->entity.identity;
  }
  auto login = match_token(*token, identity, device.get(), *policies());
  if (!login) return login.error();
  // An identity's key opens that identity alone; a device's key, named for the device, its modules as well.
  const bool covers = login->key_used == KeyUsed::policy
                          ? policy_covers(token->resource, iothub::resource_path(id))
                          : iothub::names_identity(token->resource, id) ||
                                (login->by_key_of_device && iothub::names_identity(token->resource, {id.device, ""}));
  if (!covers) return unauthorized("the token is for another resource");

  if (const auto enabled = check_enabled(identity); !enabled) return enabled.error();
  return login;
}

Result<DeviceLogin> Authenticator::login_owner(const IdentityId& named, std::string_view sas_token) const {
  const auto token = iothub::parse_sas_token(sas_token);
  if (!token || !token->policy.empty()) return unauthorized("there is no shared access signature of the device's own");
  if (iothub::is_expired(*token, clock_.wall())) return unauthorized("the token is expired");
  const IdentityId device{named.device, ""};
  const auto read = store_.read(device);
  if (!read) return read.error();
  if (!read->entity.identity) return unknown(device);
  const iothub::Identity& identity = *read->entity.identity;
  DeviceLogin login;
  login.id = device;
  login.generation_id = identity.generation_id;
  login.etag = identity.etag;
  login.expires_at = token->expires_at;
  if (!match_own_key(*token, identity, login))
    return unauthorized("the token's signature matches no key of the identity");
  if (!iothub::names_identity(token->resource, device) && !iothub::names_identity(token->resource, named) &&
      !iothub::names_modules_of(token->resource, device))
    return unauthorized("the token is for another resource");
  if (const auto enabled = check_enabled(identity); !enabled) return enabled.error();
  return login;
}

Result<DeviceLogin> Authenticator::login_device(const IdentityId& id, const x509::Chain& chain) const {
  if (chain.empty()) return unauthorized("there is neither a password nor a client certificate");
  if (id.is_module()) return unauthorized("a module does not authenticate by certificate");
  const auto read = store_.read(id);
  if (!read) return read.error();
  if (!read->entity.identity) return unknown(id);
  const iothub::Identity& identity = *read->entity.identity;

  Result<DeviceLogin> login = unauthorized("the identity does not authenticate by certificate");
  if (identity.authentication == iothub::AuthenticationType::self_signed) {
    login = match_thumbprint(chain.front(), identity, clock_.wall());
  } else if (identity.authentication == iothub::AuthenticationType::certificate_authority) {
    login = match_chain(chain, id.device, *certificates_.trusted(), clock_.wall());
  }
  if (!login) return login;
  login->id = id;
  login->generation_id = identity.generation_id;
  login->etag = identity.etag;
  login->authentication = identity.authentication;
  if (const auto enabled = check_enabled(identity); !enabled) return enabled.error();
  return login;
}

Result<void> Authenticator::check_enabled(const iothub::Identity& identity) const {
  const IdentityId& id = identity.id;
  if (id.is_module()) {
    // A module lives in its device: a disabled device keeps its modules out (inferred).
    const auto device = store_.read({id.device, ""});
    if (!device) return device.error();
    if (!device->entity.identity) return unknown({id.device, ""});
    if (device->entity.identity->status != iothub::Status::enabled) return fail(Errc::device_disabled, id.device);
  }
  if (identity.status != iothub::Status::enabled) return fail(Errc::device_disabled, id.device);
  return {};
}

Result<void> Authenticator::authorize(std::string_view authorization, std::string_view path, Right needed) const {
  // One answer for every cause, as IoT Hub gives it: a stranger learns nothing of policies.
  const Error refused = fail(Errc::iot_hub_unauthorized_access, "Unauthorized");
  const auto token = iothub::parse_sas_token(authorization);
  if (!token) {
    const auto login = login_bearer(authorization);
    if (login && has(login->rights, needed)) return {};
    return refused;
  }
  if (iothub::is_expired(*token, clock_.wall())) return refused;
  const auto known = policies();
  const Policy* policy = find_policy(*known, token->policy);
  if (policy == nullptr) return refused;  // no `skn`: an identity's own key opens no back-end route
  if (!match_keys(*token, policy->primary_key, policy->secondary_key)) return refused;
  if (!has(policy->rights, needed)) return refused;
  if (!policy_covers(token->resource, iothub::resource_path(path))) return refused;
  return {};
}

Result<Authenticator::PolicyLogin> Authenticator::login_bearer(std::string_view authorization) const {
  if (access_tokens_ == nullptr) return unauthorized("access tokens are not taken");
  const auto known = policies();
  const auto verdict = access_tokens_->verify(Audience::service_api, authorization,
                                              [&known](const std::string& name) -> std::optional<Policy> {
                                                const Policy* policy = find_policy(*known, name);
                                                return policy == nullptr ? std::nullopt : std::optional(*policy);
                                              });
  if (verdict.fault) return unauthorized("the access token is not one of this hub's, or has expired");
  const Policy* policy = find_policy(*known, verdict.client);
  if (policy == nullptr) return unauthorized("the access token names an unknown policy");
  return PolicyLogin{policy->name, without(policy->rights, Right::device_connect), verdict.expires_at, verdict.proof};
}

Result<Authenticator::PolicyLogin> Authenticator::login_policy(std::string_view sas_token, Signed how) const {
  const auto token = iothub::parse_sas_token(sas_token);
  if (!token) return unauthorized("the token is no shared access signature");
  if (iothub::is_expired(*token, clock_.wall())) return unauthorized("the token is expired");
  const auto known = policies();
  const Policy* policy = find_policy(*known, token->policy);
  if (policy == nullptr) return unauthorized("the token names an unknown policy");
  KeyMatch match = match_keys(*token, policy->primary_key, policy->secondary_key);
  if (how == Signed::by_bytes_or_text) {
    const bool by_primary = iothub::text_signature_matches(*token, policy->primary_key);
    const bool by_secondary = iothub::text_signature_matches(*token, policy->secondary_key);
    match = {match.primary || by_primary, match.secondary || by_secondary};
  }
  if (!match) return unauthorized("the token's signature matches no key of its policy");
  return PolicyLogin{policy->name, policy->rights, token->expires_at,
                     digest_of_key(match.primary ? policy->primary_key : policy->secondary_key)};
}

bool Authenticator::policy_covers(std::string_view resource, const iothub::ResourcePath& wanted) const {
  return iothub::policy_covers(resource, wanted, [this](const IdentityId& id) {
    const auto read = store_.read(id);
    return !read || read->entity.identity;  // while nobody can tell, the literal name is the only one
  });
}

bool Authenticator::holds(const DeviceLogin& login) const {
  const auto read = store_.read(login.id);
  if (!read || !read->entity.identity) return false;
  const iothub::Identity& identity = *read->entity.identity;
  // The etag is new with every write of the record: keys, thumbprints and type are what they were.
  if (identity.generation_id != login.generation_id || identity.etag != login.etag) return false;
  if (login.by_key_of_device) {
    const auto device = store_.read({login.id.device, ""});
    if (!device || !device->entity.identity || !is_key_of(login.proof, *device->entity.identity)) return false;
  }
  return check_enabled(identity) && still_vouched(login);
}

bool Authenticator::still_vouched(const PolicyLogin& login) const {
  const auto known = policies();
  const Policy* const policy = find_policy(*known, login.policy);
  return policy != nullptr && has(policy->rights, login.rights) &&
         (login.proof == digest_of_key(policy->primary_key) || login.proof == digest_of_key(policy->secondary_key));
}

bool Authenticator::still_vouched(const DeviceLogin& login) const {
  if (login.key_used == KeyUsed::policy) {
    const auto known = policies();
    const Policy* const policy = find_policy(*known, login.policy);
    return policy != nullptr && has(policy->rights, Right::device_connect) &&
           (login.proof == digest_of_key(policy->primary_key) || login.proof == digest_of_key(policy->secondary_key));
  }
  return login.authentication != iothub::AuthenticationType::certificate_authority ||
         certificates_.trusted()->hold(login.proof);
}

}  // namespace twinhub::hub

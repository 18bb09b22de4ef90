#include "server/hub/authenticator.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "protocol/iothub/sas_token.hpp"

#include <algorithm>
#include <optional>

namespace twinhub::hub {
namespace {

using Path = std::vector<std::string>;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

Path segments_of(std::string_view text) {
  Path segments;
  while (!text.empty()) {
    const std::size_t slash = text.find('/');
    if (slash != 0) segments.emplace_back(text.substr(0, slash));
    text.remove_prefix(slash == std::string_view::npos ? text.size() : slash + 1);
  }
  return segments;
}

/// The ways in which a token's `sr` may be read, each without its host: a hub is reached under many names (localhost,
/// an address, a proxy's name), so the host that a token was made for is not compared; its key is.
std::vector<Path> paths_of(const iothub::SasToken& token) {
  std::vector<Path> paths{iothub::scope_of(token.resource).path};
  // azure-iot-sdk-c sends `sr` unencoded: an id with a '%' in it must not be decoded.
  if (const std::size_t slash = token.resource.find('/'); slash != std::string::npos) {
    paths.push_back(segments_of(std::string_view(token.resource).substr(slash)));
  }
  for (Path& path : paths) {
    // Tokens made by the old portal end in "/api-version=2016-11-14" (azure-docs iot-mqtt-connect-to-iot-hub). Where an
    // id stands (every second segment) it is an id.
    if (path.size() % 2 == 1 && equals_ignoring_case(path.back().substr(0, 12), "api-version=")) path.pop_back();
  }
  return paths;
}

/// Ids are compared without case, and once more decoded: SDKs encode an id before they encode the whole `sr`.
bool same_segment(std::string_view of_token, std::string_view wanted) {
  return equals_ignoring_case(of_token, wanted) || equals_ignoring_case(iothub::percent_decode(of_token), wanted);
}

/// Whole segments only: "devices/dev" covers "devices/dev/modules/m", never "devices/dev1".
bool is_prefix(const Path& of_token, const Path& wanted) {
  return of_token.size() <= wanted.size() && std::equal(of_token.begin(), of_token.end(), wanted.begin(), same_segment);
}

bool covers(const iothub::SasToken& token, const Path& wanted, bool exactly) {
  const auto paths = paths_of(token);
  return std::any_of(paths.begin(), paths.end(), [&](const Path& path) {
    return is_prefix(path, wanted) && (!exactly || path.size() == wanted.size());
  });
}

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

Path device_path(const IdentityId& id) {
  if (id.is_module()) return {"devices", id.device, "modules", id.module};
  return {"devices", id.device};
}

Error unauthorized(std::string detail) { return fail(Errc::iot_hub_unauthorized, std::move(detail)); }

Error unknown(const IdentityId& id) {
  return fail(Errc::device_not_found, id.is_module() ? id.device + "/" + id.module : id.device);
}

/// Which key opened the door, when one did.
Result<DeviceLogin> match_token(const iothub::SasToken& token, const iothub::Identity& identity,
                                const std::vector<Policy>& policies) {
  DeviceLogin login;
  login.id = identity.id;
  login.generation_id = identity.generation_id;
  login.etag = identity.etag;
  login.policy = token.policy;
  login.expires_at = token.expires_at;
  if (token.policy.empty()) {
    const KeyMatch match = match_keys(token, identity.primary_key, identity.secondary_key);
    if (!match) return unauthorized("the token's signature matches no key of the identity");
    if (!match.primary) login.key_used = KeyUsed::secondary;
    return login;
  }
  const Policy* policy = find_policy(policies, token.policy);
  if (policy == nullptr) return unauthorized("the token names an unknown policy");
  if (!match_keys(token, policy->primary_key, policy->secondary_key)) {
    return unauthorized("the token's signature matches no key of its policy");
  }
  if (!has(policy->rights, Right::device_connect)) return unauthorized("the token's policy lacks DeviceConnect");
  login.key_used = KeyUsed::policy;
  return login;
}

std::uint64_t unix_seconds(Timestamp at) {
  return at.ticks < unix_epoch_ticks ? 0 : (at.ticks - unix_epoch_ticks) / ticks_per_second;
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
  login.expires_at = unix_seconds(leaf.not_after());
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
  login.expires_at = unix_seconds(vouched->not_after);
  return login;
}

}  // namespace

Authenticator::Authenticator(const storage::Store& store, const Clock& clock, const Certificates& certificates,
                             std::vector<Policy> policies)
    : store_(store), clock_(clock), certificates_(certificates), policies_(std::move(policies)) {}

Result<DeviceLogin> Authenticator::login_device(const IdentityId& id, std::string_view sas_token) const {
  const auto token = iothub::parse_sas_token(sas_token);
  if (!token) return unauthorized("the password is not a shared access signature");
  if (iothub::is_expired(*token, clock_.now())) return unauthorized("the token is expired");

  const auto read = store_.read(id);
  if (!read) return read.error();
  if (!read->entity.identity) return unknown(id);
  const iothub::Identity& identity = *read->entity.identity;

  auto login = match_token(*token, identity, policies_);
  if (!login) return login.error();
  const bool own_key = login->key_used != KeyUsed::policy;
  if (!covers(*token, device_path(id), own_key)) return unauthorized("the token is for another resource");

  if (const auto enabled = check_enabled(identity); !enabled) return enabled.error();
  if (identity.authentication != iothub::AuthenticationType::sas) {
    return unauthorized("the identity does not authenticate by shared access signature");
  }
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
    login = match_thumbprint(chain.front(), identity, clock_.now());
  } else if (identity.authentication == iothub::AuthenticationType::certificate_authority) {
    login = match_chain(chain, id.device, *certificates_.trusted(), clock_.now());
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
  if (!token || iothub::is_expired(*token, clock_.now())) return refused;
  const Policy* policy = find_policy(policies_, token->policy);
  if (policy == nullptr) return refused;  // no `skn`: an identity's own key opens no back-end route
  if (!match_keys(*token, policy->primary_key, policy->secondary_key)) return refused;
  if (!has(policy->rights, needed)) return refused;
  if (!covers(*token, segments_of(path), false)) return refused;
  return {};
}

bool Authenticator::holds(const DeviceLogin& login) const {
  const auto read = store_.read(login.id);
  if (!read || !read->entity.identity) return false;
  const iothub::Identity& identity = *read->entity.identity;
  // The etag is new with every write of the record: keys, thumbprints and type are what they were.
  if (identity.generation_id != login.generation_id || identity.etag != login.etag) return false;
  return check_enabled(identity) && still_vouched(login);
}

bool Authenticator::still_valid(const DeviceLogin& login, const iothub::Identity& before, const iothub::Identity& now) {
  if (now.status != iothub::Status::enabled) return false;
  if (now.id != login.id) return true;  // of the module's device, the status alone matters
  if (now.generation_id != login.generation_id) return false;
  if (now.authentication != login.authentication) return false;
  if (login.authentication == iothub::AuthenticationType::certificate_authority) return true;
  if (login.authentication == iothub::AuthenticationType::self_signed) {
    return x509::same_thumbprint(login.proof, now.primary_thumbprint) ||
           x509::same_thumbprint(login.proof, now.secondary_thumbprint);
  }
  if (login.key_used == KeyUsed::policy) return true;
  const std::string& key = login.key_used == KeyUsed::primary ? before.primary_key : before.secondary_key;
  return key == now.primary_key || key == now.secondary_key;  // keys may have been swapped
}

bool Authenticator::still_vouched(const DeviceLogin& login) const {
  return login.authentication != iothub::AuthenticationType::certificate_authority ||
         certificates_.trusted()->hold(login.proof);
}

}  // namespace twinhub::hub

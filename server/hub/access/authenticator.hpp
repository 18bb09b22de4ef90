// Who are you, and may you: decided once, at the door.
// Source: azure-docs iot-hub-dev-guide-sas, authenticate-authorize-sas; edgeHub's token authenticator for the order of
// checks.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"
#include "protocol/iothub/sas_scope.hpp"
#include "protocol/iothub/sas_token.hpp"
#include "protocol/x509/certificate.hpp"
#include "server/base/clock.hpp"
#include "server/hub/access/access_tokens.hpp"
#include "server/hub/access/certificates.hpp"
#include "server/hub/connections/device_login.hpp"
#include "storage/guarded.hpp"
#include "storage/store.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::hub {

/// Rights of a shared access policy; a set is their bitwise or.
enum class Right : std::uint8_t {
  none = 0,
  registry_read = 1,
  registry_write = 2,
  service_connect = 4,
  device_connect = 8
};
[[nodiscard]] constexpr Right operator|(Right a, Right b) {
  return static_cast<Right>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
[[nodiscard]] constexpr bool has(Right set, Right wanted) {
  return (static_cast<std::uint8_t>(set) & static_cast<std::uint8_t>(wanted)) == static_cast<std::uint8_t>(wanted);
}
[[nodiscard]] constexpr Right without(Right set, Right taken) {
  return static_cast<Right>(static_cast<std::uint8_t>(set) & ~static_cast<unsigned>(taken));
}

struct Policy {
  std::string name;
  Right rights = Right::none;
  std::string primary_key;  ///< base64
  std::string secondary_key;
};

/// Any thread.
class Authenticator {
 public:
  Authenticator(const storage::Store& store, const Clock& clock, const Certificates& certificates,
                std::vector<Policy> policies);

  /// A device's or module's CONNECT with a SAS token as password. Errors: iot_hub_unauthorized (token malformed,
  /// expired, wrong scope or key, wrong authentication type), device_not_found, device_disabled, service_unavailable.
  /// The detail is for the log; it names no key.
  [[nodiscard]] Result<DeviceLogin> login_device(const IdentityId& id, std::string_view sas_token) const;

  /// A device that showed `chain` in its TLS handshake and named itself without a token: its own thumbprint, or a path
  /// to a verified CA with the device id as the leaf's common name. Modules have no certificates (as edgeHub has it;
  /// for the cloud inferred). Errors: as above; iot_hub_unauthorized for an empty chain, too.
  /// Source: azure-docs iot-hub-x509ca-overview, authenticate-authorize-x509; edgeHub's X.509 authenticators.
  [[nodiscard]] Result<DeviceLogin> login_device(const IdentityId& id, const x509::Chain& chain) const;

  /// A device that asks for its own modules in the registry: by its own key and no policy's, for `named`, the device or
  /// the module of it that is asked for. Errors: as login_device().
  /// Source: azure-iot-sdk-csharp PR 399 ("devices connecting to registry manager with a device scoped key for module
  /// operations"); aziot-identity-service's hub client.
  [[nodiscard]] Result<DeviceLogin> login_owner(const IdentityId& named, std::string_view sas_token) const;

  /// A REST request: the Authorization header's text, and the decoded path it is for ("/twins/d1"). A SAS token of a
  /// policy, or an access token that was issued to one. Errors: iot_hub_unauthorized_access.
  [[nodiscard]] Result<void> authorize(std::string_view authorization, std::string_view path, Right needed) const;

  /// A back end's token that is not for one request: AMQP's, which opens links for as long as it lives.
  struct PolicyLogin {
    std::string policy;
    Right rights = Right::none;
    std::uint64_t expires_at = 0;  ///< Unix seconds
    std::string proof = {};        ///< a digest of the key that signed
  };
  /// How a token may have been signed: by the bytes that the key encodes, as IoT Hub's are, or also by the key's text,
  /// as Event Hubs' are.
  enum class Signed : std::uint8_t { by_bytes, by_bytes_or_text };
  /// What the token is for is the caller's to check. Errors: iot_hub_unauthorized.
  [[nodiscard]] Result<PolicyLogin> login_policy(std::string_view sas_token, Signed how) const;

  /// The same for an access token that was issued to a policy: "Bearer ...", good for the whole hub. Like the roles of the
  /// cloud it opens the service API and lets no device in. Errors: iot_hub_unauthorized.
  [[nodiscard]] Result<PolicyLogin> login_bearer(std::string_view authorization) const;

  /// Whether a policy's token with this `sr` opens `wanted`.
  [[nodiscard]] bool policy_covers(std::string_view resource, const iothub::ResourcePath& wanted) const;

  /// From here on policies' access tokens are taken, too. Once, before a door opens; `tokens` outlives it.
  void accept(const AccessTokens& tokens) { access_tokens_ = &tokens; }

  /// The policies of now; never null.
  [[nodiscard]] std::shared_ptr<const std::vector<Policy>> policies() const;
  /// From here on tokens are judged by these. The caller has made them durable.
  void replace_policies(std::vector<Policy> policies);
  /// Grows whenever the trusted CAs or the policies change.
  [[nodiscard]] std::uint64_t vouchers_generation() const {
    return certificates_.generation() + policies_generation_.load();
  }

  /// True when nothing that `login` was decided from has changed since: then nobody has to decide again. False also
  /// when that cannot be told.
  [[nodiscard]] bool holds(const DeviceLogin& login) const;
  /// False once a CA, or a policy's key, that `login` rests on is gone; look when vouchers_generation() has changed.
  [[nodiscard]] bool still_vouched(const DeviceLogin& login) const;
  /// Likewise; false, too, once the policy has fewer rights than `login`.
  [[nodiscard]] bool still_vouched(const PolicyLogin& login) const;

 private:
  [[nodiscard]] Result<void> check_enabled(const iothub::Identity& identity) const;

  const storage::Store& store_;
  const Clock& clock_;
  const Certificates& certificates_;
  const AccessTokens* access_tokens_ = nullptr;  ///< null: none is taken

  mutable Mutex mutex_;
  std::shared_ptr<const std::vector<Policy>> policies_ GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> policies_generation_{1};
};

}  // namespace twinhub::hub

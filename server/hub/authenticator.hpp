// Who are you, and may you: decided once, at the door.
// Source: azure-docs iot-hub-dev-guide-sas, authenticate-authorize-sas; edgeHub's token authenticator for the order of
// checks.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"
#include "protocol/iothub/telemetry_properties.hpp"
#include "protocol/x509/certificate.hpp"
#include "server/hub/certificates.hpp"
#include "server/hub/clock.hpp"
#include "storage/store.hpp"

#include <cstdint>
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

struct Policy {
  std::string name;
  Right rights = Right::none;
  std::string primary_key;  ///< base64
  std::string secondary_key;
};

/// Whose key, or which thumbprint, opened a device's connection.
enum class KeyUsed : std::uint8_t { policy, primary, secondary };

/// A device or module that proved who it is.
struct DeviceLogin {
  IdentityId id;
  std::string generation_id;
  KeyUsed key_used = KeyUsed::primary;
  std::string policy;            ///< when key_used is policy
  std::uint64_t expires_at = 0;  ///< Unix seconds: the token's `se`, saturated, or the end of the certificates

  iothub::AuthenticationType authentication = iothub::AuthenticationType::sas;  ///< the kind that it proved by
  /// Of a certificate, what the login rests on: the identity's thumbprint as it was, or the CAs (x509::Vouched::cas).
  std::string proof = {};
  std::uint64_t etag = 0;  ///< of the identity's record that it was decided from

  [[nodiscard]] iothub::AuthMethod auth_method() const {
    return {key_used == KeyUsed::policy, authentication != iothub::AuthenticationType::sas};
  }
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

  /// A REST request: the Authorization header's text, and the decoded path it is for ("/twins/d1"). Errors:
  /// iot_hub_unauthorized_access.
  [[nodiscard]] Result<void> authorize(std::string_view authorization, std::string_view path, Right needed) const;

  /// True when nothing that `login` was decided from has changed since: then nobody has to decide again. False also
  /// when that cannot be told.
  [[nodiscard]] bool holds(const DeviceLogin& login) const;
  /// True while `login` would still be let in after its identity changed to `now` (keys, status, type).
  [[nodiscard]] static bool still_valid(const DeviceLogin& login, const iothub::Identity& before,
                                        const iothub::Identity& now);
  /// False once a CA that `login` rests on is gone; look when Certificates::generation() has changed.
  [[nodiscard]] bool still_vouched(const DeviceLogin& login) const;

 private:
  [[nodiscard]] Result<void> check_enabled(const iothub::Identity& identity) const;

  const storage::Store& store_;
  const Clock& clock_;
  const Certificates& certificates_;
  std::vector<Policy> policies_;
};

}  // namespace twinhub::hub

// A device or module that proved its identity, however it did so: what a connection, a request and an event say of it.
#pragma once

#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"
#include "protocol/iothub/telemetry_properties.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace twinhub::hub {

/// Whose key, or which thumbprint, opened a device's connection.
enum class KeyUsed : std::uint8_t { policy, primary, secondary };

struct DeviceLogin {
  IdentityId id;
  std::string generation_id;
  KeyUsed key_used = KeyUsed::primary;
  std::string policy;            ///< when key_used is policy
  std::uint64_t expires_at = 0;  ///< Unix seconds: the token's `se`, saturated, or the end of the certificates

  iothub::AuthenticationType authentication = iothub::AuthenticationType::sas;  ///< the kind of proof
  /// What the login rests on, by itself and not by where it stood: a digest of the key that signed the token (its own,
  /// or its policy's), the thumbprint, or the CAs of the certificate's path (x509::Vouched::cas).
  std::string proof = {};
  bool by_key_of_device = false;  ///< a module's token that its device's key signed
  std::uint64_t etag = 0;         ///< of the identity's record that the login was decided from

  [[nodiscard]] iothub::AuthMethod auth_method() const {
    return {key_used == KeyUsed::policy, authentication != iothub::AuthenticationType::sas};
  }
};

/// Names a key without keeping it: enough of a SHA-256 that no other key has it, and short enough to need no memory of
/// its own.
[[nodiscard]] std::string digest_of_key(std::string_view key);
/// True when a key of `identity` has that digest.
[[nodiscard]] bool is_key_of(const std::string& digest, const iothub::Identity& identity);

/// True while `login` would still be let in with `now`: its identity, or of a module's login also its device's.
[[nodiscard]] bool still_valid(const DeviceLogin& login, const iothub::Identity& now);

}  // namespace twinhub::hub

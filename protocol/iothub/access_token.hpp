// Access tokens: the JSON Web Tokens that this hub gives out at a log-in and takes back as `Authorization: Bearer`.
// One form is made and read, HS256 with exactly one header, so no token chooses how it is checked.
// Source: RFC 7515, RFC 7519; RFC 8725 ("perform algorithm verification"); claims as Microsoft Entra ID names them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::iothub {

struct AccessClaims {
  std::string audience;          ///< aud
  std::string issuer;            ///< iss
  std::string client;            ///< appid
  std::string tenant;            ///< tid
  std::string object;            ///< oid: the client as a GUID
  std::uint64_t issued_at = 0;   ///< iat and nbf, Unix seconds
  std::uint64_t expires_at = 0;  ///< exp
};

/// A token taken apart; nothing in it has been verified but its form.
struct AccessToken {
  AccessClaims claims;
  std::string signed_text;  ///< header and claims as sent: the signature covers these bytes
  std::string signature;    ///< decoded
};

/// Longer ones are not of this hub.
inline constexpr std::size_t access_token_bytes_max = 4096;

/// What stands behind "Bearer" in an Authorization header; nullopt for another scheme.
[[nodiscard]] std::optional<std::string_view> bearer_token(std::string_view authorization);

/// nullopt for anything but a token of the one form that make_access_token() makes. Of `iat` and `nbf` the later counts.
[[nodiscard]] std::optional<AccessToken> read_access_token(std::string_view text);

/// REQUIRES: the texts of `claims` are UTF-8. "" only when OpenSSL fails.
[[nodiscard]] std::string make_access_token(const AccessClaims& claims, std::string_view key);

/// Compares in constant time; an empty key never matches.
[[nodiscard]] bool signature_matches(const AccessToken& token, std::string_view key);

/// A GUID that is always the same for `secret` and `name` and tells nothing of either.
[[nodiscard]] std::string derived_guid(std::string_view secret, std::string_view name);

}  // namespace twinhub::iothub

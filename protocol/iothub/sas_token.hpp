// Shared access signatures: reading, signing, checking, expiry. The keys come from the authenticator
// (server/hub/access).
// Source: azure-docs iot-hub-dev-guide-sas; azure-iot-sdk-* SharedAccessSignature implementations.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::iothub {

/// A token taken apart; nothing in it has been verified.
struct SasToken {
  std::string resource;          ///< `sr` exactly as received: the signature covers these bytes
  std::string signature;         ///< `sig`, percent-decoded: base64 text
  std::string expiry;            ///< `se` percent-decoded, as signed
  std::uint64_t expires_at = 0;  ///< `se` in whole Unix seconds, saturated
  std::string policy;            ///< `skn` percent-decoded; "" = the identity's own key
};

/// The parts of the decoded `sr`: {host}, then path segments, e.g. {"devices","d1","modules","m1"}.
struct SasScope {
  std::string host;
  std::vector<std::string> path;
};

/// Clock skew that both doors forgive after `se`. Source: SDKs and edgeHub (MaxClockSkew).
inline constexpr std::uint64_t sas_clock_skew_seconds = 300;

/// Reads "SharedAccessSignature sr=..&sig=..&se=..[&skn=..]"; fields in any order, names and scheme case-insensitive.
/// nullopt when the text is not a token or lacks a field.
[[nodiscard]] std::optional<SasToken> parse_sas_token(std::string_view text);

/// Percent-decodes `resource` and splits it on '/'.
[[nodiscard]] SasScope scope_of(std::string_view resource);

/// `at` as `se` counts: in Unix seconds; 0 before 1970.
[[nodiscard]] std::uint64_t unix_seconds(Timestamp at);
[[nodiscard]] bool is_expired(const SasToken& token, Timestamp now);

/// base64(HMAC-SHA256(base64-decode(key), resource "\n" expiry)); nullopt when `key_base64` is not base64.
[[nodiscard]] std::optional<std::string> sign(std::string_view resource, std::string_view expiry,
                                              std::string_view key_base64);

/// Compares in constant time; an empty or malformed key never matches.
[[nodiscard]] bool signature_matches(const SasToken& token, std::string_view key_base64);

// Event Hubs' tokens are signed with the key's text as it stands, not with the bytes that it encodes.
[[nodiscard]] std::optional<std::string> sign_with_bytes(std::string_view resource, std::string_view expiry,
                                                         std::string_view key);
[[nodiscard]] bool text_signature_matches(const SasToken& token, std::string_view key_text);

/// Makes a whole token, `resource` percent-encoded as the SDKs do. For the CLI and tests.
[[nodiscard]] std::string make_sas_token(std::string_view resource, std::string_view key_base64,
                                         std::uint64_t expires_at, std::string_view policy = {});

}  // namespace twinhub::iothub

#include "protocol/iothub/access_token.hpp"

#include "protocol/ids.hpp"
#include "protocol/iothub/hmac.hpp"
#include "protocol/json/document.hpp"
#include "protocol/json/text.hpp"

#include <algorithm>
#include <cassert>

namespace twinhub::iothub {
namespace {

// RFC 4648, 5: base64 with two other letters, and without padding in tokens.
std::string base64url_encode(std::string_view bytes) {
  std::string text = base64_encode(bytes);
  while (!text.empty() && text.back() == '=') text.pop_back();
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::optional<std::string> base64url_decode(std::string_view text) {
  if (text.find_first_of("+/=") != std::string_view::npos) return std::nullopt;
  std::string plain(text);
  std::replace(plain.begin(), plain.end(), '-', '+');
  std::replace(plain.begin(), plain.end(), '_', '/');
  while (plain.size() % 4 != 0) plain += '=';
  return base64_decode(plain);
}

const std::string& only_header() {
  static const std::string header = base64url_encode(R"({"typ":"JWT","alg":"HS256"})");
  return header;
}

void append_claim(std::string& out, std::string_view name, std::string_view value) {
  if (out.size() > 1) out += ',';
  json::append_key(out, name);
  json::append_string(out, value);
}

void append_claim(std::string& out, std::string_view name, std::uint64_t seconds) {
  out += ',';
  json::append_key(out, name);
  out += std::to_string(seconds);
}

std::string claims_text(const AccessClaims& claims) {
  std::string out = "{";
  append_claim(out, "aud", claims.audience);
  append_claim(out, "iss", claims.issuer);
  append_claim(out, "iat", claims.issued_at);
  append_claim(out, "nbf", claims.issued_at);
  append_claim(out, "exp", claims.expires_at);
  append_claim(out, "appid", claims.client);
  append_claim(out, "idtyp", std::string_view("app"));
  append_claim(out, "oid", claims.object);
  append_claim(out, "sub", claims.client);
  append_claim(out, "tid", claims.tenant);
  append_claim(out, "ver", std::string_view("1.0"));
  return out + "}";
}

bool read(const json::Value& object, std::string_view name, std::string& value) {
  const auto member = object.find(name);
  auto text = member ? member->string() : std::nullopt;
  if (!text) return false;
  value = std::move(*text);
  return true;
}

bool read(const json::Value& object, std::string_view name, std::uint64_t& value) {
  const auto member = object.find(name);
  const auto number = member ? member->integer() : std::nullopt;
  if (!number || *number < 0) return false;
  value = static_cast<std::uint64_t>(*number);
  return true;
}

std::optional<AccessClaims> read_claims(std::string_view text) {
  const auto document = json::parse(text);
  if (!document || !document->root().is_object()) return std::nullopt;
  const json::Value root = document->root();
  AccessClaims claims;
  std::uint64_t not_before = 0;
  const bool whole = read(root, "aud", claims.audience) && read(root, "iss", claims.issuer) &&
                     read(root, "appid", claims.client) && read(root, "tid", claims.tenant) &&
                     read(root, "oid", claims.object) && read(root, "iat", claims.issued_at) &&
                     read(root, "nbf", not_before) && read(root, "exp", claims.expires_at);
  if (!whole) return std::nullopt;
  claims.issued_at = std::max(claims.issued_at, not_before);
  return claims;
}

}  // namespace

std::optional<std::string_view> bearer_token(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() < scheme.size()) return std::nullopt;
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    const char c = authorization[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c) != scheme[i]) return std::nullopt;
  }
  authorization.remove_prefix(std::min(authorization.find_first_not_of(' ', scheme.size()), authorization.size()));
  return authorization;
}

std::optional<AccessToken> read_access_token(std::string_view text) {
  if (text.size() > access_token_bytes_max) return std::nullopt;
  const std::size_t first = text.find('.'), last = text.rfind('.');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  if (text.substr(0, first) != only_header()) return std::nullopt;
  const auto claims_json = base64url_decode(text.substr(first + 1, last - first - 1));  // a third dot is no base64
  auto signature = base64url_decode(text.substr(last + 1));
  if (!claims_json || !signature) return std::nullopt;
  auto claims = read_claims(*claims_json);
  if (!claims) return std::nullopt;
  return AccessToken{std::move(*claims), std::string(text.substr(0, last)), std::move(*signature)};
}

std::string make_access_token(const AccessClaims& claims, std::string_view key) {
  assert(json::is_utf8(claims.client) && json::is_utf8(claims.audience));
  std::string text = only_header() + "." + base64url_encode(claims_text(claims));
  const auto signature = hmac_sha256(key, text);
  if (!signature) return {};
  return text + "." + base64url_encode(view_of(*signature));
}

bool signature_matches(const AccessToken& token, std::string_view key) {
  if (key.empty()) return false;
  const auto expected = hmac_sha256(key, token.signed_text);
  return expected && same_bytes(view_of(*expected), token.signature);
}

std::string derived_guid(std::string_view secret, std::string_view name) {
  HmacDigest digest = hmac_sha256(secret, "guid\n" + std::string(name)).value_or(HmacDigest{});
  digest[6] = static_cast<unsigned char>((digest[6] & 0x0FU) | 0x80U);  // version 8: custom (RFC 9562)
  digest[8] = static_cast<unsigned char>((digest[8] & 0x3FU) | 0x80U);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string guid;
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) guid += '-';
    guid += digits[digest[i] >> 4];
    guid += digits[digest[i] & 0x0FU];
  }
  return guid;
}

}  // namespace twinhub::iothub

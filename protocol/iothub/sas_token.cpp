#include "protocol/iothub/sas_token.hpp"

#include "protocol/ascii.hpp"
#include "protocol/iothub/hmac.hpp"
#include "protocol/iothub/property_bag.hpp"

#include <algorithm>
#include <limits>

namespace twinhub::iothub {
namespace {

constexpr std::string_view scheme = "SharedAccessSignature";

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Whole seconds of "1900000000", "1900000000.5", or a number beyond 64 bits (saturated): all are sent by SDKs.
std::optional<std::uint64_t> whole_seconds(std::string_view text) {
  const std::string_view whole = text.substr(0, text.find('.'));
  if (whole.empty()) return std::nullopt;
  std::uint64_t seconds = 0;
  constexpr auto largest = std::numeric_limits<std::uint64_t>::max();
  for (const char c : whole) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    seconds = seconds > (largest - digit) / 10 ? largest : seconds * 10 + digit;
  }
  for (const char c : text.substr(std::min(text.size(), whole.size() + 1))) {
    if (c < '0' || c > '9') return std::nullopt;
  }
  return seconds;
}

}  // namespace

std::optional<SasToken> parse_sas_token(std::string_view text) {
  std::size_t space = 0;
  while (space < text.size() && !is_space(text[space])) ++space;
  if (!equals_ignoring_case(text.substr(0, space), scheme)) return std::nullopt;
  std::string_view fields = text.substr(space);
  while (!fields.empty() && is_space(fields.front())) fields.remove_prefix(1);
  while (!fields.empty() && is_space(fields.back())) fields.remove_suffix(1);
  for (const char c : fields) {
    if (is_space(c)) return std::nullopt;  // exactly one blob of fields
  }

  SasToken token;
  bool has_resource = false, has_signature = false, has_expiry = false;
  while (!fields.empty()) {
    const std::size_t end = fields.find('&');
    const std::string_view pair = fields.substr(0, end);
    fields.remove_prefix(end == std::string_view::npos ? fields.size() : end + 1);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = pair.substr(0, equals);
    const std::string_view value = pair.substr(equals + 1);
    if (equals_ignoring_case(name, "sr")) {
      token.resource = value;  // never decoded: the signature covers these bytes
      has_resource = !value.empty();
    } else if (equals_ignoring_case(name, "sig")) {
      token.signature = percent_decode(value);
      has_signature = !value.empty();
    } else if (equals_ignoring_case(name, "se")) {
      token.expiry = percent_decode(value);
      has_expiry = !value.empty();
    } else if (equals_ignoring_case(name, "skn")) {
      token.policy = percent_decode(value);
    }
  }
  if (!has_resource || !has_signature || !has_expiry) return std::nullopt;
  const auto seconds = whole_seconds(token.expiry);
  if (!seconds) return std::nullopt;
  token.expires_at = *seconds;
  return token;
}

SasScope scope_of(std::string_view resource) {
  const std::string decoded = percent_decode(resource);
  std::string_view rest = decoded;
  SasScope scope;
  bool first = true;
  while (first || !rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
    if (first) {
      scope.host = segment;
    } else if (!segment.empty()) {
      scope.path.emplace_back(segment);
    }
    first = false;
  }
  return scope;
}

std::uint64_t unix_seconds(Timestamp at) {
  return at.ticks < unix_epoch_ticks ? 0 : (at.ticks - unix_epoch_ticks) / ticks_per_second;
}

bool is_expired(const SasToken& token, Timestamp now) {
  const std::uint64_t now_seconds = unix_seconds(now);
  return now_seconds > sas_clock_skew_seconds && token.expires_at < now_seconds - sas_clock_skew_seconds;
}

std::optional<std::string> sign(std::string_view resource, std::string_view expiry, std::string_view key_base64) {
  const auto key = base64_decode(key_base64);
  if (!key) return std::nullopt;
  return sign_with_bytes(resource, expiry, *key);
}

std::optional<std::string> sign_with_bytes(std::string_view resource, std::string_view expiry, std::string_view key) {
  if (key.empty()) return std::nullopt;
  std::string text;
  text.reserve(resource.size() + 1 + expiry.size());
  text.append(resource).append("\n").append(expiry);
  const auto digest = hmac_sha256(key, text);
  if (!digest) return std::nullopt;
  return base64_encode(view_of(*digest));
}

namespace {

bool is_signature(const SasToken& token, const std::optional<std::string>& expected) {
  return expected && same_bytes(*expected, token.signature);
}

}  // namespace

bool signature_matches(const SasToken& token, std::string_view key_base64) {
  return is_signature(token, sign(token.resource, token.expiry, key_base64));
}

bool text_signature_matches(const SasToken& token, std::string_view key_text) {
  return is_signature(token, sign_with_bytes(token.resource, token.expiry, key_text));
}

std::string make_sas_token(std::string_view resource, std::string_view key_base64, std::uint64_t expires_at,
                           std::string_view policy) {
  const std::string encoded = percent_encode(resource);
  const std::string expiry = std::to_string(expires_at);
  std::string token = std::string(scheme) + " sr=" + encoded +
                      "&sig=" + percent_encode(sign(encoded, expiry, key_base64).value_or("")) + "&se=" + expiry;
  if (!policy.empty()) token += "&skn=" + percent_encode(policy);
  return token;
}

}  // namespace twinhub::iothub

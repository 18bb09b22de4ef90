#include "protocol/iothub/sas_token.hpp"

#include "protocol/iothub/property_bag.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <array>
#include <limits>
#include <memory>

namespace twinhub::iothub {
namespace {

constexpr std::string_view scheme = "SharedAccessSignature";

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

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

/// HMAC-SHA-256. OpenSSL looks an algorithm up by its name, through locks, whenever it is asked for one: that costs
/// more than the sum itself. So each thread asks once, and afterwards only the key changes.
class Hmac {
 public:
  static constexpr std::size_t digest_bytes = 32;
  using Digest = std::array<unsigned char, digest_bytes>;

  Hmac() {
    const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr),
                                                                EVP_MAC_free);
    if (!mac) return;
    context_.reset(EVP_MAC_CTX_new(mac.get()));  // it holds on to `mac`
    char sha256[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
                                     OSSL_PARAM_construct_end()};
    if (context_ && EVP_MAC_CTX_set_params(context_.get(), parameters) != 1) context_.reset();
  }

  [[nodiscard]] bool sum(std::string_view key, std::string_view text, Digest& digest) {
    std::size_t size = 0;
    return context_ && EVP_MAC_init(context_.get(), bytes(key), key.size(), nullptr) == 1 &&
           EVP_MAC_update(context_.get(), bytes(text), text.size()) == 1 &&
           EVP_MAC_final(context_.get(), digest.data(), &size, digest.size()) == 1 && size == digest.size();
  }

 private:
  static const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  }
  std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context_{nullptr, EVP_MAC_CTX_free};
};

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
      token.resource = value;  // never decoded: it is what was signed
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

bool is_expired(const SasToken& token, Timestamp now) {
  const std::uint64_t now_seconds =
      now.ticks < unix_epoch_ticks ? 0 : (now.ticks - unix_epoch_ticks) / ticks_per_second;
  return now_seconds > sas_clock_skew_seconds && token.expires_at < now_seconds - sas_clock_skew_seconds;
}

std::optional<std::string> sign(std::string_view resource, std::string_view expiry, std::string_view key_base64) {
  const auto key = base64_decode(key_base64);
  if (!key || key->empty()) return std::nullopt;
  std::string text;
  text.reserve(resource.size() + 1 + expiry.size());
  text.append(resource).append("\n").append(expiry);
  thread_local Hmac hmac;
  Hmac::Digest digest{};
  if (!hmac.sum(*key, text, digest)) return std::nullopt;
  return base64_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

bool signature_matches(const SasToken& token, std::string_view key_base64) {
  const auto expected = sign(token.resource, token.expiry, key_base64);
  if (!expected || expected->size() != token.signature.size()) return false;
  return CRYPTO_memcmp(expected->data(), token.signature.data(), expected->size()) == 0;
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

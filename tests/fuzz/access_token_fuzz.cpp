// Any text as an access token, and as the form of a log-in's claims: nothing but a signature by the key matches.
#include "protocol/iothub/access_token.hpp"
#include "protocol/iothub/hmac.hpp"

#include "check.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twinhub;
  constexpr std::string_view key = "a key that no input knows";
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view bare = iothub::bearer_token(text).value_or(text);
  const auto token = iothub::read_access_token(bare);
  if (!token) return 0;
  FUZZ_CHECK(bare.size() <= iothub::access_token_bytes_max);
  FUZZ_CHECK(bare.substr(0, token->signed_text.size()) == token->signed_text);
  const auto expected = iothub::hmac_sha256(key, token->signed_text);
  FUZZ_CHECK(expected && iothub::signature_matches(*token, key) == (iothub::view_of(*expected) == token->signature));
  // What was read makes a token that is read the same, whatever its claims hold.
  const auto again = iothub::read_access_token(iothub::make_access_token(token->claims, key));
  FUZZ_CHECK(again && again->claims.client == token->claims.client);
  FUZZ_CHECK(again->claims.expires_at == token->claims.expires_at);
  FUZZ_CHECK(iothub::signature_matches(*again, key));
  return 0;
}

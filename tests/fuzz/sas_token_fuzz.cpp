// Any token text: nothing but a signature by the key matches.
#include "protocol/iothub/connection_string.hpp"
#include "protocol/iothub/sas_token.hpp"

#include "check.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twinhub;
  constexpr std::string_view key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto token = iothub::parse_sas_token(text)) {
    FUZZ_CHECK(!token->resource.empty() && !token->signature.empty());
    const auto expected = iothub::sign(token->resource, token->expiry, key);
    FUZZ_CHECK(iothub::signature_matches(*token, key) == (expected == token->signature));
    (void)iothub::scope_of(token->resource);
  }
  if (const auto parts = iothub::parse_connection_string(text)) FUZZ_CHECK(!parts->host_name.empty());
  if (const auto bytes = base64_decode(text)) FUZZ_CHECK(base64_decode(base64_encode(*bytes)) == bytes);
  return 0;
}

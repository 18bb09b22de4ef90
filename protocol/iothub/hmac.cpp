#include "protocol/iothub/hmac.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <memory>

namespace twinhub::iothub {
namespace {

/// OpenSSL looks an algorithm up by its name, through locks, whenever one is fetched; that costs more than the HMAC
/// itself. So each thread fetches once, and afterwards only the key changes.
class Hmac {
 public:
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

  [[nodiscard]] bool sum(std::string_view key, std::string_view text, HmacDigest& digest) {
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

std::optional<HmacDigest> hmac_sha256(std::string_view key, std::string_view text) {
  thread_local Hmac hmac;
  HmacDigest digest{};
  if (!hmac.sum(key, text, digest)) return std::nullopt;
  return digest;
}

bool same_bytes(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace twinhub::iothub

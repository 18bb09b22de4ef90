#include "protocol/x509/key_cost.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <algorithm>
#include <array>

namespace twinhub::x509 {
namespace {

bool is_cheap_rsa(const EVP_PKEY* key) {
  if (EVP_PKEY_get_bits(key) > rsa_bits_max) return false;
  BIGNUM* exponent = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1) return false;
  const bool is_short = BN_num_bits(exponent) <= rsa_exponent_bits_max;
  BN_free(exponent);
  return is_short;
}

/// A curve of the peer's own making has no name.
bool is_cheap_curve(const EVP_PKEY* key) {
  std::array<char, 80> name{};
  std::size_t size = 0;
  return EVP_PKEY_get_bits(key) <= curve_bits_max && EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) == 1;
}

bool is_cheap(const EVP_PKEY* key) {
  if (key == nullptr) return false;
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
      return is_cheap_rsa(key);
    case EVP_PKEY_EC:
      return is_cheap_curve(key);
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool has_cheap_key(x509_st* certificate) {
  const bool cheap = is_cheap(X509_get0_pubkey(certificate));
  ERR_clear_error();
  return cheap;
}

bool has_cheap_keys(const Chain& chain) {
  return std::all_of(chain.begin(), chain.end(),
                     [](const Certificate& certificate) { return has_cheap_key(certificate.get()); });
}

}  // namespace twinhub::x509

#include "protocol/x509/key_cost.hpp"

#include "tests/support/cpp/test_certificates.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <gtest/gtest.h>
#include <memory>

namespace twinhub::x509 {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Number = std::unique_ptr<BIGNUM, decltype(&BN_free)>;

/// The number with just its first, its last and, where it is longer, its second bit set.
Number number_of_bits(int bits) {
  Number number(BN_new(), BN_free);
  BN_set_bit(number.get(), bits - 1);
  BN_set_bit(number.get(), 0);
  return number;
}

/// A public key alone: nobody has to find its primes.
Key rsa_key(int modulus_bits, int exponent_bits) {
  const Number modulus = number_of_bits(modulus_bits), exponent = number_of_bits(exponent_bits);
  const std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)> parts(OSSL_PARAM_BLD_new(),
                                                                              OSSL_PARAM_BLD_free);
  OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  const std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> parameters(OSSL_PARAM_BLD_to_param(parts.get()),
                                                                           OSSL_PARAM_free);
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr), EVP_PKEY_CTX_free);
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    throw std::runtime_error("no RSA key");
  return {key, EVP_PKEY_free};
}

/// A certificate that says nothing but its key.
Certificate holder_of(EVP_PKEY* key) {
  X509* certificate = X509_new();
  X509_set_pubkey(certificate, key);
  return Certificate::adopt(certificate);
}

bool is_cheap_rsa(int modulus_bits, int exponent_bits) {
  const Certificate certificate = holder_of(rsa_key(modulus_bits, exponent_bits).get());
  return has_cheap_key(certificate.get());
}

TEST(KeyCost, AnRsaKeyIsBoundedInLengthAndInExponent) {
  EXPECT_TRUE(is_cheap_rsa(2048, 17));
  EXPECT_TRUE(is_cheap_rsa(4096, 2));
  EXPECT_TRUE(is_cheap_rsa(4096, 32));
  EXPECT_FALSE(is_cheap_rsa(3072, 33));
  EXPECT_FALSE(is_cheap_rsa(3072, 3072));
  EXPECT_FALSE(is_cheap_rsa(4097, 17));
  EXPECT_FALSE(is_cheap_rsa(16'384, 17));
}

TEST(KeyCost, NamedCurvesAreCheapAndKeysOfAnotherKindAreNot) {
  for (const char* curve : {"P-256", "P-384", "P-521"}) {
    const Key key(EVP_EC_gen(curve), EVP_PKEY_free);
    EXPECT_TRUE(has_cheap_key(holder_of(key.get()).get())) << curve;
  }
  for (const auto& [name, cheap] : {std::pair{"ED25519", true}, {"ED448", true}, {"X25519", false}}) {
    const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, name), EVP_PKEY_free);
    EXPECT_EQ(has_cheap_key(holder_of(key.get()).get()), cheap) << name;
  }
  EXPECT_FALSE(has_cheap_key(Certificate::adopt(X509_new()).get())) << "no key at all";
}

TEST(KeyCost, EveryCertificateOfAChainCounts) {
  const test::TestCertificate leaf({.rsa_bits = 2048});
  const Certificate costly = holder_of(rsa_key(3072, 3072).get());
  EXPECT_TRUE(has_cheap_keys({leaf.certificate()}));
  EXPECT_FALSE(has_cheap_keys({leaf.certificate(), costly}));
  EXPECT_TRUE(has_cheap_keys({}));
}

}  // namespace
}  // namespace twinhub::x509

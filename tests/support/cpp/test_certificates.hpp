// Certificates made for one test: self-signed ones, CAs, and what CAs sign; good ones and such as must be refused.
#pragma once

#include "protocol/x509/certificate.hpp"

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include <openssl/evp.h>

namespace twinhub::test {

class TestCertificate;

struct CertificateWishes {
  std::vector<std::string> common_names = {"dev1"};
  const TestCertificate* issuer = nullptr;  ///< null = self-signed
  bool is_ca = false;
  std::int64_t begins = -3600;  ///< seconds from `now`
  std::int64_t ends = 3600;
  std::string extended_key_usage = {};  ///< e.g. "serverAuth"; empty = none
  std::string basic_constraints = {};   ///< empty = by `is_ca`; "-" = none at all
  std::string key_usage = {};           ///< empty = none
  std::string name_constraints = {};    ///< e.g. "critical,permitted;DNS:example.com"; empty = none
  std::string alternative_names = {};   ///< e.g. "DNS:example.com"; empty = none
  std::string sections = {};            ///< OpenSSL configuration that the above may name, e.g. "[who]\nCN=dev1"
  int rsa_bits = 0;                     ///< 0 = ECDSA P-256
  const EVP_MD* digest = nullptr;       ///< null = SHA-256
  std::time_t now = std::time(nullptr);
};

/// A certificate and its private key.
class TestCertificate {
 public:
  explicit TestCertificate(const CertificateWishes& wishes = {});

  [[nodiscard]] const x509::Certificate& certificate() const { return certificate_; }
  [[nodiscard]] EVP_PKEY* key() const { return key_.get(); }

 private:
  std::shared_ptr<EVP_PKEY> key_;
  x509::Certificate certificate_;
};

}  // namespace twinhub::test

#include "tests/support/cpp/test_certificates.hpp"

#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <atomic>
#include <stdexcept>

namespace twinhub::test {
namespace {

std::shared_ptr<EVP_PKEY> make_key(int rsa_bits) {
  return {rsa_bits > 0 ? EVP_RSA_gen(static_cast<unsigned>(rsa_bits)) : EVP_EC_gen("P-256"), EVP_PKEY_free};
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value,
                   const std::string& sections = {}) {
  const std::unique_ptr<CONF, decltype(&NCONF_free)> configuration(NCONF_new(nullptr), &NCONF_free);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> text(
      BIO_new_mem_buf(sections.data(), static_cast<int>(sections.size())), &BIO_free_all);
  long error_line = 0;
  if (NCONF_load_bio(configuration.get(), text.get(), &error_line) != 1)
    throw std::runtime_error("the configuration cannot be read");
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509V3_set_nconf(&context, configuration.get());
  X509_EXTENSION* extension = X509V3_EXT_nconf_nid(configuration.get(), &context, nid, value.c_str());
  if (extension == nullptr || X509_add_ext(certificate, extension, -1) != 1)
    throw std::runtime_error("the extension " + value + " cannot be made");
  X509_EXTENSION_free(extension);
}

x509::Certificate make_certificate(const CertificateWishes& wishes, EVP_PKEY* key) {
  static std::atomic<long> serial{1};
  X509* made = X509_new();
  const x509::Certificate certificate = x509::Certificate::adopt(made);
  X509_set_version(made, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial);
  ASN1_TIME_set(X509_getm_notBefore(made), wishes.now + wishes.begins);
  ASN1_TIME_set(X509_getm_notAfter(made), wishes.now + wishes.ends);
  X509_NAME* name = X509_get_subject_name(made);
  for (const std::string& text : wishes.common_names) {
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.data()),
                               static_cast<int>(text.size()), -1, 0);
  }
  X509* issuer = wishes.issuer == nullptr ? made : wishes.issuer->certificate().get();
  X509_set_issuer_name(made, X509_get_subject_name(issuer));
  X509_set_pubkey(made, key);
  const std::string constraints = wishes.basic_constraints.empty()
                                      ? (wishes.is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE")
                                      : wishes.basic_constraints;
  if (constraints != "-") add_extension(made, issuer, NID_basic_constraints, constraints);
  if (wishes.is_ca) add_extension(made, issuer, NID_subject_key_identifier, "hash");
  if (!wishes.name_constraints.empty())
    add_extension(made, issuer, NID_name_constraints, wishes.name_constraints, wishes.sections);
  if (!wishes.alternative_names.empty()) add_extension(made, issuer, NID_subject_alt_name, wishes.alternative_names);
  if (!wishes.key_usage.empty()) add_extension(made, issuer, NID_key_usage, wishes.key_usage);
  if (!wishes.extended_key_usage.empty()) add_extension(made, issuer, NID_ext_key_usage, wishes.extended_key_usage);
  EVP_PKEY* signing_key = wishes.issuer == nullptr ? key : wishes.issuer->key();
  if (X509_sign(made, signing_key, wishes.digest == nullptr ? EVP_sha256() : wishes.digest) == 0)
    throw std::runtime_error("the certificate cannot be signed");
  // Read again: what was set by hand is not all cached as it is in a certificate from the wire.
  return *x509::Certificate::parse(certificate.der());
}

}  // namespace

TestCertificate::TestCertificate(const CertificateWishes& wishes)
    : key_(make_key(wishes.rsa_bits)), certificate_(make_certificate(wishes, key_.get())) {}

}  // namespace twinhub::test

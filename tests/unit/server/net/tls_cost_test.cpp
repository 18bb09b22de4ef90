// Client certificates that only cost are refused as soon as they are there: the client's flight is handed to the hub one
// record after the other, and the hub has failed before the expensive one.
#include "server/net/certificates.hpp"
#include "server/net/tls.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

namespace twinhub::net {
namespace {

namespace fs = std::filesystem;

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using Context = std::unique_ptr<SSL_CTX, Free>;
using Ssl = std::unique_ptr<SSL, Free>;

Key rsa_key(unsigned long exponent) {
  EVP_PKEY_CTX* const making = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nullptr);
  BIGNUM* const wanted = BN_new();
  BN_set_word(wanted, exponent);
  EVP_PKEY* key = nullptr;
  EVP_PKEY_keygen_init(making);
  EVP_PKEY_CTX_set_rsa_keygen_bits(making, 2048);
  EVP_PKEY_CTX_set1_rsa_keygen_pubexp(making, wanted);
  EVP_PKEY_keygen(making, &key);
  BN_free(wanted);
  EVP_PKEY_CTX_free(making);
  return Key(key);
}

Certificate self_signed(EVP_PKEY* key) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  const auto* const text = reinterpret_cast<const unsigned char*>("device");
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_sign(certificate.get(), key, EVP_sha256());
  return certificate;
}

Ssl with_memory(SSL_CTX* context, bool is_server) {
  Ssl ssl(SSL_new(context));
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  is_server ? SSL_set_accept_state(ssl.get()) : SSL_set_connect_state(ssl.get());
  return ssl;
}

/// All that `from` has to say.
std::string taken(SSL* from) {
  std::string bytes;
  char piece[4096];
  for (int got = 0; (got = BIO_read(SSL_get_wbio(from), piece, sizeof piece)) > 0;) {
    bytes.append(piece, static_cast<std::size_t>(got));
  }
  return bytes;
}

struct Outcome {
  bool refused = false;
  std::size_t records_read = 0, records_left = 0, bytes_read = 0;
};

class TlsCost : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("twinhub-tls-cost-" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    const auto own = ensure_certificates(folder_, {}, KeyType::ecdsa_p256);
    ASSERT_TRUE(own);
    load({});
  }
  void load(const ClientChainLimits& limits) {
    const auto loaded =
        TlsContext::load({.certificate = folder_ / "server.pem", .private_key = folder_ / "server.key"}, limits);
    ASSERT_TRUE(loaded);
    hub_ = *loaded;
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// A handshake with `copies` of the certificate sent along beside the leaf.
  Outcome handshake(int version, EVP_PKEY* key, int copies = 0) const {
    const Certificate certificate = self_signed(key);
    const Context context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    SSL_CTX_use_certificate(context.get(), certificate.get());
    EXPECT_EQ(SSL_CTX_use_PrivateKey(context.get(), key), 1);
    for (int i = 0; i < copies; ++i) SSL_CTX_add1_chain_cert(context.get(), certificate.get());
    const Ssl client = with_memory(context.get(), false), server = with_memory(hub_->current().get(), true);
    SSL_do_handshake(client.get());
    feed(server.get(), taken(client.get()));
    const std::string flight = taken(server.get());
    BIO_write(SSL_get_rbio(client.get()), flight.data(), static_cast<int>(flight.size()));
    SSL_do_handshake(client.get());
    return feed(server.get(), taken(client.get()));
  }

 private:
  static Outcome feed(SSL* server, std::string bytes) {
    Outcome outcome;
    while (!bytes.empty()) {
      const auto at = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])); };
      const std::size_t record = 5 + at(3) * 256 + at(4);
      if (outcome.refused) {
        ++outcome.records_left;
      } else {
        BIO_write(SSL_get_rbio(server), bytes.data(), static_cast<int>(record));
        ERR_clear_error();
        const int result = SSL_do_handshake(server);
        outcome.refused = result != 1 && SSL_get_error(server, result) == SSL_ERROR_SSL;
        ++outcome.records_read;
        outcome.bytes_read += record;
      }
      bytes.erase(0, record);
    }
    return outcome;
  }

  fs::path folder_;
  std::shared_ptr<TlsContext> hub_;
};

TEST_F(TlsCost, AnRsaKeyWithAHugeExponentIsRefusedBeforeItsSignatureIsVerified) {
  constexpr unsigned long huge = (1UL << 40) + 15;  // a prime
  const Key key = rsa_key(huge), usual = rsa_key(RSA_F4);
  ASSERT_TRUE(key && usual);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const Outcome outcome = handshake(version, key.get());
    EXPECT_TRUE(outcome.refused) << version;
    EXPECT_GE(outcome.records_left, 2U) << "CertificateVerify and Finished were not needed";
    EXPECT_FALSE(handshake(version, usual.get()).refused) << version;
  }
}

TEST_F(TlsCost, AChainOf58KilobytesIsRefusedBeforeAThirdOfItHasBeenRead) {
  const Key key = rsa_key(RSA_F4);
  ASSERT_TRUE(key);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const Outcome outcome = handshake(version, key.get(), 77);  // 750 bytes each
    EXPECT_TRUE(outcome.refused) << version;
    EXPECT_LT(outcome.bytes_read, 58U * 1024 / 3) << version;
    EXPECT_GE(outcome.records_left, 3U) << version;
    EXPECT_FALSE(handshake(version, key.get(), 3).refused) << "a chain of a usual length";
  }
}

TEST_F(TlsCost, TheBoundsOfAChainAreTheOperators) {
  const Key key = rsa_key(RSA_F4);
  ASSERT_TRUE(key);
  load({.bytes_max = 64 * 1024, .certificates_max = 80});
  EXPECT_FALSE(handshake(TLS1_3_VERSION, key.get(), 77).refused);
  load({.bytes_max = 64 * 1024, .certificates_max = 2});
  EXPECT_FALSE(handshake(TLS1_3_VERSION, key.get(), 2).refused);
  EXPECT_TRUE(handshake(TLS1_3_VERSION, key.get(), 3).refused);
  load({.bytes_max = 1024, .certificates_max = 80});
  EXPECT_FALSE(handshake(TLS1_3_VERSION, key.get()).refused);
  EXPECT_TRUE(handshake(TLS1_3_VERSION, key.get(), 1).refused);
}

}  // namespace
}  // namespace twinhub::net

#include "server/net/certificates.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace twinhub::net {
namespace {

namespace fs = std::filesystem;

class Certificates : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::temp_directory_path() / ("twinhub-tls-" + std::to_string(::getpid()));
    fs::remove_all(directory_);
  }
  void TearDown() override { fs::remove_all(directory_); }

  OwnCertificates ensure(const std::vector<std::string>& names = {}, KeyType type = KeyType::ecdsa_p256) {
    auto own = ensure_certificates(directory_, names, type);
    if (!own) throw std::runtime_error(own.error().detail);
    return *own;
  }
  std::string text_of(const char* file) const {
    std::ostringstream out;
    out << std::ifstream(directory_ / file).rdbuf();
    return out.str();
  }
  unsigned mode_of(const char* file) const {
    struct stat status {};
    ::stat((directory_ / file).c_str(), &status);
    return status.st_mode & 0777;
  }
  std::shared_ptr<X509> certificate(const char* file) const {
    const std::string pem = text_of(file);
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    std::shared_ptr<X509> read(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr), X509_free);
    BIO_free(bio);
    return read;
  }

  std::shared_ptr<EVP_PKEY> key(const char* file) const {
    const std::string pem = text_of(file);
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    std::shared_ptr<EVP_PKEY> read(PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr), EVP_PKEY_free);
    BIO_free(bio);
    return read;
  }
  /// Gives the server's certificate other times, in days from now.
  void issue_server(int from, int until) {
    const auto server = certificate("server.pem");
    X509_time_adj_ex(X509_getm_notBefore(server.get()), from, 0, nullptr);
    X509_time_adj_ex(X509_getm_notAfter(server.get()), until, 0, nullptr);
    ASSERT_NE(X509_sign(server.get(), key("ca.key").get(), EVP_sha256()), 0);
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, server.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::ofstream(directory_ / "server.pem") << std::string_view(data, static_cast<std::size_t>(size));
    BIO_free(bio);
  }

  fs::path directory_;
};

TEST_F(Certificates, TheFirstStartMakesEverythingWithPrivateKeys) {
  const OwnCertificates own = ensure();
  EXPECT_TRUE(own.made_ca && own.issued);
  EXPECT_EQ(mode_of("ca.key"), 0600U);
  EXPECT_EQ(mode_of("server.key"), 0600U);
  EXPECT_EQ(mode_of("ca.pem"), 0644U);
}

TEST_F(Certificates, TheServersIsSignedByTheCaForItsNames) {
  (void)ensure({"hub.example", "10.1.2.3"});
  const auto ca = certificate("ca.pem"), server = certificate("server.pem");
  ASSERT_TRUE(ca && server);
  EXPECT_EQ(X509_verify(server.get(), X509_get0_pubkey(ca.get())), 1);
  EXPECT_EQ(X509_check_ca(ca.get()), 1);
  EXPECT_EQ(X509_check_ca(server.get()), 0);
  EXPECT_EQ(X509_check_purpose(server.get(), X509_PURPOSE_SSL_SERVER, 0), 1);
  for (const char* name : {"localhost", "twinhub.local", "hub.example"})
    EXPECT_EQ(X509_check_host(server.get(), name, 0, 0, nullptr), 1) << name;
  for (const char* address : {"127.0.0.1", "::1", "10.1.2.3"})
    EXPECT_EQ(X509_check_ip_asc(server.get(), address, 0), 1) << address;
  EXPECT_EQ(X509_check_host(server.get(), "other.example", 0, 0, nullptr), 0);
}

TEST_F(Certificates, NothingChangesWhileTheNamesStay) {
  (void)ensure({"hub.example", "0:0:0:0:0:0:0:5"});
  const std::string before = text_of("server.pem");
  const OwnCertificates again = ensure({"hub.example", "::5"});
  EXPECT_FALSE(again.made_ca || again.issued);
  EXPECT_EQ(text_of("server.pem"), before);
}

TEST_F(Certificates, NewNamesOrAnotherKeyTypeAreIssuedAnewAndTheCaIsKept) {
  (void)ensure();
  const std::string ca = text_of("ca.pem"), server = text_of("server.pem");
  EXPECT_TRUE(ensure({"new.example"}).issued);
  EXPECT_NE(text_of("server.pem"), server);
  EXPECT_TRUE(ensure({"new.example"}, KeyType::rsa_2048).issued);
  EXPECT_EQ(EVP_PKEY_get_base_id(X509_get0_pubkey(certificate("server.pem").get())), EVP_PKEY_RSA);
  EXPECT_EQ(text_of("ca.pem"), ca);
}

TEST_F(Certificates, OneThatIsNotValidByTheClockOfNowIsIssuedAnew) {
  for (const auto& [from, until] : {std::pair{3, 800}, {-800, -1}, {-800, 20}}) {
    (void)ensure();
    issue_server(from, until);
    const std::string wrong = text_of("server.pem");
    EXPECT_TRUE(ensure().issued) << from;
    EXPECT_NE(text_of("server.pem"), wrong);
    issue_server(from, until);
    EXPECT_NE(renew_server_certificate(directory_, {}, KeyType::ecdsa_p256).value(), "") << from;
    EXPECT_EQ(renew_server_certificate(directory_, {}, KeyType::ecdsa_p256).value(), "") << from;
    EXPECT_FALSE(ensure().issued);
  }
}

TEST_F(Certificates, AHubThatRunsTakesANewAddressAndMindsNoneThatIsGone) {
  (void)ensure({"10.1.2.3", "10.1.2.4"});
  const std::string before = text_of("server.pem");
  EXPECT_EQ(renew_server_certificate(directory_, {"10.1.2.3"}, KeyType::ecdsa_p256).value(), "");
  EXPECT_EQ(text_of("server.pem"), before);
  EXPECT_NE(renew_server_certificate(directory_, {"10.1.2.3", "10.9.9.9"}, KeyType::ecdsa_p256).value(), "");
  EXPECT_EQ(X509_check_ip_asc(certificate("server.pem").get(), "10.9.9.9", 0), 1);
}

TEST_F(Certificates, AHubThatRunsMakesNoCa) {
  (void)ensure();
  issue_server(3, 800);
  fs::remove(directory_ / "ca.pem");
  fs::remove(directory_ / "ca.key");
  EXPECT_FALSE(renew_server_certificate(directory_, {}, KeyType::ecdsa_p256));
  EXPECT_FALSE(fs::exists(directory_ / "ca.pem"));
}

TEST_F(Certificates, TheCaIsValidWhateverTheClockSaidWhenItWasMade) {
  (void)ensure();
  const auto ca = certificate("ca.pem");
  std::tm year_2020{};
  year_2020.tm_year = 120;
  year_2020.tm_mon = 1;
  std::time_t early = ::timegm(&year_2020);
  EXPECT_LT(X509_cmp_time(X509_get0_notBefore(ca.get()), &early), 0);
  std::time_t in_nine_years = std::time(nullptr) + 9L * 365 * 24 * 3600;
  EXPECT_GT(X509_cmp_time(X509_get0_notAfter(ca.get()), &in_nine_years), 0);
}

TEST_F(Certificates, ALostServerKeyIsMadeAnew) {
  (void)ensure();
  fs::remove(directory_ / "server.key");
  EXPECT_TRUE(ensure().issued);
}

TEST_F(Certificates, HalfACaIsForTheOperatorToDecide) {
  (void)ensure();
  fs::remove(directory_ / "ca.key");
  const auto refused = ensure_certificates(directory_, {}, KeyType::ecdsa_p256);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("ca.key"), std::string::npos);
}

TEST_F(Certificates, AFirstStartThatEndedBetweenTheCasFilesGoesOn) {
  ensure();
  const std::string key = text_of("ca.key");
  for (const char* later : {"ca.pem", "server.key", "server.pem"}) fs::remove(directory_ / later);
  EXPECT_TRUE(ensure().made_ca);
  EXPECT_EQ(text_of("ca.key"), key);
}

TEST_F(Certificates, TheFolderIsNobodyElses) {
  ensure();
  EXPECT_EQ(mode_of("."), 0700U);
}

TEST_F(Certificates, WhatTheUmaskTakesAwayStaysAway) {
  fs::create_directories(directory_);
  const mode_t before = ::umask(0077);
  EXPECT_TRUE(write_file(directory_ / "public.pem", "text", 0644));
  ::umask(before);
  EXPECT_EQ(mode_of("public.pem"), 0600U);
}

TEST_F(Certificates, ReloadTakesTheNewOneAndKeepsTheOldOneOnAnError) {
  const OwnCertificates own = ensure();
  auto tls = TlsContext::load(own.server);
  ASSERT_TRUE(tls);
  const auto first = (*tls)->current();
  (void)ensure({"new.example"});
  ASSERT_TRUE((*tls)->reload());
  const auto second = (*tls)->current();
  EXPECT_NE(first, second);
  EXPECT_EQ(X509_check_host(SSL_CTX_get0_certificate(second.get()), "new.example", 0, 0, nullptr), 1);
  std::ofstream(directory_ / "server.key") << "no key";
  EXPECT_FALSE((*tls)->reload());
  EXPECT_EQ((*tls)->current(), second);
}

TEST_F(Certificates, FilesThatDoNotFitAreRefusedInWords) {
  (void)ensure();
  const auto mismatch = TlsContext::load({directory_ / "server.pem", directory_ / "ca.key"});
  ASSERT_FALSE(mismatch);
  EXPECT_NE(mismatch.error().detail.find("ca.key"), std::string::npos);
  EXPECT_FALSE(TlsContext::load({directory_ / "missing.pem", directory_ / "server.key"}));
}

}  // namespace
}  // namespace twinhub::net

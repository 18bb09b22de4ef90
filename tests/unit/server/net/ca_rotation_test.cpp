#include "server/net/ca_rotation.hpp"

#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <unistd.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace twinhub::net {
namespace {

namespace fs = std::filesystem;

class CaRotation : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::temp_directory_path() / ("twinhub-rotation-" + std::to_string(::getpid()));
    fs::remove_all(directory_);
    ensure();
    old_ = trusted().front();
  }
  void TearDown() override { fs::remove_all(directory_); }

  void ensure() {
    const auto own = ensure_certificates(directory_, names_, KeyType::ecdsa_p256);
    ASSERT_TRUE(own) << own.error().detail;
  }
  void rotate(long days = 30) {
    const auto rotated = rotate_ca(directory_, names_, KeyType::ecdsa_p256, days);
    ASSERT_TRUE(rotated) << rotated.error().detail;
  }
  /// What clients get.
  std::vector<std::shared_ptr<X509>> trusted() const { return read("ca.pem"); }
  std::vector<std::shared_ptr<X509>> read(const char* file) const {
    std::vector<std::shared_ptr<X509>> all;
    for (auto& each : pki::read_certificates(directory_ / file)) all.emplace_back(each.release(), X509_free);
    return all;
  }
  /// Whether a client that trusts `ca` alone takes what the hub shows.
  bool is_taken_by(const std::shared_ptr<X509>& ca) const {
    const auto shown = read("server.pem");
    const std::unique_ptr<X509_STORE, void (*)(X509_STORE*)> store(X509_STORE_new(), X509_STORE_free);
    X509_STORE_add_cert(store.get(), ca.get());
    STACK_OF(X509)* rest = sk_X509_new_null();
    for (std::size_t i = 1; i < shown.size(); ++i) sk_X509_push(rest, shown[i].get());
    const std::unique_ptr<X509_STORE_CTX, void (*)(X509_STORE_CTX*)> check(X509_STORE_CTX_new(), X509_STORE_CTX_free);
    X509_STORE_CTX_init(check.get(), store.get(), shown.front().get(), rest);
    X509_STORE_CTX_set_purpose(check.get(), X509_PURPOSE_SSL_SERVER);
    const bool taken = X509_verify_cert(check.get()) == 1;
    sk_X509_free(rest);
    return taken;
  }
  void expect_end_state(const std::shared_ptr<X509>& next) {
    ASSERT_EQ(trusted().size(), 1U);
    EXPECT_EQ(X509_cmp(trusted().front().get(), next.get()), 0);
    EXPECT_TRUE(is_taken_by(next));
    EXPECT_FALSE(is_taken_by(old_));
    for (const char* file : {"ca-next.pem", "ca-next.key", "ca-cross.pem"}) EXPECT_FALSE(fs::exists(directory_ / file));
    EXPECT_EQ(ca_state(directory_).overlap_until, 0);
    ensure();
    EXPECT_TRUE(is_taken_by(next));
  }

  fs::path directory_;
  std::vector<std::string> names_{"hub.example"};
  std::shared_ptr<X509> old_;
};

TEST_F(CaRotation, DuringTheOverlapTheServerIsTakenByWhoTrustsTheOldTheNewOrBoth) {
  rotate();
  ASSERT_EQ(trusted().size(), 2U);
  EXPECT_EQ(X509_cmp(trusted().front().get(), old_.get()), 0);
  for (const auto& ca : trusted()) EXPECT_TRUE(is_taken_by(ca)) << pki::subject_of(ca.get());
  EXPECT_NE(pki::subject_of(trusted()[0].get()), pki::subject_of(trusted()[1].get()));
  const CaState state = ca_state(directory_);
  ASSERT_EQ(state.cas.size(), 2U);
  EXPECT_TRUE(state.cas[0].issues && !state.cas[1].issues);
  EXPECT_NEAR(static_cast<double>(state.overlap_until - pki::today()), 30.0 * pki::day_seconds, 60);
}

TEST_F(CaRotation, TheServersCertificateAndKeyStayAsTheyAre) {
  const auto before = read("server.pem");
  rotate();
  const auto after = read("server.pem");
  ASSERT_EQ(after.size(), 2U);
  EXPECT_EQ(X509_cmp(before.front().get(), after.front().get()), 0);
}

TEST_F(CaRotation, ACertificateIssuedInTheOverlapHasTheChainToo) {
  rotate();
  names_.emplace_back("new.example");
  ensure();
  for (const auto& ca : trusted()) EXPECT_TRUE(is_taken_by(ca));
  EXPECT_EQ(X509_check_host(read("server.pem").front().get(), "new.example", 0, 0, nullptr), 1);
}

TEST_F(CaRotation, AtItsEndTheNewCaIsTheOnlyOne) {
  rotate();
  const auto next = trusted().back();
  const auto names = server_names(names_);
  const std::time_t until = ca_state(directory_).overlap_until;
  EXPECT_FALSE(advance_rotation(directory_, names, KeyType::ecdsa_p256, until - 1).value());
  EXPECT_EQ(trusted().size(), 2U);
  EXPECT_TRUE(advance_rotation(directory_, names, KeyType::ecdsa_p256, until).value());
  expect_end_state(next);
}

TEST_F(CaRotation, AClockThatWasSetEndsNoOverlap) {
  // One that ended a month ago, by the clock of now.
  rotate();
  const auto cross = read("ca-cross.pem").front();
  X509_time_adj_ex(X509_getm_notAfter(cross.get()), -30, 0, nullptr);
  X509_sign(cross.get(), pki::read_key(directory_ / "ca-next.key").get(), EVP_sha256());
  std::ofstream(directory_ / "ca-cross.pem") << pki::pem_of(cross.get());
  EXPECT_EQ(renew_server_certificate(directory_, names_, KeyType::ecdsa_p256, false).value(), "");
  EXPECT_EQ(trusted().size(), 2U);
  EXPECT_NE(renew_server_certificate(directory_, names_, KeyType::ecdsa_p256, true).value(), "");
  EXPECT_EQ(trusted().size(), 1U);
}

TEST_F(CaRotation, TheOperatorEndsItSooner) {
  rotate();
  const auto next = trusted().back();
  ASSERT_TRUE(end_ca_overlap(directory_, names_, KeyType::ecdsa_p256));
  expect_end_state(next);
  const auto again = end_ca_overlap(directory_, names_, KeyType::ecdsa_p256);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::precondition_failed);
}

TEST_F(CaRotation, WithoutAnOverlapTheNewCaIsTheOnlyOneAtOnce) {
  rotate(0);
  expect_end_state(trusted().front());
}

TEST_F(CaRotation, OneAtATime) {
  rotate();
  const auto again = rotate_ca(directory_, names_, KeyType::ecdsa_p256, 30);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::precondition_failed);
  EXPECT_EQ(trusted().size(), 2U);
}

TEST_F(CaRotation, TheCaAfterTheNextIsMadeLikeIt) {
  rotate(0);
  rotate();
  ASSERT_EQ(trusted().size(), 2U);
  for (const auto& ca : trusted()) EXPECT_TRUE(is_taken_by(ca));
}

TEST_F(CaRotation, OneThatWasCutShortIsTakenToItsEndByTheNextStart) {
  rotate();
  const auto next = trusted().back();
  // The last steps: the new key is in place, and nothing else.
  fs::copy_file(directory_ / "ca-next.key", directory_ / "ca.key", fs::copy_options::overwrite_existing);
  ensure();
  expect_end_state(next);
}

TEST_F(CaRotation, OneThatWasCutShortBeforeItsMarkNeverWas) {
  rotate();
  fs::remove(directory_ / "ca-cross.pem");
  fs::remove(directory_ / "ca.pem");
  std::ofstream(directory_ / "ca.pem") << pki::pem_of(old_.get());
  ensure();
  EXPECT_FALSE(fs::exists(directory_ / "ca-next.key"));
  EXPECT_TRUE(is_taken_by(old_));
}

TEST_F(CaRotation, OneThatWasCutShortBehindItsMarkGoesOn) {
  rotate();
  const auto next = trusted().back();
  fs::remove(directory_ / "ca.pem");
  std::ofstream(directory_ / "ca.pem") << pki::pem_of(old_.get());
  const auto leaf = read("server.pem").front();
  std::ofstream(directory_ / "server.pem") << pki::pem_of(leaf.get());
  ASSERT_FALSE(is_taken_by(next));
  ensure();
  ASSERT_EQ(trusted().size(), 2U);
  for (const auto& ca : trusted()) EXPECT_TRUE(is_taken_by(ca));
}

TEST_F(CaRotation, FilesOfItThatCannotBeReadAreNamed) {
  rotate();
  std::ofstream(directory_ / "ca-next.key") << "no key";
  const auto refused = ensure_certificates(directory_, names_, KeyType::ecdsa_p256);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("ca-next.key"), std::string::npos);
}

TEST_F(CaRotation, TheOverlapEndsBeforeTheOldCaDoes) {
  rotate(3650);
  EXPECT_LT(ca_state(directory_).overlap_until, pki::ends_at(old_.get()));
}

TEST_F(CaRotation, ACaOfAHubBeforeThisWhichAllowsNoneBelowItIsRotatedAsWell) {
  // Its certificate is made again with pathlen:0, by its key.
  const Authority ca = read_authority(directory_);
  const auto limited = [&] {
    X509* const copy = X509_dup(ca.certificate.get());
    const int at = X509_get_ext_by_NID(copy, NID_basic_constraints, -1);
    X509_EXTENSION_free(X509_delete_ext(copy, at));
    X509V3_CTX context;
    X509V3_set_ctx(&context, copy, copy, nullptr, nullptr, 0);
    X509_EXTENSION* const none =
        X509V3_EXT_conf_nid(nullptr, &context, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    X509_add_ext(copy, none, -1);
    X509_EXTENSION_free(none);
    X509_sign(copy, ca.key.get(), EVP_sha256());
    return std::shared_ptr<X509>(copy, X509_free);
  }();
  std::ofstream(directory_ / "ca.pem") << pki::pem_of(limited.get());
  rotate();
  ASSERT_EQ(trusted().size(), 2U);
  for (const auto& each : trusted()) EXPECT_TRUE(is_taken_by(each));
}

}  // namespace
}  // namespace twinhub::net

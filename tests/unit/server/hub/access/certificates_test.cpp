// CAs uploaded to the hub: who is trusted after which step, what survives a restart, and what is refused.
#include "server/hub/access/certificates.hpp"

#include "tests/support/cpp/held_store.hpp"
#include "tests/support/cpp/test_certificates.hpp"
#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>
#include <unistd.h>
#include <filesystem>

namespace twinhub::hub {
namespace {

using test::TestCertificate;
using Answer = Certificates::Answer;

std::string body_of(const x509::Certificate& certificate, std::string_view more = "") {
  return R"({"properties":{"certificate":")" + base64_encode(certificate.pem()) + '"' + std::string(more) + "}}";
}

struct CertificatesTest : testing::Test {
  Result<Answer> put(const std::string& name, const std::string& body, std::optional<std::string> if_match = {}) {
    return answer_of<Answer>([&](auto done) { certificates().put(name, body, header(if_match), std::move(done)); });
  }
  Result<Answer> code(const std::string& name, std::optional<std::string> if_match = "*") {
    return answer_of<Answer>(
        [&](auto done) { certificates().generate_verification_code(name, header(if_match), std::move(done)); });
  }
  Result<Answer> verify(const std::string& name, const std::string& body, std::optional<std::string> if_match = "*") {
    return answer_of<Answer>([&](auto done) { certificates().verify(name, body, header(if_match), std::move(done)); });
  }
  Result<bool> remove(const std::string& name, std::optional<std::string> if_match = "*") {
    return answer_of<bool>([&](auto done) { certificates().remove(name, header(if_match), std::move(done)); });
  }
  [[nodiscard]] bool trusts(const TestCertificate& trusted) {
    return certificates().trusted()->hold(trusted.certificate().sha256());
  }
  /// A verification certificate with the code that `answer` holds.
  [[nodiscard]] std::string proof(const Result<Answer>& answer, const TestCertificate& issuer,
                                  std::int64_t begins = -60) {
    std::string name = at(answer->json, "properties/verificationCode");
    name = name.substr(1, name.size() - 2);
    return body_of(
        TestCertificate({.common_names = {name}, .issuer = &issuer, .begins = begins, .ends = 3600, .now = now})
            .certificate());
  }
  TestCertificate make_ca() const { return TestCertificate({.common_names = {"ca"}, .is_ca = true, .now = now}); }

  Certificates& certificates() { return world->hub.certificates; }

  std::unique_ptr<World> world = std::make_unique<World>();
  const std::time_t now = static_cast<std::time_t>(world->clock.unix_seconds());
  const TestCertificate ca = make_ca();
};

TEST_F(CertificatesTest, AnUploadedCaIsShownAsAzureResourceManagerShowsIt) {
  const auto made = put("root-1", body_of(ca.certificate()));
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_TRUE(made->created);
  EXPECT_EQ(at(made->json, "name"), "\"root-1\"");
  EXPECT_EQ(at(made->json, "etag"), '"' + made->etag + '"');
  EXPECT_EQ(at(made->json, "type"), "\"Microsoft.Devices/IotHubs/Certificates\"");
  EXPECT_EQ(at(made->json, "properties/subject"), "\"CN=ca\"");
  EXPECT_EQ(at(made->json, "properties/thumbprint"), '"' + ca.certificate().sha1_thumbprint() + '"');
  EXPECT_EQ(at(made->json, "properties/expiry"), '"' + to_rfc1123(ca.certificate().not_after()) + '"');
  EXPECT_EQ(at(made->json, "properties/isVerified"), "false");
  EXPECT_EQ(at(made->json, "properties/created"), "\"Fri, 15 Jan 2027 08:00:00 GMT\"");
  EXPECT_EQ(at(made->json, "properties/updated"), "\"Fri, 15 Jan 2027 08:00:00 GMT\"");
  EXPECT_EQ(at(made->json, "properties/certificate"), '"' + base64_encode(ca.certificate().pem()) + '"');
  EXPECT_EQ(at(made->json, "properties/verificationCode"), "");
  EXPECT_EQ(certificates().get("root-1")->json, made->json);
  EXPECT_EQ(certificates().list(), R"({"value":[)" + made->json + "]}");
  EXPECT_FALSE(trusts(ca));
}

TEST_F(CertificatesTest, AWordThatIsNeitherTrueNorFalseIsRefused) {
  for (const char* odd : {"\"yes\"", "\"\"", "{}", "1.5"})
    EXPECT_REFUSED(put("root", body_of(ca.certificate(), std::string(R"(,"isVerified":)") + odd)),
                   Errc::argument_invalid);
  EXPECT_EQ(certificates().list(), R"({"value":[]})");
  ASSERT_TRUE(put("root", body_of(ca.certificate(), R"(,"isVerified":"True")")));
  EXPECT_TRUE(trusts(ca));
}

TEST_F(CertificatesTest, TheWordOfTheCallerVerifies) {
  const auto generation = certificates().generation();
  ASSERT_TRUE(put("root", body_of(ca.certificate(), R"(,"isVerified":true)")));
  EXPECT_TRUE(trusts(ca));
  EXPECT_GT(certificates().generation(), generation);
  // Before 2021-07 the body had no "properties".
  const TestCertificate older = make_ca();
  ASSERT_TRUE(
      put("older", R"({"certificate":")" + base64_encode(older.certificate().der()) + R"(","isVerified":true})"));
  EXPECT_TRUE(trusts(older));
}

TEST_F(CertificatesTest, WhoHoldsTheKeyProvesItWithTheCode) {
  ASSERT_TRUE(put("root", body_of(ca.certificate())));
  const auto first = code("root");
  ASSERT_TRUE(first) << first.error().detail;
  const std::string text = at(first->json, "properties/verificationCode");
  EXPECT_EQ(text.size(), 48U + 2U);
  EXPECT_EQ(text.find_first_not_of("0123456789ABCDEF", 1), text.size() - 1);
  const auto second = code("root", first->etag);
  ASSERT_TRUE(second);
  EXPECT_NE(at(second->json, "properties/verificationCode"), text);
  EXPECT_EQ(at(certificates().get("root")->json, "properties/verificationCode"), "");  // told once
  EXPECT_FALSE(trusts(ca));

  EXPECT_REFUSED(verify("root", proof(first, ca)), Errc::argument_invalid);          // the older code
  EXPECT_REFUSED(verify("root", proof(second, make_ca())), Errc::argument_invalid);  // of the same name, another key
  EXPECT_REFUSED(verify("root", body_of(ca.certificate())), Errc::argument_invalid);
  EXPECT_REFUSED(verify("root", proof(second, ca, 600)), Errc::argument_invalid);  // not valid yet
  EXPECT_REFUSED(verify("root", proof(second, ca), first->etag), Errc::precondition_failed);
  EXPECT_REFUSED(verify("root", proof(second, ca), std::nullopt), Errc::precondition_failed);
  EXPECT_FALSE(trusts(ca));

  const auto verified = verify("root", proof(second, ca, 200), second->etag);  // a clock three minutes ahead
  ASSERT_TRUE(verified) << verified.error().detail;
  EXPECT_EQ(at(verified->json, "properties/isVerified"), "true");
  EXPECT_TRUE(trusts(ca));
  EXPECT_REFUSED(verify("root", proof(second, ca)), Errc::argument_invalid);  // a code is good for once
  EXPECT_TRUE(trusts(ca));
}

TEST_F(CertificatesTest, AnExpiredProofProvesNothing) {
  ASSERT_TRUE(put("root", body_of(ca.certificate())));
  const auto made = code("root");
  const std::string body = proof(made, ca);
  world->clock.advance_seconds(3601);
  EXPECT_REFUSED(verify("root", body), Errc::argument_invalid);
}

TEST_F(CertificatesTest, AnotherCertificateUnderTheNameHasToBeVerifiedAnew) {
  const auto made = put("root", body_of(ca.certificate(), R"(,"isVerified":true)"));
  EXPECT_REFUSED(put("root", body_of(ca.certificate())), Errc::precondition_failed);
  EXPECT_REFUSED(put("root", body_of(ca.certificate()), "\"stale\""), Errc::precondition_failed);
  EXPECT_REFUSED(put("missing", body_of(ca.certificate()), "*"), Errc::certificate_not_found);
  world->clock.advance_seconds(60);
  const auto same = put("root", body_of(ca.certificate()), made->etag);
  ASSERT_TRUE(same);
  EXPECT_FALSE(same->created);
  EXPECT_NE(same->etag, made->etag);
  EXPECT_EQ(at(same->json, "properties/created"), at(made->json, "properties/created"));
  EXPECT_NE(at(same->json, "properties/updated"), at(made->json, "properties/updated"));
  EXPECT_TRUE(trusts(ca));
  const TestCertificate other = make_ca();
  ASSERT_TRUE(put("root", body_of(other.certificate()), "*"));
  EXPECT_FALSE(trusts(ca));
  EXPECT_FALSE(trusts(other));
}

TEST_F(CertificatesTest, DeletedIsForgottenAndMissingIsNoError) {
  const auto made = put("root", body_of(ca.certificate(), R"(,"isVerified":true)"));
  EXPECT_REFUSED(remove("root", std::nullopt), Errc::precondition_failed);
  EXPECT_REFUSED(remove("root", "stale"), Errc::precondition_failed);
  EXPECT_TRUE(trusts(ca));
  const auto removed = remove("root", made->etag);
  ASSERT_TRUE(removed);
  EXPECT_TRUE(*removed);
  EXPECT_FALSE(trusts(ca));
  EXPECT_REFUSED(certificates().get("root"), Errc::certificate_not_found);
  EXPECT_EQ(certificates().list(), R"({"value":[]})");
  EXPECT_FALSE(*remove("root"));
  EXPECT_REFUSED(code("root"), Errc::certificate_not_found);
  EXPECT_REFUSED(verify("root", body_of(ca.certificate())), Errc::certificate_not_found);
}

TEST_F(CertificatesTest, WhatIsNoCaOfAGoodNameIsRefused) {
  const TestCertificate leaf({.now = now});
  EXPECT_REFUSED(put("leaf", body_of(leaf.certificate())), Errc::argument_invalid);
  for (const std::string& body :
       {std::string("{}"), std::string("[]"), std::string("1"), std::string(R"({"properties":{"certificate":7}})"),
        std::string(R"({"properties":{"certificate":"AAAA"}})"), std::string(R"({"certificate":""})")}) {
    EXPECT_REFUSED(put("ca", body), Errc::argument_invalid);
  }
  EXPECT_REFUSED(put("ca", "{"), Errc::iot_hub_format_error);
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a/b"), std::string(65, 'a')}) {
    EXPECT_REFUSED(put(name, body_of(ca.certificate())), Errc::argument_invalid);
  }
  EXPECT_TRUE(put(std::string(61, 'a') + "-._", body_of(ca.certificate())));
}

TEST_F(CertificatesTest, AHubKeepsTwentyFive) {
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(put("ca" + std::to_string(i), body_of(ca.certificate())));
  EXPECT_REFUSED(put("one-more", body_of(ca.certificate())), Errc::argument_invalid);
  EXPECT_TRUE(put("ca7", body_of(ca.certificate()), "*"));
  EXPECT_TRUE(remove("ca7"));
  EXPECT_TRUE(put("one-more", body_of(ca.certificate())));
}

TEST_F(CertificatesTest, ConfiguredCasStandBesideThoseUploaded) {
  const TestCertificate configured = make_ca();
  ASSERT_TRUE(put("root", body_of(ca.certificate(), R"(,"isVerified":true)")));
  certificates().trust_configured({configured.certificate()});
  EXPECT_TRUE(trusts(ca) && trusts(configured));
  certificates().trust_configured({});
  EXPECT_TRUE(trusts(ca));
  EXPECT_FALSE(trusts(configured));
}

TEST(CertificatesRestart, KeepsCertificatesCodesAndWhatIsVerified) {
  const auto folder = std::filesystem::temp_directory_path() / ("twinhub-cas-" + std::to_string(::getpid()));
  std::filesystem::remove_all(folder);
  storage::StoreOptions options;
  options.directory = folder;
  options.durability = storage::Durability::os;
  const TestCertificate verified({.common_names = {"verified"}, .is_ca = true, .now = 1'800'000'000});
  const TestCertificate proving({.common_names = {"proving"}, .is_ca = true, .now = 1'800'000'000});
  std::string list, code;
  const auto put = [](World& world, const std::string& name, const std::string& body) {
    return answer_of<Answer>([&](auto done) { world.hub.certificates.put(name, body, {}, std::move(done)); });
  };
  {
    World world(options);
    ASSERT_TRUE(world.hub.certificates.load());
    ASSERT_TRUE(put(world, "verified", body_of(verified.certificate(), R"(,"isVerified":true)")));
    ASSERT_TRUE(put(world, "proving", body_of(proving.certificate())));
    ASSERT_TRUE(put(world, "gone", body_of(proving.certificate())));
    const auto made = answer_of<Answer>([&](auto done) {
      world.hub.certificates.generate_verification_code("proving", parse_if_match("*"), std::move(done));
    });
    code = at(made->json, "properties/verificationCode");
    ASSERT_TRUE(answer_of<bool>(
        [&](auto done) { world.hub.certificates.remove("gone", parse_if_match("*"), std::move(done)); }));
    list = world.hub.certificates.list();
  }
  {
    World world(options);
    ASSERT_TRUE(world.hub.certificates.load());
    EXPECT_EQ(world.hub.certificates.list(), list);
    EXPECT_TRUE(world.hub.certificates.trusted()->hold(verified.certificate().sha256()));
    const TestCertificate proof(
        {.common_names = {code.substr(1, code.size() - 2)}, .issuer = &proving, .now = 1'800'000'000});
    EXPECT_TRUE(answer_of<Answer>([&](auto done) {
      world.hub.certificates.verify("proving", body_of(proof.certificate()), parse_if_match("*"), std::move(done));
    }));
    EXPECT_TRUE(world.hub.certificates.trusted()->hold(proving.certificate().sha256()));
  }
  std::filesystem::remove_all(folder);
}

TEST(CertificatesRestart, ADamagedRecordIsNamed) {
  World world;
  const std::string record = encode_ca_certificate({"x", TestCertificate().certificate(), true, {}, {}, 1, "code"});
  for (const std::string& damaged :
       {std::string(), record.substr(0, record.size() - 1), record + "x", "\x02" + record.substr(1)}) {
    const auto read = decode_ca_certificate("root-7", damaged);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().detail.find("root-7"), std::string::npos);
  }
  ASSERT_TRUE(answer_of<void>([&](auto done) {
    ASSERT_TRUE(world.store->write_records({{storage::RecordKind::certificates, "root-7", "\x02"}}, {}, done));
  }));
  const auto loaded = world.hub.certificates.load();
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().detail.find("root-7"), std::string::npos);
}

struct SlowDiskTest : testing::Test {
  StillClock clock;
  SystemRandom random;
  test::HeldStore store{open_store(memory_options(), clock)};
  Certificates certificates{store, clock, random};
  const TestCertificate ca{{.common_names = {"ca"}, .is_ca = true, .now = 1'800'000'000}};
  const std::string body = body_of(ca.certificate(), R"(,"isVerified":true)");
};

TEST_F(SlowDiskTest, NothingIsTrustedOrToldBeforeItIsDurable) {
  store.hold();
  std::atomic<bool> told{false};
  certificates.put("root", body, {},
                   [&](const Result<Answer>& answer, storage::Outbox&) { told = answer.has_value(); });
  EXPECT_FALSE(told);
  EXPECT_EQ(certificates.list(), R"({"value":[]})");
  EXPECT_FALSE(certificates.trusted()->hold(ca.certificate().sha256()));
  // A second write of the name would rest on the first, which may not come to be.
  const auto second = answer_of<Answer>([&](auto done) { certificates.put("root", body, {}, std::move(done)); });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::precondition_failed);
  while (store.waiting() == 0) std::this_thread::yield();
  store.release();
  EXPECT_TRUE(told);
  EXPECT_TRUE(certificates.trusted()->hold(ca.certificate().sha256()));
}

TEST_F(SlowDiskTest, AWriteThatIsNotTakenChangesNothing) {
  store.refuse_writes();
  for (int i = 0; i < 2; ++i) {
    const auto refused = answer_of<Answer>([&](auto done) { certificates.put("root", body, {}, std::move(done)); });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::service_unavailable);
  }
  EXPECT_EQ(certificates.list(), R"({"value":[]})");
}

}  // namespace
}  // namespace twinhub::hub

// The rules of a path; what a TLS client can be refused for stands in tests/wire/x509_test.cpp, too.
#include "protocol/x509/trusted_cas.hpp"

#include "tests/support/cpp/test_certificates.hpp"

#include <gtest/gtest.h>

namespace twinhub::x509 {
namespace {

using test::CertificateWishes;
using test::TestCertificate;

constexpr std::time_t made_at = 1'800'000'000;

TestCertificate make(CertificateWishes wishes) {
  wishes.now = made_at;
  return TestCertificate(wishes);
}
Timestamp at(std::int64_t seconds) { return timestamp_from_unix(made_at + seconds); }

struct TrustedCasTest : testing::Test {
  const TestCertificate root = make({.common_names = {"root"}, .is_ca = true, .ends = 10'000});
  const TestCertificate intermediate =
      make({.common_names = {"intermediate"}, .issuer = &root, .is_ca = true, .ends = 1000});
  const TestCertificate leaf = make({.issuer = &intermediate, .ends = 5000});
  const Chain chain{leaf.certificate(), intermediate.certificate()};
  const std::vector<Certificate> roots{root.certificate()};
};

TEST_F(TrustedCasTest, APathIsAsOldAsItsFirstCertificateToEnd) {
  const TrustedCas cas(roots);
  const auto vouched = cas.verify(chain, at(0));
  ASSERT_TRUE(vouched) << vouched.error().detail;
  EXPECT_EQ(vouched->not_after, at(1000));
  EXPECT_EQ(vouched->cas, root.certificate().sha256());
  EXPECT_TRUE(cas.verify(chain, at(999)));
  EXPECT_FALSE(cas.verify(chain, at(1001)));
  EXPECT_FALSE(cas.verify(chain, at(-3601)));
}

TEST_F(TrustedCasTest, WithoutACaThereIsNoPath) {
  EXPECT_FALSE(TrustedCas({}).verify(chain, at(0)));
  EXPECT_FALSE(TrustedCas(roots).verify({}, at(0)));
  EXPECT_FALSE(TrustedCas(roots).verify({leaf.certificate()}, at(0)));
  const auto refused = TrustedCas(roots).verify({leaf.certificate()}, at(0));
  EXPECT_EQ(refused.error().code, Errc::iot_hub_unauthorized);
  EXPECT_NE(refused.error().detail.find("unable to get local issuer certificate"), std::string::npos);
}

TEST_F(TrustedCasTest, AnIntermediateCaIsAnAnchorOfItsOwn) {
  const std::vector<Certificate> both{root.certificate(), intermediate.certificate()};
  EXPECT_TRUE(TrustedCas(std::span(&both[1], 1)).verify({leaf.certificate()}, at(0)));
  const TrustedCas cas(both);
  const auto vouched = cas.verify({leaf.certificate()}, at(0));
  ASSERT_TRUE(vouched);
  EXPECT_TRUE(cas.hold(vouched->cas));
  // Every CA of the path that was trusted has to stay so.
  EXPECT_FALSE(TrustedCas(roots).hold(vouched->cas));
}

TEST_F(TrustedCasTest, TheSetHoldsWhatItWasMadeOf) {
  const TrustedCas cas(roots);
  EXPECT_TRUE(cas.hold({}));
  EXPECT_TRUE(cas.hold(root.certificate().sha256()));
  EXPECT_FALSE(cas.hold(root.certificate().sha256() + leaf.certificate().sha256()));
  EXPECT_FALSE(cas.hold("short"));
}

/// Whether a leaf called `id` is vouched for through an intermediate with `constraints`.
bool allows(const TestCertificate& root, const std::string& constraints, const std::string& id,
            const std::string& alternative_names = {}) {
  const TestCertificate plant = make({.common_names = {"plant"},
                                      .issuer = &root,
                                      .is_ca = true,
                                      .name_constraints = constraints,
                                      .sections = "[who]\nCN=dev1\n"});
  const TestCertificate device = make({.common_names = {id}, .issuer = &plant, .alternative_names = alternative_names});
  const std::vector<Certificate> roots{root.certificate()};
  return TrustedCas(roots).verify({device.certificate(), plant.certificate()}, at(0)).has_value();
}

TEST_F(TrustedCasTest, NameConstraintsOfAnIntermediateBindTheDeviceIdWhateverItLooksLike) {
  const std::string permitted = "critical,permitted;DNS:plant.example",
                    excluded = "critical,excluded;DNS:plant.example";
  for (const std::string id :
       {"plant.example", "a.plant.example", "A.b.PLANT.Example", "no host:1 .plant.example", "a.plant.example."}) {
    EXPECT_TRUE(allows(root, permitted, id)) << id;
    EXPECT_FALSE(allows(root, excluded, id)) << id;
  }
  for (const std::string id : {"dev1", "dev_1:x", "office.example", "notplant.example", "plant.example.com", "x#y"}) {
    EXPECT_FALSE(allows(root, permitted, id)) << id;
    EXPECT_TRUE(allows(root, excluded, id)) << id;
    EXPECT_FALSE(allows(root, permitted, id, "DNS:a.plant.example"))
        << "another name of the leaf's is no excuse: " << id;
  }
  EXPECT_TRUE(allows(root, permitted + ",permitted;DNS:dev1", "dev1"));
  EXPECT_FALSE(allows(root, permitted + ",excluded;DNS:bad.plant.example", "x.bad.plant.example"));
  EXPECT_TRUE(allows(root, "critical,permitted;email:example.com", "dev1")) << "that says nothing of device ids";
}

TEST_F(TrustedCasTest, NameConstraintsOnTheSubjectBindToo) {
  EXPECT_TRUE(allows(root, "critical,permitted;dirName:who", "dev1"));
  EXPECT_FALSE(allows(root, "critical,permitted;dirName:who", "dev2"));
  EXPECT_FALSE(allows(root, "critical,excluded;dirName:who", "dev1"));
  EXPECT_TRUE(allows(root, "critical,excluded;dirName:who", "dev2"));
}

TEST_F(TrustedCasTest, NameConstraintsOfATrustedCaBindAsThoseOfAnIntermediate) {
  const TestCertificate narrow =
      make({.common_names = {"narrow"}, .is_ca = true, .name_constraints = "permitted;DNS:plant.example"});
  const std::vector<Certificate> trusted{narrow.certificate()};
  const TrustedCas cas(trusted);
  EXPECT_TRUE(cas.verify({make({.common_names = {"a.plant.example"}, .issuer = &narrow}).certificate()}, at(0)));
  EXPECT_FALSE(cas.verify({make({.common_names = {"dev1"}, .issuer = &narrow}).certificate()}, at(0)));
}

TEST_F(TrustedCasTest, CasOfOneNameAreToldApartByTheirKeys) {
  std::vector<TestCertificate> namesakes;
  std::vector<Certificate> trusted = roots;
  for (int i = 0; i < 4; ++i) {
    namesakes.push_back(make({.common_names = {"renewed"}, .is_ca = true}));
    trusted.push_back(namesakes.back().certificate());
  }
  const TrustedCas cas(trusted);
  for (const TestCertificate& ca : namesakes) {
    const auto vouched = cas.verify({make({.issuer = &ca}).certificate()}, at(0));
    ASSERT_TRUE(vouched) << vouched.error().detail;
    EXPECT_EQ(vouched->cas, ca.certificate().sha256());
  }
  EXPECT_TRUE(cas.verify(chain, at(0)));
  const TestCertificate impostor = make({.common_names = {"renewed"}, .is_ca = true});
  EXPECT_FALSE(cas.verify({make({.issuer = &impostor}).certificate()}, at(0)));
}

TEST_F(TrustedCasTest, APathIsNoLongerThanItMayBe) {
  std::vector<TestCertificate> issuers{root};
  Chain long_chain;
  for (int i = 0; i < 10; ++i) {
    issuers.push_back(make({.common_names = {"ca" + std::to_string(i)}, .issuer = &issuers.back(), .is_ca = true}));
    const TestCertificate end = make({.issuer = &issuers.back()});
    Chain sent{end.certificate()};
    for (std::size_t at = issuers.size() - 1; at > 0; --at) sent.push_back(issuers[at].certificate());
    EXPECT_EQ(TrustedCas(roots).verify(sent, at(0)).has_value(), i < 6) << i;
  }
}

TEST_F(TrustedCasTest, PathLengthsAndWeakKeysAreRefused) {
  const TestCertificate narrow = make(
      {.common_names = {"narrow"}, .issuer = &root, .is_ca = true, .basic_constraints = "critical,CA:TRUE,pathlen:0"});
  const TestCertificate below = make({.common_names = {"below"}, .issuer = &narrow, .is_ca = true});
  const TrustedCas cas(roots);
  EXPECT_TRUE(cas.verify({make({.issuer = &narrow}).certificate(), narrow.certificate()}, at(0)));
  EXPECT_FALSE(cas.verify({make({.issuer = &below}).certificate(), below.certificate(), narrow.certificate()}, at(0)));
  EXPECT_FALSE(cas.verify({make({.issuer = &root, .rsa_bits = 1024}).certificate()}, at(0)));
  EXPECT_FALSE(cas.verify({make({.issuer = &root, .digest = EVP_sha1()}).certificate()}, at(0)));
}

}  // namespace
}  // namespace twinhub::x509

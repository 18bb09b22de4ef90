// The rules of a login by certificate that need a still clock; the rest stands, over real TLS, in
// tests/wire/x509_test.cpp.
#include "tests/support/cpp/test_certificates.hpp"
#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>

namespace twinhub::hub {
namespace {

using test::TestCertificate;

struct X509LoginTest : testing::Test {
  [[nodiscard]] Result<DeviceLogin> login(const x509::Chain& chain, const IdentityId& id = d1) const {
    return world.hub.authenticator.login_device(id, chain);
  }
  void put(std::string_view authentication) {
    ASSERT_TRUE(world.put(d1, R"({"authentication":)" + std::string(authentication) + "}",
                          created ? std::optional<std::string>("*") : std::nullopt));
    created = true;
  }
  static std::string thumbprints(std::string_view primary, std::string_view secondary) {
    return R"({"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":")" + std::string(primary) +
           R"(","secondaryThumbprint":")" + std::string(secondary) + R"("}})";
  }
  [[nodiscard]] bool still_valid(const DeviceLogin& login) const { return hub::still_valid(login, world.identity(d1)); }

  World world;
  bool created = false;
  const std::time_t now = static_cast<std::time_t>(world.clock.unix_seconds());
  const TestCertificate root{{.common_names = {"root"}, .is_ca = true, .ends = 9000, .now = now}};
  const TestCertificate leaf{{.common_names = {"d1"}, .issuer = &root, .now = now}};
  const std::string sha1 = leaf.certificate().sha1_thumbprint();
  const std::string sha256 = leaf.certificate().sha256_thumbprint();
  const std::string other = std::string(40, 'a');
};

TEST_F(X509LoginTest, ALoginByThumbprintSaysWhatItRestsOnAndWhenItEnds) {
  put(thumbprints(other, sha256));
  const auto result = login({leaf.certificate()});
  ASSERT_TRUE(result) << result.error().detail;
  EXPECT_EQ(result->id, d1);
  EXPECT_EQ(result->generation_id, world.identity(d1).generation_id);
  EXPECT_EQ(result->authentication, iothub::AuthenticationType::self_signed);
  EXPECT_EQ(result->key_used, KeyUsed::secondary);
  EXPECT_EQ(result->proof, sha256);
  EXPECT_EQ(result->expires_at, world.clock.unix_seconds() + 3600);
  EXPECT_EQ(iothub::to_text(result->auth_method(), result->id),
            R"({"scope":"device","type":"x509","issuer":"iothub","acceptingIpFilterRule":null})");
  world.clock.advance_seconds(3600);
  EXPECT_TRUE(login({leaf.certificate()}));
  world.clock.advance_seconds(1);
  EXPECT_EQ(login({leaf.certificate()}).error().code, Errc::iot_hub_unauthorized);  // no skew, as for a token
}

TEST_F(X509LoginTest, ALoginByCaRestsOnTheCa) {
  put(R"({"type":"certificateAuthority"})");
  EXPECT_EQ(login({leaf.certificate()}).error().code, Errc::iot_hub_unauthorized);
  world.hub.certificates.trust_configured({root.certificate()});
  const auto result = login({leaf.certificate()});
  ASSERT_TRUE(result) << result.error().detail;
  EXPECT_EQ(result->authentication, iothub::AuthenticationType::certificate_authority);
  EXPECT_EQ(result->proof, root.certificate().sha256());
  EXPECT_EQ(result->expires_at, world.clock.unix_seconds() + 3600);
  EXPECT_TRUE(world.hub.authenticator.still_vouched(*result));
  world.hub.certificates.trust_configured({});
  EXPECT_FALSE(world.hub.authenticator.still_vouched(*result));
}

TEST_F(X509LoginTest, ALoginStaysValidWhileItsThumbprintStatusAndTypeDo) {
  put(thumbprints(sha1, other));
  const auto by_thumbprint = login({leaf.certificate()});
  ASSERT_TRUE(by_thumbprint);
  EXPECT_TRUE(world.hub.authenticator.still_vouched(*by_thumbprint));
  const auto step = [&](const std::string& authentication) {
    put(authentication);
    return still_valid(*by_thumbprint);
  };
  EXPECT_TRUE(step(thumbprints(sha1, sha256)));
  EXPECT_TRUE(step(thumbprints(other, sha1)));  // swapped
  EXPECT_TRUE(step(thumbprints(std::string(40, 'b'), sha1)));
  EXPECT_FALSE(step(thumbprints(other, std::string(40, 'b'))));
  EXPECT_FALSE(step(R"({"type":"certificateAuthority"})"));
  EXPECT_FALSE(step(R"({"type":"sas"})"));
}

TEST_F(X509LoginTest, ARefusalSaysWhichThumbprintsWouldDo) {
  put(thumbprints(other, other));
  const auto refused = login({leaf.certificate()});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::iot_hub_unauthorized);
  EXPECT_NE(refused.error().detail.find(sha1), std::string::npos);
  EXPECT_NE(refused.error().detail.find(sha256), std::string::npos);
}

TEST_F(X509LoginTest, WhoHasNoCertificateIsToldNothingOfTheStatus) {
  ASSERT_TRUE(world.put(d1, R"({"status":"disabled","authentication":)" + thumbprints(sha1, other) + "}"));
  EXPECT_EQ(login({leaf.certificate()}).error().code, Errc::device_disabled);
  EXPECT_EQ(login({root.certificate()}).error().code, Errc::iot_hub_unauthorized);
  EXPECT_EQ(login({}).error().code, Errc::iot_hub_unauthorized);
  EXPECT_EQ(login({leaf.certificate()}, {"nobody", ""}).error().code, Errc::device_not_found);
  EXPECT_EQ(login({leaf.certificate()}, {"d1", "m"}).error().code, Errc::iot_hub_unauthorized);
}

}  // namespace
}  // namespace twinhub::hub

// CA certificates under Resource Manager's paths: a life from the upload to the proof, in its documents and errors.
#include "tests/support/cpp/test_certificates.hpp"
#include "tests/unit/server/management/arm/arm_world.hpp"

#include <gmock/gmock.h>

namespace twinhub::management {
namespace {

using test::TestCertificate;
using testing::HasSubstr;
using testing::Not;

struct ArmCertificates : testing::Test {
  ArmCertificates() { EXPECT_EQ(arm.create_hub().status, 200); }
  std::string body_of(const TestCertificate& certificate) const {
    return R"({"properties":{"certificate":")" + base64_encode(certificate.certificate().pem()) + "\"}}";
  }
  ArmWorld arm;
  const std::time_t now = static_cast<std::time_t>(arm.world->clock.unix_seconds());
  const TestCertificate ca{{.common_names = {"ca"}, .is_ca = true, .now = now}};
  const std::string path = hub_path + "/certificates/root";
};

TEST_F(ArmCertificates, AreUploadedProvedAndDeleted) {
  const ArmAnswer made = arm.ask("PUT", path, body_of(ca));
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(at(made.body, "id"), '"' + path + '"');
  EXPECT_EQ(at(made.body, "properties/certificate"), '"' + base64_encode(ca.certificate().pem()) + '"');
  const std::string etag = at(made.body, "etag");

  const ArmAnswer read = arm.ask("GET", path);
  const std::string bare = at(read.body, "properties/certificate");
  EXPECT_THAT(bare, testing::StartsWith("\"MII"));
  EXPECT_THAT(bare, Not(HasSubstr("\\n")));
  EXPECT_THAT(arm.ask("GET", hub_path + "/certificates").body, HasSubstr(path));

  const ArmAnswer code = arm.ask("POST", path + "/generateVerificationCode", "", etag.substr(1, etag.size() - 2));
  ASSERT_EQ(code.status, 200) << code.body;
  const std::string word = at(code.body, "properties/verificationCode");
  const TestCertificate proof({.common_names = {word.substr(1, word.size() - 2)}, .issuer = &ca, .now = now});
  const ArmAnswer stale =
      arm.ask("POST", path + "/verify", R"({"certificate":")" + base64_encode(proof.certificate().pem()) + "\"}",
              etag.substr(1, 8));
  EXPECT_EQ(stale.status, 412);
  const ArmAnswer verified =
      arm.ask("POST", path + "/verify", R"({"certificate":")" + base64_encode(proof.certificate().pem()) + "\"}",
              "{'IF-MATCH': " + at(code.body, "etag") + "}");
  ASSERT_EQ(verified.status, 200) << verified.body;
  EXPECT_EQ(at(verified.body, "properties/isVerified"), "true");

  EXPECT_EQ(arm.ask("DELETE", path, "", "*").status, 200);
  EXPECT_EQ(arm.ask("DELETE", path, "", "*").status, 204);
  EXPECT_EQ(code_of(arm.ask("GET", path)), "\"ResourceNotFound\"");
}

TEST_F(ArmCertificates, MistakesAreAnsweredInResourceManagersShape) {
  EXPECT_EQ(code_of(arm.ask("PUT", path, R"({"properties":{"certificate":"nonsense"}})")), "\"BadRequest\"");
  ASSERT_EQ(arm.ask("PUT", path, body_of(ca)).status, 201);
  EXPECT_EQ(code_of(arm.ask("PUT", path, body_of(ca))), "\"PreconditionFailed\"");
  EXPECT_EQ(arm.ask("PUT", path, body_of(ca), "*").status, 200);
  EXPECT_EQ(code_of(arm.ask("POST", hub_path + "/certificates/none/verify", body_of(ca), "*")), "\"ResourceNotFound\"");
}

}  // namespace
}  // namespace twinhub::management

#include "protocol/x509/certificate.hpp"

#include "tests/support/cpp/test_certificates.hpp"

#include <gtest/gtest.h>

namespace twinhub::x509 {
namespace {

using test::CertificateWishes;
using test::TestCertificate;

// openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj "/O=Contoso; Ltd/CN=dev1" -set_serial 7 ...
// What openssl x509 -noout -fingerprint, -subject, -dates say of it stands in the test.
constexpr std::string_view known = R"(-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIBBzAKBggqhkjOPQQDAjAmMRUwEwYDVQQKDAxDb250b3Nv
OyBMdGQxDTALBgNVBAMMBGRldjEwIBcNMjYxMTI1MDY0ODU4WhgPMjEyNjExMDEw
NjQ4NThaMCYxFTATBgNVBAoMDENvbnRvc287IEx0ZDENMAsGA1UEAwwEZGV2MTBZ
MBMGByqGSM49AgEGCCqGSM49AwEHA0IABCVcrcFun434fZA5THTCzgm1GnOeFICB
ND6+xM3Sx9MfaMf9bZudYUphQrm36xsrO0RObTutA1YmXpQ7sIqrnYOjUzBRMB0G
A1UdDgQWBBSIYpcED8GbaN/JRbHzYu4jGPQ30zAfBgNVHSMEGDAWgBSIYpcED8Gb
aN/JRbHzYu4jGPQ30zAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUC
ID9do7gP1hKKgX5XVODoGyth6BAxBiTBNWGtj6UK8EJTAiEA9wWgVCd6CQIRGH9e
3B6zakjByHsOUo/+M6UNvcvFPlU=
-----END CERTIFICATE-----)";

TEST(Certificate, SaysWhatOpenSslsCommandSaysOfIt) {
  const auto read = Certificate::parse(known);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->sha1_thumbprint(), "10CBE1756AD31F2397D2EAE601DDA43AD3059F41");
  EXPECT_EQ(read->sha256_thumbprint(), "4332A02145949E8722A640098317CE653589F64AF8CED01ECDA6A4A581E446DE");
  EXPECT_EQ(read->subject(), "CN=dev1, O=Contoso\\; Ltd");
  EXPECT_EQ(read->common_name(), "dev1");
  EXPECT_EQ(to_iso8601(read->not_before()), "2026-11-25T06:48:58Z");
  EXPECT_EQ(to_iso8601(read->not_after()), "2126-11-01T06:48:58Z");
  EXPECT_EQ(to_rfc1123(read->not_after()), "Fri, 01 Nov 2126 06:48:58 GMT");
}

TEST(Certificate, IsReadInEveryFormThatClientsUpload) {
  const Certificate certificate = TestCertificate().certificate();
  const std::string pem = certificate.pem(), der = certificate.der();
  std::string folded = base64_encode(der);
  for (std::size_t at = 64; at < folded.size(); at += 66) folded.insert(at, "\r\n");
  for (const std::string& text : {pem, der, base64_encode(pem), base64_encode(der), folded, "Subject: dev1\n" + pem}) {
    const auto read = Certificate::parse(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->der(), der);
  }
}

TEST(Certificate, NothingElseIsOne) {
  const std::string pem = TestCertificate().certificate().pem(), der = TestCertificate().certificate().der();
  std::string damaged = pem;
  damaged[damaged.size() / 2] = '*';
  for (const std::string& text :
       {std::string(), std::string("x"), damaged, pem.substr(0, pem.size() / 2), der.substr(0, der.size() - 1),
        der + "x", base64_encode("nothing"), std::string(certificate_bytes_max + 1, 'A'),
        std::string("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
        std::string("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")}) {
    const auto read = Certificate::parse(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Errc::argument_invalid);
  }
}

TEST(Certificate, AListKeepsTheOrderAndSkipsWhatIsBetween) {
  const TestCertificate a, b;
  const auto list = parse_pem_list("# a comment\n" + a.certificate().pem() + "\nanother\n" + b.certificate().pem());
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 2U);
  EXPECT_EQ((*list)[0].der(), a.certificate().der());
  EXPECT_EQ((*list)[1].der(), b.certificate().der());
  EXPECT_FALSE(parse_pem_list("no certificate"));
  EXPECT_FALSE(parse_pem_list(a.certificate().pem() + "-----BEGIN CERTIFICATE-----\nAAAA\n"));
}

TEST(Certificate, HasACommonNameOnlyWhenThereIsExactlyOne) {
  const auto common_name = [](std::vector<std::string> names) {
    return TestCertificate({.common_names = std::move(names)}).certificate().common_name();
  };
  EXPECT_EQ(common_name({"dev1"}), "dev1");
  EXPECT_EQ(common_name({"g\xc3\xa4nse"}), "g\xc3\xa4nse");
  EXPECT_EQ(common_name({std::string("dev1\0x", 6)}), std::string("dev1\0x", 6));
  EXPECT_EQ(common_name({}), std::nullopt);
  EXPECT_EQ(common_name({"dev1", "dev1"}), std::nullopt);
}

TEST(Certificate, IsValidFromItsFirstSecondToItsLast) {
  const std::time_t now = 1'800'000'000;
  const Certificate certificate = TestCertificate({.begins = -10, .ends = 10, .now = now}).certificate();
  const auto valid = [&](std::int64_t seconds, std::uint32_t nanoseconds = 0) {
    return certificate.is_valid_at(timestamp_from_unix(now + seconds, nanoseconds));
  };
  EXPECT_FALSE(valid(-11, 999'999'999));
  EXPECT_TRUE(valid(-10));
  EXPECT_TRUE(valid(10, 500'000'000));
  EXPECT_FALSE(valid(11));
}

TEST(Certificate, IsACaByItsBasicConstraintsAlone) {
  EXPECT_TRUE(TestCertificate({.is_ca = true}).certificate().is_ca());
  EXPECT_FALSE(TestCertificate().certificate().is_ca());
  EXPECT_FALSE(TestCertificate({.basic_constraints = "-"}).certificate().is_ca());
  EXPECT_FALSE(TestCertificate({.basic_constraints = "-", .key_usage = "keyCertSign"}).certificate().is_ca());
}

TEST(Certificate, IsIssuedByTheOneWhoseNameAndSignatureItBears) {
  const TestCertificate ca({.common_names = {"ca"}, .is_ca = true}), same_name({.common_names = {"ca"}, .is_ca = true});
  const TestCertificate leaf({.issuer = &ca});
  EXPECT_TRUE(leaf.certificate().is_issued_by(ca.certificate()));
  EXPECT_FALSE(leaf.certificate().is_issued_by(same_name.certificate()));
  EXPECT_FALSE(ca.certificate().is_issued_by(leaf.certificate()));
}

TEST(Certificate, ThumbprintsCompareWithoutCase) {
  EXPECT_TRUE(same_thumbprint("00aAfF", "00AaFf"));
  EXPECT_FALSE(same_thumbprint("00aa", "00ab"));
  EXPECT_FALSE(same_thumbprint("00aa", "00aaff"));
}

}  // namespace
}  // namespace twinhub::x509

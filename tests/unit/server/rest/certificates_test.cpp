// The certificates' routes on the wire: statuses, headers, errors. What they do is tests/unit/server/hub's.
#include "rest_hub.hpp"
#include "tests/support/cpp/test_certificates.hpp"

#include <gtest/gtest.h>

namespace twinhub::test {
namespace {

std::string body_of(const TestCertificate& certificate) {
  return R"({"properties":{"certificate":")" + base64_encode(certificate.certificate().pem()) + R"("}})";
}

void expect_error(const Answer& answer, unsigned status, const std::string& name) {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_EQ(answer.error_name(), name) << answer.body;
  EXPECT_EQ(answer.headers.at("iothub-errorcode"), name);
}

TEST(RestCertificates, TheLifeOfOne) {
  const RestHub hub;
  const TestCertificate ca({.common_names = {"ca"}, .is_ca = true});
  EXPECT_EQ(hub.call("GET", "/certificates").body, R"({"value":[]})");
  expect_error(hub.call("GET", "/certificates/root"), 404, "CertificateNotFound");

  const Answer created = hub.call("PUT", "/certificates/root", body_of(ca));
  EXPECT_EQ(created.status, 201U) << created.body;
  const std::string etag = created.headers.at("etag");
  const Answer shown = hub.call("GET", "/certificates/root");
  EXPECT_EQ(shown.status, 200U);
  EXPECT_EQ(shown.body, created.body);
  EXPECT_EQ(shown.headers.at("etag"), etag);
  expect_error(hub.call("PUT", "/certificates/root", body_of(ca)), 412, "PreconditionFailed");
  EXPECT_EQ(hub.call("PUT", "/certificates/root", body_of(ca), "If-Match: " + etag + "\r\n").status, 200U);

  expect_error(hub.call("POST", "/certificates/root/generateVerificationCode"), 412, "PreconditionFailed");
  expect_error(hub.call("POST", "/certificates/root/generateVerificationCode", "", "If-Match: " + etag + "\r\n"), 412,
               "PreconditionFailed");
  const Answer code = hub.call("POST", "/certificates/root/generateVerificationCode", "", "If-Match: \"*\"\r\n");
  ASSERT_EQ(code.status, 200U) << code.body;
  const std::string key = R"("verificationCode":")";
  const std::string text = code.body.substr(code.body.find(key) + key.size(), 48);
  expect_error(hub.call("POST", "/certificates/root/verify", body_of(ca), "If-Match: *\r\n"), 400, "ArgumentInvalid");
  const TestCertificate proof({.common_names = {text}, .issuer = &ca});
  const Answer verified =
      hub.call("POST", "/Certificates/root/Verify", body_of(proof), "If-Match: " + code.headers.at("etag") + "\r\n");
  EXPECT_EQ(verified.status, 200U) << verified.body;
  EXPECT_NE(verified.body.find(R"("isVerified":true)"), std::string::npos);

  expect_error(hub.call("DELETE", "/certificates/root"), 412, "PreconditionFailed");
  EXPECT_EQ(hub.call("DELETE", "/certificates/root", "", "If-Match: *\r\n").status, 200U);
  EXPECT_EQ(hub.call("DELETE", "/certificates/root", "", "If-Match: *\r\n").status, 204U);
}

TEST(RestCertificates, WhatCannotBeIsRefused) {
  const RestHub hub;
  const TestCertificate ca({.common_names = {"ca"}, .is_ca = true});
  expect_error(hub.call("PUT", "/certificates/root", body_of(TestCertificate())), 400, "ArgumentInvalid");
  expect_error(hub.call("PUT", "/certificates/root", "{"), 400, "IotHubFormatError");
  expect_error(hub.call("PUT", "/certificates/a%20b", body_of(ca)), 400, "ArgumentInvalid");
  expect_error(hub.call("PUT", "/certificates/root", body_of(ca), "If-Match: *\r\n"), 404, "CertificateNotFound");
  expect_error(hub.call("POST", "/certificates/root"), 405, "GenericMethodNotAllowed");
}

}  // namespace
}  // namespace twinhub::test

// Why a TLS handshake or a certificate was refused, as the hub's notices say it.
#include "tests/wire/notice_parts.hpp"

#include <fstream>
#include <memory>
#include <stdexcept>

namespace twinhub::test {
namespace {

void expect_tls_notice(const WireHub& hub, Reason reason, std::string_view code = {}) {
  const Notice notice = notice_of(hub, reason);
  EXPECT_EQ(notice.stage, Stage::tls);
  EXPECT_EQ(notice.kind, Kind::refused);
  EXPECT_EQ(notice.transport, "mqtts");
  EXPECT_EQ(notice.id, "");
  EXPECT_EQ(notice.code, code);
  EXPECT_FALSE(notice.detail.empty());
  // Without the port when the peer has cut the connection.
  EXPECT_TRUE(notice.address.starts_with("127.0.0.1")) << notice.address;
  EXPECT_EQ(refusals(hub), 1U) << "and nothing else was refused";
}

class TlsNotices : public ::testing::TestWithParam<int> {};

TEST_P(TlsNotices, AClientThatDoesNotTrustTheCaSaysSo) {
  WireHub hub;
  const TestCertificate other({.common_names = {"another CA"}, .is_ca = true});
  const TemporaryFolder folder("ca");
  const auto file = folder.path() / "ca.pem";
  std::ofstream(file) << other.certificate().pem();
  EXPECT_THROW(MqttClient(hub.tls_port(), {.ca = file, .version_max = GetParam()}), std::runtime_error);
  expect_tls_notice(hub, Reason::ca_not_trusted, "alert 48");
}

TEST_P(TlsNotices, AClientThatLeavesWithoutAWordAfterTheHandshakeMostLikelyDoesNotLikeTheCertificate) {
  WireHub hub;
  { const MqttClient client(hub.tls_port(), {.ca = hub.ca(), .version_max = GetParam()}); }
  expect_tls_notice(hub, Reason::certificate_rejected);
}

INSTANTIATE_TEST_SUITE_P(Tls, TlsNotices, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) { return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST(TlsFailureNotices, PlainMqttAtThePortOfTlsIsNoTls) {
  WireHub hub;
  MqttClient client(hub.tls_port());
  client.send(connect_packet(hub.credentials(dev1)));
  expect_tls_notice(hub, Reason::not_tls);
}

/// The first bytes of a client that offers `version` at most.
std::string client_hello(int version_max, const char* server_name) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), version_max);
  SSL_CTX_set_cipher_list(context.get(), "DEFAULT@SECLEVEL=0");  // what a client of that time has
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), &SSL_free);
  BIO* const hello = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), hello);
  SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(server_name));
  SSL_connect(ssl.get());
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(hello, &bytes);
  return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

TEST(TlsFailureNotices, AnOlderVersionIsNamed) {
  WireHub hub;
  const std::string hello = client_hello(TLS1_1_VERSION, "hub.local");
  ASSERT_FALSE(hello.empty());
  MqttClient client(hub.tls_port());
  client.send(hello);
  EXPECT_TRUE(client.read_bytes()) << "the hub's alert";
  expect_tls_notice(hub, Reason::tls_version);
}

TEST(TlsFailureNotices, WhoLeavesInTheMiddleOfTheHandshakeHasSeenTheCertificate) {
  WireHub hub;
  MqttClient client(hub.tls_port());
  client.send(client_hello(TLS1_3_VERSION, "gateway.plant"));
  EXPECT_TRUE(client.read_bytes()) << "the hub's flight, its certificate in it";
  client.half_close();
  while (client.read_bytes()) {
  }
  expect_tls_notice(hub, Reason::certificate_rejected);
  EXPECT_EQ(notice_of(hub, Reason::certificate_rejected).sni, "gateway.plant");
}

TEST(TlsFailureNotices, AConnectionWithoutAByteIsNoRefusal) {
  WireHub hub;
  { const MqttClient health_check(hub.tls_port()); }
  const Notice notice = notice_of(hub, Reason::peer_closed);
  EXPECT_EQ(notice.kind, Kind::ended);
  EXPECT_EQ(notice.stage, Stage::tcp);
  EXPECT_EQ(refusals(hub), 0U);
}

TEST(CertificateNotices, EachRefusedCertificateIsNamedWithSubjectAndIssuer) {
  const TestCertificate root({.common_names = {"plant CA"}, .is_ca = true});
  const TestCertificate own, signed_by_root({.issuer = &root}), other_name({.common_names = {"dev9"}, .issuer = &root}),
      late({.issuer = &root, .begins = -7200, .ends = -3600});
  const std::string self_signed = R"({"authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":)"
                                  R"("0123456789abcdef0123456789abcdef01234567","secondaryThumbprint":null}}})";
  const std::string ca_signed = R"({"authentication":{"type":"certificateAuthority"}})";
  const struct {
    const char* what;
    Reason reason;
    std::string identity;
    const TestCertificate* shown;
    bool trusted;
    std::vector<std::string> detail;
  } rows[] = {
      {"another thumbprint", Reason::thumbprint_mismatch, self_signed, &own, false, {"subject CN=dev1", "SHA-256"}},
      {"no certificate", Reason::no_credentials, self_signed, nullptr, false, {}},
      {"an unknown CA", Reason::ca_unknown, ca_signed, &signed_by_root, false, {"issuer CN=plant CA"}},
      {"another common name", Reason::common_name, ca_signed, &other_name, true, {"'dev9'", "issuer CN=plant CA"}},
      {"an expired certificate", Reason::certificate_dates, ca_signed, &late, true, {"subject CN=dev1"}},
      {"a device with a key", Reason::wrong_authentication_type, "{}", &own, false, {"token (sas)", "subject CN=dev1"}},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    WireHub hub;
    hub.put(dev1, row.identity);
    if (row.trusted) hub.put_ca("root", root.certificate());
    MqttClient client(hub.tls_port(),
                      {.ca = hub.ca(),
                       .certificates = row.shown == nullptr ? std::vector<TestCertificate>()
                                                            : std::vector<TestCertificate>{*row.shown}});
    ConnectFields fields = hub.credentials(dev1);
    fields.password.reset();
    EXPECT_EQ(connect_code(client, fields), 5);
    const Notice notice = notice_of(hub, row.reason);
    EXPECT_EQ(notice.id, "dev1");
    EXPECT_EQ(notice.transport, "mqtts");
    expect_from_here(notice);
    for (const std::string& text : row.detail) EXPECT_NE(notice.detail.find(text), std::string::npos) << notice.detail;
  }
}

}  // namespace
}  // namespace twinhub::test

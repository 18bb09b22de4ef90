// Devices that prove themselves by a certificate, over real TLS: who is let in, who is not, and when a connection ends.
// Source: azure-docs iot-hub-x509ca-overview, authenticate-authorize-x509; edgeHub's X.509 authenticators.
#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>
#include <stdexcept>

namespace twinhub::test {
namespace {

using Certificates = std::vector<TestCertificate>;

constexpr std::string_view nobodys_thumbprint = "0123456789abcdef0123456789abcdef01234567";

std::string self_signed(std::string_view primary, std::string_view secondary = {}) {
  const auto quoted = [](std::string_view text) { return text.empty() ? "null" : '"' + std::string(text) + '"'; };
  return R"({"authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":)" + quoted(primary) +
         R"(,"secondaryThumbprint":)" + quoted(secondary) + "}}}";
}

const std::string ca_signed = R"({"authentication":{"type":"certificateAuthority"}})";

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

ConnectFields without_password(const IdentityId& id = dev1) {
  ConnectFields fields;
  fields.client_id = id.is_module() ? id.device + "/" + id.module : id.device;
  fields.user_name = "hub.local/" + fields.client_id + "/?api-version=2021-04-12";
  return fields;
}

MqttClient with(const WireHub& hub, const Certificates& chain, int version = TLS1_3_VERSION) {
  return {hub.tls_port(), {.ca = hub.ca(), .version_max = version, .certificates = chain}};
}

/// CONNACK's code for `id`, showing `chain`.
int code_of(const WireHub& hub, const Certificates& chain, const IdentityId& id = dev1) {
  MqttClient client = with(hub, chain);
  return connect_code(client, without_password(id));
}

/// A CA, one below it, and what they sign.
struct Authority {
  TestCertificate root{{.common_names = {"root"}, .is_ca = true}};
  TestCertificate intermediate{{.common_names = {"intermediate"}, .issuer = &root, .is_ca = true}};
  TestCertificate leaf{{.issuer = &root}};
  TestCertificate deep_leaf{{.issuer = &intermediate}};
};

class X509Versions : public ::testing::TestWithParam<int> {};

TEST_P(X509Versions, ADeviceWithItsThumbprintIsServed) {
  WireHub hub;
  const TestCertificate own;
  hub.put(dev1, self_signed(own.certificate().sha1_thumbprint()));
  MqttClient client = with(hub, {own}, GetParam());
  ConnectFields fields = without_password();
  fields.clean_session = true;
  ASSERT_EQ(connect_code(client, fields), 0);
  client.send(subscribe_packet(1, {{twin_responses, 0}, {desired_changes, 0}}));
  EXPECT_EQ(client.expect().first_byte, 0x90);
  EXPECT_EQ(get_twin(client).topic, "$iothub/twin/res/200/?$rid=1");
  hub.patch(dev1, R"({"properties":{"desired":{"a":1}}})");
  EXPECT_EQ(client.expect_message().payload, R"({"a":1,"$version":2})");
  client.send(publish_packet({.topic = "devices/dev1/messages/events/", .payload = "hello", .qos = 1, .packet_id = 2}));
  EXPECT_EQ(client.expect(), (Packet{0x40, integer16(2)}));
  const auto events = hub.telemetry(dev1);
  ASSERT_EQ(events.size(), 1U);
  std::string method;
  for (const auto& property : events.front().system) {
    if (property.name == "iothub-connection-auth-method") method = property.value.value_or("");
  }
  EXPECT_EQ(method, R"({"scope":"device","type":"x509","issuer":"iothub","acceptingIpFilterRule":null})");
}

TEST_P(X509Versions, ADeviceThatAVerifiedCaVouchesForIsServedByBothDoors) {
  WireHub hub;
  const Authority authority;
  hub.put(dev1, ca_signed);
  hub.put_ca("root", authority.root.certificate());
  MqttClient mqtts = with(hub, {authority.leaf}, GetParam());
  EXPECT_EQ(connect_code(mqtts, without_password()), 0);
  MqttClient web_socket(hub.https_port(),
                        {.ca = hub.ca(), .version_max = GetParam(), .certificates = {authority.leaf}});
  ASSERT_TRUE(web_socket.upgrade().starts_with("HTTP/1.1 101 "));
  EXPECT_EQ(connect_code(web_socket, without_password()), 0);
}

/// A session that could be resumed would bring the certificate of an earlier handshake with it.
TEST_P(X509Versions, NoSessionIsResumed) {
  WireHub hub;
  const TestCertificate own;
  hub.put(dev1, self_signed(own.certificate().sha1_thumbprint()));
  for (const bool web_socket : {false, true}) {
    const std::uint16_t port = web_socket ? hub.https_port() : hub.tls_port();
    const auto open = [&](MqttClient& client) {
      if (web_socket) {
        ASSERT_TRUE(client.upgrade().starts_with("HTTP/1.1 101 "));
      }
    };
    MqttClient first(port, {.ca = hub.ca(), .version_max = GetParam(), .certificates = {own}});
    open(first);
    ASSERT_EQ(connect_code(first, without_password()), 0);  // tickets, if any, have come by now
    const std::shared_ptr<SSL_SESSION> session(SSL_get1_session(first.tls()), SSL_SESSION_free);
    MqttClient second(port, {.ca = hub.ca(), .version_max = GetParam(), .resume = session});
    EXPECT_EQ(SSL_session_reused(second.tls()), 0);
    open(second);
    EXPECT_EQ(connect_code(second, without_password()), 5);
  }
}

INSTANTIATE_TEST_SUITE_P(X509, X509Versions, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) { return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST(X509, AThumbprintIsSha1OrSha256InEitherPlaceAndCase) {
  WireHub hub;
  const TestCertificate own, other;
  const std::string sha1 = own.certificate().sha1_thumbprint(), sha256 = own.certificate().sha256_thumbprint();
  for (const std::string& body : {self_signed(sha1), self_signed(sha256), self_signed(lower(sha1)),
                                  self_signed(nobodys_thumbprint, lower(sha256)), self_signed({}, sha1)}) {
    hub.put(dev1, body);
    EXPECT_EQ(code_of(hub, {own}), 0) << body;
    EXPECT_EQ(code_of(hub, {other}), 5) << body;
  }
  hub.put(dev1, self_signed(nobodys_thumbprint));
  EXPECT_EQ(code_of(hub, {own}), 5);
  hub.put(dev1, self_signed({}));
  EXPECT_EQ(code_of(hub, {own}), 5);
}

TEST(X509, AThumbprintsCertificateNeedsItsDatesAndNothingElse) {
  WireHub hub;
  const TestCertificate expired({.begins = -7200, .ends = -1});
  const TestCertificate early({.begins = 600, .ends = 3600});
  const TestCertificate strange({.common_names = {"somebody", "else"}, .extended_key_usage = "serverAuth"});
  for (const auto& [certificate, code] : {std::pair{expired, 5}, std::pair{early, 5}, std::pair{strange, 0}}) {
    hub.put(dev1, self_signed(certificate.certificate().sha256_thumbprint()));
    EXPECT_EQ(code_of(hub, {certificate}), code);
  }
}

TEST(X509, NameConstraintsOfAnIntermediateBindTheDeviceId) {
  WireHub hub;
  const TestCertificate root({.common_names = {"root"}, .is_ca = true});
  const IdentityId within{"press.plant.example", ""}, outside{"office:1", ""};
  hub.put_ca("root", root.certificate());
  for (const IdentityId& id : {within, outside}) hub.put(id, ca_signed);
  const auto code = [&](const std::string& constraints, const IdentityId& id) {
    const TestCertificate plant(
        {.common_names = {"plant"}, .issuer = &root, .is_ca = true, .name_constraints = constraints});
    const TestCertificate leaf({.common_names = {id.device}, .issuer = &plant});
    return code_of(hub, {leaf, plant}, id);
  };
  EXPECT_EQ(code("critical,permitted;DNS:plant.example", within), 0);
  EXPECT_EQ(code("critical,permitted;DNS:plant.example", outside), 5);
  EXPECT_EQ(code("critical,excluded;DNS:plant.example", within), 5);
  EXPECT_EQ(code("critical,excluded;DNS:plant.example", outside), 0);
}

TEST(X509, ACasWordCountsWhenItIsVerified) {
  WireHub hub;
  const Authority authority, stranger;
  hub.put(dev1, ca_signed);
  EXPECT_EQ(code_of(hub, {authority.leaf}), 5);
  hub.put_ca("root", authority.root.certificate(), false);
  EXPECT_EQ(code_of(hub, {authority.leaf}), 5);
  hub.put_ca("root", authority.root.certificate(), true);
  EXPECT_EQ(code_of(hub, {authority.leaf}), 0);
  EXPECT_EQ(code_of(hub, {stranger.leaf}), 5);
  EXPECT_EQ(code_of(hub, {stranger.leaf, stranger.root}), 5);
  hub.restart();
  EXPECT_EQ(code_of(hub, {authority.leaf}), 0);
  hub.put_ca("root", stranger.root.certificate(), false);
  EXPECT_EQ(code_of(hub, {authority.leaf}), 5);
}

TEST(X509, TheCommonNameIsTheDeviceIdToTheLetter) {
  WireHub hub;
  const Authority authority;
  hub.put_ca("root", authority.root.certificate());
  hub.put(dev1, ca_signed);
  hub.put(dev2, ca_signed);
  using Names = std::vector<std::string>;
  for (const auto& [names, code] :
       {std::pair{Names{"dev1"}, 0}, std::pair{Names{"Dev1"}, 5}, std::pair{Names{"dev2"}, 5},
        std::pair{Names{"dev"}, 5}, std::pair{Names{"dev1", "dev2"}, 5}, std::pair{Names{"dev2", "dev1"}, 5},
        std::pair{Names{}, 5}, std::pair{Names{std::string("dev1\0x", 6)}, 5}}) {
    EXPECT_EQ(code_of(hub, {TestCertificate({.common_names = names, .issuer = &authority.root})}), code);
  }
  EXPECT_EQ(code_of(hub, {authority.leaf}, dev2), 5);
}

TEST(X509, IntermediatesComeFromTheDevice) {
  WireHub hub;
  const Authority authority;
  hub.put(dev1, ca_signed);
  hub.put_ca("root", authority.root.certificate());
  EXPECT_EQ(code_of(hub, {authority.deep_leaf, authority.intermediate}), 0);
  EXPECT_EQ(code_of(hub, {authority.deep_leaf}), 5);
  // An uploaded intermediate is an anchor of its own.
  hub.put_ca("intermediate", authority.intermediate.certificate());
  EXPECT_EQ(code_of(hub, {authority.deep_leaf}), 0);
  hub.remove_ca("root");
  EXPECT_EQ(code_of(hub, {authority.deep_leaf}), 0);
  EXPECT_EQ(code_of(hub, {authority.leaf}), 5);
}

TEST(X509, AChainIsCheckedAsARelyingPartyDoes) {
  WireHub hub;
  const Authority authority;
  hub.put(dev1, ca_signed);
  hub.put_ca("root", authority.root.certificate());
  const auto leaf = [&](CertificateWishes wishes) {
    wishes.issuer = &authority.root;
    return code_of(hub, {TestCertificate(wishes)});
  };
  EXPECT_EQ(leaf({.begins = -7200, .ends = -1}), 5);
  EXPECT_EQ(leaf({.begins = 600}), 5);
  EXPECT_EQ(leaf({.extended_key_usage = "clientAuth"}), 0);
  EXPECT_EQ(leaf({.extended_key_usage = "serverAuth"}), 5);
  EXPECT_EQ(leaf({.rsa_bits = 2048}), 0);
  EXPECT_EQ(leaf({.digest = EVP_sha1()}), 5);
  // Another device's certificate signs none.
  const TestCertificate device({.common_names = {"dev2"}, .issuer = &authority.root});
  EXPECT_EQ(code_of(hub, {TestCertificate({.issuer = &device}), device}), 5);
  const TestCertificate by_key_usage(
      {.common_names = {"dev2"}, .issuer = &authority.root, .basic_constraints = "-", .key_usage = "keyCertSign"});
  EXPECT_EQ(code_of(hub, {TestCertificate({.issuer = &by_key_usage}), by_key_usage}), 5);
  // One that names the CA as its issuer without the CA's signature.
  const Authority same_names;
  EXPECT_EQ(code_of(hub, {same_names.leaf}), 5);
  const TestCertificate old_ca({.common_names = {"old"}, .is_ca = true, .begins = -7200, .ends = -1});
  hub.put_ca("old", old_ca.certificate());
  EXPECT_EQ(code_of(hub, {TestCertificate({.issuer = &old_ca})}), 5);
}

TEST(X509, AConfiguredCaCountsAsAVerifiedOne) {
  WireHub hub;
  const Authority authority;
  hub.put(dev1, ca_signed);
  hub.trust_configured({authority.root.certificate()});
  EXPECT_EQ(code_of(hub, {authority.leaf}), 0);
  hub.trust_configured({});
  EXPECT_EQ(code_of(hub, {authority.leaf}), 5);
}

TEST(X509, TheKindOfProofIsTheIdentitys) {
  WireHub hub;
  const Authority authority;
  hub.put_ca("root", authority.root.certificate());
  // A sas identity: no certificate helps, a token does, with or without a certificate.
  EXPECT_EQ(code_of(hub, {authority.leaf}), 5);
  const ConnectFields token = hub.credentials(dev1);
  MqttClient both = with(hub, {authority.leaf});
  EXPECT_EQ(connect_code(both, token), 0);

  // An X.509 identity: the token that was right a moment ago is not, not even beside the right certificate.
  for (const std::string& body : {ca_signed, self_signed(authority.leaf.certificate().sha1_thumbprint())}) {
    hub.put(dev1, body);
    MqttClient with_token = with(hub, {authority.leaf});
    EXPECT_EQ(connect_code(with_token, token), 5);
    EXPECT_EQ(code_of(hub, {authority.leaf}), 0);
    EXPECT_EQ(code_of(hub, {}), 5);
    MqttClient plain(hub.port());
    EXPECT_EQ(connect_code(plain, without_password()), 5);
    ConnectFields empty = without_password();
    empty.password = "";
    MqttClient with_empty = with(hub, {authority.leaf});
    EXPECT_EQ(connect_code(with_empty, empty), 0);  // an empty password is none
  }
  hub.put(dev1, self_signed(nobodys_thumbprint));
  EXPECT_EQ(code_of(hub, {authority.leaf}), 5);  // a CA's word is not asked for
}

TEST(X509, ADisabledOrUnknownDeviceIsRefused) {
  WireHub hub;
  const TestCertificate own;
  std::string body = self_signed(own.certificate().sha1_thumbprint());
  body.insert(1, R"("status":"disabled",)");
  hub.put(dev1, body);
  EXPECT_EQ(code_of(hub, {own}), 5);
  hub.remove(dev1);
  EXPECT_EQ(code_of(hub, {own}), 5);
}

TEST(X509, AModuleHasNoCertificate) {
  WireHub hub;
  const TestCertificate own({.common_names = {"m1"}});
  const IdentityId module{"dev1", "m1"};
  hub.put(module, self_signed(own.certificate().sha1_thumbprint()));
  EXPECT_EQ(code_of(hub, {own}, module), 5);
}

TEST(X509, WhatIsSentAlongProvesNothing) {
  WireHub hub;
  const TestCertificate own;
  hub.put(dev1, self_signed(own.certificate().sha1_thumbprint()));
  EXPECT_EQ(code_of(hub, {TestCertificate(), own}), 5);  // its key is not the one that signed the handshake
  EXPECT_EQ(code_of(hub, {}), 5);
  EXPECT_THROW(with(hub, {own}, TLS1_1_VERSION), std::runtime_error);
  EXPECT_EQ(code_of(hub, {own}), 0);
}

TEST(X509, ADeviceMaySpeakHttpsToo) {
  WireHub hub;
  const TestCertificate own;
  hub.put(dev1, self_signed(own.certificate().sha1_thumbprint()));
  const auto status_of = [&](const Certificates& chain, const std::string& device) {
    MqttClient client(hub.https_port(), {.ca = hub.ca(), .certificates = chain});
    return client
        .request(
            "POST /devices/" + device +
            "/messages/events?api-version=2021-04-12 HTTP/1.1\r\nHost: hub.local\r\nContent-Length: 5\r\n\r\nhello")
        .substr(0, 12);
  };
  EXPECT_EQ(status_of({own}, "dev1"), "HTTP/1.1 204");
  ASSERT_EQ(hub.telemetry(dev1).size(), 1U);
  EXPECT_EQ(hub.telemetry(dev1).front().body, "hello");
  EXPECT_EQ(status_of({own}, "dev2"), "HTTP/1.1 401");
  EXPECT_EQ(status_of({own}, "nobody"), "HTTP/1.1 401");
  EXPECT_EQ(status_of({TestCertificate()}, "dev1"), "HTTP/1.1 401");
  EXPECT_EQ(status_of({}, "dev1"), "HTTP/1.1 401");
}

// Live connections

TEST(X509, AConnectionEndsWithItsThumbprint) {
  WireHub hub;
  const TestCertificate own;
  const std::string thumbprint = own.certificate().sha1_thumbprint();
  hub.put(dev1, self_signed(thumbprint));
  MqttClient client = with(hub, {own});
  ASSERT_EQ(connect_code(client, without_password()), 0);
  hub.put(dev1, self_signed(nobodys_thumbprint, lower(thumbprint)));  // moved: still its own
  EXPECT_TRUE(hub.is_connected(dev1));
  client.send(pingreq);
  EXPECT_EQ(client.expect().first_byte, 0xD0);
  hub.put(dev1, self_signed(nobodys_thumbprint));
  EXPECT_EQ(client.drain(), 0U);
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
}

TEST(X509, AConnectionEndsWhenTheIdentityTakesAnotherKindOfProof) {
  WireHub hub;
  const Authority authority;
  hub.put_ca("root", authority.root.certificate());
  const std::string thumbprint = self_signed(authority.leaf.certificate().sha1_thumbprint());
  for (const auto& [before, after] :
       {std::pair{ca_signed, thumbprint}, std::pair{thumbprint, ca_signed}, std::pair{ca_signed, std::string("{}")},
        std::pair{std::string("{}"), ca_signed}}) {
    hub.put(dev1, before);
    MqttClient client = with(hub, {authority.leaf});
    ASSERT_EQ(connect_code(client, before == "{}" ? hub.credentials(dev1) : without_password()), 0);
    hub.put(dev1, after);
    EXPECT_EQ(client.drain(), 0U) << before << " " << after;
  }
}

TEST(X509, AConnectionEndsWithItsCaAndOthersStay) {
  WireHub hub;
  const Authority authority, other;
  hub.put(dev1, ca_signed);
  hub.put(dev2, ca_signed);
  hub.put_ca("root", authority.root.certificate());
  hub.put_ca("other", other.root.certificate());
  const TestCertificate others_leaf({.common_names = {"dev2"}, .issuer = &other.root});
  MqttClient bystander = with(hub, {others_leaf});
  ASSERT_EQ(connect_code(bystander, without_password(dev2)), 0);
  const auto connect = [&] {
    MqttClient client = with(hub, {authority.leaf});
    EXPECT_EQ(connect_code(client, without_password()), 0);
    return client;
  };

  MqttClient client = connect();
  hub.remove_ca("root");
  EXPECT_EQ(client.drain(), 0U);
  hub.put_ca("root", authority.root.certificate());
  MqttClient again = connect();
  hub.put_ca("root", authority.root.certificate(), false);  // not verified any more
  EXPECT_EQ(again.drain(), 0U);
  EXPECT_TRUE(hub.is_connected(dev2));
  bystander.send(pingreq);
  EXPECT_EQ(bystander.expect().first_byte, 0xD0);
}

TEST(X509, AConnectionEndsWhenACertificateOfItsChainExpires) {
  mqtt_door::DoorOptions options;
  options.token_expiry_grace = std::chrono::seconds(0);
  WireHub hub(options);
  hub.put(dev2, ca_signed);
  const TestCertificate soon({.ends = 8});
  const TestCertificate root({.common_names = {"root"}, .is_ca = true, .ends = 8});
  hub.put(dev1, self_signed(soon.certificate().sha1_thumbprint()));
  hub.put_ca("root", root.certificate());
  MqttClient thumbprint = with(hub, {soon});
  ASSERT_EQ(connect_code(thumbprint, without_password()), 0);
  MqttClient chain = with(hub, {TestCertificate({.common_names = {"dev2"}, .issuer = &root})});
  ASSERT_EQ(connect_code(chain, without_password(dev2)), 0);
  EXPECT_EQ(thumbprint.drain(), 0U);
  EXPECT_EQ(chain.drain(), 0U);
  EXPECT_EQ(code_of(hub, {soon}), 5);
}

}  // namespace
}  // namespace twinhub::test

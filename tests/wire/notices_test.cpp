// Why a device cannot connect, as the hub's notices say it: each row is what one client does wrong, and the id, address,
// stage and reason that an operator reads then.
#include "protocol/iothub/sas_token.hpp"
#include "tests/wire/notice_parts.hpp"

#include <gtest/gtest.h>
#include <chrono>
#include <functional>

namespace twinhub::test {
namespace {

struct Row {
  const char* what;
  Reason reason;
  int connack;
  std::string id;
  std::vector<std::string> detail;  ///< texts in it
  std::function<void(WireHub&, ConnectFields&)> spoil;
};

std::string token_by(const std::string& key, const std::string& resource, std::uint64_t expires = 4'000'000'000,
                     const std::string& policy = {}) {
  return iothub::make_sas_token(resource, key, expires, policy);
}

std::vector<Row> connect_rows() {
  const std::string some_key = base64_encode(std::string(32, 'x'));
  const std::string policy_key = base64_encode(std::string(32, 'd'));
  const std::string dev1_resource = "hub.local/devices/dev1";
  return {
      {"another key",
       Reason::signature_mismatch,
       5,
       "dev1",
       {dev1_resource},
       [=](WireHub&, ConnectFields& fields) { fields.password = token_by(some_key, dev1_resource); }},
      {"another device's token",
       Reason::signature_mismatch,
       5,
       "dev1",
       {"hub.local/devices/dev2"},
       [](WireHub& hub, ConnectFields& fields) { fields.password = hub.token(dev2); }},
      {"a garbled signature",
       Reason::signature_mismatch,
       5,
       "dev1",
       {},
       [](WireHub&, ConnectFields& fields) {
         fields.password = "SharedAccessSignature sr=hub.local%2Fdevices%2Fdev1&sig=%%%&se=4000000000";
       }},
      {"an expired token",
       Reason::token_expired,
       5,
       "dev1",
       {"expired 3 h ago"},
       [](WireHub& hub, ConnectFields& fields) { fields.password = hub.token(dev1, -3 * 3600 - 60); }},
      {"another client identifier",
       Reason::client_id_mismatch,
       5,
       "dev1",
       {"'Dev-1'", "'dev1'"},
       [](WireHub&, ConnectFields& fields) { fields.client_id = "Dev-1"; }},
      {"no client identifier",
       Reason::no_client_id,
       4,
       "dev1",
       {},
       [](WireHub&, ConnectFields& fields) {
         fields.client_id = "";
         fields.clean_session = true;
       }},
      {"a user name without the hub",
       Reason::bad_user_name,
       4,
       "dev1",
       {"'dev1'"},
       [](WireHub&, ConnectFields& fields) { fields.user_name = "dev1"; }},
      {"no user name",
       Reason::bad_user_name,
       4,
       "dev1",
       {},
       [](WireHub&, ConnectFields& fields) {
         fields.user_name.reset();
         fields.password.reset();
       }},
      {"an unknown device",
       Reason::unknown_device,
       5,
       "nope",
       {},
       [](WireHub& hub, ConnectFields& fields) {
         fields = hub.credentials(dev1);
         fields.client_id = "nope";
         fields.user_name = "hub.local/nope/?api-version=2021-04-12";
       }},
      {"a disabled device",
       Reason::disabled,
       5,
       "dev1",
       {"stolen in May"},
       [](WireHub& hub, ConnectFields& fields) {
         hub.put(dev1, R"({"status":"disabled","statusReason":"stolen in May"})");
         fields.password = hub.token(dev1);
       }},
      {"a token of another resource",
       Reason::wrong_resource,
       5,
       "dev1",
       {"hub.local/devices/dev2", "HOST/devices/dev1"},
       [](WireHub& hub, ConnectFields& fields) {
         fields.password = token_by(hub.identity(dev1).primary_key, "hub.local/devices/dev2");
       }},
      {"the key in place of a token",
       Reason::token_unreadable,
       5,
       "dev1",
       {},
       [](WireHub& hub, ConnectFields& fields) { fields.password = hub.identity(dev1).primary_key; }},
      {"no password",
       Reason::no_credentials,
       5,
       "dev1",
       {},
       [](WireHub&, ConnectFields& fields) { fields.password = ""; }},
      {"an unknown policy",
       Reason::unknown_policy,
       5,
       "dev1",
       {"'nobody'"},
       [=](WireHub&, ConnectFields& fields) {
         fields.password = token_by(policy_key, "hub.local", 4'000'000'000, "nobody");
       }},
      {"a policy without the right",
       Reason::policy_rights,
       5,
       "dev1",
       {"'service' lacks DeviceConnect"},
       [](WireHub&, ConnectFields& fields) {
         fields.password = token_by(base64_encode(std::string(32, 's')), "hub.local", 4'000'000'000, "service");
       }},
      {"a token for a device with a certificate",
       Reason::wrong_authentication_type,
       5,
       "dev1",
       {"selfSigned", "token"},
       [](WireHub& hub, ConnectFields& fields) {
         fields.password = hub.token(dev1, -3600);  // expired besides: what is looked at last
         hub.put(dev1, R"({"authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":)"
                       R"("0123456789abcdef0123456789abcdef01234567","secondaryThumbprint":null}}})");
       }},
      {"a will of QoS 2",
       Reason::unsupported,
       5,
       "dev1",
       {"QoS 2"},
       [](WireHub&, ConnectFields& fields) { fields.will = {.topic = "t", .message = "m", .qos = 2}; }},
  };
}

TEST(ConnectNotices, EachRefusedConnectSaysWhoFromWhereAndWhy) {
  for (const Row& row : connect_rows()) {
    SCOPED_TRACE(row.what);
    WireHub hub;
    ConnectFields fields = hub.credentials(dev1);
    row.spoil(hub, fields);
    MqttClient client(hub.port());
    EXPECT_EQ(connect_code(client, fields), row.connack);
    const Notice notice = notice_of(hub, row.reason);
    EXPECT_EQ(notice.id, row.id);
    EXPECT_EQ(notice.kind, Kind::refused);
    EXPECT_EQ(notice.stage, Stage::connect);
    EXPECT_EQ(notice.transport, "mqtt");
    EXPECT_EQ(notice.code, "CONNACK " + std::to_string(row.connack));
    expect_from_here(notice);
    for (const std::string& text : row.detail) EXPECT_NE(notice.detail.find(text), std::string::npos) << notice.detail;
    const std::string secret = fields.password.value_or("");
    EXPECT_TRUE(secret.empty() || notice.detail.find(secret) == std::string::npos);
    EXPECT_EQ(refusals(hub), 1U) << "and nothing else was refused";
  }
}

TEST(ConnectNotices, MqttOverAWebSocketSaysSo) {
  WireHub hub;
  MqttClient client(hub.https_port(), {.ca = hub.ca()});
  ASSERT_TRUE(client.upgrade().starts_with("HTTP/1.1 101"));
  ConnectFields fields = hub.credentials(dev1);
  fields.password = hub.token(dev2);
  client.send(connect_packet(fields));
  EXPECT_EQ(client.expect(), (Packet{0x20, std::string("\0\5", 2)}));
  const Notice notice = notice_of(hub, Reason::signature_mismatch);
  EXPECT_EQ(notice.transport, "mqtt-wss");
  EXPECT_EQ(notice.id, "dev1");
  expect_from_here(notice);
}

std::string connect_of_mqtt_5(const std::string& client_id) {
  const std::string properties("\x05\x11\x00\x00\x00\x0a", 6);  // 5 bytes: session expiry interval
  return packet(0x10,
                length_and("MQTT") + std::string("\x05\x02", 2) + integer16(60) + properties + length_and(client_id));
}

TEST(ConnectNotices, Mqtt5IsNamedWithItsClientIdentifier) {
  WireHub hub;
  MqttClient client(hub.port());
  client.send(connect_of_mqtt_5("pump-7"));
  (void)client.drain();
  const Notice notice = notice_of(hub, Reason::mqtt_version);
  EXPECT_EQ(notice.id, "pump-7");
  EXPECT_EQ(notice.code, "CONNACK 132");
  EXPECT_NE(notice.detail.find("MQTT 5"), std::string::npos);
  expect_from_here(notice);
  EXPECT_EQ(refusals(hub), 1U);
}

TEST(ConnectNotices, BytesThatAreNoMqttAreAProtocolFault) {
  WireHub hub;
  MqttClient client(hub.port());
  client.send("GET / HTTP/1.1\r\n\r\n");
  (void)client.drain();
  const Notice notice = notice_of(hub, Reason::protocol_fault);
  EXPECT_EQ(notice.stage, Stage::connect);
  EXPECT_EQ(notice.kind, Kind::refused);
  EXPECT_FALSE(notice.detail.empty());
  expect_from_here(notice);
}

TEST(ConnectNotices, WhoSaysNothingInTimeIsNoted) {
  mqtt_door::DoorOptions options;
  options.connect_timeout = std::chrono::seconds(1);
  WireHub hub(options);
  MqttClient client(hub.port());
  (void)client.drain();
  const Notice notice = notice_of(hub, Reason::no_connect);
  EXPECT_EQ(notice.kind, Kind::refused);
  expect_from_here(notice);
}

struct End {
  const char* what;
  Reason reason;
  std::string detail;
  std::function<void(WireHub&, MqttClient&)> act;
};

TEST(EndNotices, EachEndOfAConnectionSaysWhoseAndWhy) {
  const End ends[] = {
      {"DISCONNECT", Reason::disconnect, "", [](WireHub&, MqttClient& client) { client.send(disconnect); }},
      {"the peer has closed", Reason::peer_closed, "", [](WireHub&, MqttClient& client) { client.half_close(); }},
      {"a foreign topic", Reason::forbidden_topic, "devices/dev2/messages/events/",
       [](WireHub&, MqttClient& client) {
         client.send(publish_packet({.topic = "devices/dev2/messages/events/", .payload = "x"}));
       }},
      {"a malformed packet", Reason::protocol_fault, "no MQTT 3.1.1 packet",
       [](WireHub&, MqttClient& client) { client.send(packet(0x31 | 0x06, "")); }},
      {"a PUBLISH of QoS 2", Reason::protocol_fault, "QoS 2",
       [](WireHub&, MqttClient& client) {
         client.send(
             publish_packet({.topic = "devices/dev1/messages/events/", .payload = "x", .qos = 2, .packet_id = 1}));
       }},
      {"a newer connection", Reason::taken_over, "", [](WireHub& hub, MqttClient&) { (void)hub.connect(dev1); }},
      {"the device is deleted", Reason::identity_deleted, "", [](WireHub& hub, MqttClient&) { hub.remove(dev1); }},
      {"the device is disabled", Reason::identity_changed, "",
       [](WireHub& hub, MqttClient&) { hub.put(dev1, R"({"status":"disabled"})"); }},
  };
  for (const End& end : ends) {
    SCOPED_TRACE(end.what);
    WireHub hub;
    MqttClient client = hub.connect(dev1);
    end.act(hub, client);
    (void)client.drain();
    const Notice notice = notice_of(hub, end.reason);
    EXPECT_EQ(notice.id, "dev1");
    EXPECT_EQ(notice.kind, Kind::ended);
    EXPECT_EQ(notice.stage, Stage::session);
    EXPECT_NE(notice.detail.find(end.detail), std::string::npos) << notice.detail;
    expect_from_here(notice);
    EXPECT_EQ(refusals(hub), 0U);
  }
}

TEST(EndNotices, ALongTopicIsShortened) {
  WireHub hub;
  MqttClient client = hub.connect(dev1);
  client.send(publish_packet({.topic = "x/" + std::string(20'000, 'y'), .payload = "x"}));
  (void)client.drain();
  const Notice notice = notice_of(hub, Reason::forbidden_topic);
  EXPECT_LT(notice.detail.size(), 600U);
  EXPECT_TRUE(notice.detail.ends_with("...")) << notice.detail;
}

TEST(EndNotices, SilenceBeyondTheKeepAliveIsNoted) {
  WireHub hub;
  ConnectFields fields = hub.credentials(dev1);
  fields.keep_alive_seconds = 1;
  MqttClient client = hub.connect(fields);
  (void)client.drain();
  const Notice notice = notice_of(hub, Reason::keep_alive_timeout);
  EXPECT_EQ(notice.id, "dev1");
  EXPECT_NE(notice.detail.find("1 s"), std::string::npos) << notice.detail;
}

TEST(RestNotices, ARequestWithoutTheRightSaysWhoAndWhy) {
  WireHub hub;
  const auto get = [](const std::string& path, const std::string& token) {
    return "GET " + path + "?api-version=2021-04-12 HTTP/1.1\r\nHost: hub.local\r\nAuthorization: " + token +
           "\r\n\r\n";
  };
  MqttClient device(hub.https_port(), {.ca = hub.ca()});
  EXPECT_TRUE(device.request(get("/devices/dev1/messages/deviceBound", hub.token(dev2))).starts_with("HTTP/1.1 401"));
  const Notice by_device = notice_of(hub, Reason::signature_mismatch);
  EXPECT_EQ(by_device.id, "dev1");
  EXPECT_EQ(by_device.transport, "https");
  EXPECT_EQ(by_device.stage, Stage::http);
  EXPECT_EQ(by_device.code, "401");
  EXPECT_NE(by_device.detail.find("GET /devices/dev1/messages/deviceBound"), std::string::npos) << by_device.detail;
  expect_from_here(by_device);

  MqttClient back_end(hub.https_port(), {.ca = hub.ca()});
  const std::string token = token_by(base64_encode(std::string(32, 's')), "hub.local", 4'000'000'000, "service");
  EXPECT_TRUE(back_end.request(get("/devices/dev1", token)).starts_with("HTTP/1.1 401"));
  const Notice by_policy = notice_of(hub, Reason::policy_rights);
  EXPECT_EQ(by_policy.id, "");
  EXPECT_NE(by_policy.detail.find("'service' lacks RegistryRead"), std::string::npos) << by_policy.detail;
}

/// A twin that is too large and a queue that is full are 403, too: answers to somebody who has the right to ask.
TEST(RestNotices, AnAnswerOf403ToWhoHasTheRightIsNoRefusal) {
  WireHub hub;
  MqttClient back_end(hub.https_port(), {.ca = hub.ca()});
  const std::string token = token_by(base64_encode(std::string(32, 's')), "hub.local", 4'000'000'000, "service");
  const std::string text = '"' + std::string(4'000, 'x') + '"';
  const std::string body = R"({"tags":{"t":)" + text + R"(,"u":)" + text + R"(,"v":)" + text + "}}";
  const std::string answer = back_end.request(
      "PATCH /twins/dev1?api-version=2021-04-12 HTTP/1.1\r\nHost: hub.local\r\nAuthorization: " + token +
      "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 403")) << answer;
  EXPECT_EQ(refusals(hub), 0U);
}

TEST(FloodNotices, AThousandRefusalsOfOneIdAreOneNotice) {
  WireHub hub;
  ConnectFields fields = hub.credentials(dev1);
  fields.password = hub.token(dev2);
  constexpr int refused = 1000;
  for (int i = 0; i < refused; ++i) {
    MqttClient client(hub.port());
    ASSERT_EQ(connect_code(client, fields), 5);
  }
  std::uint64_t counted = 0;
  const auto found = hub.notice_log().find({.reason = Reason::signature_mismatch}).notices;
  for (const Notice& notice : found) counted += notice.count;
  EXPECT_EQ(counted, static_cast<std::uint64_t>(refused));
  EXPECT_LE(hub.notice_log().figures().bytes, notices::NoticesOptions().ring_bytes_max);
  EXPECT_LT(found.size(), 50U) << "one for each minute that it took";
}

}  // namespace
}  // namespace twinhub::test

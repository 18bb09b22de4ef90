// Why an AMQP peer was refused or has left, as the hub's notices say it.
#include "tests/wire/amqp_parts.hpp"
#include "tests/wire/notice_parts.hpp"

#include <tuple>

namespace twinhub::test {
namespace {

TEST(AmqpNotices, ARefusedTokenSaysWhoFromWhereAndWhy) {
  const struct {
    Reason reason;
    std::function<std::string(const WireHub&)> token;
  } rows[] = {
      {Reason::signature_mismatch, [](const WireHub& hub) { return hub.token(dev2); }},
      {Reason::token_expired, [](const WireHub& hub) { return hub.token(dev1, -3600); }},
      {Reason::token_unreadable, [](const WireHub&) { return std::string("no token"); }},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(notices::name_of(row.reason));
    WireHub hub;
    AmqpClient client(hub.amqp_port());
    client.open();
    EXPECT_NE(client.put_token(audience_of(dev1), row.token(hub)), 200);
    const Notice notice = notice_of(hub, row.reason);
    EXPECT_EQ(notice.id, "dev1");
    EXPECT_EQ(notice.kind, Kind::refused);
    EXPECT_EQ(notice.stage, Stage::connect);
    EXPECT_EQ(notice.transport, "amqp");
    EXPECT_EQ(notice.code, "$cbs");
    EXPECT_TRUE(notice.address.starts_with("127.0.0.1:")) << notice.address;
  }
}

TEST(AmqpNotices, ABackEndsRefusedTokenNamesItsPolicy) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open();
  const std::string wrong =
      iothub::make_sas_token("hub.local", base64_encode(std::string(32, 'x')), far_future, "service");
  EXPECT_EQ(client.put_token("hub.local", wrong), 401);
  const Notice notice = notice_of(hub, Reason::signature_mismatch);
  EXPECT_EQ(notice.id, "");
  EXPECT_NE(notice.detail.find("'service'"), std::string::npos) << notice.detail;
}

TEST(AmqpNotices, SaslPlainOverTlsSaysWhoAndWhy) {
  WireHub hub;
  AmqpClient client(MqttClient(hub.amqps_port(), {.ca = hub.ca()}));
  EXPECT_EQ(client.sasl("PLAIN", plain_response("dev1@sas.hub", hub.token(dev2))), 1U);
  const Notice notice = notice_of(hub, Reason::signature_mismatch);
  EXPECT_EQ(notice.id, "dev1");
  EXPECT_EQ(notice.transport, "amqps");
  EXPECT_EQ(notice.code, "SASL 1");
}

TEST(AmqpNotices, ARequestThatIsNoneForATokenIsNoted) {
  const auto request = [](const std::string& operation, const std::string& type, const std::string& name) {
    amqp::Message message;
    message.properties.message_id = amqp::Value::string("r-1");
    message.application_properties.add(amqp::Value::string("operation"), amqp::Value::string(operation));
    message.application_properties.add(amqp::Value::string("type"), amqp::Value::string(type));
    message.application_properties.add(amqp::Value::string("name"), amqp::Value::string(name));
    message.value = amqp::Value::string("token");
    return message;
  };
  const std::string type = "servicebus.windows.net:sastoken", name = "hub.local/devices/dev1";
  amqp::Message long_id = request("put-token", type, name);
  long_id.properties.message_id = amqp::Value::string(std::string(300, 'x'));
  const struct {
    amqp::Message message;
    Reason reason;
    std::string words;
  } rows[] = {{request("delete-token", type, name), Reason::unsupported, "put-token"},
              {request("put-token", "saml", name), Reason::unsupported, "The type of the token"},
              {request("put-token", type, ""), Reason::no_credentials, "A name and a token"},
              {long_id, Reason::protocol_fault, "256 bytes"}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.words);
    WireHub hub;
    AmqpClient client(hub.amqp_port());
    client.open();
    (void)client.attach(0, true, "$cbs");
    (void)client.outcome_of(0, row.message);
    const Notice notice = notice_of(hub, row.reason);
    EXPECT_EQ(notice.kind, Kind::refused);
    EXPECT_EQ(notice.stage, Stage::connect);
    EXPECT_EQ(notice.code, "$cbs");
    EXPECT_NE(notice.detail.find(row.words), std::string::npos) << notice.detail;
    EXPECT_EQ(refusals(hub), 1U);
  }
}

TEST(AmqpNotices, ARequestToManagementWithoutARightIsNoted) {
  const auto request = [](const std::string& token) {
    amqp::Message message;
    message.properties.message_id = amqp::Value::string("r-1");
    message.application_properties.add(amqp::Value::string("operation"), amqp::Value::string("READ"));
    message.application_properties.add(amqp::Value::string("type"), amqp::Value::string("com.microsoft:eventhub"));
    message.application_properties.add(amqp::Value::string("name"), amqp::Value::string("twinhub"));
    if (!token.empty())
      message.application_properties.add(amqp::Value::string("security_token"), amqp::Value::string(token));
    return message;
  };
  const std::string wrong =
      iothub::make_sas_token("hub.local", base64_encode(std::string(32, 'x')), far_future, "service");
  for (const auto& [token, enters, reason] :
       {std::tuple{std::string(), false, Reason::no_credentials}, std::tuple{wrong, false, Reason::signature_mismatch},
        std::tuple{std::string(), true, Reason::policy_rights}}) {
    SCOPED_TRACE(notices::name_of(reason));
    WireHub hub;
    AmqpClient client(hub.amqp_port());
    if (enters) {
      enter_as(client, hub, dev1);
    } else {
      client.open();
    }
    (void)client.attach(4, true, "$management");
    (void)client.outcome_of(4, request(token));
    const Notice notice = notice_of(hub, reason);
    EXPECT_EQ(notice.kind, Kind::refused);
    EXPECT_EQ(notice.code, "$management");
    EXPECT_EQ(refusals(hub), 1U);
  }
}

TEST(AmqpNotices, ALinkWithoutARightIsNoted) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  EXPECT_EQ(refusal_of(client, 2, true, "/devices/dev2/messages/events"), "amqp:unauthorized-access");
  const Notice notice = notice_of(hub, Reason::no_credentials);
  EXPECT_EQ(notice.stage, Stage::link);
  EXPECT_EQ(notice.id, "dev2");
  EXPECT_NE(notice.detail.find("/devices/dev2/messages/events"), std::string::npos) << notice.detail;
}

TEST(AmqpNotices, ALinkThatItsOwnKindRefusesIsNoted) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  EXPECT_EQ(refusal_of(client, 2, false, "messages/events/ConsumerGroups/$Default/Partitions/0"), "amqp:link:redirect");
  EXPECT_EQ(refusals(hub), 0U) << "sent on, and not refused";
  EXPECT_EQ(refusal_of(client, 3, true, "twinhub"), "amqp:not-allowed");
  const Notice notice = notice_of(hub, Reason::unsupported);
  EXPECT_EQ(notice.stage, Stage::link);
  EXPECT_NE(notice.detail.find("'twinhub'"), std::string::npos) << notice.detail;
}

TEST(AmqpNotices, ALinkBeyondTheBoundOfItsKindIsNoted) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);  // with one pair of $cbs
  for (std::uint32_t link = 1; link < 64; ++link) (void)client.attach(10 + link, true, "$cbs");
  EXPECT_EQ(refusal_of(client, 100, true, "$cbs"), "amqp:resource-limit-exceeded");
  const Notice notice = notice_of(hub, Reason::other);
  EXPECT_NE(notice.detail.find("too many links"), std::string::npos) << notice.detail;
}

TEST(AmqpNotices, ABrokenFrameIsAProtocolFault) {
  WireHub hub;
  AmqpClient garbage(hub.amqp_port());
  garbage.send("GET / HTTP/1.1\r\n\r\n");
  const Notice notice = notice_of(hub, Reason::protocol_fault);
  EXPECT_EQ(notice.kind, Kind::refused);
  EXPECT_EQ(notice.transport, "amqp");
}

TEST(AmqpNotices, TheEndOfADeviceIsNotedWithItsReason) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  hub.remove(dev1);
  const Notice notice = notice_of(hub, Reason::identity_deleted);
  EXPECT_EQ(notice.id, "dev1");
  EXPECT_EQ(notice.kind, Kind::ended);
  EXPECT_EQ(notice.stage, Stage::session);
}

TEST(AmqpNotices, ADeviceWhosePeerHasGoneIsNoted) {
  WireHub hub;
  {
    AmqpClient client(hub.amqp_port());
    enter_as(client, hub, dev1);
    (void)client.attach(2, true, "/devices/dev1/messages/events");
  }
  const Notice notice = notice_of(hub, Reason::peer_closed);
  EXPECT_EQ(notice.id, "dev1");
  EXPECT_EQ(notice.transport, "amqp");
}

}  // namespace
}  // namespace twinhub::test

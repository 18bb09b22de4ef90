// $cbs by raw frames: requests as each SDK writes them, replies that each can read, and what a token opens.
#include "protocol/iothub/property_bag.hpp"
#include "tests/wire/amqp_parts.hpp"

#include <array>

namespace twinhub::test {
namespace {

using amqp::Value;

const std::string dev1_audience = "hub.local%2Fdevices%2Fdev1";

amqp::Message put_request(const Value& id, const std::string& audience, const std::string& token,
                          const std::string& type = "servicebus.windows.net:sastoken") {
  amqp::Message request;
  request.properties.message_id = id;
  request.application_properties.add(Value::string("operation"), Value::string("put-token"));
  request.application_properties.add(Value::string("type"), Value::string(type));
  request.application_properties.add(Value::string("name"), Value::string(audience));
  request.value = Value::string(token);
  return request;
}

/// The pair of links on handles 0 and 1, with credit for replies.
void attach_cbs(AmqpClient& client) {
  client.open();
  (void)client.attach(0, true, "$cbs");
  (void)client.attach(1, false, "$cbs");
  client.send(amqp_frame(0x13, {Value::uint(0), Value::uint(100'000), Value::uint(0), Value::uint(1000), Value::uint(1),
                                Value::uint(0), Value::uint(5000)}));
}

std::int64_t status_in(const amqp::Message& reply) {
  const Value* const status = reply.application_properties.find("status-code");
  EXPECT_EQ(status->type, amqp::Type::int_);  // .NET and Java cast
  EXPECT_EQ(reply.application_properties.find("status-description")->type, amqp::Type::string);
  return status->integer().value();
}

std::int64_t status_of(AmqpClient& client, const amqp::Message& request) {
  EXPECT_TRUE(is_accepted(client.outcome_of(0, request)));
  return status_in(client.expect_message().message);
}

TEST(AmqpCbs, TheReplyNamesItsRequestByAnIdOfTheSameType) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  attach_cbs(client);
  for (const Value& id : {Value::string("id-1"), Value::ulong(7), Value::uuid("0123456789abcdef"),
                          Value::binary(std::string("\0\xFFid", 4))}) {
    // The disposition comes before the reply: outcome_of() takes nothing else.
    ASSERT_TRUE(is_accepted(client.outcome_of(0, put_request(id, "hub.local", service_token()))));
    const amqp::Message reply = client.expect_message().message;
    EXPECT_EQ(reply.properties.correlation_id, id);
    EXPECT_EQ(status_in(reply), 200);
    EXPECT_TRUE(reply.data.empty());
  }
  // Without an id there is nobody to answer; the next reply is the next request's.
  ASSERT_TRUE(is_accepted(client.outcome_of(0, put_request({}, "hub.local", service_token()))));
  ASSERT_TRUE(is_accepted(client.outcome_of(0, put_request(Value::ulong(8), "hub.local", service_token()))));
  EXPECT_EQ(client.expect_message().message.properties.correlation_id, Value::ulong(8));
}

TEST(AmqpCbs, RequestsInOneSegmentAreAnsweredInOrder) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  attach_cbs(client);
  const auto request = [&](std::uint32_t number, const std::string& token) {
    return transfer_frame(0, number, encode_message(put_request(Value::ulong(number), "hub.local", token)));
  };
  client.send(request(0, service_token()) + request(1, "no token") + request(2, service_token()));
  std::vector<std::int64_t> statuses;
  std::size_t settled = 0;
  while (statuses.size() < 3) {
    const auto frame = client.read();
    ASSERT_TRUE(frame);
    if (frame->code == 0x15 && frame->fields[0] == Value::boolean(true)) {
      settled += static_cast<std::size_t>(outcomes_in(*frame));
    }
    if (frame->code != 0x14) continue;
    EXPECT_GT(settled, statuses.size()) << "the disposition leaves before the reply";
    const auto reply = amqp::decode_message(frame->payload);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->properties.correlation_id, Value::ulong(statuses.size()));
    statuses.push_back(status_in(*reply));
  }
  EXPECT_EQ(statuses, (std::vector<std::int64_t>{200, 400, 200}));
}

TEST(AmqpCbs, AReplyWaitsForItsLinkAndForCredit) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open();
  (void)client.attach(0, true, "$cbs");
  ASSERT_TRUE(is_accepted(client.outcome_of(0, put_request(Value::ulong(1), "hub.local", service_token()))));
  (void)client.attach(1, false, "$cbs");
  ASSERT_TRUE(is_accepted(client.outcome_of(0, put_request(Value::ulong(2), "hub.local", service_token()))));
  client.send(flow_frame(1, 2));
  EXPECT_EQ(client.expect_message().message.properties.correlation_id, Value::ulong(1));
  EXPECT_EQ(client.expect_message().message.properties.correlation_id, Value::ulong(2));
}

/// A peer that asks and never reads.
TEST(AmqpCbs, RepliesThatNobodyTakesEndTheirLink) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  client.open();
  (void)client.attach(0, true, "$cbs");
  (void)client.attach(1, false, "$cbs");  // without credit
  for (std::uint32_t i = 0; i < 65; ++i) {
    client.send(transfer_frame(0, i, encode_message(put_request(Value::ulong(i), "hub.local", "no token"))));
  }
  std::string condition;
  while (condition.empty()) {
    const auto frame = client.read();
    ASSERT_TRUE(frame);
    if (frame->code == 0x16) condition = condition_in(frame->fields[2]);
  }
  EXPECT_EQ(condition, "amqp:resource-limit-exceeded");
}

/// As above, on many sessions: no link has too many, all together have.
TEST(AmqpCbs, RepliesThatWaitOnManyLinksHaveOneBound) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  const std::string id(250, 'i');  // comes back in the reply
  constexpr std::uint32_t requests = 64;
  const auto ask = [&](std::uint16_t channel) {
    std::string burst = begin_frame(channel) + attach_frame(0, true, "$cbs", channel) +
                        attach_frame(1, false, "$cbs", channel);  // without credit
    for (std::uint32_t i = 0; i < requests; ++i) {
      const amqp::Message request = put_request(Value::string(id), "hub.local", "no token");
      burst += transfer_frame(0, i, encode_message(request), false, channel);
    }
    client.send(burst);
    std::string condition;
    const auto read = [&] {
      auto frame = client.read();
      if (!frame) throw std::runtime_error("closed");
      if (frame->code == 0x16) condition = condition_in(frame->fields[2]);
      return std::move(*frame);
    };
    for (std::uint32_t settled = 0; settled < requests;) {
      const AmqpFrame frame = read();
      if (frame.code != 0x15) continue;
      EXPECT_TRUE(is_accepted(frame.fields[4]));
      settled = static_cast<std::uint32_t>((frame.fields[2].is_null() ? frame.fields[1] : frame.fields[2]).bits) + 1;
    }
    // The end of the link, if it comes, comes with the last of these: before the answer to something else.
    client.send(attach_frame(100U + channel, true, "/messages/devicebound"));
    for (AmqpFrame frame = read(); frame.code != 0x12 || frame.channel != 0;) frame = read();
    return condition;
  };
  std::uint16_t channel = 0;
  std::string condition;
  while (condition.empty() && channel < 30) condition = ask(++channel);
  EXPECT_EQ(condition, "amqp:resource-limit-exceeded");
  EXPECT_GE(channel, 6U) << "256 KiB are more than that";
  EXPECT_LE(channel, 17U) << "256 KiB are less than that";
  // What is taken makes room.
  client.send(flow_frame(1, requests, 1));
  for (std::uint32_t i = 0; i < requests; ++i) {
    EXPECT_EQ(client.expect_message().message.properties.correlation_id, Value::string(id));
  }
  EXPECT_EQ(ask(++channel), "");
}

TEST(AmqpCbs, RequestsComeAsTheSdksWriteThem) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  attach_cbs(client);
  const std::string token = service_token();
  for (const char* const type : {"jwt", "AZURE-devices.net:sastoken", "servicebus.windows.net:sastoken"}) {
    EXPECT_EQ(status_of(client, put_request(Value::ulong(1), "hub.local", token, type)), 200) << type;
  }
  EXPECT_EQ(status_of(client, put_request(Value::ulong(1), "hub.local", token, "unheard:of")), 400);
  amqp::Message as_data = put_request(Value::ulong(1), "hub.local", token);
  as_data.data = {token};
  as_data.value = std::nullopt;
  EXPECT_EQ(status_of(client, as_data), 200);
  for (const Value& expiration : {Value::timestamp(4'000'000'000'000), Value::string("4000000000"), Value::uint(0)}) {
    amqp::Message dated = put_request(Value::ulong(1), "hub.local", token);
    dated.application_properties.add(Value::string("expiration"), expiration);
    EXPECT_EQ(status_of(client, dated), 200);
  }
  for (const char* const audience : {"amqps://hub.local:5671/", "hub.local", "sb://hub.local/"}) {
    EXPECT_EQ(status_of(client, put_request(Value::ulong(1), audience, token)), 200) << audience;
  }
  amqp::Message wrong = put_request(Value::ulong(1), "hub.local", token);
  wrong.value = Value::list({});
  EXPECT_EQ(status_of(client, wrong), 400);
  wrong = put_request(Value::ulong(1), "", token);
  EXPECT_EQ(status_of(client, wrong), 400);
  wrong = put_request(Value::ulong(1), "hub.local", token);
  wrong.application_properties = Value::map();
  EXPECT_EQ(status_of(client, wrong), 400);
  client.send(transfer_frame(0, client.next_delivery(), "no message"));
  EXPECT_EQ(condition_in(client.expect(0x15).fields[4]), "com.microsoft:argument-error");
}

TEST(AmqpCbs, AResourceMayBeWrittenInManyWays) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  attach_cbs(client);
  const std::string key = hub.identity(dev1).primary_key, expiry = std::to_string(far_future);
  const auto token_for = [&](const std::string& resource_as_printed) {
    return "SharedAccessSignature se=" + expiry +
           "&sig=" + iothub::percent_encode(*iothub::sign(resource_as_printed, expiry, key)) +
           "&sr=" + resource_as_printed;
  };
  for (const char* const resource : {"hub.local/devices/dev1", "hub.local%2Fdevices%2Fdev1",
                                     "hub.local%2fdevices%2fdev1", "HUB.local%2Fdevices%2Fdev1"}) {
    EXPECT_EQ(status_of(client, put_request(Value::ulong(1), dev1_audience, token_for(resource))), 200) << resource;
  }
  for (const char* const resource : {"hub.local%2Fdevices%2Fdev", "hub.local%2Fdevices%2Fdev1%2Fmodules%2Fm"}) {
    EXPECT_EQ(status_of(client, put_request(Value::ulong(1), dev1_audience, token_for(resource))), 401) << resource;
  }
  EXPECT_EQ(status_of(client, put_request(Value::ulong(1), dev1_audience, hub.token(dev1, -3600))), 401);
}

TEST(AmqpCbs, ATokenOpensWhatItsKeyIsFor) {
  WireHub hub;
  const IdentityId module{"dev1", "m"};
  hub.put(module);
  AmqpClient client(hub.amqp_port());
  client.open();
  // A policy without ServiceConnect, for the whole hub: its devices' links, and no back end's.
  const std::string device_policy =
      iothub::make_sas_token("hub.local", base64_encode(std::string(32, 'd')), far_future, "device");
  ASSERT_EQ(client.put_token("hub.local", device_policy), 200);
  EXPECT_EQ(refusal_of(client, 10, true, "/messages/devicebound"), "amqp:unauthorized-access");
  (void)client.attach(11, true, "/devices/dev2/messages/events");

  AmqpClient of_module(hub.amqp_port());
  of_module.open();
  ASSERT_EQ(of_module.put_token("hub.local%2Fdevices%2Fdev1%2Fmodules%2Fm", hub.token(module)), 200);
  EXPECT_EQ(refusal_of(of_module, 10, true, "/devices/dev1/messages/events"), "amqp:unauthorized-access");
  (void)of_module.attach(11, true, "/devices/dev1/modules/m/messages/events");
  EXPECT_TRUE(eventually([&] { return hub.is_connected(module); }));
}

TEST(AmqpCbs, AConnectionHasSoManyTokensAndNoMore) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  attach_cbs(client);
  const std::string token = iothub::make_sas_token("sb://hub.local", service_key, far_future, "service");
  const auto put = [&](int number) {
    return status_of(client, put_request(Value::ulong(1), "sb://hub.local/entity" + std::to_string(number), token));
  };
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(put(i), 200) << i;
  EXPECT_EQ(put(1000), 403);
  EXPECT_EQ(put(5), 200);  // a renewal
}

TEST(AmqpCbs, ANewKeyEndsTheLinksThatRestOnTheOldOne) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  (void)client.attach(2, true, "/devices/dev1/messages/events");
  const std::string key = base64_encode(std::string(32, 'n'));
  hub.put(dev1, R"({"authentication":{"type":"sas","symmetricKey":{"primaryKey":")" + key + R"(","secondaryKey":")" +
                    key + R"("}}})");
  EXPECT_EQ(condition_in(client.expect(0x16).fields[2]), "amqp:unauthorized-access");
  EXPECT_EQ(refusal_of(client, 3, true, "/devices/dev1/messages/events"), "amqp:unauthorized-access");
  ASSERT_EQ(client.put_token(dev1_audience, hub.token(dev1)), 200);
  (void)client.attach(4, true, "/devices/dev1/messages/events");
  EXPECT_TRUE(is_accepted(client.outcome_of(4, message_to("", "21"))));
}

/// As SDKs send what their credential class has got from the log-in: Node behind "Bearer", the others alone.
TEST(AmqpCbs, AnAccessTokenOpensWhatItsPolicyMay) {
  WireHub hub;
  const std::string audience = "https://iothubs.azure.net/.default", token = hub.access_token("service");
  for (const auto& [type, text] :
       {std::pair<std::string, std::string>{"servicebus.windows.net:sastoken", "Bearer " + token},
        {"jwt", token},
        {"jwt", "bearer " + token}}) {
    AmqpClient client(hub.amqp_port());
    attach_cbs(client);
    ASSERT_EQ(status_of(client, put_request(Value::ulong(1), audience, text, type)), 200) << type;
    (void)client.attach(2, true, "/messages/devicebound");
    EXPECT_EQ(refusal_of(client, 3, true, "/devices/dev1/messages/events"), "amqp:unauthorized-access");
  }
  AmqpClient client(hub.amqp_port());
  attach_cbs(client);
  const auto put = [&](const std::string& text) {
    return status_of(client, put_request(Value::ulong(1), audience, text, "jwt"));
  };
  EXPECT_EQ(put(hub.access_token("service", hub::Audience::resource_manager)), 401);
  EXPECT_EQ(put(token.substr(0, token.rfind('.') + 1) + std::string(43, 'A')), 401);
  EXPECT_EQ(put("Bearer nothing"), 401);
  EXPECT_EQ(put("nothing"), 400);
  // A device's policy may have logged in: no role of the service API lets a device in.
  EXPECT_EQ(put(hub.access_token("device")), 200);
  EXPECT_EQ(refusal_of(client, 4, true, "/devices/dev1/messages/events"), "amqp:unauthorized-access");
  EXPECT_EQ(refusal_of(client, 5, true, "/messages/devicebound"), "amqp:unauthorized-access");
}

TEST(AmqpCbs, AnAccessTokenEndsWithTheKeyThatItWasGotWith) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  attach_cbs(client);
  const std::string audience = "https://iothubs.azure.net/.default", token = "Bearer " + hub.access_token("service");
  ASSERT_EQ(status_of(client, put_request(Value::ulong(1), audience, token)), 200);
  (void)client.attach(2, true, "/messages/devicebound");
  const std::string renewed = base64_encode(std::string(32, 'n'));
  hub.set_policies({{"service", hub::Right::service_connect, renewed, base64_encode(std::string(32, 't'))}});
  EXPECT_EQ(condition_in(client.expect(0x16).fields[2]), "amqp:unauthorized-access");
  EXPECT_EQ(status_of(client, put_request(Value::ulong(1), audience, token)), 401);
}

/// The newest token of an audience counts: else a link would outlive the token that opened it, and that one's key.
TEST(AmqpCbs, AWeakerTokenInTheSamePlaceEndsWhatItDoesNotOpen) {
  WireHub hub;
  const std::string device_policy =
      iothub::make_sas_token("hub.local", base64_encode(std::string(32, 'd')), far_future, "device");
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  (void)client.attach(2, true, "/messages/devicebound");
  ASSERT_EQ(client.put_token("hub.local", service_token()), 200);  // a renewal
  (void)client.attach(3, true, "/messages/devicebound");
  ASSERT_EQ(client.put_token("hub.local", device_policy), 200);
  for (int links = 0; links < 2; ++links)
    EXPECT_EQ(condition_in(client.expect(0x16).fields[2]), "amqp:unauthorized-access");

  AmqpClient of_device(hub.amqp_port());
  of_device.open();
  ASSERT_EQ(of_device.put_token("hub.local", device_policy), 200);
  (void)of_device.attach(2, true, "/devices/dev1/messages/events");
  ASSERT_EQ(of_device.put_token("hub.local", service_token()), 200);
  EXPECT_EQ(condition_in(of_device.expect(0x16).fields[2]), "amqp:unauthorized-access");
  EXPECT_TRUE(eventually([&] { return !hub.is_connected(dev1); }));
}

TEST(AmqpCbs, ARevokedPolicyEndsItsLinks) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as_back_end(client);
  (void)client.attach(2, true, "/messages/devicebound");
  AmqpClient device(hub.amqp_port());
  enter_as(device, hub, dev1);
  (void)device.attach(2, true, "/devices/dev1/messages/events");
  hub.set_policies({});
  EXPECT_EQ(condition_in(client.expect(0x16).fields[2]), "amqp:unauthorized-access");
  EXPECT_EQ(refusal_of(client, 3, true, "/messages/devicebound"), "amqp:unauthorized-access");
  EXPECT_EQ(client.put_token("hub.local", service_token()), 401);
  EXPECT_TRUE(is_accepted(device.outcome_of(2, message_to("", "by a key of its own"))));
}

}  // namespace
}  // namespace twinhub::test

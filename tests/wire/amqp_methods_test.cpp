// Direct methods by AMQP: when a device is online for them, the request's fields, which answer counts, and what becomes
// of a call when the device says nothing or goes away.
#include "tests/wire/amqp_parts.hpp"
#include "tests/wire/method_calls.hpp"

#include <array>
#include <set>
#include <vector>

namespace twinhub::test {
namespace {

using amqp::Value;

constexpr std::uint32_t requests = 2, answers = 3;

amqp::Message answer_to(const Value& correlation_id, const Value& status, std::string payload) {
  amqp::Message message;
  message.properties.correlation_id = correlation_id;
  if (!status.is_null()) message.application_properties.add(Value::string("IoThub-status"), status);
  message.data = {std::move(payload)};
  return message;
}

/// An identity that has attached both links, with credit.
class MethodPeer {
 public:
  explicit MethodPeer(const WireHub& hub, const IdentityId& id = dev1) : client(hub.amqp_port()) {
    enter_as(client, hub, id);
    (void)client.attach(answers, true, address_of(id, "methods/devicebound"));
    (void)client.attach(requests, false, address_of(id, "methods/devicebound"));
    client.send(flow_frame(requests, 1000));
    settle();
  }
  /// Answers, and awaits that the answer is accepted.
  void answer(const Value& correlation_id, const Value& status, std::string payload) {
    EXPECT_TRUE(is_accepted(client.outcome_of(answers, answer_to(correlation_id, status, std::move(payload)))));
  }
  void answer(const AmqpReceived& request, std::string payload) {
    answer(request.message.properties.correlation_id, Value::int32(200), std::move(payload));
  }
  /// What was sent before has been acted on: the answer to nothing is accepted.
  void settle() { answer({}, Value::int32(200), ""); }

  AmqpClient client;
};

TEST(AmqpMethods, ARequestHasItsNameItsPayloadAndAGuid) {
  WireHub hub;
  MethodPeer peer(hub);
  Call call = hub.invoke(dev1, {.name = "reboot", .payload = R"({"delay":5})"});
  const AmqpReceived request = peer.client.expect_message();
  EXPECT_TRUE(request.settled);
  EXPECT_EQ(request.tag.size(), 16U);
  EXPECT_EQ(*request.message.application_properties.find("IoThub-methodname"), Value::string("reboot"));
  EXPECT_EQ(request.message.data, std::vector<std::string>{R"({"delay":5})"});
  const Value& id = request.message.properties.correlation_id;
  ASSERT_EQ(id.type, amqp::Type::uuid);
  const std::string text = amqp::uuid_text(id.text);
  // By this form Node knows that it has to give the id back as a uuid.
  EXPECT_EQ(text[14], '4') << text;
  EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos) << text;
  peer.answer(request, R"({"ok":true})");
  EXPECT_EQ(outcome(call), R"(200 {"ok":true})");
  Call without = hub.invoke(dev1, {.name = "m"});
  EXPECT_EQ(peer.client.expect_message().message.data, std::vector<std::string>{""}) << "absent, and not null";
  Call null = hub.invoke(dev1, {.name = "m", .payload = "null"});
  EXPECT_EQ(peer.client.expect_message().message.data, std::vector<std::string>{"null"});
}

TEST(AmqpMethods, TheGuidMayComeBackInAnyOfItsForms) {
  WireHub hub;
  MethodPeer peer(hub);
  const auto forms = [](const std::string& bytes) {
    std::string upper = amqp::uuid_text(bytes);
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return std::array{Value::uuid(bytes), Value::string(amqp::uuid_text(bytes)), Value::string(upper),
                      Value::binary(bytes)};
  };
  for (std::size_t form = 0; form < 4; ++form) {
    Call call = hub.invoke(dev1, {.name = "m"});
    const AmqpReceived request = peer.client.expect_message();
    peer.answer(forms(request.message.properties.correlation_id.text)[form], Value::int32(200), std::to_string(form));
    EXPECT_EQ(outcome(call), "200 " + std::to_string(form));
  }
}

TEST(AmqpMethods, TheAnswerIsWhatTheDeviceSays) {
  WireHub hub;
  MethodPeer peer(hub);
  const std::string full = '"' + std::string(hub::method_payload_bytes_max - 2, 'x') + '"';
  const struct {
    Value status;
    std::string payload;
    std::string outcome;
  } cases[] = {
      {Value::int32(-1), "null", "-1 null"},
      {Value::int64(999), "\"\"", "999 \"\""},
      {Value::string("201"), "{}", "201 {}"},
      {Value::int32(500), "", "500 null"},
      {Value::int32(200), full, "200 " + full},
      {Value::int32(200), full + " ", "InvalidResponseWhileProxying"},
      {Value::int32(200), "hello", "InvalidResponseWhileProxying"},
      {Value::string("abc"), "{}", "InvalidResponseWhileProxying"},
      {Value::list({}), "{}", "InvalidResponseWhileProxying"},
      {Value(), "{}", "InvalidResponseWhileProxying"},
  };
  for (const auto& row : cases) {
    Call call = hub.invoke(dev1, {.name = "m", .payload = full});
    const AmqpReceived request = peer.client.expect_message();
    EXPECT_EQ(request.message.data, std::vector<std::string>{full});
    peer.answer(request.message.properties.correlation_id, row.status, row.payload);
    EXPECT_EQ(outcome(call), row.outcome) << row.payload.substr(0, 20);
  }
}

TEST(AmqpMethods, TheStatusIsFoundInAnySpellingOfItsName) {
  WireHub hub;
  MethodPeer peer(hub);
  for (const char* const name : {"iothub-status", "IOTHUB-STATUS", "IoThub-status"}) {
    Call call = hub.invoke(dev1, {.name = "m"});
    amqp::Message answer = answer_to(peer.client.expect_message().message.properties.correlation_id, Value(), "{}");
    answer.application_properties = Value::map();
    answer.application_properties.add(Value::string(name), Value::int32(205));
    EXPECT_TRUE(is_accepted(peer.client.outcome_of(answers, answer)));
    EXPECT_EQ(outcome(call), "205 {}") << name;
  }
}

TEST(AmqpMethods, OnlineMeansBothLinksAndCredit) {
  WireHub hub;
  const std::string address = address_of(dev1, "methods/devicebound");
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  (void)client.attach(9, true, address_of(dev1, "messages/events"));
  EXPECT_EQ(outcome(hub.invoke(dev1, {.name = "m"})), "DeviceNotOnline");
  (void)client.attach(requests, false, address);
  client.send(flow_frame(requests, 1));
  EXPECT_TRUE(is_accepted(client.outcome_of(9, message_to("", "."))));
  EXPECT_EQ(outcome(hub.invoke(dev1, {.name = "m"})), "DeviceNotOnline") << "no link for answers";
  (void)client.attach(answers, true, address);
  Call call = hub.invoke(dev1, {.name = "m"});
  const AmqpReceived request = client.expect_message();
  EXPECT_EQ(outcome(hub.invoke(dev1, {.name = "m"})), "DeviceNotOnline") << "the credit is used up";
  EXPECT_TRUE(is_accepted(
      client.outcome_of(answers, answer_to(request.message.properties.correlation_id, Value::int32(1), ""))));
  EXPECT_EQ(outcome(call), "1 null");
  client.send(flow_frame(requests, 100));
  EXPECT_TRUE(is_accepted(client.outcome_of(9, message_to("", "."))));
  Call cut_off = hub.invoke(dev1, {.name = "m"});
  (void)client.expect_message();
  client.send(detach_frame(answers));
  (void)client.expect(0x16);
  EXPECT_EQ(outcome(cut_off), "DeviceConnectionClosedRemotely") << "its answer has no way back";
  EXPECT_EQ(outcome(hub.invoke(dev1, {.name = "m"})), "DeviceNotOnline");
}

TEST(AmqpMethods, ACallWaitsForBothLinksAndForCredit) {
  WireHub hub;
  for (const bool credit_comes_last : {true, false}) {
    const IdentityId& id = credit_comes_last ? dev1 : dev2;
    const std::string address = address_of(id, "methods/devicebound");
    Call call = hub.invoke(id, {.name = "m", .connect_timeout = 20});
    AmqpClient client(hub.amqp_port());
    enter_as(client, hub, id);
    (void)client.attach(requests, false, address);
    if (!credit_comes_last) client.send(flow_frame(requests, 10));
    client.send(attach_frame(answers, true, address));
    if (credit_comes_last) {
      (void)client.expect(0x12);
      EXPECT_TRUE(is_accepted(client.outcome_of(answers, answer_to({}, {}, ""))));
      EXPECT_TRUE(is_open(call));
      client.send(flow_frame(requests, 10));
    } else {
      (void)client.expect(0x12);
    }
    const AmqpReceived request = client.expect_message();
    EXPECT_TRUE(is_accepted(
        client.outcome_of(answers, answer_to(request.message.properties.correlation_id, Value::int32(200), "1"))));
    EXPECT_EQ(outcome(call), "200 1");
  }
}

TEST(AmqpMethods, CallsRunSideBySideAndAreAnsweredInAnyOrder) {
  WireHub hub;
  MethodPeer peer(hub);
  constexpr std::size_t count = 60;
  std::vector<Call> calls;
  for (std::size_t i = 0; i < count; ++i)
    calls.push_back(hub.invoke(dev1, {.name = "m", .payload = std::to_string(i)}));
  std::vector<AmqpReceived> received;
  std::set<std::string> ids;
  for (std::size_t i = 0; i < count; ++i) {
    received.push_back(peer.client.expect_message());
    ids.insert(received.back().message.properties.correlation_id.text);
  }
  EXPECT_EQ(ids.size(), count);
  for (std::size_t i = count; i-- > 0;) peer.answer(received[i], received[i].message.data.at(0));
  for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(outcome(calls[i]), "200 " + std::to_string(i));
}

TEST(AmqpMethods, ASilentDeviceTimesOutAndItsLateAnswerIsAcceptedAndIgnored) {
  WireHub hub;
  MethodPeer peer(hub);
  Call call = hub.invoke(dev1, {.name = "m", .response_timeout = 10});
  const AmqpReceived late = peer.client.expect_message();
  hub.pass_seconds(9);
  EXPECT_TRUE(is_open(call));
  hub.pass_seconds(1);
  EXPECT_EQ(outcome(call), "GatewayTimeout");
  Call next = hub.invoke(dev1, {.name = "m"});
  const AmqpReceived request = peer.client.expect_message();
  peer.answer(late, "\"late\"");
  EXPECT_TRUE(is_open(next));
  peer.answer(request, "2");
  EXPECT_EQ(outcome(next), "200 2");
}

TEST(AmqpMethods, StrangeAnswersAreIgnored) {
  WireHub hub;
  MethodPeer peer(hub), other(hub, dev2);
  Call call = hub.invoke(dev1, {.name = "m"});
  const AmqpReceived request = peer.client.expect_message();
  const Value& id = request.message.properties.correlation_id;
  std::string last_bit = id.text, first_bit = id.text;
  last_bit.back() = static_cast<char>(last_bit.back() ^ 1);
  first_bit.front() = static_cast<char>(first_bit.front() ^ 1);
  const std::array strange{Value(),
                           Value::string("x"),
                           Value::string(""),
                           Value::ulong(1),
                           Value::binary(id.text.substr(0, 15)),
                           Value::uuid(last_bit),
                           Value::uuid(first_bit)};
  for (const Value& one : strange) peer.answer(one, Value::int32(200), "\"strange\"");
  other.answer(request, "\"another's\"");
  EXPECT_TRUE(is_open(call));
  peer.answer(request, "\"mine\"");
  peer.answer(request, "\"again\"");
  EXPECT_EQ(outcome(call), "200 \"mine\"");
  // Bytes that are no message, and ids of no type that ids have.
  for (const Value& id_of_no_type : {Value::list({}), Value::array({Value::int32(1)}), Value::int64(1)}) {
    amqp::Message message;
    message.properties.correlation_id = id_of_no_type;
    message.data = {"{}"};
    const std::uint32_t delivery = peer.client.next_delivery();
    peer.client.send(transfer_frame(answers, delivery, encode_message(message)));
    EXPECT_EQ(condition_in(peer.client.expect(0x15).fields[4]), "com.microsoft:argument-error");
  }
  peer.client.send(transfer_frame(answers, peer.client.next_delivery(), "\xFF\xFF"));
  EXPECT_EQ(condition_in(peer.client.expect(0x15).fields[4]), "com.microsoft:argument-error");
  EXPECT_TRUE(hub.still_serves());
}

TEST(AmqpMethods, ADeviceLostInMidCallIsToldAtOnce) {
  WireHub hub;
  for (const bool in_order : {true, false}) {
    MethodPeer peer(hub);
    Call call = hub.invoke(dev1, {.name = "m"});
    (void)peer.client.expect_message();
    if (in_order) {
      peer.client.send(detach_frame(requests));
    } else {
      peer.client.transport().reset();
    }
    EXPECT_EQ(outcome(call), "DeviceConnectionClosedRemotely");
  }
  EXPECT_EQ(hub.pending_methods(), 0U);
}

TEST(AmqpMethods, ATakeOverEndsTheCallsOfTheOlderConnection) {
  WireHub hub;
  MethodPeer older(hub);
  Call call = hub.invoke(dev1, {.name = "m"});
  const AmqpReceived request = older.client.expect_message();
  MethodPeer newer(hub);
  EXPECT_EQ(outcome(call), "DeviceConnectionClosedRemotely");
  Call next = hub.invoke(dev1, {.name = "m"});
  const AmqpReceived next_request = newer.client.expect_message();
  newer.answer(request, "\"of the older\"");
  EXPECT_TRUE(is_open(next));
  newer.answer(next_request, "\"of the newer\"");
  EXPECT_EQ(outcome(next), "200 \"of the newer\"");
}

/// It has credit and takes no byte: what back ends send it does not pile up, and its connection stays.
TEST(AmqpMethods, ADeviceThatDoesNotReadGetsNoMoreCalls) {
  WireHub hub;
  MethodPeer peer(hub);
  std::vector<Call> calls = call_until_refused(hub, dev1, [&] { return hub.amqp_figures().messages_sent; });
  ASSERT_FALSE(calls.empty());
  EXPECT_TRUE(hub.is_connected(dev1));
  // A device that reads what was sent is heard again.
  std::vector<AmqpReceived> received;
  for (std::size_t i = 0; i < calls.size(); ++i) received.push_back(peer.client.expect_message());
  peer.answer(received.front(), "7");
  EXPECT_EQ(outcome(calls.front()), "200 7");
}

TEST(AmqpMethods, AModulesMethodsAreItsOwn) {
  WireHub hub;
  const IdentityId module{"dev1", "m"};
  hub.put(module);
  MethodPeer peer(hub, module);
  EXPECT_EQ(outcome(hub.invoke(dev1, {.name = "m"})), "DeviceNotOnline");
  Call call = hub.invoke(module, {.name = "m"});
  peer.answer(peer.client.expect_message(), "1");
  EXPECT_EQ(outcome(call), "200 1");
}

}  // namespace
}  // namespace twinhub::test

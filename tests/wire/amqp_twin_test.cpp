// A device's twin by AMQP: requests and replies on two links, deltas once they were asked for, and what becomes of them
// when the device gives no credit.
#include "protocol/json/document.hpp"
#include "tests/wire/amqp_parts.hpp"

#include <array>
#include <chrono>

namespace twinhub::test {
namespace {

using amqp::Value;

constexpr std::uint32_t requests = 2, replies = 3;

/// An identity that has attached both links of its twin.
class TwinPeer {
 public:
  explicit TwinPeer(const WireHub& hub, const IdentityId& id = dev1, std::uint32_t credit = 1000)
      : client(hub.amqp_port()) {
    enter_as(client, hub, id);
    (void)client.attach(requests, true, address_of(id, "twin"));
    (void)client.attach(replies, false, address_of(id, "twin"));
    if (credit > 0) client.send(flow_frame(replies, credit));
  }

  void send(const TwinRequest& request) { client.send(settled_transfer(client, requests, twin_message(request))); }
  [[nodiscard]] AmqpReceived ask(const TwinRequest& request) {
    send(request);
    return client.expect_message();
  }
  /// Asks for deltas, and reads the reply.
  void subscribe() { EXPECT_EQ(number_annotation(ask(put_deltas()).message, "status"), 200); }
  /// What the hub sent before has come: the answer to a GET behind it is the next message.
  void expect_nothing_more() {
    const AmqpReceived answer = ask({.operation = "GET", .correlation_id = Value::string("the next")});
    EXPECT_EQ(answer.message.properties.correlation_id, Value::string("the next"));
  }

  AmqpClient client;
};

std::string desired(int value) { return R"({"properties":{"desired":{"a":)" + std::to_string(value) + "}}}"; }

/// A member of a JSON object as text; "" when there is none.
std::string member(const amqp::Message& message, std::string_view name) {
  const auto document = json::parse(message.data.at(0));
  if (!document) return "not JSON";
  const auto value = document->root().find(name);
  return value ? std::string(value->text()) : "";
}

void expect_status(const AmqpReceived& answer, int status) {
  ASSERT_NE(answer.message.message_annotations.find("status"), nullptr);
  EXPECT_EQ(*answer.message.message_annotations.find("status"), Value::int32(status)) << answer.message.data.at(0);
  EXPECT_TRUE(answer.settled);
}

TEST(AmqpTwin, AGetIsAnsweredWithTheTwinAndTheSameCorrelationId) {
  WireHub hub;
  hub.patch(dev1, desired(1));
  TwinPeer peer(hub);
  const std::array ids{Value::string("Get1f"), Value::uuid(std::string(16, 'u')), Value::ulong(7),
                       Value::binary("bytes")};
  for (const Value& id : ids) {
    for (const auto& body : {std::optional<std::string>(), std::optional<std::string>(" ")}) {
      const AmqpReceived answer = peer.ask({.operation = "GET", .body = body, .correlation_id = id});
      expect_status(answer, 200);
      EXPECT_EQ(answer.message.properties.correlation_id, id);
      ASSERT_EQ(answer.message.data.size(), 1U);
      EXPECT_EQ(answer.message.data[0], hub.device_view(dev1));
    }
  }
}

TEST(AmqpTwin, AnUnsettledRequestIsAcceptedBeforeItsReply) {
  WireHub hub;
  TwinPeer peer(hub);
  EXPECT_TRUE(is_accepted(peer.client.outcome_of(requests, twin_message({.operation = "GET"}))));
  expect_status(peer.client.expect_message(), 200);
  // What is answered with an error was a request, too.
  EXPECT_TRUE(is_accepted(peer.client.outcome_of(requests, twin_message(patch_of("{")))));
  expect_status(peer.client.expect_message(), 400);
}

TEST(AmqpTwin, AReportedPatchIsAnsweredWithItsVersion) {
  WireHub hub;
  TwinPeer peer(hub);
  for (std::int64_t version = 2; version < 5; ++version) {
    const AmqpReceived answer = peer.ask(patch_of(R"({"fw":)" + std::to_string(version) + "}"));
    expect_status(answer, 204);
    EXPECT_EQ(*answer.message.message_annotations.find("version"), Value::int64(version));
    EXPECT_EQ(answer.message.data, std::vector<std::string>{""}) << "a section, though an empty one";
  }
  expect_status(peer.ask(patch_of(R"({"fw":null})")), 204);
  EXPECT_EQ(hub.device_view(dev1).find("fw"), std::string::npos);
  expect_status(peer.ask(patch_of(std::string("{\"c\":1}\0", 8))), 204);  // a C string with its NUL
}

TEST(AmqpTwin, WhatIsWrongIsAnsweredWithABodyThatParses) {
  WireHub hub;
  TwinPeer peer(hub);
  const std::string large(4096, 'x');
  std::string too_large = "{";
  for (int i = 0; i < 9; ++i) too_large += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":\"" + large + "\"";
  const struct {
    TwinRequest request;
    int status;
    std::string code;
  } cases[] = {
      {patch_of("{"), 400, "400006"},
      {patch_of("null"), 400, "400004"},
      {patch_of("[]"), 400, "400004"},
      {{.operation = "PATCH", .resource = reported_resource}, 400, "400006"},
      {patch_of(too_large + "}"), 403, "403100"},
      {{.operation = "PATCH", .resource = "/properties/desired", .body = "{}"}, 400, "400004"},
      {{.operation = "PATCH", .body = "{}"}, 400, "400004"},
      {{.operation = "PUT", .resource = reported_resource, .body = "{}"}, 400, "400004"},
      {{.operation = "DELETE"}, 400, "400004"},
      {{.operation = ""}, 400, "400004"},
      {{.operation = "EXPLODE"}, 400, "400004"},
  };
  for (const auto& row : cases) {
    const AmqpReceived answer = peer.ask(row.request);
    expect_status(answer, row.status);
    EXPECT_EQ(member(answer.message, "errorCode"), row.code) << row.request.operation << row.request.resource;
    for (const char* const name : {"message", "trackingId", "timestampUtc"})
      EXPECT_NE(member(answer.message, name), "");
  }
  EXPECT_NE(hub.device_view(dev1).find(R"("reported":{"$version":1})"), std::string::npos) << hub.device_view(dev1);
}

TEST(AmqpTwin, AVersionInTheRequestIsAPrecondition) {
  WireHub hub;
  TwinPeer peer(hub);
  TwinRequest request = patch_of(R"({"a":1})");
  request.version = Value::int64(1);
  EXPECT_EQ(number_annotation(peer.ask(request).message, "version"), 2);
  expect_status(peer.ask(request), 412);
  request.version = Value::int32(2);
  EXPECT_EQ(number_annotation(peer.ask(request).message, "version"), 3);
  for (const Value& wrong : {Value::int64(-1), Value::string("three"), Value::list({})}) {
    request.version = wrong;
    expect_status(peer.ask(request), 400);
  }
}

TEST(AmqpTwin, DeltasComeAfterPutAndStopAfterDelete) {
  WireHub hub;
  TwinPeer peer(hub);
  hub.patch(dev1, desired(1));
  peer.expect_nothing_more();
  peer.subscribe();
  hub.patch(dev1, desired(2));
  AmqpReceived delta = peer.client.expect_message();
  // What was written before the PUT may be handed over behind it: a delta too many is no gap.
  if (number_annotation(delta.message, "version") == 2) delta = peer.client.expect_message();
  EXPECT_TRUE(delta.settled);
  EXPECT_TRUE(delta.message.properties.correlation_id.is_null());
  EXPECT_EQ(*delta.message.message_annotations.find("resource"), Value::string("/properties/desired"));
  EXPECT_EQ(*delta.message.message_annotations.find("version"), Value::int64(3));
  EXPECT_EQ(delta.message.data, std::vector<std::string>{R"({"a":2,"$version":3})"});
  expect_status(peer.ask(patch_of(R"({"own":1})")), 204);  // an own report is no delta
  expect_status(peer.ask({.operation = "DELETE", .resource = deltas_resource, .body = " "}), 200);
  hub.patch(dev1, desired(3));
  peer.expect_nothing_more();
}

/// As Node does: the twin that is read, and the deltas behind it, leave no gap.
TEST(AmqpTwin, NothingFallsBetweenPutAndGetInOneBurst) {
  WireHub hub;
  TwinPeer peer(hub);
  std::string burst = settled_transfer(peer.client, requests, twin_message(put_deltas()));
  burst += settled_transfer(peer.client, requests, twin_message({.operation = "GET"}));
  peer.client.send(burst);
  hub.patch(dev1, desired(1));
  bool seen = false;
  for (int answers = 0; answers < 2 || !seen;) {
    const AmqpReceived received = peer.client.expect_message();
    const bool is_answer = !received.message.properties.correlation_id.is_null();
    if (is_answer) ++answers;
    seen = seen || received.message.data.at(0).find(R"("a":1)") != std::string::npos;
    ASSERT_TRUE(seen || is_answer);
  }
}

TEST(AmqpTwin, DeltasWaitForCreditUpToABound) {
  WireHub hub;
  TwinPeer peer(hub, dev1, 1);
  peer.subscribe();  // takes the credit
  for (int i = 1; i <= 10; ++i) hub.patch(dev1, desired(i));
  peer.client.send(flow_frame(replies, 11));
  for (std::int64_t i = 1; i <= 10; ++i)
    EXPECT_EQ(number_annotation(peer.client.expect_message().message, "version"), i + 1);
  for (int i = 1; i <= 11; ++i) hub.patch(dev1, desired(i));
  EXPECT_EQ(condition_in(peer.client.expect(0x16).fields[2]), "amqp:resource-limit-exceeded");
  EXPECT_TRUE(hub.is_connected(dev1)) << "the other link lives";
}

TEST(AmqpTwin, RepliesWaitForCreditUpToABound) {
  WireHub hub;
  TwinPeer small(hub, dev2, 0);
  for (int i = 0; i < 64; ++i)
    small.send({.operation = "GET", .correlation_id = Value::ulong(static_cast<std::uint64_t>(i))});
  small.client.send(flow_frame(replies, 64));
  for (std::uint64_t i = 0; i < 64; ++i)
    EXPECT_EQ(small.client.expect_message().message.properties.correlation_id, Value::ulong(i));
  for (int i = 0; i < 65; ++i) small.send({.operation = "GET"});
  EXPECT_EQ(condition_in(small.client.expect(0x16).fields[2]), "amqp:resource-limit-exceeded");

  TwinPeer large(hub, dev1, 7);
  for (const char* const key : {"a", "b", "c", "d", "e", "f", "g"})
    expect_status(large.ask(patch_of("{\"" + std::string(key) + "\":\"" + std::string(4096, 'x') + "\"}")), 204);
  for (int i = 0; i < 10; ++i) large.send({.operation = "GET"});
  EXPECT_EQ(condition_in(large.client.expect(0x16).fields[2]), "amqp:resource-limit-exceeded");
}

TEST(AmqpTwin, WithoutAnAnswersPlaceARequestIsCarriedOut) {
  WireHub hub;
  AmqpClient client(hub.amqp_port());
  enter_as(client, hub, dev1);
  (void)client.attach(requests, true, address_of(dev1, "twin"));
  EXPECT_TRUE(is_accepted(client.outcome_of(requests, twin_message(patch_of(R"({"no":"link"})")))));
  EXPECT_NE(hub.device_view(dev1).find(R"("no":"link")"), std::string::npos);
  TwinPeer peer(hub, dev2);
  TwinRequest nameless = patch_of(R"({"no":"id"})");
  nameless.correlation_id = {};
  peer.send(nameless);
  peer.expect_nothing_more();
  EXPECT_NE(hub.device_view(dev2).find(R"("no":"id")"), std::string::npos);
}

TEST(AmqpTwin, ANewerReplyLinkTakesOverAndAsksForDeltasItself) {
  WireHub hub;
  TwinPeer peer(hub);
  peer.subscribe();
  peer.client.send(attach_frame(7, false, address_of(dev1, "twin")));
  (void)peer.client.expect(0x12);
  EXPECT_EQ(condition_in(peer.client.expect(0x16).fields[2]), "amqp:link:stolen");
  peer.client.send(flow_frame(7, 100));
  hub.patch(dev1, desired(1));
  peer.expect_nothing_more();
  peer.subscribe();
  hub.patch(dev1, desired(2));
  EXPECT_EQ(number_annotation(peer.client.expect_message().message, "version"), 3);
}

TEST(AmqpTwin, DeltasEndWithTheLinkThatAskedForThem) {
  WireHub hub;
  TwinPeer peer(hub);
  peer.subscribe();
  peer.client.send(detach_frame(requests));
  (void)peer.client.expect(0x16);
  hub.patch(dev1, desired(1));
  (void)peer.client.attach(8, true, address_of(dev1, "twin"));
  peer.client.send(settled_transfer(peer.client, 8, twin_message({.operation = "GET"})));
  EXPECT_FALSE(peer.client.expect_message().message.properties.correlation_id.is_null());
}

TEST(AmqpTwin, NothingIsToldBeforeItIsDurable) {
  WireHub hub;
  TwinPeer peer(hub);
  hub.store().hold();
  peer.send(patch_of(R"({"a":1})"));
  EXPECT_TRUE(eventually([&] { return hub.store().waiting() == 1; }));
  EXPECT_EQ(peer.client.put_token(audience_of(dev1), hub.token(dev1)), 200);  // no reply came before it
  hub.store().release();
  expect_status(peer.client.expect_message(), 204);
}

TEST(AmqpTwin, OverARateRequestsAreAnsweredWith429) {
  hub::HubOptions options;
  options.gate.throttle = {
      .sku = hub::Sku::s1, .units = 1, .burst = std::chrono::seconds(0), .backlog = std::chrono::seconds(0)};
  WireHub hub({}, options);
  TwinPeer peer(hub);
  std::string burst;
  constexpr int count = 90;  // S1 takes a hundred reads a second: one in ten milliseconds
  for (int i = 0; i < count; ++i) burst += settled_transfer(peer.client, requests, twin_message({.operation = "GET"}));
  peer.client.send(burst);
  int refused = 0;
  for (int i = 0; i < count; ++i) {
    const AmqpReceived answer = peer.client.expect_message();
    if (number_annotation(answer.message, "status") != 429) continue;
    ++refused;
    EXPECT_EQ(member(answer.message, "errorCode"), "429001") << answer.message.data[0];
  }
  EXPECT_GT(refused, 0);
}

TEST(AmqpTwin, AModulesTwinIsItsOwn) {
  WireHub hub;
  const IdentityId module{"dev1", "m"};
  hub.put(module);
  TwinPeer peer(hub, module);
  peer.subscribe();
  hub.patch(dev1, desired(1));
  hub.patch(module, desired(2));
  EXPECT_EQ(peer.client.expect_message().message.data.at(0), R"({"a":2,"$version":2})");
  expect_status(peer.ask(patch_of(R"({"of":"the module"})")), 204);
  EXPECT_NE(hub.device_view(module).find("the module"), std::string::npos);
  EXPECT_EQ(hub.device_view(dev1).find("the module"), std::string::npos);
}

}  // namespace
}  // namespace twinhub::test

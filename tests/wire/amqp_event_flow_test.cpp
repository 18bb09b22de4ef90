// Many events, many readers, and readers that take their time.
#include "tests/wire/amqp_event_parts.hpp"

#include <cstdint>
#include <stop_token>
#include <thread>

namespace twinhub::test {
namespace {

using amqp::Value;

TEST(AmqpEventFlow, ARouteDecidesWhatIsShown) {
  events::RouterOptions routing;
  routing.hub_name = "testhub";
  routing.routes.push_back({"f:1", "twins", storage::EventSource::twin_change, "true",
                            events::EndpointSet().set(events::built_in_bit), true});
  routing.enrichments.push_back({"site", "$iothubname", events::EndpointSet().set(events::built_in_bit)});
  WireHub hub({}, {}, {}, routing);
  BackEnd client(hub);
  (void)attach_reader(client, hub, 2, {});
  client.send(any_credit);
  append(hub, {"telemetry"});  // no route takes it
  hub.patch(dev1, R"({"tags":{"floor":3}})");
  const amqp::Message message = client.expect_message().message;
  const Value& annotations = message.message_annotations;
  EXPECT_EQ(*annotations.find("iothub-message-source"), Value::string("twinChangeEvents"));
  EXPECT_EQ(*annotations.find("iothub-connection-device-id"), Value::string("dev1"));
  EXPECT_EQ(annotations.find("iothub-connection-auth-method"), nullptr);
  EXPECT_EQ(message.properties.content_type, "application/json");
  EXPECT_EQ(message.properties.content_encoding, "utf-8");
  EXPECT_EQ(message.properties.user_id, "testhub");
  const Value& application = message.application_properties;
  EXPECT_EQ(*application.find("hubName"), Value::string("testhub"));
  EXPECT_EQ(*application.find("deviceId"), Value::string("dev1"));
  EXPECT_EQ(*application.find("opType"), Value::string("updateTwin"));
  EXPECT_EQ(*application.find("iothub-message-schema"), Value::string("twinChangeNotification"));
  EXPECT_EQ(*application.find("site"), Value::string("testhub"));
  EXPECT_NE(message.data.at(0).find(R"("floor":3)"), std::string::npos);
}

TEST(AmqpEventFlow, ABurstComesWholeAndInOrder) {
  WireHub hub;
  constexpr std::size_t count = 20'000;
  append(hub, numbers(0, count));
  BackEnd client(hub);
  (void)attach_reader(client, hub, 2, {});
  for (std::uint32_t read = 0; read < count; ++read) {
    if (read % 300 == 0) client.send(flow(2, {.credit = 600, .received = read, .frames = read}));
    const AmqpReceived received = client.expect_message();
    ASSERT_EQ(body_of(received), std::to_string(read));
    if (read % 300 == 299) client.settle_range(read - 299, read);
  }
}

TEST(AmqpEventFlow, LargeEventsComeInSeveralFrames) {
  WireHub hub;
  std::vector<std::string> large;
  for (const char letter : {'a', 'b', 'c', 'd', 'e', 'f'}) large.emplace_back(250'000, letter);
  append(hub, large);
  BackEnd client(hub);
  (void)attach_reader(client, hub, 2, {});
  client.send(any_credit);
  EXPECT_EQ(bodies(client, large.size()), large);
}

TEST(AmqpEventFlow, ManyReadersAreWokenByOneEvent) {
  amqp_door::DoorOptions options;
  for (int i = 0; i < 20; ++i) options.consumer_groups.push_back("group" + std::to_string(i));
  WireHub hub({}, {}, options);
  BackEnd client(hub);
  std::string attaches, flows;
  std::uint32_t handle = 2;
  for (const std::string& group : options.consumer_groups) {
    for (int i = 0; i < 5; ++i, ++handle) {
      attaches += reader_frame(hub, handle, {.group = group});
      flows += flow(handle, {.credit = 10});
    }
  }
  client.send(attaches + flows);
  for (int i = 0; i < 100; ++i) (void)client.expect(0x12);
  for (const char* const body : {"first", "second"}) {
    append(hub, {body});
    EXPECT_EQ(bodies(client, 100), std::vector<std::string>(100, body));
  }
}

TEST(AmqpEventFlow, CreditThatIsTakenBackIsNotUsed) {
  WireHub hub;
  append(hub, numbers(0, 500));
  BackEnd client(hub);
  (void)attach_reader(client, hub, 2, {});
  client.send(flow(2, {.credit = 300}) + flow(2, {.credit = 0}));  // before the log was read
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);
  client.send(flow(2, {.credit = 500}));
  EXPECT_EQ(bodies(client, 500), numbers(0, 500));
}

TEST(AmqpEventFlow, AReaderMayLeaveInABurst) {
  WireHub hub;
  append(hub, numbers(0, 3000));
  for (int i = 0; i < 20; ++i) {
    BackEnd client(hub);
    (void)attach_reader(client, hub, 2, {});
    client.send(flow(2, {.credit = 3000, .window = 5000}) + detach_frame(2));
    while (true) {
      const auto frame = client.read();
      ASSERT_TRUE(frame);
      if (frame->code == 0x16) break;
    }
    EXPECT_EQ(client.put_token("hub.local", service_token()), 200);
  }
}

/// The session of a reader that does not read is full; the connection's others go on.
TEST(AmqpEventFlow, ASessionWithoutAWindowHoldsUpItselfAlone) {
  WireHub hub;
  constexpr std::uint32_t count = 5000;
  append(hub, numbers(0, count));
  BackEnd client(hub);
  client.send(begin_frame(1));  // a window of 1,000 frames
  (void)client.expect(0x11);
  client.send(reader_frame(hub, 0, {}, 1));
  (void)client.expect(0x12);
  client.send(on_channel(flow(0, {.credit = count}), 1));
  for (std::uint32_t i = 0; i < 1000; ++i) ASSERT_EQ(body_of(client.expect_message()), std::to_string(i));
  (void)attach_reader(client, hub, 2, {});
  client.send(flow(2, {.credit = 3}));
  EXPECT_EQ(bodies(client, 3), numbers(0, 3));
  client.send(on_channel(flow(0, {.credit = count - 1000, .received = 1000, .frames = 1000, .window = count}), 1));
  EXPECT_EQ(bodies(client, count - 1000), numbers(1000, count - 1000));
}

/// The last events are made before the session has a window for them: the drain is over when they have left.
TEST(AmqpEventFlow, ADrainIsAnsweredBehindWhatWaitsForTheWindow) {
  WireHub hub;
  constexpr std::uint32_t count = 1500;
  append(hub, numbers(0, count));
  BackEnd client(hub);
  client.send(begin_frame(1));  // a window of 1,000 frames
  (void)client.expect(0x11);
  client.send(reader_frame(hub, 0, {}, 1));
  (void)client.expect(0x12);
  client.send(on_channel(flow(0, {.credit = 2 * count, .drain = true}), 1));
  for (std::uint32_t i = 0; i < 1000; ++i) ASSERT_EQ(body_of(client.expect_message()), std::to_string(i));
  // What another session is told shows that the hub has nothing more to say on this one.
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);
  client.send(on_channel(
      flow(0, {.credit = 2 * count - 1000, .received = 1000, .frames = 1000, .drain = true, .window = count}), 1));
  EXPECT_EQ(bodies(client, count - 1000), numbers(1000, count - 1000));
  EXPECT_EQ(client.expect_flow().fields[6], amqp::Value::uint(0));
}

/// A link that waits for its peer is not asked again and again meanwhile.
TEST(AmqpEventFlow, AStalledReaderIsLeftAlone) {
  WireHub hub;
  append(hub, numbers(0, 3000));
  BackEnd client(hub);
  BackEnd other(hub);
  (void)attach_reader(client, hub, 2, {});
  // The token's reply was a frame, too. One that drains looks for the log's end whenever it is asked.
  client.send(flow(2, {.credit = 3000, .frames = 1, .drain = true, .window = 1000}));
  for (std::uint32_t i = 0; i < 1000; ++i) (void)client.expect_message();
  const std::uint64_t before = hub.store().looks_at_event_ranges();
  for (int i = 0; i < 20; ++i) (void)refused(other, hub, 2, {.entity = "another"});  // takes 600 ms
  EXPECT_LT(hub.store().looks_at_event_ranges() - before, 20U);
}

// As azure-eventhub for Python reads: it never settles.
TEST(AmqpEventFlow, AReaderThatSettlesNothingGetsEverything) {
  WireHub hub;
  constexpr std::uint32_t count = 12'000;
  append(hub, numbers(0, count));
  BackEnd client(hub);
  (void)attach_reader(client, hub, 2, {});
  client.send(flow(2, {.credit = count, .window = 2 * count}));
  EXPECT_EQ(bodies(client, count), numbers(0, count));
}

TEST(AmqpEventFlow, ReadersComeAndGoWhileEventsAreWritten) {
  WireHub hub;
  const std::jthread writer([&](const std::stop_token& stop) {
    for (std::size_t i = 0; !stop.stop_requested(); i += 10) append(hub, numbers(i, 10));
  });
  for (int round = 0; round < 10; ++round) {
    BackEnd client(hub);
    (void)attach_reader(client, hub, 2, from("amqp.annotation.x-opt-offset > '@latest'"));
    client.send(flow(2, {.credit = 50}));
    std::int64_t last = number_of(client.expect_message());
    for (int i = 1; i < 50; ++i) {
      const std::int64_t number = number_of(client.expect_message());
      EXPECT_EQ(number, last + 1);
      last = number;
    }
  }
}

}  // namespace
}  // namespace twinhub::test

// Who may read a partition: epochs, and at most five readers, over connections and threads.
#include "tests/wire/amqp_event_parts.hpp"

namespace twinhub::test {
namespace {

/// A back end with one reader on handle 2.
struct EventReader : BackEnd {
  EventReader(const WireHub& hub, const ReaderLink& link) : BackEnd(hub), attached(attach_reader(*this, hub, 2, link)) {
    send(flow(2, {.credit = 10}));
  }
  [[nodiscard]] Refused is_detached() { return detached(*this, 2, attached); }
  /// The next event comes to this reader.
  [[nodiscard]] bool still_reads(WireHub& hub, const std::string& body) {
    append(hub, {body});
    return body_of(expect_message()) == body;
  }

  AmqpFrame attached;
};

bool begins_with(const std::string& text, const std::string& beginning) { return text.rfind(beginning, 0) == 0; }

TEST(AmqpEventReaders, ANewerEpochDrivesTheOlderOut) {
  WireHub hub;
  EventReader older(hub, with_epoch(0, "older"));
  EventReader newer(hub, with_epoch(1, "newer"));
  const Refused stolen = older.is_detached();
  EXPECT_EQ(stolen.condition, "amqp:link:stolen");
  EXPECT_TRUE(begins_with(stolen.description,
                          "New receiver 'newer' with higher epoch of '1' is created hence current receiver 'older' "
                          "with epoch '0' is getting disconnected. If you are recreating the receiver, make sure a "
                          "higher epoch is used."));
  EXPECT_TRUE(newer.still_reads(hub, "event"));
  EXPECT_EQ(older.put_token("hub.local", service_token()), 200);  // its connection lives
}

TEST(AmqpEventReaders, TheSameEpochDoesSo) {
  WireHub hub;
  EventReader older(hub, with_epoch(0));
  EventReader newer(hub, with_epoch(0));
  const Refused stolen = older.is_detached();
  EXPECT_EQ(stolen.condition, "amqp:link:stolen");
  EXPECT_TRUE(begins_with(stolen.description, "New receiver 'nil' with higher epoch of '0'"));
  EXPECT_TRUE(newer.still_reads(hub, "event"));
}

TEST(AmqpEventReaders, ALowerEpochIsRefused) {
  WireHub hub;
  EventReader older(hub, with_epoch(1, "older"));
  BackEnd client(hub);
  const Refused lower = refused(client, hub, 2, with_epoch(0, "newer"));
  EXPECT_EQ(lower.condition, "amqp:link:stolen");
  EXPECT_TRUE(begins_with(lower.description,
                          "Receiver 'older' with a higher epoch '1' already exists. Receiver 'newer' with epoch 0 "
                          "cannot be created."));
  EXPECT_TRUE(older.still_reads(hub, "event"));
}

TEST(AmqpEventReaders, NoEpochIsRefusedWhereThereIsOne) {
  WireHub hub;
  EventReader older(hub, with_epoch(7));
  BackEnd client(hub);
  const Refused plain = refused(client, hub, 2, {});
  EXPECT_EQ(plain.condition, "amqp:link:stolen");
  EXPECT_TRUE(begins_with(plain.description,
                          "At least one receiver for the endpoint is created with epoch of '7', and so non-epoch "
                          "receiver is not allowed."));
  EXPECT_TRUE(older.still_reads(hub, "event"));
}

TEST(AmqpEventReaders, AnEpochDrivesOutAllReadersWithoutOne) {
  WireHub hub;
  std::vector<EventReader> plain;
  for (int i = 0; i < 5; ++i) plain.emplace_back(hub, ReaderLink{});
  EventReader newer(hub, with_epoch(0));
  for (EventReader& one : plain) EXPECT_EQ(one.is_detached().condition, "amqp:link:stolen");
  EXPECT_TRUE(newer.still_reads(hub, "event"));
}

TEST(AmqpEventReaders, AnEpochIsOfItsPartitionAndGroup) {
  amqp_door::DoorOptions options;
  options.consumer_groups = {"second"};
  WireHub hub({}, {}, options);
  EventReader first(hub, with_epoch(5));
  ReaderLink link = with_epoch(0);
  link.partition = std::to_string((hub.partition_of(dev1) + 1) % 4);
  EventReader other_partition(hub, link);
  link = with_epoch(0);
  link.group = "SECOND";
  EventReader other_group(hub, link);
  EXPECT_TRUE(first.still_reads(hub, "event"));
  EXPECT_EQ(body_of(other_group.expect_message()), "event");
}

TEST(AmqpEventReaders, OnOneConnectionTheOtherLinksOfTheSessionSurvive) {
  WireHub hub;
  BackEnd client(hub);
  ReaderLink elsewhere = with_epoch(0);
  elsewhere.partition = std::to_string((hub.partition_of(dev1) + 1) % 4);
  (void)attach_reader(client, hub, 2, elsewhere);
  const AmqpFrame older = attach_reader(client, hub, 3, with_epoch(0));
  (void)attach_reader(client, hub, 4, with_epoch(1));
  EXPECT_EQ(detached(client, 3, older).condition, "amqp:link:stolen");
  client.send(flow(4, {.credit = 1}));
  append(hub, {"event"});
  EXPECT_EQ(body_of(client.expect_message()), "event");
  EXPECT_EQ(client.put_token("hub.local", service_token()), 200);
}

TEST(AmqpEventReaders, ADrivenOutReaderFreesNoSeatOfItsSuccessor) {
  WireHub hub;
  EventReader older(hub, with_epoch(0));
  EventReader newer(hub, with_epoch(1));
  (void)older.is_detached();
  BackEnd client(hub);
  EXPECT_EQ(refused(client, hub, 2, with_epoch(0)).condition, "amqp:link:stolen");
}

TEST(AmqpEventReaders, AnEpochIsAWholeNumber) {
  using amqp::Value;
  WireHub hub;
  BackEnd client(hub);
  ReaderLink link;
  std::uint32_t handle = 2;
  for (const Value& epoch : {Value::string("1"), Value::int64(-1), Value::boolean(true)}) {
    link.properties = Value::map({Value::symbol("com.microsoft:epoch"), epoch});
    EXPECT_EQ(refused(client, hub, handle++, link).condition, "com.microsoft:argument-error");
  }
  for (const Value& epoch : {Value::int32(1), Value::ulong(1), Value::uint(1), Value::ubyte(1)}) {
    link.properties = Value::map({Value::symbol("com.microsoft:epoch"), epoch});
    EventReader reader(hub, link);
    EXPECT_EQ(refused(client, hub, handle++, with_epoch(0)).condition, "amqp:link:stolen");
  }
}

TEST(AmqpEventReaders, TheSixthReaderIsRefusedUntilOneLeaves) {
  WireHub hub;
  std::vector<EventReader> readers;
  ReaderLink named;
  named.properties =
      amqp::Value::map({amqp::Value::symbol("com.microsoft:receiver-name"), amqp::Value::string("monitor")});
  readers.emplace_back(hub, named);
  for (int i = 0; i < 4; ++i) readers.emplace_back(hub, ReaderLink{});
  BackEnd client(hub);
  const Refused sixth = refused(client, hub, 2, {});
  EXPECT_EQ(sixth.condition, "amqp:resource-limit-exceeded");
  EXPECT_TRUE(begins_with(sixth.description,
                          "Exceeded the maximum number of allowed receivers per partition in a consumer group which "
                          "is 5. List of connected receivers - monitor, nil, nil, nil, nil."));
  // Another partition has seats of its own.
  (void)attach_reader(client, hub, 3, {.partition = std::to_string((hub.partition_of(dev1) + 1) % 4)});

  readers.back().send(detach_frame(2));
  (void)readers.back().expect(0x16);
  (void)attach_reader(client, hub, 4, {});
  client.send(flow(4, {.credit = 1}));
  append(hub, {"event"});
  EXPECT_EQ(body_of(client.expect_message()), "event");
}

TEST(AmqpEventReaders, ALostConnectionFreesItsSeats) {
  WireHub hub;
  {
    BackEnd lost(hub);
    for (std::uint32_t handle = 2; handle < 7; ++handle) (void)attach_reader(lost, hub, handle, {});
  }
  ASSERT_TRUE(eventually([&] { return hub.amqp_figures().links == 0; }));
  EventReader reader(hub, {});
  EXPECT_TRUE(reader.still_reads(hub, "event"));
}

}  // namespace
}  // namespace twinhub::test

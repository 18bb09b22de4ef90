// Cloud-to-device messages from being sent to being settled, by a clock that stands still.
#include "tests/unit/server/hub/messages/messages_world.hpp"

#include <gtest/gtest.h>

namespace twinhub::hub {
namespace {

TEST(CloudToDevice, AMessageArrivesAsItWasSentAndIsGoneOnceCompleted) {
  MessageWorld world;
  iothub::CloudToDeviceMessage sent = message("hello", Acknowledgement::full);
  sent.correlation_id = "c";
  sent.user_id = "u";
  sent.content_type = "application/json";
  sent.content_encoding = "utf-8";
  sent.properties = {{"colour", "red"}, {"empty", ""}, {"none", std::nullopt}};
  ASSERT_TRUE(world.send(sent));
  EXPECT_EQ(world.count(), 1U);
  const auto received = world.receive();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->message.to, "/devices/d1/messages/deviceBound");
  EXPECT_EQ(received->message.correlation_id, "c");
  EXPECT_EQ(received->message.properties.size(), 3U);
  EXPECT_EQ(received->message.properties[2].value, std::nullopt);
  EXPECT_EQ(received->lock.sequence_number, 1U);
  EXPECT_FALSE(received->redelivered);
  EXPECT_EQ(world.count(), 1U) << "locked ones count";
  EXPECT_EQ(world.receive(), std::nullopt);
  EXPECT_TRUE(world.complete(received->lock));
  EXPECT_EQ(world.count(), 0U);
  EXPECT_EQ(world.complete(received->lock).error().code, Errc::device_message_lock_lost);
  EXPECT_EQ(world.feedback(), "id-hello Success");
}

TEST(CloudToDevice, WhoLooksAtWhatWaitsTakesNothing) {
  MessageWorld world;
  EXPECT_TRUE(world.hub.cloud_to_device.look("d1")->empty());
  ASSERT_TRUE(world.send(message("a", Acknowledgement::full)));
  ASSERT_TRUE(world.send(message("b")));
  const auto held = world.receive();
  for (int again = 0; again < 2; ++again) {
    const auto waiting = world.hub.cloud_to_device.look("d1");
    ASSERT_TRUE(waiting);
    ASSERT_EQ(waiting->size(), 2U);
    EXPECT_EQ(waiting->at(0).message.body, "a");
    EXPECT_TRUE(waiting->at(0).locked);
    EXPECT_EQ(waiting->at(1).message.body, "b");
    EXPECT_FALSE(waiting->at(1).locked);
    EXPECT_EQ(waiting->at(1).header.delivery_count, 0U);
  }
  EXPECT_TRUE(world.complete(held->lock));
  EXPECT_EQ(world.hub.cloud_to_device.look("d1")->size(), 1U);
  EXPECT_EQ(world.receive()->redelivered, false) << "looking at it was no delivery";
  for (int again = 0; again < 2; ++again) {
    EXPECT_NE(world.hub.feedback.look("d1", 5).find("id-a"), std::string::npos);
    EXPECT_EQ(world.hub.feedback.look("d1", 0), "[]");
    EXPECT_EQ(world.hub.feedback.look("d2", 5), "[]");
  }
  EXPECT_EQ(world.feedback(), "id-a Success");
  EXPECT_EQ(world.hub.feedback.look("d1", 5), "[]");
}

TEST(CloudToDevice, FirstInFirstOutAndNumberedPerDeviceEvenAfterTheQueueWasEmpty) {
  MessageWorld world;
  for (const char* text : {"a", "b", "c"}) ASSERT_TRUE(world.send(message(text)));
  for (const char* text : {"a", "b", "c"}) {
    const auto received = world.receive();
    EXPECT_EQ(received->message.body, text);
    EXPECT_TRUE(world.complete(received->lock));
  }
  ASSERT_TRUE(world.send(message("d")));
  EXPECT_EQ(world.receive()->lock.sequence_number, 4U);
}

TEST(CloudToDevice, TheFiftyFirstIsRefusedLockedOnesIncluded) {
  MessageWorld world;
  for (int n = 0; n < 50; ++n) ASSERT_TRUE(world.send(message(std::to_string(n))));
  const auto first = world.receive();
  EXPECT_EQ(world.send(message("51")).error().code, Errc::device_maximum_queue_depth_exceeded);
  EXPECT_TRUE(world.complete(first->lock));
  EXPECT_TRUE(world.send(message("51")));
  EXPECT_EQ(world.count(), 50U);
}

TEST(CloudToDevice, WhatCannotBeKeptIsRefused) {
  MessageWorld world;
  EXPECT_TRUE(world.send(message(std::string(60 * 1024, 'x'))));
  EXPECT_EQ(world.send(message(std::string(64 * 1024, 'x'))).error().code, Errc::message_too_large);
  EXPECT_EQ(answer_of<void>([&](auto done) { world.hub.cloud_to_device.send("nobody", message("x"), std::move(done)); })
                .error()
                .code,
            Errc::device_not_found);
  iothub::CloudToDeviceMessage bad = message("x");
  bad.properties = {{"k", "\xFF"}};
  EXPECT_EQ(world.send(bad).error().code, Errc::argument_invalid);
  bad.properties = {{"k", std::string(30'000, '/')}};  // fits, but not into a topic
  EXPECT_EQ(world.send(bad).error().code, Errc::message_too_large);
  EXPECT_EQ(world.count(), 1U);
}

TEST(CloudToDevice, ALapsedLockQueuesAgainWithoutRaisingTheDeliveryCount) {
  MessageWorld world;
  ASSERT_TRUE(world.send(message("a")));
  for (int n = 0; n < 20; ++n) {
    const auto received = world.receive();
    ASSERT_TRUE(received) << n;
    EXPECT_EQ(received->delivery_count, 0U);
    EXPECT_EQ(received->redelivered, n > 0);
    (void)world.links.take_woken();
    world.clock.advance_seconds(59);
    world.tick();
    EXPECT_EQ(world.receive(), std::nullopt);
    world.clock.advance_seconds(1);
    EXPECT_EQ(world.complete(received->lock).error().code, Errc::device_message_lock_lost) << "to the second";
    world.tick();
    EXPECT_EQ(world.links.take_woken(), std::vector<std::string>{"d1"});
  }
}

TEST(CloudToDevice, AbandoningRaisesTheDeliveryCountAndTheTenthTimeIsTheLast) {
  MessageWorld world;
  ASSERT_TRUE(world.send(message("a", Acknowledgement::negative)));
  for (std::uint32_t n = 0; n < 10; ++n) {
    const auto received = world.receive();
    ASSERT_TRUE(received) << n;
    EXPECT_EQ(received->delivery_count, n);
    EXPECT_TRUE(world.abandon(received->lock));
    EXPECT_EQ(world.abandon(received->lock).error().code, Errc::device_message_lock_lost);
  }
  EXPECT_EQ(world.receive(), std::nullopt);
  EXPECT_EQ(world.count(), 0U);
  EXPECT_EQ(world.feedback(), "id-a DeliveryCountExceeded");
}

TEST(CloudToDevice, AMessageExpiresAtItsOwnTimeOrTheDefaultAndNeverLaterThanTheMaximum) {
  MessageWorld world;
  const Timestamp start = world.clock.now();
  auto soon = message("soon", Acknowledgement::full);
  soon.expiry = Timestamp{start.ticks + 10 * ticks_per_second};
  auto late = message("late", Acknowledgement::full);
  late.expiry = Timestamp{start.ticks + 1'000'000 * ticks_per_second};
  ASSERT_TRUE(world.send(late));
  ASSERT_TRUE(world.send(message("default", Acknowledgement::full)));
  ASSERT_TRUE(world.send(soon));
  world.clock.advance_seconds(9);
  world.tick();
  EXPECT_EQ(world.count(), 3U);
  world.clock.advance_seconds(1);
  world.tick();
  EXPECT_EQ(world.count(), 2U);
  EXPECT_EQ(world.feedback(), "id-soon Expired");
  world.clock.advance_seconds(3600);
  world.tick();
  EXPECT_EQ(world.feedback(), "id-default Expired");
  EXPECT_EQ(world.body(), "late");
  world.clock.advance_seconds(48 * 3600);
  world.tick();  // the lock lapses
  world.tick();
  EXPECT_EQ(world.count(), 0U);
}

TEST(CloudToDevice, WhatIsOverIsNotDeliveredEvenBeforeItWasTidiedUp) {
  MessageWorld world;
  ASSERT_TRUE(world.send(message("a")));
  world.clock.advance_seconds(3600);
  EXPECT_EQ(world.receive(), std::nullopt);
}

TEST(CloudToDevice, FeedbackIsForWhoAskedForThatOutcome) {
  MessageWorld world;
  const auto each = [&](const auto& settle) {
    for (const auto& [text, asked] : {std::pair{"none", Acknowledgement::none},
                                      {"positive", Acknowledgement::positive},
                                      {"negative", Acknowledgement::negative},
                                      {"full", Acknowledgement::full}}) {
      ASSERT_TRUE(world.send(message(text, asked)));
      ASSERT_TRUE(settle(world.receive()->lock));
    }
  };
  each([&](const MessageLock& lock) { return world.complete(lock); });
  EXPECT_EQ(world.feedback(), "id-positive Success, id-full Success");
  each([&](const MessageLock& lock) { return world.reject(lock); });
  EXPECT_EQ(world.feedback(), "id-negative Rejected, id-full Rejected");
}

TEST(CloudToDevice, PurgingEmptiesTheQueueLockedOnesIncluded) {
  MessageWorld world;
  for (const char* text : {"a", "b", "c"}) ASSERT_TRUE(world.send(message(text, Acknowledgement::negative)));
  const auto locked = world.receive();
  const auto purge = [&] {
    return answer_of<std::uint32_t>([&](auto done) { world.hub.cloud_to_device.purge("d1", std::move(done)); });
  };
  EXPECT_EQ(*purge(), 3U);
  EXPECT_EQ(*purge(), 0U);
  EXPECT_EQ(world.count(), 0U);
  EXPECT_EQ(world.complete(locked->lock).error().code, Errc::device_message_lock_lost);
  EXPECT_EQ(world.feedback(), "id-a Purged, id-b Purged, id-c Purged");
  EXPECT_EQ(answer_of<std::uint32_t>([&](auto done) { world.hub.cloud_to_device.purge("nobody", std::move(done)); })
                .error()
                .code,
            Errc::device_not_found);
}

TEST(CloudToDevice, AConsumerHoldsNoMoreThanItsWindowAndItsEndReleasesThemInOrder) {
  MessageWorld world;
  for (const char* text : {"a", "b", "c"}) ASSERT_TRUE(world.send(message(text)));
  const std::uint64_t first = world.hub.cloud_to_device.new_consumer(),
                      second = world.hub.cloud_to_device.new_consumer();
  const auto a = world.receive(first, 2);
  const auto b = world.receive(first, 2);
  EXPECT_EQ(world.receive(first, 2), std::nullopt);
  EXPECT_TRUE(world.complete(a->lock));
  const auto c = world.receive(first, 2);
  EXPECT_EQ(c->message.body, "c");
  (void)world.links.take_woken();
  world.hub.cloud_to_device.release("d1", second);
  EXPECT_EQ(world.receive(second), std::nullopt) << "the other's locks stay";
  world.hub.cloud_to_device.release("d1", first);
  EXPECT_EQ(world.links.take_woken(), std::vector<std::string>{"d1"});
  for (const char* text : {"b", "c"}) {
    const auto again = world.receive(second);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->message.body, text);
    EXPECT_TRUE(again->redelivered);
    EXPECT_EQ(again->delivery_count, 0U);
  }
  EXPECT_EQ(world.complete(b->lock).error().code, Errc::device_message_lock_lost) << "the lock of the first delivery";
}

TEST(CloudToDevice, ADeletedDevicesMessagesAreGoneForItsSuccessorToo) {
  MessageWorld world;
  for (const char* text : {"a", "b"}) ASSERT_TRUE(world.send(message(text, Acknowledgement::full)));
  EXPECT_TRUE(world.complete(world.receive()->lock));
  ASSERT_TRUE(world.remove(d1));
  EXPECT_EQ(world.count(), 0U);
  EXPECT_EQ(world.receive(), std::nullopt);
  EXPECT_EQ(world.send(message("x")).error().code, Errc::device_not_found);
  world.clock.advance_seconds(1);
  ASSERT_TRUE(world.put(d1));
  EXPECT_EQ(world.receive(), std::nullopt);
  ASSERT_TRUE(world.send(message("c")));
  EXPECT_EQ(world.body(), "c");
  EXPECT_EQ(world.feedback(), "(none)") << "the deleted device's feedback is dropped";
}

TEST(CloudToDevice, TheCountIsInIdentityTwinAndList) {
  MessageWorld world;
  ASSERT_TRUE(world.send(message("a")));
  ASSERT_TRUE(world.send(message("b")));
  EXPECT_EQ(at(world.get(d1)->json, "cloudToDeviceMessageCount"), "2");
  EXPECT_EQ(at(world.twin(d1)->json, "cloudToDeviceMessageCount"), "2");
  EXPECT_NE(world.hub.registry.list(10)->find(R"("cloudToDeviceMessageCount":2)"), std::string::npos);
}

TEST(CloudToDevice, EachMessageWakesTheDevice) {
  MessageWorld world;
  ASSERT_TRUE(world.send(message("a")));
  EXPECT_EQ(world.links.take_woken(), std::vector<std::string>{"d1"});
}

TEST(CloudToDevice, QueueStatesAndFeedbackSurviveARestart) {
  const StoreFolder folder;
  {
    MessageWorld world(folder.options());
    for (const char* text : {"a", "b", "c"}) ASSERT_TRUE(world.send(message(text, Acknowledgement::full)));
    EXPECT_TRUE(world.abandon(world.receive()->lock));
    EXPECT_TRUE(world.complete(world.receive(7)->lock));  // "a" again
    ASSERT_TRUE(world.receive(7));                        // "b", locked when the hub ends
  }
  MessageWorld world(folder.options());
  world.clock.advance_seconds(60);
  EXPECT_EQ(world.hub.cloud_to_device.count(d1), 2U) << "before anything was loaded";
  for (int n = 0; n < 3; ++n) world.hub.tick();
  EXPECT_EQ(world.hub.cloud_to_device.count(d1), 2U);
  const auto b = world.hub.cloud_to_device.receive("d1", 0, no_window);
  ASSERT_TRUE(b && *b);
  EXPECT_EQ((*b)->message.body, "b");
  EXPECT_EQ((*b)->lock.sequence_number, 2U);
  ASSERT_TRUE(answer_of<void>([&](auto done) { world.hub.cloud_to_device.send("d1", message("d"), std::move(done)); }));
  const auto c = world.hub.cloud_to_device.receive("d1", 0, no_window);
  const auto d = world.hub.cloud_to_device.receive("d1", 0, no_window);
  ASSERT_TRUE(c && *c && d && *d);
  EXPECT_EQ((*c)->message.body, "c");
  EXPECT_EQ((*d)->lock.sequence_number, 4U);
  EXPECT_FALSE((*d)->redelivered);
  const auto batch = world.hub.feedback.receive();
  ASSERT_TRUE(batch && *batch);
  EXPECT_NE((*batch)->json.find(R"("originalMessageId":"id-a")"), std::string::npos);
}

TEST(CloudToDevice, MessagesOfDevicesNobodyAsksForExpireAfterARestart) {
  const StoreFolder folder;
  {
    MessageWorld world(folder.options());
    ASSERT_TRUE(world.send(message("a", Acknowledgement::full)));
  }
  MessageWorld world(folder.options());
  world.clock.advance_seconds(3600);
  for (int n = 0; n < 3; ++n) world.tick();
  EXPECT_EQ(world.hub.cloud_to_device.total(), 0U);
  EXPECT_EQ(world.feedback(), "id-a Expired");
}

TEST(Feedback, ABatchIsLockedAbandonedLapsesAndIsDeletedOnce) {
  MessageWorld world;
  ASSERT_TRUE(world.send(message("a", Acknowledgement::full)));
  EXPECT_TRUE(world.complete(world.receive()->lock));
  EXPECT_FALSE(*world.hub.feedback.receive()) << "it waits for the batch to fill";
  world.clock.advance_seconds(15);
  const auto first = *world.hub.feedback.receive();
  ASSERT_TRUE(first);
  EXPECT_FALSE(*world.hub.feedback.receive()) << "locked";
  EXPECT_TRUE(world.hub.feedback.abandon(first->lock_token));
  EXPECT_EQ(world.hub.feedback.abandon(first->lock_token).error().code, Errc::device_message_lock_lost);
  const auto second = *world.hub.feedback.receive();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->delivery_count, 1U);
  world.clock.advance_seconds(60);
  world.tick();
  EXPECT_EQ(answer_of<void>([&](auto done) { world.hub.feedback.complete(second->lock_token, std::move(done)); })
                .error()
                .code,
            Errc::device_message_lock_lost);
  EXPECT_EQ(world.feedback(), "id-a Success");
  EXPECT_EQ(world.feedback(), "(none)");
}

TEST(Feedback, SixtyFourRecordsDoNotWait) {
  MessageWorld world;
  for (int n = 0; n < 64; ++n) {
    ASSERT_TRUE(world.send(message(std::to_string(n), Acknowledgement::positive)));
    EXPECT_TRUE(world.complete(world.receive()->lock));
  }
  EXPECT_TRUE(*world.hub.feedback.receive());
}

TEST(Feedback, WhatNobodyReadsForAnHourIsDropped) {
  MessageWorld world;
  ASSERT_TRUE(world.send(message("a", Acknowledgement::full)));
  EXPECT_TRUE(world.complete(world.receive()->lock));
  world.clock.advance_seconds(3600);
  world.tick();
  EXPECT_EQ(world.feedback(), "(none)");
}

TEST(MessageLock, GoesToTextAndBackAndNothingElseDoes) {
  const MessageLock lock{7, 0x0123456789ABCDEF};
  EXPECT_EQ(to_text(lock), "01234567-89ab-cdef-0000-000000000007");
  EXPECT_EQ(parse_message_lock(to_text(lock)), lock);
  for (const char* text : {"", "x", "01234567-89ab-cdef-0000-00000000000", "0123456789abcdef00000000000000000000",
                           "01234567-89ab-cdef-0000-00000000000g", "01234567-89ab-cdef-0000-0000000000071"}) {
    EXPECT_EQ(parse_message_lock(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace twinhub::hub

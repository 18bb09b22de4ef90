// The hub's one feedback queue by itself: when a batch is ready, who holds it, what is dropped, what a restart takes up.
#include "server/hub/messages/feedback.hpp"

#include "tests/support/cpp/held_store.hpp"
#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>

namespace twinhub::hub {
namespace {

/// A hub with the device d1, and a queue of feedback beside the hub's own.
struct FeedbackTest : testing::Test {
  FeedbackTest() {
    EXPECT_TRUE(world.put(d1));
    start();
  }
  /// As after a restart: only what is on disk is known.
  void start() { feedback.emplace(*world.store, world.clock, world.random, options); }

  storage::FeedbackRecord record(std::string message_id, std::string device = "d1") const {
    const auto read = world.store->read({device, ""});
    const std::string generation_id = read->entity.identity ? read->entity.identity->generation_id : "1";
    return {world.clock.now(), storage::MessageOutcome::success, std::move(device), generation_id,
            std::move(message_id)};
  }
  /// Writes the record down, and hands it to the queue once it is durable.
  void add(storage::FeedbackRecord made) {
    Feedback::Note note = feedback->note(std::move(made));
    ASSERT_TRUE(answer_of<void>([&](auto done) {
      ASSERT_TRUE(world.store->write_records(
          {Feedback::write_of(note)}, {},
          [done](const Result<void>& durable, storage::Outbox& outbox) { done(durable, outbox); }));
    }));
    feedback->keep(std::move(note));
  }
  std::optional<Feedback::Batch> receive() {
    auto batch = feedback->receive();
    EXPECT_TRUE(batch);
    return batch ? std::move(*batch) : std::nullopt;
  }
  Result<void> complete(const std::string& lock_token) {
    return answer_of<void>([&](auto done) { feedback->complete(lock_token, std::move(done)); });
  }
  /// Waits until everything that was queued for the disk is durable.
  void settle() {
    (void)answer_of<void>([&](auto done) {
      ASSERT_TRUE(world.store->write_records(
          {{storage::RecordKind::cursors, "settle", "x"}}, {},
          [done](const Result<void>& durable, storage::Outbox& outbox) { done(durable, outbox); }));
    });
  }
  std::size_t records_on_disk() const {
    std::size_t count = 0;
    EXPECT_TRUE(world.store->scan_records(storage::RecordKind::feedback, {}, {}, [&](auto, auto) {
      ++count;
      return true;
    }));
    return count;
  }
  static std::vector<std::string> message_ids(const Feedback::Batch& batch) {
    std::vector<std::string> ids;
    const auto document = json::parse(batch.json);
    for (const json::Value one : document->root()) ids.push_back(*one.find("originalMessageId")->string());
    return ids;
  }

  World world;
  FeedbackOptions options;
  std::optional<Feedback> feedback;
};

TEST_F(FeedbackTest, ABatchWaitsForItsFirstRecordsTime) {
  add(record("a"));
  world.clock.advance_seconds(10);
  add(record("b"));
  EXPECT_EQ(receive(), std::nullopt);
  world.clock.advance_seconds(5);
  const auto batch = receive();
  ASSERT_TRUE(batch);
  EXPECT_EQ(message_ids(*batch), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(batch->newest.ticks, world.clock.now().ticks - 5 * ticks_per_second);
  EXPECT_EQ(batch->delivery_count, 0U);
}

TEST_F(FeedbackTest, ARecordNamesMessageOutcomeDeviceAndTime) {
  const auto made = record("a \"quoted\" id");
  add(made);
  world.clock.advance_seconds(15);
  const auto batch = receive();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->json, R"([{"originalMessageId":"a \"quoted\" id","enqueuedTimeUtc":")" + to_iso8601(made.at) +
                             R"(","statusCode":"Success","description":"Success","deviceId":"d1",)" +
                             R"("deviceGenerationId":")" + made.generation_id + R"("}])");
}

TEST_F(FeedbackTest, ABatchHasAtMostSixtyFourRecords) {
  for (int n = 0; n < 65; ++n) add(record(std::to_string(n)));
  const auto full = receive();
  ASSERT_TRUE(full) << "a full batch does not wait";
  EXPECT_EQ(message_ids(*full).size(), 64U);
  EXPECT_EQ(receive(), std::nullopt) << "the last one does";
  world.clock.advance_seconds(15);
  const auto rest = receive();
  ASSERT_TRUE(rest);
  EXPECT_EQ(message_ids(*rest), std::vector<std::string>{"64"});
}

TEST_F(FeedbackTest, ACompletedBatchIsGoneFromTheDisk) {
  add(record("a"));
  world.clock.advance_seconds(15);
  const auto batch = receive();
  ASSERT_TRUE(batch);
  EXPECT_EQ(records_on_disk(), 1U);
  EXPECT_TRUE(complete(batch->lock_token));
  EXPECT_EQ(records_on_disk(), 0U);
  EXPECT_REFUSED(complete(batch->lock_token), Errc::device_message_lock_lost);
}

TEST_F(FeedbackTest, ABatchThatIsAbandonedTooOftenIsGivenUp) {
  options.delivery_count_max = 2;
  start();
  add(record("a"));
  world.clock.advance_seconds(15);
  ASSERT_TRUE(feedback->abandon(receive()->lock_token));
  const auto again = receive();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->delivery_count, 1U);
  ASSERT_TRUE(feedback->abandon(again->lock_token));
  settle();
  EXPECT_EQ(receive(), std::nullopt);
  EXPECT_EQ(records_on_disk(), 0U);
}

TEST_F(FeedbackTest, ALockThatLapsesFreesItsRecords) {
  add(record("a"));
  world.clock.advance_seconds(15);
  const auto batch = receive();
  ASSERT_TRUE(batch);
  world.clock.advance_seconds(59);
  feedback->tick();
  EXPECT_EQ(receive(), std::nullopt) << "still locked";
  world.clock.advance_seconds(1);
  feedback->tick();
  EXPECT_REFUSED(feedback->abandon(batch->lock_token), Errc::device_message_lock_lost);
  const auto again = receive();
  ASSERT_TRUE(again);
  EXPECT_NE(again->lock_token, batch->lock_token);
  EXPECT_EQ(again->delivery_count, 0U) << "a lapse is no delivery attempt";
}

TEST_F(FeedbackTest, ABatchWhoseReaderIsGoneIsFreeAtOnce) {
  add(record("a"));
  world.clock.advance_seconds(15);
  const auto batch = receive();
  ASSERT_TRUE(batch);
  feedback->release("no lock");
  EXPECT_EQ(receive(), std::nullopt);
  feedback->release(batch->lock_token);
  EXPECT_REFUSED(complete(batch->lock_token), Errc::device_message_lock_lost);
  const auto again = receive();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->delivery_count, 0U) << "a lost reader is no delivery attempt";
}

TEST_F(FeedbackTest, RecordsOfDeletedDevicesAreDroppedWhenTheyWouldBeDelivered) {
  ASSERT_TRUE(world.put({"gone", ""}));
  add(record("of-gone", "gone"));
  add(record("of-d1"));
  ASSERT_TRUE(world.remove({"gone", ""}));
  world.clock.advance_seconds(15);
  const auto batch = receive();
  ASSERT_TRUE(batch);
  EXPECT_EQ(message_ids(*batch), std::vector<std::string>{"of-d1"});
  EXPECT_TRUE(complete(batch->lock_token));
  settle();
  EXPECT_EQ(records_on_disk(), 0U);
}

TEST_F(FeedbackTest, RecordsOutlastARestartInTheirOrder) {
  add(record("a"));
  add(record("b"));
  start();
  world.clock.advance_seconds(15);
  EXPECT_EQ(receive(), std::nullopt) << "the disk is read by ticks";
  feedback->tick();
  const auto batch = receive();
  ASSERT_TRUE(batch);
  EXPECT_EQ(message_ids(*batch), (std::vector<std::string>{"a", "b"}));
}

TEST_F(FeedbackTest, TheOldestRecordsGoWhenThereAreTooMany) {
  options.records_max = 2;
  start();
  for (const char* id : {"a", "b", "c", "d"}) add(record(id));
  feedback->tick();
  settle();
  EXPECT_EQ(records_on_disk(), 2U);
  world.clock.advance_seconds(15);
  const auto batch = receive();
  ASSERT_TRUE(batch);
  EXPECT_EQ(message_ids(*batch), (std::vector<std::string>{"c", "d"}));
}

TEST_F(FeedbackTest, RecordsThatNoBackEndReadsGoWhenTheirLifeIsOver) {
  add(record("old"));
  world.clock.advance_seconds(3599);
  add(record("young"));
  feedback->tick();
  settle();
  EXPECT_EQ(records_on_disk(), 2U);
  world.clock.advance_seconds(1);
  feedback->tick();
  settle();
  EXPECT_EQ(records_on_disk(), 1U);
  world.clock.advance_seconds(15);
  const auto batch = receive();
  ASSERT_TRUE(batch);
  EXPECT_EQ(message_ids(*batch), std::vector<std::string>{"young"});
}

TEST_F(FeedbackTest, ABatchThatCannotBeRemovedIsDeliveredAgain) {
  test::HeldStore store(open_store(memory_options(), world.clock));
  Registry registry(store, world.clock, world.random, world.hub.activities, world.links);
  ASSERT_TRUE(answer_of<Registry::Answer>([&](auto done) { registry.put(d1, "{}", {}, std::move(done)); }));
  Feedback held(store, world.clock, world.random, options);
  storage::FeedbackRecord made = record("a");
  made.generation_id = store.read(d1)->entity.identity->generation_id;
  held.keep(held.note(std::move(made)));
  world.clock.advance_seconds(15);
  const auto batch = *held.receive();
  ASSERT_TRUE(batch);
  store.refuse_writes();
  EXPECT_REFUSED(answer_of<void>([&](auto done) { held.complete(batch->lock_token, std::move(done)); }),
                 Errc::service_unavailable);
  const auto again = *held.receive();
  ASSERT_TRUE(again) << "the back end gets it once more";
  EXPECT_EQ(message_ids(*again), std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace twinhub::hub

// What feeds the built-in endpoint's readers, on the real log: chunks, waiting for the log to grow, what retention
// takes.
#include "server/events/event_feed.hpp"

#include "tests/unit/storage/store_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <condition_variable>
#include <future>
#include <mutex>
#include <set>

namespace twinhub::events {
namespace {

using namespace storage::testing;
using ::testing::ElementsAre;

const IdentityId device{"device", ""};

/// Runs what is posted on the feed's own thread, and counts the posts.
class InlineLane final : public storage::Lane {
 public:
  void post(std::vector<std::function<void()>> tasks) override {
    posts.fetch_add(1);
    for (const auto& task : tasks) task();
  }
  std::atomic<int> posts{0};
};

class EventFeedTest : public ::testing::Test {
 protected:
  EventFeedTest() {
    store_options_ = small_options(folder_ / "db");
    store_options_.event_partitions = 1;
    store_options_.now = [this] { return moment(seconds_.load()); };
    routing_.hub_name = "myhub";
    routing_.fallback.set(built_in_bit);
  }
  ~EventFeedTest() override {
    if (store_) store_->watch_events({});
  }

  void start() {
    if (!store_) store_ = open(store_options_);
    auto router = Router::make(routing_);
    ASSERT_TRUE(router);
    feed_ = std::make_unique<EventFeed>(*store_, std::move(*router),
                                        [this](std::string& out, const storage::StoredEvent& stored) {
                                          out += stored.event.body;
                                          encoded_.fetch_add(1);
                                        });
    store_->watch_events([this] { feed_->wake(); });
    feed_->start();
  }
  void append(std::size_t count, std::size_t padding = 0) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string body = std::to_string(appended_++) + std::string(padding, ' ');
      ASSERT_TRUE(append_and_wait(*store_, make_telemetry(device, body)));
    }
  }
  std::future<Result<Fed>> ask(Wish wish) {
    const auto answer = std::make_shared<std::promise<Result<Fed>>>();
    wish.lane = &lane_;
    wish.done = [answer](const Result<Fed>& fed) { answer->set_value(fed); };
    last_wish_ = feed_->ask(std::move(wish));
    return answer->get_future();
  }
  Fed fed(std::uint64_t position) {
    auto answer = ask({.partition = 0, .position = position}).get();
    EXPECT_TRUE(answer);
    return answer ? *answer : Fed{};
  }
  static std::vector<std::string> bodies(const EventChunk& chunk, std::uint64_t from = 0) {
    std::vector<std::string> all;
    for (std::size_t i = chunk.find(from); i < chunk.entries.size(); ++i) {
      const std::string_view text = chunk.bytes_of(chunk.entries[i]);
      all.emplace_back(text.substr(0, text.find(' ')));
    }
    return all;
  }
  static bool is_told(const std::future<Result<Fed>>& answer) {
    return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

  const TemporaryFolder folder_;
  storage::StoreOptions store_options_;
  std::atomic<std::uint64_t> seconds_{0};
  RouterOptions routing_;
  InlineLane lane_;
  std::unique_ptr<storage::Store> store_;
  std::atomic<int> encoded_{0};
  std::unique_ptr<EventFeed> feed_;
  std::size_t appended_ = 0;
  std::uint64_t last_wish_ = 0;
};

TEST_F(EventFeedTest, AChunkHoldsWhatIsThereAndIsRemembered) {
  start();
  append(3);
  EXPECT_EQ(feed_->find(0, 0), nullptr);
  const Fed first = fed(0);
  EXPECT_EQ(first.position, 0U);
  EXPECT_EQ(first.chunk->first, 0U);
  EXPECT_EQ(first.chunk->next, 3U);
  EXPECT_THAT(bodies(*first.chunk), ElementsAre("0", "1", "2"));
  EXPECT_EQ(first.chunk->entries[0].appended, moment(0));
  EXPECT_EQ(feed_->find(0, 0), first.chunk);
  EXPECT_EQ(feed_->find(0, 2), first.chunk);
  EXPECT_EQ(feed_->find(0, 3), nullptr);
  EXPECT_EQ(fed(1).chunk, first.chunk);
  EXPECT_EQ(encoded_, 3);  // once for all readers
}

TEST_F(EventFeedTest, AtTheEndAReaderWaitsForTheNextEvent) {
  start();
  append(1);
  auto waiting = ask({.partition = 0, .position = 1});
  (void)fed(0);  // the feed's thread has been at the other one by now
  EXPECT_FALSE(is_told(waiting));
  append(1);
  const auto told = waiting.get();
  ASSERT_TRUE(told);
  EXPECT_THAT(bodies(*told->chunk), ElementsAre("1"));
}

TEST_F(EventFeedTest, AThousandReadersAtTheEndCostOneEncodingAndOnePost) {
  start();
  append(1);
  std::vector<std::future<Result<Fed>>> waiting;
  for (int i = 0; i < 1000; ++i) waiting.push_back(ask({.partition = 0, .position = 1}));
  (void)fed(0);
  const int posts = lane_.posts, encoded = encoded_;
  append(1);
  std::set<const EventChunk*> chunks;
  for (auto& one : waiting) chunks.insert(one.get()->chunk.get());
  EXPECT_EQ(chunks.size(), 1U);
  EXPECT_EQ(encoded_, encoded + 1);
  EXPECT_EQ(lane_.posts, posts + 1);
}

TEST_F(EventFeedTest, ACancelledReaderHearsNothing) {
  start();
  append(1);
  auto cancelled = ask({.partition = 0, .position = 1});
  (void)fed(0);
  feed_->cancel(last_wish_ - 1);
  auto waiting = ask({.partition = 0, .position = 1});
  append(1);
  EXPECT_TRUE(waiting.get());
  // Its promise went with the wish.
  EXPECT_THROW((void)cancelled.get(), std::future_error);
}

TEST_F(EventFeedTest, ChunksAreBounded) {
  start();
  append(40, 10'000);
  Fed one = fed(0);
  EXPECT_LT(one.chunk->next, 20U);
  EXPECT_LT(one.chunk->bytes.size(), 150'000U);
  std::size_t events = one.chunk->entries.size();
  while (one.chunk->next < 40) {
    one = fed(one.chunk->next);
    events += one.chunk->entries.size();
  }
  EXPECT_EQ(events, 40U);
}

TEST_F(EventFeedTest, EventsThatTheBuiltInEndpointDoesNotGetArePassedOver) {
  routing_.routes.push_back(
      {"f:1", "r", storage::EventSource::telemetry, "$body.t > 1", EndpointSet().set(built_in_bit), true});
  routing_.fallback.reset();
  start();
  const auto send = [&](std::string_view body) {
    storage::TelemetryDraft draft = make_telemetry(device, body);
    draft.property_bag = "$.ct=application%2Fjson&$.ce=utf-8";
    ASSERT_TRUE(append_and_wait(*store_, draft));
  };
  for (const char* const body : {R"({"t":1})", R"({"t":2})", R"({"t":0})"}) send(body);
  const Fed all = fed(0);
  EXPECT_EQ(all.chunk->next, 3U);
  ASSERT_EQ(all.chunk->entries.size(), 1U);
  EXPECT_EQ(all.chunk->entries[0].sequence_number, 1U);
}

TEST_F(EventFeedTest, OwnEventsComeByARouteWithTheHubsName) {
  routing_.routes.push_back(
      {"f:1", "r", storage::EventSource::device_lifecycle, "true", EndpointSet().set(built_in_bit), true});
  routing_.enrichments.push_back({"site", "berlin", EndpointSet().set(built_in_bit)});
  store_ = open(store_options_);
  auto router = Router::make(routing_);
  std::vector<storage::Event> seen;
  std::mutex mutex;
  EventFeed feed(*store_, std::move(*router), [&](std::string&, const storage::StoredEvent& stored) {
    const std::lock_guard lock(mutex);
    seen.push_back(stored.event);
  });
  feed.start();
  Answer durable;
  ASSERT_TRUE(store_->write_records({}, {storage::identity_created_event(device, moment(0))}, durable.callback()));
  ASSERT_TRUE(durable.wait());
  std::promise<void> told;
  (void)feed.ask(
      {.partition = 0, .position = 0, .lane = &lane_, .done = [&](const Result<Fed>&) { told.set_value(); }});
  told.get_future().get();
  feed.stop();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].source, storage::EventSource::device_lifecycle);
  EXPECT_EQ(seen[0].application.front().name, "hubName");
  EXPECT_EQ(seen[0].application.front().value, "myhub");
  EXPECT_EQ(seen[0].application.back().name, "site");
  EXPECT_EQ(seen[0].application.back().value, "berlin");
}

TEST_F(EventFeedTest, AMomentIsFoundInTheLog) {
  start();
  append(2);
  seconds_ = 10;
  append(2);
  auto at = ask({.partition = 0, .since = moment(5)}).get();
  ASSERT_TRUE(at);
  EXPECT_EQ(at->position, 2U);
  EXPECT_THAT(bodies(*at->chunk, at->position), ElementsAre("2", "3"));
  // Nothing is there yet: the position is told at once, and the reader asks again.
  at = ask({.partition = 0, .since = moment(11)}).get();
  ASSERT_TRUE(at);
  EXPECT_EQ(at->position, 4U);
  EXPECT_EQ(at->chunk, nullptr);
}

TEST_F(EventFeedTest, AReaderThatRetentionOvertakesGoesOnAtTheOldestKept) {
  store_options_.event_retention_bytes = 64 << 10;  // segments of 4 KiB
  start();
  for (int i = 0; i < 200; ++i) {
    append(1, 1000);
    seconds_ += 10;  // retention looks every few seconds
  }
  const std::uint64_t oldest = feed_->range(0).first;
  ASSERT_GT(oldest, 3U);
  const Fed overtaken = fed(3);
  EXPECT_EQ(overtaken.position, 3U);
  ASSERT_FALSE(overtaken.chunk->entries.empty());
  EXPECT_EQ(overtaken.chunk->entries[0].sequence_number, oldest);
}

TEST_F(EventFeedTest, TheTimeOfTheNewestEventOutlivesARestart) {
  start();
  EXPECT_EQ(store_->newest_event(0), Timestamp{});
  seconds_ = 7;
  append(1);
  EXPECT_EQ(store_->newest_event(0), moment(7));
  store_->watch_events({});
  feed_.reset();
  store_.reset();
  seconds_ = 9;
  start();
  EXPECT_EQ(store_->newest_event(0), moment(7));
}

TEST_F(EventFeedTest, TheCacheForgetsTheOldestFirst) {
  ChunkCache cache(3000);
  const auto chunk = [](std::uint64_t first) {
    auto made = std::make_shared<EventChunk>();
    made->first = first;
    made->next = first + 10;
    made->bytes.assign(700, 'x');
    return made;
  };
  for (std::uint64_t first : {0U, 10U, 20U, 30U}) cache.add(chunk(first));
  EXPECT_EQ(cache.find(0, 5), nullptr);
  EXPECT_NE(cache.find(0, 15), nullptr);
  EXPECT_NE(cache.find(0, 39), nullptr);
  EXPECT_EQ(cache.find(1, 15), nullptr);
  // A chunk in the place of another is not lost with it.
  const auto again = chunk(10);
  cache.add(again);
  EXPECT_EQ(cache.find(0, 15), again);
  cache.add(chunk(40));
  EXPECT_EQ(cache.find(0, 15), again);
}

TEST_F(EventFeedTest, AnotherRoutingCountsForWhatIsReadFromThenOn) {
  start();
  append(1);
  EXPECT_THAT(bodies(*fed(0).chunk), ElementsAre("0"));
  RouterOptions nothing;
  nothing.hub_name = "myhub";
  feed_->reroute(*Router::make(nothing));
  append(1);
  EXPECT_THAT(bodies(*fed(1).chunk), ElementsAre());
  feed_->reroute(*Router::make(routing_));
  append(1);
  EXPECT_THAT(bodies(*fed(2).chunk), ElementsAre("2"));
}

}  // namespace
}  // namespace twinhub::events

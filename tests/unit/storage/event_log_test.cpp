// The event log: numbers without gaps, order, and retention.
#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <atomic>
#include <thread>

namespace twinhub::storage {
namespace {

using namespace testing;

const IdentityId device{"device", ""};

void expect_consecutive(const std::vector<StoredEvent>& events, std::uint64_t first) {
  for (std::size_t i = 0; i < events.size(); ++i) ASSERT_EQ(events[i].sequence_number, first + i);
}

TEST(StoreEvents, NumbersGoOnWithoutGapsAcrossRestarts) {
  const TemporaryFolder folder;
  constexpr int runs = 3, per_run = 40;
  std::vector<std::string> sent;
  for (int run = 0; run < runs; ++run) {
    const auto store = open(small_options(folder / "db"));
    for (int i = 0; i < per_run; ++i) {
      sent.push_back(std::to_string(run) + "." + std::to_string(i));
      store->append_telemetry(make_telemetry(device, sent.back()), {});
      if (i % 10 == 0) drain(*store);
    }
  }
  const auto store = open(small_options(folder / "db"));
  const auto events = all_events(*store, store->event_partition_of(device));
  ASSERT_EQ(events.size(), sent.size());
  expect_consecutive(events, 0);
  for (std::size_t i = 0; i < sent.size(); ++i) EXPECT_EQ(events[i].event.body, sent[i]);
  EXPECT_EQ(events[0].event.id, device);
  EXPECT_EQ(events[0].event.enqueued, moment());
}

double figure_of(const Store& store, const std::string& name, const std::string& source = "") {
  for (const auto& figure : store.figures()) {
    if (figure.name == name && (source.empty() || figure.labels.at(0).second == source)) return figure.value;
  }
  ADD_FAILURE() << name;
  return -1;
}

TEST(StoreEvents, FiguresTellHowManyThereAreOfEachSourceAndHowMuchTheLogKeeps) {
  const TemporaryFolder folder;
  double kept = 0;
  {
    const auto store = open(small_options(folder / "db"));
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(append_and_wait(*store, make_telemetry(device, "x")));
    std::vector<EncodedEvent> events;
    events.push_back(connection_state_event(device, true, 1, moment(), moment()));
    ASSERT_TRUE(store->write_records({}, std::move(events), {}));
    drain(*store);
    EXPECT_EQ(figure_of(*store, "twinhub_events_total", "DeviceMessages"), 5);
    EXPECT_EQ(figure_of(*store, "twinhub_events_total", "DeviceConnectionStateEvents"), 1);
    EXPECT_EQ(figure_of(*store, "twinhub_events_total", "TwinChangeEvents"), 0);
    EXPECT_EQ(figure_of(*store, "twinhub_event_log_events"), 6);
    kept = figure_of(*store, "twinhub_event_log_bytes");
    EXPECT_GT(kept, 6 * 20);
  }
  const auto store = open(small_options(folder / "db"));
  EXPECT_EQ(figure_of(*store, "twinhub_event_log_bytes"), kept) << "what is stored, not what was written since";
  EXPECT_EQ(figure_of(*store, "twinhub_events_total", "DeviceMessages"), 0) << "since the start";
}

TEST(StoreEvents, ReadingStartsInTheMiddleOfABlockAndStopsOnDemand) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  for (int i = 0; i < 100; ++i) store->append_telemetry(make_telemetry(device, std::to_string(i)), {});
  drain(*store);
  const auto partition = store->event_partition_of(device);
  for (const std::uint64_t from : {0U, 1U, 37U, 99U}) {
    const auto events = all_events(*store, partition, from);
    ASSERT_EQ(events.size(), 100 - from);
    expect_consecutive(events, from);
    EXPECT_EQ(events[0].event.body, std::to_string(from));
  }
  EXPECT_TRUE(all_events(*store, partition, 100).empty());
  int visited = 0;
  ASSERT_TRUE(store->read_events(partition, 10, [&](const StoredEvent&) { return ++visited < 5; }));
  EXPECT_EQ(visited, 5);
}

TEST(StoreEvents, EveryPartitionCountsByItself) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  std::vector<std::size_t> sent(4);
  for (int i = 0; i < 200; ++i) {
    const IdentityId id{"device" + std::to_string(i), i % 2 == 0 ? "" : "module"};
    ++sent[store->event_partition_of(id)];
    store->append_telemetry(make_telemetry(id, "x"), {});
  }
  drain(*store);
  for (std::uint32_t partition = 0; partition < 4; ++partition) {
    const auto events = all_events(*store, partition);
    EXPECT_EQ(events.size(), sent[partition]);
    EXPECT_GT(events.size(), 0U);
    expect_consecutive(events, 0);
    for (const auto& event : events) EXPECT_EQ(store->event_partition_of(event.event.id), partition);
  }
}

TEST(StoreEvents, AModuleSharesItsDevicesPartitionAndItNeverChanges) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  EXPECT_EQ(store->event_partition_of({"device", "a"}), store->event_partition_of({"device", ""}));
  // FNV-1a as FORMAT.md gives it: a change here would split a device's events over two partitions.
  EXPECT_EQ(store->event_partition_of({"a", ""}), 0xAF63DC4C8601EC8CU % 4);
}

TEST(StoreEvents, ABusyCycleMakesManyBlocksAndNoGaps) {
  const TemporaryFolder folder;
  const std::string body(10'000, 'x');
  {
    const auto store = open(small_options(folder / "db"));
    std::vector<EncodedEvent> events(100, make_event(device, body));
    Answer answer;
    ASSERT_TRUE(store->write_records({}, std::move(events), answer.callback()));
    ASSERT_TRUE(answer.wait());
  }
  const auto store = open(small_options(folder / "db"));
  const auto partition = store->event_partition_of(device);
  for (const std::uint64_t from : {0U, 6U, 7U, 50U}) {
    const auto events = all_events(*store, partition, from);
    ASSERT_EQ(events.size(), 100 - from);
    expect_consecutive(events, from);
  }
  EXPECT_EQ(store->event_ranges()[partition], (EventRange{0, 100}));
}

TEST(StoreEvents, RangesShowDurableEventsOnly) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  const auto partition = store->event_partition_of(device);
  ASSERT_EQ(store->event_ranges().size(), 4U);
  EXPECT_EQ(store->event_ranges()[partition], EventRange{});
  for (std::uint64_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(append_and_wait(*store, make_telemetry(device, "x")));
    EXPECT_EQ(store->event_ranges()[partition], (EventRange{0, i}));
  }
}

TEST(StoreEvents, TheWatcherIsWokenOncePerCycleThatHasEvents) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  std::atomic<int> woken{0};
  store->watch_events([&] { ++woken; });
  Answer records;
  ASSERT_TRUE(store->write_records({{RecordKind::cursors, "a", "b"}}, {}, records.callback()));
  ASSERT_TRUE(records.wait());
  drain(*store);
  EXPECT_EQ(woken, 0);
  std::vector<EncodedEvent> events(10, make_event(device, "x"));
  Answer answer;
  ASSERT_TRUE(store->write_records({}, std::move(events), answer.callback()));
  ASSERT_TRUE(answer.wait());
  drain(*store);  // the watcher runs after those who waited for the cycle
  EXPECT_EQ(woken, 1);
  store->watch_events({});
  ASSERT_TRUE(append_and_wait(*store, make_telemetry(device, "x")));
  drain(*store);
  EXPECT_EQ(woken, 1);
}

TEST(StoreEvents, TheEventsOfOneDeviceStayInOrder) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 300; ++i) {
          store->append_telemetry(make_telemetry({"device" + std::to_string(t), ""}, std::to_string(i)), {});
        }
      });
    }
  }
  drain(*store);
  std::map<std::string, int> next;
  for (std::uint32_t partition = 0; partition < 4; ++partition) {
    const auto events = all_events(*store, partition);
    expect_consecutive(events, 0);
    for (const auto& event : events) EXPECT_EQ(event.event.body, std::to_string(next[event.event.id.device]++));
  }
  for (int t = 0; t < 4; ++t) EXPECT_EQ(next["device" + std::to_string(t)], 300);
}

class StoreRetention : public ::testing::Test {
 protected:
  StoreRetention() {
    options_ = small_options(folder_ / "db");
    options_.event_partitions = 1;
    options_.now = [this] { return moment(seconds_.load()); };
  }
  void append(int count, const std::string& body = std::string(1000, 'x')) {
    for (int i = 0; i < count; ++i) ASSERT_TRUE(append_and_wait(*store_, make_telemetry(device, body)));
    sent_ += static_cast<std::uint64_t>(count);
  }
  /// Kept events are the newest ones, numbered to the end.
  std::vector<StoredEvent> kept() {
    auto events = all_events(*store_, 0);
    if (!events.empty()) {
      expect_consecutive(events, events.front().sequence_number);
      EXPECT_EQ(events.back().sequence_number, sent_ - 1);
    }
    return events;
  }

  const TemporaryFolder folder_;
  StoreOptions options_;
  std::atomic<std::uint64_t> seconds_{0};
  std::unique_ptr<Store> store_;
  std::uint64_t sent_ = 0;
};

TEST_F(StoreRetention, DropsTheOldestBeyondTheSize) {
  options_.event_retention_bytes = 128 << 10;
  store_ = open(options_);
  for (int round = 0; round < 6; ++round) {
    seconds_ += 10;  // retention looks every few seconds
    append(100);
  }
  seconds_ += 10;
  append(1);
  auto events = kept();
  EXPECT_LE(events.size(), 130U);
  EXPECT_GE(events.size(), 90U);
  store_.reset();
  store_ = open(options_);
  EXPECT_EQ(kept().size(), events.size());
}

TEST_F(StoreRetention, DropsEventsThatAreTooOld) {
  options_.event_retention_age = std::chrono::seconds(1600);
  store_ = open(options_);
  append(10);
  seconds_ = 1000;
  append(10);
  EXPECT_EQ(kept().size(), 20U);
  seconds_ = 1700;
  append(1);
  EXPECT_LE(kept().size(), 12U);  // up to a segment's worth may stay longer
  EXPECT_GE(kept().size(), 11U);
}

TEST_F(StoreRetention, RangesAndTimesFollowTheKeptEvents) {
  options_.event_retention_bytes = 128 << 10;  // segments of 8 KiB
  store_ = open(options_);
  for (int round = 0; round < 30; ++round) {
    seconds_ = static_cast<std::uint64_t>(round) * 10;
    append(10);
  }
  const auto range = store_->event_ranges()[0];
  EXPECT_EQ(range.next, 300U);
  EXPECT_EQ(range.first, kept().front().sequence_number);
  EXPECT_GT(range.first, 0U);
  const auto found = [&](std::uint64_t seconds) { return *store_->find_events_since(0, moment(seconds)); };
  EXPECT_EQ(found(0), range.first);
  for (const std::uint64_t round : {25U, 27U, 29U}) {
    EXPECT_EQ(found(round * 10), round * 10);
    EXPECT_EQ(found(round * 10 - 5), round * 10);
  }
  EXPECT_EQ(found(291), 300U);
  store_.reset();
  store_ = open(options_);
  EXPECT_EQ(store_->event_ranges()[0], range);
  EXPECT_EQ(found(270), 270U);
}

TEST_F(StoreRetention, EventsWrittenOnAClockThatWasBehindAreAsOldAsTheHubSawThem) {
  options_.event_retention_age = std::chrono::seconds(2000);
  std::optional<Timestamp> settled;
  options_.settled = [&] { return settled; };
  store_ = open(options_);
  append(10);
  seconds_ += 2 * 24 * 3600;  // a machine that began in the past is told the time
  append(1);
  seconds_ += 1000;
  settled = moment(seconds_);
  append(1);
  EXPECT_EQ(kept().size(), 12U);
  seconds_ += 2000;
  settled = moment(seconds_);
  append(1);
  EXPECT_LT(kept().size(), 12U);
  store_.reset();  // before the time that it reads
}

TEST_F(StoreRetention, NoEventIsDroppedForItsAgeWhileTheClockHasLatelyBeenSet) {
  options_.event_retention_age = std::chrono::seconds(100);
  bool holds = false;
  options_.settled = [&]() -> std::optional<Timestamp> {
    if (!holds) return std::nullopt;
    return moment(seconds_);
  };
  store_ = open(options_);
  append(10);
  seconds_ += 2 * 24 * 3600;  // a bad answer of a time server
  append(1);
  append(1);
  EXPECT_EQ(kept().size(), 12U);
  holds = true;
  seconds_ += 1'000;
  append(1);
  EXPECT_LT(kept().size(), 12U);
}

TEST_F(StoreRetention, TheSizeIsKeptWhileTheOrderingClockStandsStill) {
  // As after a second that was two days ahead: what never goes back stands still until those days are over.
  options_.event_retention_bytes = 128 << 10;
  std::atomic<std::uint64_t> steady{1000};
  options_.steady = [&] { return moment(steady.load()); };
  store_ = open(options_);
  for (int round = 0; round < 6; ++round) {
    steady += 10;
    append(100);
  }
  steady += 10;
  append(1);
  EXPECT_LE(kept().size(), 130U);
  EXPECT_GE(kept().size(), 90U);
  store_.reset();  // before the clock that it reads
}

TEST_F(StoreRetention, HeldEventsAreSparedBeyondSizeAndAge) {
  options_.event_retention_bytes = 64 << 10;
  options_.event_retention_age = std::chrono::seconds(1600);
  options_.event_held_bytes_max = 4 << 20;
  store_ = open(options_);
  append(50);
  store_->hold_events(0, 30);
  for (int round = 0; round < 6; ++round) {
    seconds_ += 1000;
    append(100);
  }
  EXPECT_LE(kept().front().sequence_number, 30U);
  EXPECT_EQ(kept().back().sequence_number, 649U);
  // Passed: they go as ever.
  store_->hold_events(0, 650);
  seconds_ += 10;
  append(1);
  EXPECT_GE(kept().front().sequence_number, 500U);
}

TEST_F(StoreRetention, BeyondTheirBudgetHeldEventsGoTheOldestFirst) {
  options_.event_retention_bytes = 64 << 10;
  options_.event_held_bytes_max = 256 << 10;
  store_ = open(options_);
  store_->hold_events(0, 0);
  for (int round = 0; round < 12; ++round) {
    seconds_ += 10;
    append(100);
  }
  seconds_ += 10;
  append(1);
  const auto events = kept();
  EXPECT_GE(events.size(), 200U);  // more than retention alone keeps, about 60
  EXPECT_LE(events.size(), 260U);
  EXPECT_EQ(events.back().sequence_number, 1200U);
}

TEST_F(StoreRetention, SequenceNumbersGoOnAfterEverythingWasDropped) {
  options_.event_retention_age = std::chrono::seconds(100);
  store_ = open(options_);
  append(10);
  seconds_ = 1000;
  drain(*store_);  // a commit cycle without events
  EXPECT_TRUE(all_events(*store_, 0).empty());
  store_.reset();
  store_ = open(options_);
  append(1);
  const auto events = kept();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].sequence_number, 10U);
}

TEST_F(StoreRetention, NumbersGoOnAfterARestartAtEverySize) {
  options_.event_retention_bytes = 64 << 10;  // segments of 4 KiB: closed and dropped often
  for (int run = 0; run < 12; ++run) {
    store_ = open(options_);
    seconds_ += 10;
    append(11);
    EXPECT_FALSE(kept().empty());
    store_.reset();
  }
}

}  // namespace
}  // namespace twinhub::storage

// The commit queue over an engine that is not the owner of its data.
#include "storage/commit/commit_queue.hpp"

#include "tests/unit/storage/engine/engine_harness.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>
#include <atomic>

namespace twinhub::storage {
namespace {

using namespace testing;

class CommitQueueWithoutOwnership : public ::testing::TestWithParam<EngineKind<FailingEngineHarness>> {
 protected:
  CommitQueueWithoutOwnership() {
    EXPECT_TRUE(harness_->open(false));  // makes the data
    engine_ = *harness_->open(true);
  }
  const StoreOptions options_ = small_options({});
  const std::unique_ptr<FailingEngineHarness> harness_ = GetParam().make();
  std::unique_ptr<Engine> engine_;
};

TEST_P(CommitQueueWithoutOwnership, FailsItsWaitersForgetsItsReadsAndRefusesEveryLaterUnit) {
  std::atomic<int> dropped_all{0}, dropped_some{0};
  EventLog events(*engine_, options_);
  Answer refused;
  {
    CommitQueue queue(*engine_, events, options_,
                      {[&](CommitSeq) { ++dropped_some; }, [&] { ++dropped_all; },
                       [](const std::vector<IdentityId>&, CommitSeq) {}, [] {}});
    Unit unit;
    unit.write = [](WriteBatch& batch) { batch.put(Family::sessions, "device", "session"); };
    ASSERT_TRUE(queue.enqueue(unit, refused.callback()));
    const auto result = refused.wait();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::service_unavailable);
    EXPECT_EQ(dropped_all, 1);
    EXPECT_EQ(dropped_some, 0);
    EXPECT_FALSE(queue.writable());
    EXPECT_FALSE(queue.enqueue(unit, {}));
    EXPECT_EQ(queue.counters().failures, 1U);
  }  // and it closes, though it never recovers
  EXPECT_EQ(dropped_all, 1);
}

TEST(CommitQueueCounters, TellWithinWhichTimeAPartOfTheLatestSyncsWasDone) {
  CommitQueue::Counters counters;
  EXPECT_EQ(counters.seconds_of(0.5), 0);
  const auto add = [&counters](std::uint32_t microseconds) {
    counters.latest_microseconds[counters.cycles++ % counters.latest_microseconds.size()] = microseconds;
  };
  for (std::uint32_t i = 1; i <= 100; ++i) add(i * 1000);
  EXPECT_DOUBLE_EQ(counters.seconds_of(0.5), 0.051);
  EXPECT_DOUBLE_EQ(counters.seconds_of(0.99), 0.100);
  EXPECT_DOUBLE_EQ(counters.seconds_of(1), 0.100);
  for (int i = 0; i < 2000; ++i) add(7);  // the older ones are gone
  EXPECT_DOUBLE_EQ(counters.seconds_of(0.99), 7e-6);
}

INSTANTIATE_TEST_SUITE_P(Every, CommitQueueWithoutOwnership, ::testing::ValuesIn(durable_engines()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace twinhub::storage

// What the store relies on, asked of every engine whose data outlives it: batches that are there as a whole or not at
// all, whatever failed, and one owner at a time.
#include "tests/unit/storage/engine/engine_contents.hpp"
#include "tests/unit/storage/engine/engine_harness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

namespace twinhub::storage {
namespace {

using namespace testing;
using ::testing::ElementsAre;

class DurableEngine : public ::testing::TestWithParam<EngineKind<FailingEngineHarness>> {
 protected:
  ~DurableEngine() override { harness_->heal(); }
  void reopen() {
    engine_.reset();
    engine_ = open_or_throw(*harness_);
  }
  /// As the commit queue does: again and again.
  [[nodiscard]] Recovery recover() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (std::chrono::steady_clock::now() < deadline) {
      if (const auto recovered = engine_->recover()) return *recovered;
      std::this_thread::yield();
    }
    throw std::runtime_error("does not recover");
  }
  /// A batch over two families, which puts `value` and erases "old".
  CommitOutcome change(std::string_view value) {
    return commit(*engine_, [&](WriteBatch& batch) {
      batch.put(Family::sessions, "a", value);
      batch.put(Family::events, "b", value);
      batch.erase_range(Family::events, "old", "oldz");
    });
  }

  const std::unique_ptr<FailingEngineHarness> harness_ = GetParam().make();
  std::unique_ptr<Engine> engine_ = open_or_throw(*harness_);
};

TEST_P(DurableEngine, CommittedBatchesAreThereWhenItIsOpenedAgain) {
  const DeltaChainOfTwins twins(2);
  ASSERT_EQ(put(*engine_, "old", "x", Family::events), CommitOutcome::durable);
  ASSERT_EQ(put(*engine_, "device", twins.records[0], Family::twins), CommitOutcome::durable);
  for (const std::string& delta : twins.deltas)
    ASSERT_EQ(commit(*engine_, [&](WriteBatch& batch) { batch.merge(Family::twins, "device", delta); }),
              CommitOutcome::durable);
  ASSERT_EQ(change("1"), CommitOutcome::durable);
  const auto unfinished = engine_->make_batch();
  unfinished->put(Family::sessions, "never committed", "x");
  for (int i = 0; i < 2; ++i) {
    reopen();
    EXPECT_THAT(contents(*engine_, Family::sessions), ElementsAre("a=1"));
    EXPECT_THAT(contents(*engine_, Family::events), ElementsAre("b=1"));
    EXPECT_EQ(value(*engine_, Family::twins, "device"), twins.records[2]);
  }
}

TEST_P(DurableEngine, AnEngineOpenedForReadingRefusesBatchesAsAWhole) {
  ASSERT_EQ(change("1"), CommitOutcome::durable);
  const auto reader = open_or_throw(*harness_, true);
  EXPECT_THAT(contents(*reader, Family::sessions), ElementsAre("a=1"));
  const auto batch = reader->make_batch();
  batch->put(Family::sessions, "a", "2");
  batch->put(Family::sessions, "z", "2");
  const auto refused = reader->commit(*batch);
  EXPECT_EQ(refused.outcome, CommitOutcome::not_owner);
  EXPECT_EQ(refused.error.code, Errc::service_unavailable);
  EXPECT_NE(refused.error.detail, "");
  EXPECT_FALSE(reader->recover());
  EXPECT_THAT(contents(*reader, Family::sessions), ElementsAre("a=1"));
  ASSERT_EQ(change("3"), CommitOutcome::durable);  // the owner was not disturbed
  reopen();
  EXPECT_THAT(contents(*engine_, Family::sessions), ElementsAre("a=3"));
}

// How an engine keeps a second writer out is its own affair: it may refuse to open, or take the data away from the
// first.
TEST_P(DurableEngine, OfTwoOwnersOneWritesAtMost) {
  ASSERT_EQ(change("first"), CommitOutcome::durable);
  const auto second = harness_->open(false);
  if (second) {
    EXPECT_EQ(change("lost"), CommitOutcome::not_owner);
    EXPECT_THAT(contents(**second, Family::sessions), ElementsAre("a=first"));
    EXPECT_EQ(put(**second, "a", "second"), CommitOutcome::durable);
    EXPECT_EQ(change("lost"), CommitOutcome::not_owner);
    EXPECT_THAT(contents(**second, Family::sessions), ElementsAre("a=second"));
  } else {
    EXPECT_EQ(second.error().code, Errc::service_unavailable);
    EXPECT_EQ(change("still the owner"), CommitOutcome::durable);
    EXPECT_THAT(contents(*engine_, Family::sessions), ElementsAre("a=still the owner"));
  }
}

TEST_P(DurableEngine, ACommitThatFailedIsThereAsAWholeOrNotAtAll) {
  ASSERT_EQ(put(*engine_, "old", "x", Family::events), CommitOutcome::durable);
  ASSERT_EQ(change("1"), CommitOutcome::durable);
  ASSERT_EQ(put(*engine_, "old", "x", Family::events), CommitOutcome::durable);
  harness_->break_commits();
  EXPECT_EQ(change("2"), CommitOutcome::failed);
  EXPECT_THAT(contents(*engine_, Family::sessions), ElementsAre("a=1"));
  EXPECT_FALSE(engine_->recover());
  EXPECT_EQ(value(*engine_, Family::sessions, "a"), value(*engine_, Family::events, "b"));  // readers are served
  harness_->heal();
  const auto recovered = recover();
  const auto a = value(*engine_, Family::sessions, "a");
  EXPECT_EQ(a, value(*engine_, Family::events, "b"));
  EXPECT_EQ(value(*engine_, Family::events, "old").has_value(), a == "1");
  if (a != "1") {
    EXPECT_EQ(a, "2");
    EXPECT_EQ(recovered, Recovery::reread);  // else the store would go on with what it had read
  }
  EXPECT_EQ(change("3"), CommitOutcome::durable);
  reopen();
  EXPECT_THAT(contents(*engine_, Family::sessions), ElementsAre("a=3"));
}

TEST_P(DurableEngine, ABatchMadeBeforeARecoveryCanBeCommittedAfterIt) {
  ASSERT_EQ(change("1"), CommitOutcome::durable);
  const auto batch = engine_->make_batch();
  batch->put(Family::sessions, "early", "x");
  harness_->break_commits();
  EXPECT_EQ(change("2"), CommitOutcome::failed);
  harness_->heal();
  (void)recover();
  batch->put(Family::sessions, "late", "x");
  ASSERT_EQ(engine_->commit(*batch).outcome, CommitOutcome::durable);
  EXPECT_THAT(contents(*engine_, Family::sessions, "b"), ElementsAre("early=x", "late=x"));
}

TEST_P(DurableEngine, ASnapshotOverARecoveryShowsItsMomentOrAnError) {
  ASSERT_EQ(change("1"), CommitOutcome::durable);
  const auto before = engine_->snapshot();
  ASSERT_TRUE(before);
  harness_->break_commits();
  EXPECT_EQ(change("2"), CommitOutcome::failed);
  harness_->heal();
  (void)recover();
  ASSERT_EQ(change("3"), CommitOutcome::durable);
  const Reading reading(**before);
  const auto found = reading.get(Family::sessions, "a", as_text);
  const auto at = reading.cursor(Family::sessions);
  at->seek("");
  if (found) {
    EXPECT_EQ(*found, "1");
    ASSERT_TRUE(at->valid());
    EXPECT_EQ(at->value(), "1");
  } else {
    EXPECT_EQ(found.error().code, Errc::service_unavailable);
    EXPECT_FALSE(at->valid());
    EXPECT_FALSE(at->status());
  }
}

INSTANTIATE_TEST_SUITE_P(Every, DurableEngine, ::testing::ValuesIn(durable_engines()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace twinhub::storage

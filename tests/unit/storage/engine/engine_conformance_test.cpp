// What the store relies on, asked of every engine: key order, one moment for each reader, and batches that are seen as
// a whole. What is asked of engines whose data outlives them: durable_engine_test.cpp.
#include "tests/unit/storage/engine/engine_contents.hpp"
#include "tests/unit/storage/engine/engine_harness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

namespace twinhub::storage {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::string_literals;

class EngineConformance : public ::testing::TestWithParam<EngineKind<EngineHarness>> {
 protected:
  const std::unique_ptr<EngineHarness> harness_ = GetParam().make();
  std::unique_ptr<Engine> engine_ = open_or_throw(*harness_);
};

TEST_P(EngineConformance, ANewEngineIsEmpty) {
  for (std::size_t family = 0; family < static_cast<std::size_t>(Family::count); ++family)
    EXPECT_THAT(contents(*engine_, static_cast<Family>(family)), IsEmpty()) << family;
  EXPECT_EQ(value(*engine_, Family::twins, "none"), std::nullopt);
}

TEST_P(EngineConformance, GetsTheNewestValueByteForByte) {
  const std::string key = "a\0\xFF key"s, bytes = "\0\x01\xFF value"s;
  ASSERT_EQ(put(*engine_, key, "old"), CommitOutcome::durable);
  ASSERT_EQ(put(*engine_, key, bytes), CommitOutcome::durable);
  EXPECT_EQ(value(*engine_, Family::sessions, key), bytes);
  EXPECT_EQ(value(*engine_, Family::sessions, "a\0\xFF ke"s), std::nullopt);
  ASSERT_EQ(put(*engine_, "empty", ""), CommitOutcome::durable);
  EXPECT_EQ(value(*engine_, Family::sessions, "empty"), "");
  const std::string large(300'000, 'x');
  ASSERT_EQ(put(*engine_, "large", large), CommitOutcome::durable);
  EXPECT_EQ(value(*engine_, Family::sessions, "large"), large);
}

TEST_P(EngineConformance, AnErrorOfTheDecoderIsTheAnswerOfTheGet) {
  ASSERT_EQ(put(*engine_, "key", "no number"), CommitOutcome::durable);
  const auto refuse = [](std::string_view) -> Result<int> { return fail(Errc::server_error, "no number"); };
  const auto found = Reading(*engine_).get(Family::sessions, "key", refuse);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().detail, "no number");
  EXPECT_TRUE(Reading(*engine_).get(Family::sessions, "none", refuse));
}

TEST_P(EngineConformance, FamiliesAreKeySpacesOfTheirOwn) {
  ASSERT_EQ(put(*engine_, "key", "session", Family::sessions), CommitOutcome::durable);
  ASSERT_EQ(put(*engine_, "key", "job", family_of(RecordKind::jobs)), CommitOutcome::durable);
  EXPECT_EQ(value(*engine_, Family::sessions, "key"), "session");
  EXPECT_EQ(value(*engine_, family_of(RecordKind::jobs), "key"), "job");
  EXPECT_EQ(value(*engine_, Family::twins, "key"), std::nullopt);
  EXPECT_THAT(contents(*engine_, family_of(RecordKind::cursors)), IsEmpty());
}

TEST_P(EngineConformance, ScansInTheOrderOfUnsignedBytes) {
  const std::vector<std::string> keys = {"\0"s, "\0\x01"s, "A",    "a",    "a\0"s,    "a\0m"s,
                                         "a!",  "aa",      "\x7F", "\x80", "\xFF\xFF"};
  ASSERT_EQ(commit(*engine_,
                   [&](WriteBatch& batch) {
                     for (auto key = keys.rbegin(); key != keys.rend(); ++key) batch.put(Family::sessions, *key, "");
                   }),
            CommitOutcome::durable);
  const Reading reading(*engine_);
  const auto at = reading.cursor(Family::sessions);
  EXPECT_FALSE(at->valid());  // it stands nowhere yet
  std::vector<std::string> found;
  for (at->seek(""); at->valid(); at->next()) found.emplace_back(at->key());
  EXPECT_EQ(found, keys);
}

TEST_P(EngineConformance, SeeksToAKeyOrItsNeighbours) {
  ASSERT_EQ(commit(*engine_,
                   [&](WriteBatch& batch) {
                     for (const char* key : {"b", "d", "f"}) batch.put(Family::events, key, key);
                   }),
            CommitOutcome::durable);
  const Reading reading(*engine_);
  const auto at = reading.cursor(Family::events);
  const auto key_at = [&] { return at->valid() ? std::string(at->key()) : "nowhere"; };
  const auto from = [&](std::string_view key) { return at->seek(key), key_at(); };
  const auto before = [&](std::string_view key) { return at->seek_at_or_before(key), key_at(); };
  EXPECT_EQ(from("a"), "b");
  EXPECT_EQ(from("d"), "d");
  EXPECT_EQ(from("e"), "f");
  EXPECT_EQ(from("g"), "nowhere");
  EXPECT_EQ(before("a"), "nowhere");
  EXPECT_EQ(before("d"), "d");
  EXPECT_EQ(before("e"), "d");
  EXPECT_EQ(before("g"), "f");
  at->seek_at_or_before("c");
  at->next();
  EXPECT_EQ(key_at(), "d");
  EXPECT_TRUE(at->status());
}

TEST_P(EngineConformance, ABatchIsAppliedInItsOrderAndReusable) {
  const auto batch = engine_->make_batch();
  EXPECT_LT(batch->bytes(), 64U);
  batch->put(Family::sessions, "kept", "first");
  batch->put(Family::sessions, "kept", "second");
  batch->put(Family::sessions, "gone", "x");
  batch->erase(Family::sessions, "gone");
  batch->erase(Family::sessions, "never there");
  batch->put_joined(Family::events, "block", "head ", std::string(5000, 't'));
  EXPECT_GT(batch->bytes(), 5000U);
  ASSERT_EQ(engine_->commit(*batch).outcome, CommitOutcome::durable);
  EXPECT_THAT(contents(*engine_, Family::sessions), ElementsAre("kept=second"));
  EXPECT_EQ(value(*engine_, Family::events, "block"), "head " + std::string(5000, 't'));

  batch->clear();
  EXPECT_LT(batch->bytes(), 64U);
  batch->put(Family::sessions, "next", "3");
  ASSERT_EQ(engine_->commit(*batch).outcome, CommitOutcome::durable);
  EXPECT_THAT(contents(*engine_, Family::sessions), ElementsAre("kept=second", "next=3"));
}

TEST_P(EngineConformance, NothingIsSeenBeforeTheCommit) {
  const auto batch = engine_->make_batch();
  batch->put(Family::sessions, "key", "value");
  EXPECT_EQ(value(*engine_, Family::sessions, "key"), std::nullopt);
  ASSERT_EQ(engine_->commit(*batch).outcome, CommitOutcome::durable);
  EXPECT_EQ(value(*engine_, Family::sessions, "key"), "value");
}

TEST_P(EngineConformance, ErasesTheKeysOfARangeAndNoOther) {
  const Family family = family_of(RecordKind::messages);
  ASSERT_EQ(commit(*engine_,
                   [&](WriteBatch& batch) {
                     for (const char* key : {"a", "b", "b1", "c"}) batch.put(family, key, "");
                     batch.put(Family::events, "b1", "another family");
                   }),
            CommitOutcome::durable);
  ASSERT_EQ(commit(*engine_,
                   [&](WriteBatch& batch) {
                     batch.put(family, "b2", "");  // before the range is erased: goes with it
                     batch.erase_range(family, "b", "c");
                     batch.put(family, "b3", "");  // behind it: stays
                   }),
            CommitOutcome::durable);
  EXPECT_THAT(contents(*engine_, family), ElementsAre("a=", "b3=", "c="));
  EXPECT_EQ(value(*engine_, family, "b1"), std::nullopt);
  EXPECT_EQ(value(*engine_, Family::events, "b1"), "another family");
}

TEST_P(EngineConformance, ReadersSeeTheOutcomeOfDeltas) {
  const DeltaChainOfTwins twins(5);
  ASSERT_EQ(put(*engine_, "device", twins.records[0], Family::twins), CommitOutcome::durable);
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(commit(*engine_, [&](WriteBatch& batch) { batch.merge(Family::twins, "device", twins.deltas[i]); }),
              CommitOutcome::durable);
    EXPECT_EQ(value(*engine_, Family::twins, "device"), twins.records[i + 1]);
  }
  // Several in one batch, and behind a whole record of the same batch.
  ASSERT_EQ(commit(*engine_,
                   [&](WriteBatch& batch) {
                     batch.merge(Family::twins, "device", twins.deltas[3]);
                     batch.merge(Family::twins, "device", twins.deltas[4]);
                     batch.put(Family::twins, "other", twins.records[0]);
                     batch.merge(Family::twins, "other", twins.deltas[0]);
                   }),
            CommitOutcome::durable);
  EXPECT_THAT(contents(*engine_, Family::twins),
              ElementsAre("device=" + twins.records[5], "other=" + twins.records[1]));
}

TEST_P(EngineConformance, ADeltaThatDoesNotFitIsAnErrorForThatKeyAlone) {
  const DeltaChainOfTwins twins(1);
  ASSERT_EQ(commit(*engine_,
                   [&](WriteBatch& batch) {
                     batch.put(Family::twins, "bad", twins.records[0]);
                     batch.merge(Family::twins, "bad", "no delta");
                     batch.put(Family::twins, "good", twins.records[0]);
                   }),
            CommitOutcome::durable);
  EXPECT_FALSE(Reading(*engine_).get(Family::twins, "bad", as_text));
  EXPECT_EQ(value(*engine_, Family::twins, "good"), twins.records[0]);
}

TEST_P(EngineConformance, ASnapshotStaysAtItsMoment) {
  const DeltaChainOfTwins twins(1);
  const Family messages = family_of(RecordKind::messages);
  const auto at = [&](const auto& source) {
    return std::vector<std::size_t>{contents(source, Family::sessions).size(), contents(source, messages).size()};
  };
  ASSERT_EQ(commit(*engine_,
                   [&](WriteBatch& batch) {
                     batch.put(Family::twins, "device", twins.records[0]);
                     batch.put(Family::sessions, "a", "1");
                     batch.put(Family::sessions, "b", "1");
                     batch.put(messages, "m", "1");
                   }),
            CommitOutcome::durable);
  const auto before = engine_->snapshot();
  ASSERT_TRUE(before);
  ASSERT_EQ(commit(*engine_,
                   [&](WriteBatch& batch) {
                     batch.merge(Family::twins, "device", twins.deltas[0]);
                     batch.put(Family::sessions, "a", "2");
                     batch.erase(Family::sessions, "b");
                     batch.put(Family::sessions, "c", "2");
                     batch.put(Family::sessions, "d", "2");
                     batch.erase_range(messages, "m", "n");
                   }),
            CommitOutcome::durable);
  EXPECT_EQ(value(**before, Family::twins, "device"), twins.records[0]);
  EXPECT_THAT(contents(**before, Family::sessions), ElementsAre("a=1", "b=1"));
  EXPECT_EQ(at(**before), (std::vector<std::size_t>{2, 1}));
  EXPECT_EQ(value(*engine_, Family::twins, "device"), twins.records[1]);
  EXPECT_THAT(contents(*engine_, Family::sessions), ElementsAre("a=2", "c=2", "d=2"));
  EXPECT_EQ(at(*engine_), (std::vector<std::size_t>{3, 0}));
}

TEST_P(EngineConformance, ACursorShowsOneMomentWhileBatchesAreCommitted) {
  ASSERT_EQ(commit(*engine_,
                   [&](WriteBatch& batch) {
                     for (const char* key : {"a", "b", "c"}) batch.put(Family::sessions, key, "1");
                   }),
            CommitOutcome::durable);
  const Reading reading(*engine_);
  const auto at = reading.cursor(Family::sessions);
  at->seek("");
  ASSERT_EQ(commit(*engine_,
                   [&](WriteBatch& batch) {
                     batch.erase(Family::sessions, "b");
                     batch.put(Family::sessions, "c", "2");
                     batch.put(Family::sessions, "d", "2");
                   }),
            CommitOutcome::durable);
  std::string seen;
  for (; at->valid(); at->next()) seen += std::string(at->key()) + std::string(at->value()) + " ";
  EXPECT_TRUE(at->status());
  EXPECT_EQ(seen, "a1 b1 c1 ");
}

TEST_P(EngineConformance, ABatchIsSeenAsAWholeByReadersOnOtherThreads) {
  constexpr std::uint64_t batches = 300;
  std::jthread reader([&] {
    std::string newest;
    for (bool last = false; !last;) {
      const auto moment = engine_->snapshot();
      ASSERT_TRUE(moment);
      const auto a = value(**moment, Family::sessions, "a");
      ASSERT_EQ(a, value(**moment, Family::events, "b"));
      ASSERT_GE(a.value_or("").size(), newest.size());
      newest = a.value_or("");
      last = newest.size() == batches;
    }
  });
  for (std::uint64_t i = 1; i <= batches; ++i) {
    ASSERT_EQ(commit(*engine_,
                     [&](WriteBatch& batch) {
                       batch.put(Family::sessions, "a", std::string(i, 'x'));
                       batch.put(Family::events, "b", std::string(i, 'x'));
                     }),
              CommitOutcome::durable);
  }
}

TEST_P(EngineConformance, AHealthyEngineHasNothingToReadAgain) {
  ASSERT_EQ(put(*engine_, "key", "value"), CommitOutcome::durable);
  const auto recovered = engine_->recover();
  ASSERT_TRUE(recovered);
  EXPECT_EQ(*recovered, Recovery::unchanged);
  EXPECT_THAT(contents(*engine_, Family::sessions), ElementsAre("key=value"));
}

INSTANTIATE_TEST_SUITE_P(Every, EngineConformance, ::testing::ValuesIn(all_engines()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace twinhub::storage

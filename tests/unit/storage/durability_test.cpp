// Who is told what, and when. The log's sync is held where a test must look at the time before it.
#include "tests/unit/storage/fault_file_system.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>
#include <atomic>
#include <thread>

namespace twinhub::storage {
namespace {

using namespace testing;

const IdentityId device{"device", ""};

class StoreDurability : public ::testing::Test {
 protected:
  StoreDurability() : system_(std::make_shared<FaultFileSystem>()), env_(rocksdb::NewCompositeEnv(system_)) {
    store_ = open(small_options(folder_ / "db"), env_.get());
  }
  ~StoreDurability() override { system_->release_log_syncs(); }

  /// Leaves a unit in the middle of its sync: what comes after waits in the next cycle.
  void hold_a_sync() {
    system_->hold_log_syncs();
    store_->append_telemetry(make_telemetry({"other", ""}, "held"), {});
    system_->wait_for_held_sync();
  }

  const TemporaryFolder folder_;
  std::shared_ptr<FaultFileSystem> system_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreDurability, NoWaiterIsCalledBeforeTheSyncAndEachIsAfterIt) {
  system_->hold_log_syncs();
  Answer answer;
  const auto result = store_->update(device, counting(device), answer.callback());
  ASSERT_TRUE(result.decided);
  system_->wait_for_held_sync();
  EXPECT_FALSE(answer.told());
  EXPECT_FALSE(store_->is_durable(result.told_after));
  system_->release_log_syncs();
  EXPECT_TRUE(answer.wait());
  EXPECT_TRUE(store_->is_durable(result.told_after));
}

TEST_F(StoreDurability, AReaderSeesTheChangeAtOnceWithTheUnitThatItRestsOn) {
  hold_a_sync();
  const auto result = store_->update(device, counting(device), {});
  const auto read = store_->read(device);
  ASSERT_TRUE(read);
  EXPECT_EQ(counter_of(read->entity), 1U);
  EXPECT_EQ(read->told_after, result.told_after);
  EXPECT_FALSE(store_->is_durable(read->told_after));
  Answer answer;
  store_->when_durable(read->told_after, answer.callback());
  EXPECT_FALSE(answer.told());
  system_->release_log_syncs();
  EXPECT_TRUE(answer.wait());
  EXPECT_TRUE(store_->is_durable(store_->read(device)->told_after));
}

TEST_F(StoreDurability, AnErasureIsSeenAtOnceAndRestsOnItsUnit) {
  ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));
  hold_a_sync();
  const auto result = store_->update(device,
                                     [](const Entity&) -> Result<EntityChange> {
                                       EntityChange change;
                                       change.erase = true;
                                       return change;
                                     },
                                     {});
  const auto read = store_->read(device);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->entity.identity, nullptr);
  EXPECT_EQ(read->told_after, result.told_after);
  EXPECT_NE(read->told_after, 0U);
}

TEST_F(StoreDurability, NoOpsAndErrorsDecidedOnUnsyncedStateWaitForIt) {
  hold_a_sync();
  const auto change = store_->update(device, counting(device), {});
  Answer no_op, refused;
  const auto nothing = store_->update(
      device, [](const Entity&) -> Result<EntityChange> { return EntityChange{}; }, no_op.callback());
  const auto error = store_->update(
      device, [](const Entity&) -> Result<EntityChange> { return fail(Errc::device_already_exists, "device"); },
      refused.callback());
  EXPECT_TRUE(nothing.decided);
  ASSERT_FALSE(error.decided);
  EXPECT_EQ(error.decided.error().code, Errc::device_already_exists);
  EXPECT_EQ(nothing.told_after, change.told_after);
  EXPECT_EQ(error.told_after, change.told_after);
  EXPECT_FALSE(no_op.told());
  EXPECT_FALSE(refused.told());
  system_->release_log_syncs();
  EXPECT_TRUE(no_op.wait());
  EXPECT_TRUE(refused.wait());
}

TEST_F(StoreDurability, NoOpsDecidedOnDurableStateAreAnsweredAtOnce) {
  ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));
  hold_a_sync();
  Answer answer;
  store_->update(
      device, [](const Entity&) -> Result<EntityChange> { return EntityChange{}; }, answer.callback());
  EXPECT_TRUE(answer.told());
}

TEST_F(StoreDurability, WaitersAreCalledInCommitOrderOnOneThread) {
  std::vector<int> order;
  std::vector<std::thread::id> threads;
  const auto note = [&](int what) {
    return [&, what](const Result<void>& result, Outbox&) {
      EXPECT_TRUE(result);
      order.push_back(what);
      threads.push_back(std::this_thread::get_id());
    };
  };
  hold_a_sync();
  std::vector<int> expected;
  for (int i = 0; i < 100; ++i) {
    const IdentityId id{"device" + std::to_string(i % 7), ""};
    store_->update(id, counting(id), note(i));
    expected.push_back(i);
  }
  system_->release_log_syncs();
  drain(*store_);
  EXPECT_EQ(order, expected);
  EXPECT_EQ(std::count(threads.begin(), threads.end(), threads.front()), 100);
  EXPECT_NE(threads.front(), std::this_thread::get_id());
}

TEST_F(StoreDurability, TheAnswerOfAReadLeavesBeforeTheDeltasOfLaterUnits) {
  std::vector<std::string> order;
  const auto note = [&](std::string what) {
    return [&, what](const Result<void>&, Outbox&) { order.push_back(what); };
  };
  hold_a_sync();
  store_->update(device, counting(device), note("first delta"));
  const auto read = store_->read(device);
  store_->update(device, counting(device), note("second delta"));
  store_->when_durable(read->told_after, note("read of the first"));
  system_->release_log_syncs();
  drain(*store_);
  EXPECT_EQ(order, (std::vector<std::string>{"first delta", "read of the first", "second delta"}));
}

TEST_F(StoreDurability, EachLaneGetsOnePostPerCycle) {
  struct CountingLane : Lane {
    std::vector<std::size_t> posts;
    void post(std::vector<std::function<void()>> tasks) override { posts.push_back(tasks.size()); }
  };
  CountingLane lane;
  hold_a_sync();
  for (int i = 0; i < 10; ++i) {
    store_->update(device, counting(device), [&](const Result<void>&, Outbox& outbox) { outbox.post(lane, [] {}); });
  }
  system_->release_log_syncs();
  store_.reset();  // posts leave at the end of a cycle
  EXPECT_EQ(lane.posts, (std::vector<std::size_t>{10}));
}

TEST_F(StoreDurability, ClosingCommitsTheQueuedUnitsAndCallsTheirWaiters) {
  hold_a_sync();
  std::vector<Answer> answers(20);
  for (auto& answer : answers) store_->update(device, counting(device), answer.callback());
  std::jthread closer([this] { store_.reset(); });
  system_->release_log_syncs();
  closer.join();
  for (const auto& answer : answers) EXPECT_TRUE(answer.told());
  EXPECT_EQ(read_counter(*open(small_options(folder_ / "db")), device), 20U);
}

TEST_F(StoreDurability, ScansAndEventReadersSeeDurableThingsOnly) {
  hold_a_sync();
  store_->update(device, counting(device), {});
  store_->append_telemetry(make_telemetry(device, "body"), {});
  bool any = false;
  ASSERT_TRUE(store_->scan(nullptr, [&](const Entity&) { return any = true; }));
  for (std::uint32_t partition = 0; partition < 4; ++partition) any = any || !all_events(*store_, partition).empty();
  EXPECT_FALSE(any);
}

TEST_F(StoreDurability, InMemoryWaitersAreCalledWithoutASync) {
  auto options = small_options({});
  options.durability = Durability::memory;
  const auto store = open(options);
  system_->hold_log_syncs();
  EXPECT_TRUE(update_and_wait(*store, device, counting(device)));
  EXPECT_EQ(read_counter(*store, device), 1U);
  EXPECT_EQ(read_counter(*open(options), device), 0U);  // another store of its own
}

TEST_F(StoreDurability, TheOperatingSystemIsTrustedWhenAskedFor) {
  store_.reset();
  auto options = small_options(folder_ / "os");
  options.durability = Durability::os;
  auto store = open(options, env_.get());
  system_->hold_log_syncs();
  EXPECT_TRUE(update_and_wait(*store, device, counting(device)));  // no sync: nothing is held
  system_->release_log_syncs();
  store.reset();
  EXPECT_EQ(read_counter(*open(options), device), 1U);
}

TEST_F(StoreDurability, FiguresCountCyclesAndUnits) {
  const auto value = [this](std::string_view name) {
    for (const auto& figure : store_->figures()) {
      if (figure.name == name) return figure.value;
    }
    ADD_FAILURE() << name;
    return -1.0;
  };
  hold_a_sync();
  for (int i = 0; i < 10; ++i) store_->update(device, counting(device), {});
  system_->release_log_syncs();
  drain(*store_);
  EXPECT_GE(value("twinhub_storage_commit_units_total"), 12);
  EXPECT_LE(value("twinhub_storage_commit_cycles_total"), 3);
  EXPECT_GT(value("twinhub_storage_cache_bytes"), 0);
  EXPECT_EQ(value("twinhub_storage_queued_bytes"), 0);
}

TEST_F(StoreDurability, FiguresTimeEachCycle) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));
  double cycles = 0, timed = 0;
  for (const auto& figure : store_->figures()) {
    if (figure.name == "twinhub_storage_commit_cycles_total") cycles = figure.value;
    if (!figure.times) continue;
    EXPECT_EQ(figure.name, "twinhub_storage_commit_seconds");
    EXPECT_GT(figure.times->nanoseconds, 0U);
    for (const auto count : figure.times->buckets) timed += static_cast<double>(count);
  }
  EXPECT_GE(cycles, 3);
  EXPECT_EQ(timed, cycles);
}

}  // namespace
}  // namespace twinhub::storage

// A moment of the store, made into files of its own.
#include "tests/unit/storage/store_fixture.hpp"

#include "storage/cut.hpp"
#include "storage/rocksdb/store_check.hpp"

#include <gtest/gtest.h>
#include <atomic>
#include <fstream>
#include <new>
#include <thread>

namespace twinhub::storage {
namespace {

using namespace testing;

const IdentityId device{"device", ""};

class Checkpoint : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  const StoreOptions options_ = small_options(folder_ / "db");
  std::unique_ptr<Store> store_ = open(options_);
};

TEST_F(Checkpoint, OpensAsAStoreWithEveryAcknowledgedWriteAndNothingLater) {
  ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));
  ASSERT_TRUE(append_and_wait(*store_, make_telemetry(device, "before")));
  const Session session{{{"a/b", 1}}};
  ASSERT_TRUE(put_session_and_wait(*store_, device, &session));
  ASSERT_TRUE(cut_of(*store_).checkpoint(folder_ / "copy", {}));
  ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));
  ASSERT_TRUE(append_and_wait(*store_, make_telemetry(device, "after")));

  auto copied_options = options_;
  copied_options.directory = folder_ / "copy";
  const auto copy = open(copied_options);
  EXPECT_EQ(read_counter(*copy, device), 1U);
  EXPECT_EQ(read_counter(*store_, device), 2U);
  EXPECT_TRUE(copy->read_session(device)->session);
  const auto events = all_events(*copy, copy->event_partition_of(device));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(all_events(*store_, store_->event_partition_of(device)).size(), 2U);
  // It is a store of its own: a number that the copy gives out is not the original's.
  ASSERT_TRUE(append_and_wait(*copy, make_telemetry(device, "copy")));
  EXPECT_EQ(all_events(*copy, copy->event_partition_of(device)).size(), 2U);
}

TEST_F(Checkpoint, StandsStillWhileTheRestIsTaken) {
  ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));
  Answer second;
  const auto made = cut_of(*store_).checkpoint(folder_ / "copy", [&]() -> Result<void> {
    EXPECT_TRUE(store_->update(device, counting(device), second.callback()).decided);
    EXPECT_EQ(read_counter(*store_, device), 2U);  // writers go on in memory
    EXPECT_FALSE(second.told());
    EXPECT_EQ(counter_of(*[&] {
                auto only = options_;
                only.read_only = true;
                return std::make_shared<Entity>(open(only)->read(device)->entity);
              }()),
              1U);
    return {};
  });
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_TRUE(second.wait());
}

TEST_F(Checkpoint, AnErrorOfTheRestIsItsErrorAndTheStoreGoesOn) {
  const auto made = cut_of(*store_).checkpoint(folder_ / "copy", [] { return fail(Errc::server_error, "no"); });
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().detail, "no");
  EXPECT_TRUE(update_and_wait(*store_, device, counting(device)));
}

TEST_F(Checkpoint, AnExceptionOfTheRestLetsTheStoreGoOn) {
  EXPECT_THROW((void)cut_of(*store_).checkpoint(folder_ / "copy", []() -> Result<void> { throw std::bad_alloc(); }),
               std::bad_alloc);
  EXPECT_TRUE(update_and_wait(*store_, device, counting(device)));
  EXPECT_TRUE(cut_of(*store_).checkpoint(folder_ / "another", {}));
}

TEST_F(Checkpoint, UnderLoadEachIsOneMomentOfBothSidesOfATwin) {
  // Two writers raise the counters of two devices; each writes an event for each step in the same unit.
  constexpr int checkpoints = 10;
  std::atomic<bool> stop{false};
  std::vector<std::thread> writers;
  std::atomic<std::uint64_t> steps{0};
  for (const char* name : {"a", "b"}) {
    writers.emplace_back([&, id = IdentityId{name, ""}] {
      while (!stop) {
        const auto step = [&id](const Entity& current) {
          auto change = count_up(id, current);
          if (change) change->events.push_back(make_event(id, "step"));
          return change;
        };
        ASSERT_TRUE(update_and_wait(*store_, id, step));
        ++steps;
      }
    });
  }
  for (int n = 0; n < checkpoints; ++n) {
    const std::uint64_t before = steps;
    while (steps < before + 20) std::this_thread::yield();
    const auto copy = folder_ / ("copy-" + std::to_string(n));
    std::uint64_t acknowledged = 0;
    const auto made = cut_of(*store_).checkpoint(copy, [&]() -> Result<void> {
      acknowledged = steps;
      return {};
    });
    ASSERT_TRUE(made) << made.error().detail;
    auto copied_options = options_;
    copied_options.directory = copy;
    const auto opened = open(copied_options);
    std::uint64_t counted = 0, events = 0;
    for (const char* name : {"a", "b"}) counted += read_counter(*opened, {name, ""});
    for (std::uint32_t partition = 0; partition < opened->event_ranges().size(); ++partition)
      events += all_events(*opened, partition).size();
    EXPECT_EQ(counted, events);
    EXPECT_GE(counted, acknowledged);
    EXPECT_LE(counted, acknowledged + 2);  // a unit of each writer may be durable and not acknowledged yet
  }
  stop = true;
  for (auto& writer : writers) writer.join();
}

TEST_F(Checkpoint, OfAStoreInMemoryOrForReadingIsRefused) {
  auto in_memory = options_;
  in_memory.durability = Durability::memory;
  const auto refused = cut_of(*open(in_memory)).checkpoint(folder_ / "copy", {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::operation_not_allowed_in_current_state);
  auto read_only = options_;
  read_only.read_only = true;
  EXPECT_FALSE(cut_of(*open(read_only)).checkpoint(folder_ / "copy", {}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "copy"));
}

TEST_F(Checkpoint, TheCheckOfAStoreCountsWhatIsThereAndWaitsForNoHub) {
  ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));
  ASSERT_TRUE(append_and_wait(*store_, make_telemetry(device, "x")));
  const auto in_use = check_rocksdb_store(options_);
  ASSERT_FALSE(in_use);
  EXPECT_NE(in_use.error().detail.find("a hub has the store"), std::string::npos) << in_use.error().detail;
  ASSERT_TRUE(cut_of(*store_).checkpoint(folder_ / "copy", {}));
  auto copied_options = options_;
  copied_options.directory = folder_ / "copy";
  const auto check = check_rocksdb_store(copied_options);
  ASSERT_TRUE(check) << check.error().detail;
  EXPECT_EQ(check->identities, 1U);
  EXPECT_EQ(check->events, 1U);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "copy/LOCK")) << "a check leaves nothing behind";
  store_.reset();
  EXPECT_TRUE(check_rocksdb_store(options_));
  auto nothing = options_;
  nothing.directory = folder_ / "nothing";
  EXPECT_FALSE(check_rocksdb_store(nothing));
}

TEST_F(Checkpoint, TheCheckOfAStoreFindsADamagedTable) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));
  ASSERT_TRUE(cut_of(*store_).checkpoint(folder_ / "copy", {}));
  auto copied_options = options_;
  copied_options.directory = folder_ / "copy";
  ASSERT_TRUE(check_rocksdb_store(copied_options));
  std::size_t damaged = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "copy")) {
    if (entry.path().extension() != ".sst") continue;
    // A link to the store's own table: a copy of it takes its place.
    const auto table = entry.path().string();
    std::filesystem::copy_file(table, table + "-copy");
    std::filesystem::rename(table + "-copy", table);
    std::fstream(table, std::ios::in | std::ios::out | std::ios::binary).seekp(10).put('\x55').put('\xaa');
    ++damaged;
  }
  ASSERT_GT(damaged, 0U);
  EXPECT_FALSE(check_rocksdb_store(copied_options));
}

}  // namespace
}  // namespace twinhub::storage

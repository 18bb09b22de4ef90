// A disk that fails: nothing is acknowledged, reads stay right, and the store comes back by itself.
#include "tests/unit/storage/fault_file_system.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>
#include <atomic>
#include <thread>

namespace twinhub::storage {
namespace {

using namespace testing;

const IdentityId device{"device", ""};

enum class Fault { no_space_on_append, io_error_on_append, io_error_on_sync };

class StoreFailure : public ::testing::TestWithParam<Fault> {
 protected:
  StoreFailure() : system_(std::make_shared<FaultFileSystem>()), env_(rocksdb::NewCompositeEnv(system_)) { reopen(); }
  ~StoreFailure() override {
    heal();
    system_->release_log_syncs();
  }

  void reopen() {
    store_.reset();
    store_ = open(small_options(folder_ / "db"), env_.get());
  }
  void break_disk() {
    switch (GetParam()) {
      case Fault::no_space_on_append:
        return system_->fail_log_appends(rocksdb::IOStatus::NoSpace("injected"));
      case Fault::io_error_on_append:
        return system_->fail_log_appends(rocksdb::IOStatus::IOError("injected"));
      case Fault::io_error_on_sync:
        return system_->fail_log_syncs(rocksdb::IOStatus::IOError("injected"));
    }
  }
  void heal() {
    system_->fail_log_appends(std::nullopt);
    system_->fail_log_syncs(std::nullopt);
  }
  /// The store probes by itself: this waits for it, as a readiness check would, and gives up after two minutes.
  [[nodiscard]] bool wait_until_writable() const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (!store_->writable()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }
  void expect_counters(std::uint64_t expected) {
    EXPECT_EQ(read_counter(*store_, device), expected);
    ASSERT_TRUE(store_->scan(nullptr, [&](const Entity& entity) {
      EXPECT_EQ(counter_of(entity), expected);
      return true;
    }));
  }
  std::vector<StoredEvent> events() const { return all_events(*store_, store_->event_partition_of(device)); }

  const TemporaryFolder folder_;
  std::shared_ptr<FaultFileSystem> system_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreFailure, FailsAllWaitersAndReadsTheLastAcknowledgedValue) {
  ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));
  // One unit is in its sync, another waits behind it: both fail.
  system_->hold_log_syncs();
  Answer held, behind, session_answer, late;
  if (GetParam() == Fault::io_error_on_sync) {
    store_->update(device, counting(device), held.callback());
    system_->wait_for_held_sync();
    break_disk();
    store_->update(device, counting(device), behind.callback());
  } else {
    system_->release_log_syncs();
    break_disk();
    store_->update(device, counting(device), held.callback());
    EXPECT_FALSE(held.wait());
    store_->update(device, counting(device), behind.callback());  // refused at once or failed later
  }
  const auto read = store_->read(device);
  ASSERT_TRUE(read);
  system_->release_log_syncs();
  for (Answer* answer : {&held, &behind}) {
    const auto result = answer->wait();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::service_unavailable);
  }
  expect_counters(1);
  const auto writable = store_->writable();
  ASSERT_FALSE(writable);
  EXPECT_EQ(writable.error().code, Errc::service_unavailable);
  EXPECT_FALSE(append_and_wait(*store_, make_telemetry(device, "no")));
}

TEST_P(StoreFailure, RecoversByItselfAndLosesNothingAcknowledged) {
  ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));
  ASSERT_TRUE(append_and_wait(*store_, make_telemetry(device, "0")));
  break_disk();
  Answer failed;
  const auto result = store_->update(
      device,
      [](const Entity& current) {
        auto change = count_up(device, current);
        change->events.push_back(make_event(device, "failed"));
        return change;
      },
      failed.callback());
  EXPECT_FALSE(failed.wait());
  EXPECT_FALSE(result.told_after != 0 && store_->is_durable(result.told_after));
  heal();
  ASSERT_TRUE(wait_until_writable());

  // The failed unit may have reached the disk (a sync that failed says nothing) or not; never half of it.
  const auto base = read_counter(*store_, device);
  ASSERT_TRUE(base == 1 || base == 2) << base;
  ASSERT_EQ(events().size(), base);
  expect_counters(base);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));
    ASSERT_TRUE(append_and_wait(*store_, make_telemetry(device, "after")));
  }
  reopen();
  expect_counters(base + 50);
  const auto kept = events();
  ASSERT_EQ(kept.size(), base + 50);
  for (std::size_t i = 0; i < kept.size(); ++i) EXPECT_EQ(kept[i].sequence_number, i);
}

TEST_P(StoreFailure, APowerCutAfterTheRecoveryLosesNothingAcknowledged) {
  ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));
  break_disk();
  EXPECT_FALSE(update_and_wait(*store_, device, counting(device)));
  heal();
  ASSERT_TRUE(wait_until_writable());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));
  const auto acknowledged = read_counter(*store_, device);
  system_->copy_after_power_cut(folder_ / "db", folder_ / "image");
  EXPECT_EQ(read_counter(*open(small_options(folder_ / "image")), device), acknowledged);
}

TEST_P(StoreFailure, AnAnswerThatRestsOnAFailedChangeIsAnError) {
  system_->hold_log_syncs();
  store_->append_telemetry(make_telemetry(device, "held"), {});
  system_->wait_for_held_sync();
  store_->update(device, counting(device), {});  // its cycle comes next, and fails
  const auto read = store_->read(device);
  ASSERT_TRUE(read);
  EXPECT_EQ(counter_of(read->entity), 1U);
  Answer early;
  store_->when_durable(read->told_after, early.callback());
  break_disk();
  system_->release_log_syncs();
  EXPECT_FALSE(early.wait());
  Answer late;
  store_->when_durable(read->told_after, late.callback());
  EXPECT_FALSE(late.wait());
  EXPECT_FALSE(store_->is_durable(read->told_after));
  heal();
  ASSERT_TRUE(wait_until_writable());
  EXPECT_TRUE(update_and_wait(*store_, device, counting(device)));
  EXPECT_FALSE(store_->is_durable(read->told_after));  // also after later units are
  Answer later;
  store_->when_durable(read->told_after, later.callback());
  EXPECT_FALSE(later.wait());
}

TEST_P(StoreFailure, SessionsFallBackToTheAcknowledgedOne) {
  const Session kept{{{"kept", 1}}}, lost{{{"lost", 0}}};
  ASSERT_TRUE(put_session_and_wait(*store_, device, &kept));
  break_disk();
  EXPECT_FALSE(put_session_and_wait(*store_, device, &lost));
  EXPECT_EQ(store_->read_session(device)->session, kept);
}

TEST_P(StoreFailure, AnErasureThatFailedIsNoErasure) {
  ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));
  break_disk();
  EXPECT_FALSE(erase_and_wait(*store_, device));
  EXPECT_EQ(read_counter(*store_, device), 1U);
}

TEST_P(StoreFailure, ReadersAreServedAllTheWay) {
  for (int i = 0; i < 50; ++i) {
    const IdentityId id{"device" + std::to_string(i), ""};
    store_->update(id, counting(id), {});
  }
  drain(*store_);
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> refused{0};
  std::jthread reader([&] {
    while (!stop) {
      std::size_t seen = 0;
      const auto scanned = store_->scan(nullptr, [&](const Entity& entity) {
        const auto read = store_->read(entity.identity->id);
        refused += read ? 0U : 1U;
        return ++seen > 0;
      });
      refused += scanned && seen >= 50 ? 0U : 1U;
    }
  });
  break_disk();
  EXPECT_FALSE(update_and_wait(*store_, device, counting(device)));
  heal();
  EXPECT_TRUE(wait_until_writable());
  stop = true;
  reader.join();
  EXPECT_EQ(refused, 0U);
}

TEST_P(StoreFailure, ALongScanDelaysTheRecoveryAndNoOtherReader) {
  ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));
  Semaphore scanning(0), go_on(0);
  std::jthread scanner([&] {
    EXPECT_TRUE(store_->scan(nullptr, [&](const Entity&) {
      scanning.release();
      go_on.acquire();
      return true;
    }));
  });
  scanning.acquire();
  break_disk();
  EXPECT_FALSE(update_and_wait(*store_, device, counting(device)));
  system_->wait_for_refusal();
  heal();
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(store_->read({"nobody" + std::to_string(i), ""}));  // each from disk
  go_on.release();
  scanner.join();
  EXPECT_TRUE(wait_until_writable());
  EXPECT_TRUE(update_and_wait(*store_, device, counting(device)));
}

TEST_P(StoreFailure, ClosesWhileBroken) {
  ASSERT_TRUE(update_and_wait(*store_, device, counting(device)));
  break_disk();
  EXPECT_FALSE(update_and_wait(*store_, device, counting(device)));
  store_.reset();
  heal();
  reopen();
  EXPECT_GE(read_counter(*store_, device), 1U);
}

INSTANTIATE_TEST_SUITE_P(Disk, StoreFailure,
                         ::testing::Values(Fault::no_space_on_append, Fault::io_error_on_append,
                                           Fault::io_error_on_sync),
                         [](const auto& which) {
                           switch (which.param) {
                             case Fault::no_space_on_append:
                               return "NoSpaceOnAppend";
                             case Fault::io_error_on_append:
                               return "IoErrorOnAppend";
                             case Fault::io_error_on_sync:
                               return "IoErrorOnSync";
                           }
                           return "";
                         });

}  // namespace
}  // namespace twinhub::storage

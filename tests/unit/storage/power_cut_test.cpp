// A power cut at any moment: what was acknowledged is there, as a whole; the control shows that the test can tell.
#include "tests/unit/storage/fault_file_system.hpp"
#include "tests/unit/storage/flipped_logs.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>
#include <array>
#include <atomic>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace twinhub::storage {
namespace {

using namespace testing;

constexpr std::size_t devices = 40;

IdentityId id_of(std::size_t index) { return {"device" + std::to_string(index), ""}; }

/// Two threads that raise counters, each change with an event, until stopped or `changes_max` are made. `acknowledged` is
/// what a client was told.
class Load {
 public:
  explicit Load(Store& store, std::uint64_t changes_max = UINT64_MAX) : store_(store), changes_max_(changes_max) {
    for (int t = 0; t < 2; ++t) threads_.emplace_back([this, t](const std::stop_token& stop) { run(stop, t); });
  }
  ~Load() { stop(); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  std::array<std::uint64_t, devices> acknowledged() const {
    std::array<std::uint64_t, devices> seen{};
    for (std::size_t i = 0; i < devices; ++i) seen[i] = acknowledged_[i].load();
    return seen;
  }
  void wait_for(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return total_ >= count; });
  }
  /// All changes are acknowledged when it returns.
  void stop() {
    threads_.clear();
    drain(store_);  // the callbacks use this
  }

 private:
  void run(const std::stop_token& stop, int seed) {
    std::minstd_rand random(static_cast<unsigned>(seed) + 1);
    while (!stop.stop_requested() && begun_++ < changes_max_) {
      room_.acquire();
      const std::size_t which = random() % devices;
      auto version = std::make_shared<std::uint64_t>(0);
      store_.update(
          id_of(which),
          [&](const Entity& current) {
            auto change = count_up(id_of(which), current);
            *version = counter_of(current) + 1;
            change->events.push_back(make_event(id_of(which), std::to_string(*version)));
            return change;
          },
          [this, which, version](const Result<void>& result, Outbox&) {
            ASSERT_TRUE(result);
            acknowledged_[which].store(*version);
            {
              const std::lock_guard lock(mutex_);
              ++total_;
            }
            changed_.notify_one();
            room_.release();
          });
    }
  }

  Store& store_;
  const std::uint64_t changes_max_;
  std::atomic<std::uint64_t> begun_{0};
  std::array<std::atomic<std::uint64_t>, devices> acknowledged_{};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t total_ = 0;  // guarded by mutex_
  Semaphore room_{64};
  std::vector<std::jthread> threads_;
};

/// Versions lost in `directory` against what was acknowledged; every version comes with its event.
std::uint64_t lost_in(const StoreOptions& options, const std::array<std::uint64_t, devices>& acknowledged) {
  const auto store = open(options);
  std::map<std::string, std::uint64_t> events;
  for (std::uint32_t partition = 0; partition < options.event_partitions; ++partition) {
    std::uint64_t next = 0;
    for (const auto& event : all_events(*store, partition)) {
      EXPECT_EQ(event.sequence_number, next++);
      EXPECT_EQ(event.event.body, std::to_string(++events[event.event.id.device]));
    }
  }
  std::uint64_t lost = 0;
  for (std::size_t i = 0; i < devices; ++i) {
    const auto stored = read_counter(*store, id_of(i));
    EXPECT_EQ(stored, events[id_of(i).device]) << "a twin without its event, or the reverse";
    if (stored < acknowledged[i]) lost += acknowledged[i] - stored;
  }
  return lost;
}

/// Leaves `image` as it is.
std::uint64_t lost_in_copy(const std::filesystem::path& image, const std::array<std::uint64_t, devices>& acknowledged) {
  const TemporaryFolder copy;
  std::filesystem::copy(image, copy / "db", std::filesystem::copy_options::recursive);
  return lost_in(small_options(copy / "db"), acknowledged);
}

std::uint64_t lost_by_power_cuts(int rounds, unsigned seed) {
  const TemporaryFolder folder;
  const auto system = std::make_shared<FaultFileSystem>();
  const auto env = rocksdb::NewCompositeEnv(system);
  auto options = small_options(folder / "db");
  options.memtable_bytes = 256 << 10;  // a new log and a flush every few hundred updates
  std::mt19937 random(seed);
  std::vector<std::pair<StoreOptions, std::array<std::uint64_t, devices>>> images;
  {
    const auto store = open(options, env.get());
    Load load(*store);
    std::uint64_t until = 0;
    for (int round = 0; round < rounds; ++round) {
      until += 1 + random() % 600;
      load.wait_for(until);
      images.emplace_back(small_options(folder / ("image" + std::to_string(round))), load.acknowledged());
      system->copy_after_power_cut(options.directory, images.back().first.directory);
    }
  }
  std::uint64_t lost = 0;  // counted when the load has ended: it would grow faster than it is read
  for (const auto& [image, acknowledged] : images) lost += lost_in(image, acknowledged);
  return lost;
}

TEST(StorePowerCut, LosesNothingThatWasAcknowledged) {
  const unsigned seed = std::random_device{}();
  EXPECT_EQ(lost_by_power_cuts(10, seed), 0U) << "seed " << seed;
}

TEST(StorePowerCut, AndAFlippedByteLoseNothingThatWasAcknowledgedOrTheStartIsRefused) {
  const TemporaryFolder folder;
  const auto system = std::make_shared<FaultFileSystem>();
  const auto env = rocksdb::NewCompositeEnv(system);
  const auto options = small_options(folder / "db");
  std::array<std::uint64_t, devices> acknowledged{};
  {
    const auto store = open(options, env.get());
    Load load(*store,
              160);  // each byte of the log costs starts of the store: it must not grow with the time that passes
    load.wait_for(100);
    acknowledged = load.acknowledged();
    system->copy_after_power_cut(options.directory, folder / "image");
  }
  ASSERT_EQ(lost_in_copy(folder / "image", acknowledged), 0U);
  const FlipCounts flips =
      flip_logs(folder / "image", 101, [&](const StoreOptions& image) { return lost_in(image, acknowledged); });
  EXPECT_GT(flips.refused, 50U);
  EXPECT_EQ(flips.opened, flips.opened_without_the_last);
}

TEST(StorePowerCut, WithoutSyncsItDoesLose) {
  const TemporaryFolder folder;
  const auto system = std::make_shared<FaultFileSystem>();
  const auto env = rocksdb::NewCompositeEnv(system);
  auto options = small_options(folder / "db");
  options.durability = Durability::os;
  const auto store = open(options, env.get());
  Load load(*store);
  load.wait_for(100);
  load.stop();  // else a flush, which is synced, could overtake what has been acknowledged by now
  const auto acknowledged = load.acknowledged();
  system->copy_after_power_cut(options.directory, folder / "image");
  EXPECT_GT(lost_in(small_options(folder / "image"), acknowledged), 0U);
}

}  // namespace
}  // namespace twinhub::storage

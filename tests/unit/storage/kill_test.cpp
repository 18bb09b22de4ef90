// kill -9 at any moment: a child process hammers the store and says what was acknowledged; after the kill all of it is
// there.
#include "tests/unit/storage/flipped_logs.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <csignal>
#include <map>
#include <optional>
#include <random>

extern char** environ;

namespace twinhub::storage {
namespace {

using namespace testing;

constexpr std::size_t devices = 40;
constexpr int rounds = 10;
using Versions = std::array<std::uint64_t, devices>;

/// A running twinhub_storage_hammer.
class Child {
 public:
  explicit Child(const std::filesystem::path& folder, std::optional<int> changes_max = {}) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    std::string program = TWINHUB_STORAGE_HAMMER, argument = folder.string();
    std::string changes = changes_max ? std::to_string(*changes_max) : "";
    char* arguments[] = {program.data(), argument.data(), changes_max ? changes.data() : nullptr, nullptr};
    EXPECT_EQ(posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    output_ = ends[0];
  }
  ~Child() { close(output_); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// One acknowledgement; false: the child is gone.
  bool read_one(Versions& versions) {
    std::uint32_t line[2];
    std::size_t got = 0;
    while (got < sizeof line) {
      const auto n = read(output_, reinterpret_cast<char*>(line) + got, sizeof line - got);
      if (n <= 0) return false;
      got += static_cast<std::size_t>(n);
    }
    EXPECT_GT(line[1], versions.at(line[0])) << "a version was acknowledged twice, or out of order";
    versions.at(line[0]) = line[1];
    return true;
  }
  void kill_now() {
    EXPECT_EQ(kill(pid_, SIGKILL), 0);
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
  }

 private:
  pid_t pid_ = 0;
  int output_ = -1;
};

/// The versions in `folder`, each with its event.
Versions stored_in(const StoreOptions& options) {
  const auto store = open(options);
  std::map<std::string, std::uint64_t> events;
  for (std::uint32_t partition = 0; partition < 4; ++partition) {
    std::uint64_t next = 0;
    for (const auto& event : all_events(*store, partition)) {
      EXPECT_EQ(event.sequence_number, next++);
      EXPECT_EQ(event.event.body, std::to_string(++events[event.event.id.device]));
    }
  }
  Versions stored{};
  for (std::size_t i = 0; i < devices; ++i) {
    const std::string name = "device" + std::to_string(i);
    stored[i] = read_counter(*store, {name, ""});
    EXPECT_EQ(stored[i], events[name]) << name;
  }
  return stored;
}

std::uint64_t lost_in(const StoreOptions& options, const Versions& acknowledged) {
  const Versions stored = stored_in(options);
  std::uint64_t lost = 0;
  for (std::size_t i = 0; i < devices; ++i) lost += acknowledged[i] > stored[i] ? acknowledged[i] - stored[i] : 0;
  return lost;
}

void check(const std::filesystem::path& folder, Versions& acknowledged) {
  const Versions stored = stored_in(small_options(folder));
  for (std::size_t i = 0; i < devices; ++i) EXPECT_GE(stored[i], acknowledged[i]) << "device" << i;
  acknowledged = stored;  // shown once: it must not go back from here
}

TEST(StoreKill, LosesNothingThatWasAcknowledged) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const TemporaryFolder folder;
  Versions acknowledged{};
  for (int round = 0; round < rounds; ++round) {
    Child child(folder / "db");
    const std::uint64_t until = 1 + random() % 3000;
    for (std::uint64_t i = 0; i < until; ++i) ASSERT_TRUE(child.read_one(acknowledged));
    child.kill_now();
    while (child.read_one(acknowledged)) {
    }
    check(folder / "db", acknowledged);
    if (HasFailure()) return;
  }
}

TEST(StoreKill, AndAFlippedByteLoseNothingThatWasAcknowledgedOrTheStartIsRefused) {
  const TemporaryFolder folder;
  Versions acknowledged{};
  {
    Child child(folder / "db", 160);  // each byte of its log costs starts of the store
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(child.read_one(acknowledged));
    child.kill_now();
    while (child.read_one(acknowledged)) {
    }
  }
  const FlipCounts flips =
      flip_logs(folder / "db", 101, [&](const StoreOptions& image) { return lost_in(image, acknowledged); });
  EXPECT_GT(flips.refused, 50U);
  EXPECT_EQ(flips.opened, flips.opened_without_the_last);
}

}  // namespace
}  // namespace twinhub::storage

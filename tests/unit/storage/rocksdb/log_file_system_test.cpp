// The write-ahead log has room before it needs it, and leaves none behind.
#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace twinhub::storage {
namespace {

using namespace testing;

const IdentityId device{"device", ""};

/// Sizes of the logs in `folder` as a reader sees them.
std::vector<std::uintmax_t> log_sizes(const std::filesystem::path& folder) {
  std::vector<std::uintmax_t> sizes;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".log") sizes.push_back(entry.file_size());
  }
  return sizes;
}

TEST(LogFileSystem, ALogGrowsInStepsAndKeepsItsSizeFromWriteToWrite) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  ASSERT_TRUE(update_and_wait(*store, device, counting(device)));
  const auto before = log_sizes(folder / "db");
  ASSERT_EQ(before.size(), 1U);
  EXPECT_GE(before[0], 64U << 10);  // far more than was written
  EXPECT_LE(before[0], 8U << 20);
  ASSERT_TRUE(update_and_wait(*store, device, counting(device)));
  EXPECT_EQ(log_sizes(folder / "db"), before);
}

TEST(LogFileSystem, AClosedLogEndsWithItsLastRecord) {
  const TemporaryFolder folder;
  {
    const auto store = open(small_options(folder / "db"));
    ASSERT_TRUE(update_and_wait(*store, device, counting(device)));
  }
  for (const auto size : log_sizes(folder / "db")) EXPECT_LT(size, 64U << 10);
  const auto store = open(small_options(folder / "db"));
  EXPECT_EQ(counter_of(store->read(device)->entity), 1U);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A crash in the middle of a write leaves a part of it, and zeros instead of the rest.
TEST(LogFileSystem, ALogThatEndsInZerosAtAnyByteIsReadUpToItsLastWholeUnit) {
  constexpr std::uint64_t units = 6;
  const TemporaryFolder folder;
  {
    const auto store = open(small_options(folder / "db"));
    for (std::uint64_t i = 0; i < units; ++i) {
      // Larger than a block of the log (32 KiB), so that some cuts go between the fragments of a record.
      ASSERT_TRUE(append_and_wait(*store, make_telemetry(device, std::string(40'000, 'x'))));
      ASSERT_TRUE(update_and_wait(*store, device, counting(device)));
    }
    std::filesystem::copy(folder / "db", folder / "crashed");     // as it lies on the disk while the hub runs
    std::filesystem::remove(folder / "crashed/newest-sequence");  // a machine that crashes may not have written it yet
  }
  std::filesystem::path log;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "crashed")) {
    if (entry.path().extension() == ".log") log = entry.path();
  }
  const std::string bytes = read_file(log);
  const std::size_t written = bytes.find_last_not_of('\0') + 1;
  ASSERT_GT(written, units * 40'000);
  ASSERT_LT(written, bytes.size());

  std::uint64_t before = 0;
  constexpr std::size_t step = 9'001;  // hits every part of every unit
  for (std::size_t cut = 0; cut < written + step; cut += step) {
    std::filesystem::remove_all(folder / "cut");
    std::filesystem::copy(folder / "crashed", folder / "cut");
    std::string torn = bytes;
    if (cut < written) std::fill(torn.begin() + static_cast<std::ptrdiff_t>(cut), torn.end(), '\0');
    std::ofstream(folder / "cut" / log.filename(), std::ios::binary) << torn;
    const auto store = open(small_options(folder / "cut"));
    const std::uint64_t counter = read_counter(*store, device);
    EXPECT_GE(counter, before) << cut << " of " << written;
    EXPECT_LE(counter, before + 1) << cut << " of " << written;
    before = counter;
    ASSERT_TRUE(update_and_wait(*store, device, counting(device)));  // and it goes on
    std::filesystem::remove_all(folder / "again");
    std::filesystem::copy(folder / "cut", folder / "again");  // and crashes again
    EXPECT_EQ(read_counter(*open(small_options(folder / "again")), device), counter + 1);
  }
  EXPECT_EQ(before, units);
}

}  // namespace
}  // namespace twinhub::storage

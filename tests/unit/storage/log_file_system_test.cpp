// The write-ahead log has room before it needs it, and leaves none behind.
#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>
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

}  // namespace
}  // namespace twinhub::storage

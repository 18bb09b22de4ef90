// An exported file is there as a whole after a power cut, or not at all.
#include "server/cli/whole_file.hpp"

#include "tests/support/cpp/sync_witness.hpp"
#include "tests/support/cpp/temporary_folder.hpp"

#include <gtest/gtest.h>

namespace twinhub::cli {
namespace {

TEST(WholeFile, ItsNameIsDurableOnceItIsFinished) {
  const test::TemporaryFolder folder("whole-file");
  WholeFile file((folder.path() / "devices").string());
  ASSERT_TRUE(file.opened());
  ASSERT_TRUE(file.write("keys\n"));
  EXPECT_FALSE(test::was_synced(folder.path()));
  ASSERT_TRUE(file.finish());
  EXPECT_TRUE(test::was_synced(folder.path()));
}

}  // namespace
}  // namespace twinhub::cli

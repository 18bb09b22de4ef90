// What leads to a file is as durable as the file.
#include "storage/durable_folder.hpp"

#include "tests/support/cpp/sync_witness.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <fstream>

namespace twinhub::storage {
namespace {

namespace fs = std::filesystem;
using namespace testing;
using test::was_synced;

TEST(DurableFolder, EachFolderThatIsMadeIsDurableInTheOneAbove) {
  const TemporaryFolder folder;
  ASSERT_FALSE(make_durable_folder(folder / "a/b/c/", 0700));
  EXPECT_TRUE(was_synced(folder.path()));
  EXPECT_TRUE(was_synced(folder / "a"));
  EXPECT_TRUE(was_synced(folder / "a/b"));
  struct stat made {};
  ASSERT_EQ(::stat((folder / "a/b/c").c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777U, 0700U);
}

TEST(DurableFolder, AFolderThatIsThereMayNotBeDurableYet) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "a/b");
  ASSERT_FALSE(make_durable_folder(folder / "a/b"));
  EXPECT_TRUE(was_synced(folder / "a"));
}

TEST(DurableFolder, WhatIsNoFolderIsAnError) {
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << "text";
  EXPECT_EQ(make_durable_folder(folder / "file"), std::errc::file_exists);
  EXPECT_EQ(make_durable_folder(folder / "file/a"), std::errc::not_a_directory);
  EXPECT_EQ(sync_folder(folder / "none"), std::errc::no_such_file_or_directory);
  EXPECT_FALSE(make_durable_folder("/"));
  EXPECT_FALSE(make_durable_folder(""));
  EXPECT_FALSE(sync_folder(""));
}

TEST(DurableFolder, AStoresFolderIsDurableBeforeAWriteIsAcknowledged) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "data/db"));
  EXPECT_TRUE(was_synced(folder.path()));
  EXPECT_TRUE(was_synced(folder / "data"));
  EXPECT_TRUE(was_synced(folder / "data/db"));
}

}  // namespace
}  // namespace twinhub::storage

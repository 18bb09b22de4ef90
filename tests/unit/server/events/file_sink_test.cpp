// The file of an endpoint is there after a power cut, with what its cursor has passed.
#include "server/events/file_sink.hpp"

#include "tests/support/cpp/sync_witness.hpp"
#include "tests/support/cpp/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <fstream>
#include <stop_token>

namespace twinhub::events {
namespace {

namespace fs = std::filesystem;

TEST(FileSink, TheFoldersThatItMakesAreDurableWithItsFile) {
  const test::TemporaryFolder folder("file-sink");
  const auto sink = make_file_sink({.path = folder.path() / "a/b/events.jsonl"});
  ASSERT_TRUE(sink->reach(std::stop_token()));
  EXPECT_TRUE(test::was_synced(folder.path()));
  EXPECT_TRUE(test::was_synced(folder.path() / "a"));
  EXPECT_TRUE(test::was_synced(folder.path() / "a/b"));
}

TEST(FileSink, AFolderThatCannotBeMadeIsToldOf) {
  const test::TemporaryFolder folder("file-sink");
  std::ofstream(folder.path() / "file") << "text";
  const auto sink = make_file_sink({.path = folder.path() / "file/events.jsonl"});
  const auto reached = sink->reach(std::stop_token());
  ASSERT_FALSE(reached);
  EXPECT_NE(reached.error().detail.find("cannot be opened: "), std::string::npos) << reached.error().detail;
}

}  // namespace
}  // namespace twinhub::events

// A manifest is read as a whole or not at all.
#include "storage/backup/manifest.hpp"

#include <gtest/gtest.h>
#include <string>

namespace twinhub::storage::backup {
namespace {

Content content_of_text(std::string_view text) {
  Digest digest;
  digest.add(text);
  return digest.finish();
}

const Manifest example{
    "2026-11-29T08:00:01.0000000Z",
    "my hub",
    {{"db/000012.sst", content_of_text("table")}, {"a b%\n\xc3\xa4", content_of_text("")}},
};

TEST(Digest, IsSha256InHex) {
  // Source: FIPS 180-4, the one-block example.
  EXPECT_EQ(content_of_text("abc"), (Content{3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}));
}

TEST(BackupManifest, IsReadAsItWasWritten) {
  const auto read = parse_manifest(manifest_text(example));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(*read, example);
}

TEST(BackupManifest, CutShortAnywhereItIsNone) {
  const std::string text = manifest_text(example);
  for (std::size_t bytes = 0; bytes < text.size(); ++bytes)
    EXPECT_FALSE(parse_manifest(std::string_view(text).substr(0, bytes))) << bytes;
  EXPECT_FALSE(parse_manifest(text + "\n"));
}

TEST(BackupManifest, WithAnyByteChangedItIsNone) {
  const std::string text = manifest_text(example);
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(parse_manifest(changed)) << at;
  }
}

TEST(BackupManifest, OfANewerVersionIsRefusedWithWords) {
  const auto read = parse_manifest("twinhub-backup 2\nwhatever\n");
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().detail.find("newer version"), std::string::npos);
}

TEST(BackupManifest, NamesNoFileOutsideOfTheDataFolder) {
  for (const char* path : {"", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/", "./a", "a/."}) {
    EXPECT_FALSE(is_inner_path(path)) << path;
    EXPECT_FALSE(parse_manifest(manifest_text({"", "", {{path, content_of_text("")}}}))) << path;
  }
  for (const char* path : {"a", "a/b", "..a", "a../b", "..."}) EXPECT_TRUE(is_inner_path(path)) << path;
}

}  // namespace
}  // namespace twinhub::storage::backup

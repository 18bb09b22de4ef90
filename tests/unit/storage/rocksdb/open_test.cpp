// Opening: locks, formats, reading beside a writer, and bytes that are no record.
#include "storage/format/bytes.hpp"
#include "storage/format/keys.hpp"
#include "storage/rocksdb/lost_logs.hpp"
#include "storage/rocksdb/rocksdb_engine.hpp"
#include "storage/rocksdb/unopened_store.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace twinhub::storage {
namespace {

using namespace testing;
using ::testing::EndsWith;
using ::testing::HasSubstr;

const IdentityId device{"device", ""};

/// Puts bytes where the store would, behind its back.
void put_raw(const std::filesystem::path& directory, Family family, const std::string& key, const std::string& value) {
  auto database = RocksdbEngine::open(small_options(directory), nullptr);
  ASSERT_TRUE(database);
  ASSERT_TRUE((*database)->database()->Put({}, (*database)->family(family), key, value).ok());
}

std::string refusal(const StoreOptions& options) {
  const auto store = open_rocksdb_store(options);
  EXPECT_FALSE(store);
  return store ? std::string() : store.error().detail;
}

TEST(StoreOpen, AFolderInUseIsRefusedInWordsForTheOperator) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  EXPECT_THAT(refusal(small_options(folder / "db")), HasSubstr("another process uses the data folder"));
}

TEST(StoreOpen, AnErrorThatOnlyMentionsLocksIsNotTakenForOne) {
  const TemporaryFolder folder;
  { const auto store = open(small_options(folder / "clock-lock")); }
  std::filesystem::resize_file(folder / "clock-lock/CURRENT", 0);
  const auto words = refusal(small_options(folder / "clock-lock"));
  EXPECT_THAT(words, HasSubstr("cannot be opened"));
}

/// Each file with its bytes and the time of its last change.
std::map<std::string, std::string> files_of(const std::filesystem::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::ostringstream out;
    out << entry.last_write_time().time_since_epoch().count() << ' '
        << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    files[entry.path().filename().string()] = out.str();
  }
  return files;
}

/// Also with --recover, which gives damaged logs up.
void expect_refused_untouched(const std::filesystem::path& directory, const char* words) {
  const auto before = files_of(directory);
  for (const bool recover : {false, true}) {
    auto options = small_options(directory);
    options.recover = recover;
    EXPECT_THAT(refusal(options), HasSubstr(words));
    EXPECT_EQ(files_of(directory), before);
  }
}

constexpr const char* is_newer = "has format 3; this twinhub reads format 2: use the version of twinhub that wrote it";

/// As a version to come would leave it, but for the file beside the store.
void make_newer(const std::filesystem::path& directory) {
  {
    const auto store = open(small_options(directory));
    ASSERT_TRUE(update_and_wait(*store, device, counting(device)));
  }
  put_raw(directory, Family::meta, "format_version", "3");
}

TEST(StoreOpen, ANewerFormatIsRefusedAndNoFileOfItIsChanged) {
  const TemporaryFolder folder;
  make_newer(folder / "db");
  for (const char* noted : {"3\n", "", "3", "\n", "x\n"}) {  // torn ones say nothing: the store itself does
    std::ofstream(folder / "db" / format_file) << noted;
    expect_refused_untouched(folder / "db", is_newer);
  }
  std::filesystem::remove(folder / "db" / format_file);  // as a build has left it that knows no such file
  expect_refused_untouched(folder / "db", is_newer);
  {
    auto database = RocksdbEngine::open(small_options(folder / "db"), nullptr);
    ASSERT_TRUE(database);
    ASSERT_TRUE((*database)->prepare_checkpoint());  // from the log into a table
  }
  expect_refused_untouched(folder / "db", is_newer);
}

TEST(StoreOpen, ADamagedLogOfANewerFormatIsNotGivenUp) {
  const TemporaryFolder folder;
  make_newer(folder / "db");
  std::filesystem::remove(folder / "db" / format_file);
  for (int n = 0; n < 3; ++n) put_raw(folder / "db", Family::meta, "later", std::to_string(n));
  const auto logs = log_files(*rocksdb::Env::Default(), (folder / "db").string());
  std::filesystem::resize_file(folder / "db" / logs.back().name, 0);
  expect_refused_untouched(folder / "db", is_newer);
}

TEST(StoreOpen, TheFormatIsNotedBesideTheStore) {
  const TemporaryFolder folder;
  const auto noted = [&folder] { return files_of(folder / "db")[format_file]; };
  { const auto store = open(small_options(folder / "db")); }
  EXPECT_THAT(noted(), EndsWith(" 2\n"));
  const std::string first = noted();
  { const auto store = open(small_options(folder / "db")); }
  EXPECT_EQ(noted(), first) << "once";
  std::filesystem::resize_file(folder / "db" / format_file, 0);
  { const auto store = open(small_options(folder / "db")); }
  EXPECT_THAT(noted(), EndsWith(" 2\n"));
}

TEST(StoreOpen, AnOlderFormatIsReadAndBecomesTheNewestWhenItMayBeWritten) {
  const TemporaryFolder folder;
  {
    const auto store = open(small_options(folder / "db"));
    ASSERT_TRUE(update_and_wait(*store, device, counting(device)));
  }
  put_raw(folder / "db", Family::meta, "format_version", "1");  // and no delta is there yet
  const auto version = [&] {
    auto options = small_options(folder / "db");
    options.read_only = true;
    const auto database = RocksdbEngine::open(options, nullptr);
    std::string found;
    EXPECT_TRUE((*database)->database()->Get({}, (*database)->family(Family::meta), "format_version", &found).ok());
    return found;
  };
  EXPECT_EQ(version(), "1");
  {
    const auto store = open(small_options(folder / "db"));
    EXPECT_EQ(read_counter(*store, device), 1U);
  }
  EXPECT_EQ(version(), "2");
}

TEST(StoreOpen, AStoreWithAnUnknownKindOfRecordIsFromANewerVersion) {
  const TemporaryFolder folder;
  { const auto store = open(small_options(folder / "db")); }
  {
    auto database = RocksdbEngine::open(small_options(folder / "db"), nullptr);
    ASSERT_TRUE(database);
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    ASSERT_TRUE((*database)->database()->CreateColumnFamily({}, "holograms", &handle).ok());
    (*database)->database()->DestroyColumnFamilyHandle(handle);
  }
  expect_refused_untouched(folder / "db", "newer version of twinhub");
}

TEST(StoreOpen, AFolderThatCannotBeMadeIsNamed) {
  EXPECT_THAT(refusal(small_options("/proc/twinhub-cannot-be-here/db")), HasSubstr("/proc/twinhub-cannot-be-here/db"));
}

TEST(StoreOpen, AReaderOpensBesideALiveWriterAndCannotWrite) {
  const TemporaryFolder folder;
  const auto writer = open(small_options(folder / "db"));
  ASSERT_TRUE(update_and_wait(*writer, device, counting(device)));
  ASSERT_TRUE(append_and_wait(*writer, make_telemetry(device, "body")));
  auto options = small_options(folder / "db");
  options.read_only = true;
  const auto reader = open(options);
  EXPECT_EQ(read_counter(*reader, device), 1U);
  EXPECT_EQ(all_events(*reader, reader->event_partition_of(device)).size(), 1U);
  EXPECT_EQ(reader->read_session(device)->session, std::nullopt);
  EXPECT_TRUE(reader->is_durable(0));

  const auto refused = update_and_wait(*reader, device, counting(device));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::service_unavailable);
  EXPECT_FALSE(append_and_wait(*reader, make_telemetry(device, "no")));
  EXPECT_FALSE(reader->put_session(device, nullptr, {}));
  EXPECT_FALSE(reader->writable());
  ASSERT_TRUE(update_and_wait(*writer, device, counting(device)));  // the writer was not disturbed
}

TEST(StoreOpen, AReaderDoesNotCreateAStore) {
  const TemporaryFolder folder;
  auto options = small_options(folder / "none");
  options.read_only = true;
  EXPECT_THAT(refusal(options), HasSubstr("cannot be opened"));
  EXPECT_FALSE(std::filesystem::exists(folder / "none/CURRENT"));
}

TEST(StoreOpen, ACorruptRecordIsAnErrorThatNamesIt) {
  const TemporaryFolder folder;
  const IdentityId module{"device", "module"};
  {
    const auto store = open(small_options(folder / "db"));
    ASSERT_TRUE(update_and_wait(*store, device, counting(device)));
    ASSERT_TRUE(update_and_wait(*store, module, counting(module)));
  }
  put_raw(folder / "db", Family::twins, entity_key(module), "\x01 no twin");
  put_raw(folder / "db", Family::sessions, entity_key(device), "\x01");
  const auto store = open(small_options(folder / "db"));
  const auto read = store->read(module);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::server_error);
  EXPECT_THAT(read.error().detail, HasSubstr("device/module"));
  const auto session = store->read_session(device);
  ASSERT_FALSE(session);
  EXPECT_THAT(session.error().detail, HasSubstr("device"));
  const auto scanned = store->scan(nullptr, [](const Entity&) { return true; });
  ASSERT_FALSE(scanned);
  EXPECT_THAT(scanned.error().detail, HasSubstr("device/module"));
  const auto updated = update_and_wait(*store, module, counting(module));
  ASSERT_FALSE(updated);
  EXPECT_THAT(updated.error().detail, HasSubstr("device/module"));
  EXPECT_EQ(read_counter(*store, device), 1U);  // others are served
}

TEST(StoreOpen, AnIdentityWithoutItsTwinIsAnErrorThatNamesIt) {
  const TemporaryFolder folder;
  {
    const auto store = open(small_options(folder / "db"));
    ASSERT_TRUE(update_and_wait(*store, device, counting(device)));
  }
  {
    auto database = RocksdbEngine::open(small_options(folder / "db"), nullptr);
    ASSERT_TRUE(database);
    ASSERT_TRUE((*database)->database()->Delete({}, (*database)->family(Family::twins), entity_key(device)).ok());
  }
  const auto store = open(small_options(folder / "db"));
  const auto read = store->read(device);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().detail, HasSubstr("do not match at device"));
  EXPECT_FALSE(store->scan(nullptr, [](const Entity&) { return true; }));
}

TEST(StoreOpen, ACorruptEventBlockIsAnErrorThatNamesIt) {
  const TemporaryFolder folder;
  std::uint32_t partition = 0;
  {
    const auto store = open(small_options(folder / "db"));
    partition = store->event_partition_of(device);
    ASSERT_TRUE(append_and_wait(*store, make_telemetry(device, "body")));
  }
  put_raw(folder / "db", Family::events, event_key(partition, 0),
          std::string("\x01\x02\0\0\0\0\0\0\0\0\0\0\0junk", 17));
  const auto store = open(small_options(folder / "db"));
  const auto read = store->read_events(partition, 0, [](const StoredEvent&) { return true; });
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().detail, HasSubstr("event block " + std::to_string(partition) + "/0"));
}

TEST(StoreOpen, EventsOfTheFirstFormatAreReadBeforeNewOnes) {
  const TemporaryFolder folder;
  std::string block;
  ByteWriter writer(block);
  writer.integer(std::uint8_t{1});   // the block's version
  writer.integer(std::uint32_t{1});  // events
  writer.integer(moment().ticks);
  writer.integer(std::uint8_t{1});  // the event's version
  writer.integer(EventSource::telemetry);
  writer.integer(moment().ticks);
  writer.text("device");
  writer.text("");
  writer.integer(std::uint64_t{0});  // no properties, twice
  writer.text("old");
  std::uint32_t partition = 0;
  {
    const auto store = open(small_options(folder / "db"));
    partition = store->event_partition_of(device);
  }
  put_raw(folder / "db", Family::events, event_key(partition, 0), block);
  const auto store = open(small_options(folder / "db"));
  ASSERT_TRUE(append_and_wait(*store, make_telemetry(device, "new")));
  const auto events = all_events(*store, partition);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].event.body, "old");
  EXPECT_EQ(events[1].event.body, "new");
}

}  // namespace
}  // namespace twinhub::storage

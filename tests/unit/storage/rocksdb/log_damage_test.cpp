// What a crash may leave of a log, and what it may not: every cut of a log is believed, every flaw with something behind it is not.
#include "storage/rocksdb/log_damage.hpp"

#include "storage/rocksdb/crc32c.hpp"
#include "tests/unit/storage/store_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <cstring>
#include <fstream>
#include <sstream>

namespace twinhub::storage {
namespace {

namespace fs = std::filesystem;
using namespace testing;

std::string bytes_of(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

void write(const fs::path& file, std::string_view bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

fs::path newest_log(const fs::path& folder) {
  fs::path newest;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".log" && entry.path() > newest) newest = entry.path();
  }
  return newest;
}

/// A store that was killed after `commits` acknowledged writes of about `bytes`, and its log.
class LogOfAKilledStore : public ::testing::Test {
 protected:
  void kill_after(int commits, std::size_t bytes) {
    {
      const auto store = open(small_options(folder_ / "live"));
      for (int i = 0; i < commits; ++i) {
        const auto appended =
            append_and_wait(*store, make_telemetry({"d" + std::to_string(i), ""}, std::string(bytes, 'x')));
        ASSERT_TRUE(appended);
      }
      fs::copy(folder_ / "live", folder_ / "killed", fs::copy_options::recursive);
    }
    log_ = newest_log(folder_ / "killed");
    whole_ = bytes_of(log_);
    end_ = whole_.find_last_not_of('\0') + 1;
  }
  [[nodiscard]] std::optional<LogDamage> look() const {
    auto found = find_log_damage(*rocksdb::Env::Default(), folder_ / "killed");
    EXPECT_TRUE(found) << found.error().detail;
    return *found;
  }

  const TemporaryFolder folder_;
  fs::path log_;
  std::string whole_;
  std::size_t end_ = 0;  ///< of what was written; zeros follow
};

TEST(Crc32c, IsCastagnolis) {
  // RFC 3720, B.4
  EXPECT_EQ(crc32c(0, std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(0, std::string(32, '\xff')), 0x62A8AB43U);
  EXPECT_EQ(crc32c(crc32c(0, "12345"), "6789"), 0xE3069283U);
}

TEST_F(LogOfAKilledStore, AWholeLogAndItsZerosAreFine) {
  kill_after(40, 500);
  EXPECT_FALSE(look());
}

TEST_F(LogOfAKilledStore, WhereverACrashTearsTheLogNothingIsMissing) {
  kill_after(12, 9'000);  // records that cross blocks, too
  for (std::size_t cut = 0; cut < end_; cut += 101) {
    std::string torn = whole_.substr(0, cut);
    write(log_, torn);
    EXPECT_FALSE(look()) << "cut at " << cut;
    torn.resize(whole_.size(), '\0');
    write(log_, torn);
    EXPECT_FALSE(look()) << "cut at " << cut << ", zeros behind";
  }
}

TEST_F(LogOfAKilledStore, EveryFlippedByteThatHidesAcknowledgedWritesIsFound) {
  kill_after(60, 1'500);
  int found = 0, in_the_last_record = 0;
  for (std::size_t at = 0; at < end_; at += 101) {
    std::string flipped = whole_;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x55);
    write(log_, flipped);
    const auto damage = look();
    if (!damage) {
      ++in_the_last_record;
      EXPECT_GT(at, end_ - 2'500) << "a flip at " << at << " of " << end_ << " was not seen";
      continue;
    }
    ++found;
    EXPECT_LE(damage->offset, at);
    EXPECT_GT(damage->commits, 0U);
    EXPECT_TRUE(damage->certain);
    EXPECT_GE(damage->writes, damage->commits);
    EXPECT_EQ(damage->file, log_.filename());
    EXPECT_EQ(damage->files, std::vector<std::string>{log_.filename()});
  }
  EXPECT_GT(found, 500);
  EXPECT_LT(in_the_last_record, 30);
}

TEST_F(LogOfAKilledStore, AFlippedByteLosesNothingThatWasAcknowledgedOrTheStartIsRefused) {
  constexpr int commits = 12;
  kill_after(commits, 500);
  const auto count = [](const Store& store) {
    std::size_t events = 0;
    for (std::uint32_t partition = 0; partition < store.event_ranges().size(); ++partition)
      events += all_events(store, partition).size();
    return events;
  };
  int refused = 0;
  for (std::size_t at = 0; at < end_; at += 101) {
    std::string flipped = whole_;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x55);
    const TemporaryFolder copy;
    fs::copy(folder_ / "killed", copy / "db", fs::copy_options::recursive);
    write(copy / "db" / log_.filename(), flipped);
    auto options = small_options(copy / "db");
    if (const auto store = open_rocksdb_store(options)) {
      EXPECT_EQ(count(**store), static_cast<std::size_t>(commits)) << "a flip at " << at << " lost writes in silence";
      continue;
    } else {
      ++refused;
      EXPECT_THAT(store.error().detail, ::testing::HasSubstr("is damaged at byte"));
      EXPECT_THAT(store.error().detail, ::testing::HasSubstr("--recover"));
    }
    options.recover = true;
    const auto recovered = open_rocksdb_store(options);
    ASSERT_TRUE(recovered) << recovered.error().detail;
    EXPECT_LT(count(**recovered), static_cast<std::size_t>(commits));
    EXPECT_EQ(bytes_of(copy / "db" / "lost-1.log"), flipped) << "the damaged log is kept as it was";
  }
  EXPECT_GT(refused, 50);
}

TEST_F(LogOfAKilledStore, ALostPageIsFound) {
  kill_after(60, 1'500);
  for (std::size_t page = 0; page + 2 * 4096 < end_; page += 4096) {
    std::string holed = whole_;
    holed.replace(page, 4096, 4096, '\0');
    write(log_, holed);
    EXPECT_TRUE(look()) << "page at " << page;
  }
}

/// One record as RocksDB writes it: the batch at `sequence` with `count` changes, whole in one fragment.
std::string record(std::uint64_t sequence, std::uint32_t count) {
  std::string batch(12, '\0');
  std::memcpy(batch.data(), &sequence, 8);
  std::memcpy(batch.data() + 8, &count, 4);
  batch += std::string(100, 'c');
  const std::string checked = '\1' + batch;
  const std::uint32_t crc = crc32c(0, checked);
  const std::uint32_t masked = (crc >> 15 | crc << 17) + 0xA282EAD8U;
  const auto length = static_cast<std::uint16_t>(batch.size());
  std::string out(6, '\0');
  std::memcpy(out.data(), &masked, 4);
  std::memcpy(out.data() + 4, &length, 2);
  return out + checked;
}

TEST(LogDamage, ANewerLogTellsWhetherTheOlderOnesEndIsMissing) {
  const TemporaryFolder folder;
  const std::string older = record(1, 3) + record(4, 2);
  const auto look = [&](const std::string& old_log, const std::string& new_log) {
    write(folder / "000007.log", old_log);
    write(folder / "000010.log", new_log);
    return find_log_damage(*rocksdb::Env::Default(), folder.path()).value();
  };
  EXPECT_FALSE(look(older, record(6, 1)));
  EXPECT_FALSE(look(older + std::string(5'000, '\0'), record(6, 1)));
  const std::string torn = record(6, 9).substr(0, 60);
  EXPECT_FALSE(look(older + torn, record(6, 1)))
      << "what was torn was never acknowledged: the newer log does not count it";
  EXPECT_FALSE(look(older + torn, ""));

  const auto damage = look(older + torn, record(15, 4) + record(19, 1));
  ASSERT_TRUE(damage);
  EXPECT_EQ(damage->file, "000007.log");
  EXPECT_EQ(damage->offset, older.size());
  EXPECT_EQ(damage->files, (std::vector<std::string>{"000007.log", "000010.log"}));
  EXPECT_EQ(damage->commits, 2U);
  EXPECT_EQ(damage->writes, 5U);
  EXPECT_FALSE(damage->certain) << "the older log may have been flushed to tables since";
  EXPECT_EQ(damage->last_sequence, 19U);
}

TEST_F(LogOfAKilledStore, OtherFilesAreLeftAlone) {
  fs::create_directories(folder_ / "killed");
  write(folder_ / "killed/LOG.old", "text");
  write(folder_ / "killed/lost-1.log", std::string(100'000, 'x'));
  EXPECT_FALSE(look());
  EXPECT_FALSE(*find_log_damage(*rocksdb::Env::Default(), folder_ / "no such folder"));
}

/// A fragment of a log as RocksDB writes it.
std::string fragment(std::uint8_t type, std::string_view payload) {
  const std::string checked = std::string(1, static_cast<char>(type)) + std::string(payload);
  const std::uint32_t sum = crc32c(0, checked);
  const std::uint32_t masked = (sum >> 15 | sum << 17) + 0xA282EAD8U;
  const auto length = static_cast<std::uint16_t>(payload.size());
  std::string out(6, '\0');
  std::memcpy(out.data(), &masked, 4);
  std::memcpy(out.data() + 4, &length, 2);
  return out + checked;
}

TEST(LogDamage, ARecordThatBeginsInTheLastBytesOfABlockBehindAFlawIsMissed) {
  constexpr std::uint8_t first = 2, last = 4;
  const std::uint64_t sequence = 7;
  const std::uint32_t count = 3;
  std::string batch(64, 'b');
  std::memcpy(batch.data(), &sequence, 8);
  std::memcpy(batch.data() + 8, &count, 4);
  // From nothing of the batch's header to all but one byte of it stand in the first block.
  for (std::size_t there = 0; there < 12; ++there) {
    const TemporaryFolder folder;
    const std::string begin = fragment(first, std::string_view(batch).substr(0, there));
    std::string log(32 * 1024 - begin.size(), '\x5a');  // the flaw
    log += begin + fragment(last, std::string_view(batch).substr(there));
    write(folder / "000009.log", log);
    const auto found = find_log_damage(*rocksdb::Env::Default(), folder.path());
    ASSERT_TRUE(found);
    ASSERT_TRUE(*found) << there;
    EXPECT_EQ((*found)->commits, 1U) << there;
    EXPECT_EQ((*found)->writes, 3U) << there;
  }
  // The end of a record whose beginning is not there is none.
  const TemporaryFolder folder;
  write(folder / "000009.log", std::string(32 * 1024, '\x5a') + fragment(last, batch));
  const auto found = find_log_damage(*rocksdb::Env::Default(), folder.path());
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
}

}  // namespace
}  // namespace twinhub::storage

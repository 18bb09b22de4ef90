#include "tests/unit/storage/flipped_logs.hpp"

#include "tests/unit/storage/store_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace twinhub::storage::testing {
namespace {

namespace fs = std::filesystem;

std::string bytes_of(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

void put_byte(const fs::path& file, std::size_t at, char byte) {
  std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
  stream.seekp(static_cast<std::streamoff>(at));
  stream.put(byte);
}

std::vector<fs::path> logs_of(const fs::path& folder) {
  std::vector<fs::path> logs;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".log") logs.push_back(entry.path());
  }
  std::sort(logs.begin(), logs.end());
  return logs;
}

/// Walks over the fragments of a whole log: checksum (4), length (2), type (1), payload, in blocks of 32 KiB.
std::size_t start_of_the_last_record(const std::string& log, std::size_t end) {
  constexpr std::size_t block = 32 * 1024, header = 7;
  std::size_t last = 0;
  for (std::size_t at = 0; at + header <= end;) {
    if (block - at % block < header) {
      at += block - at % block;
      continue;
    }
    const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(log[at + i])); };
    if (byte(6) == 1 || byte(6) == 2) last = at;  // whole, or the first of several
    at += header + byte(4) + (byte(5) << 8);
  }
  return last;
}

/// What stands between a block's last fragment and its end belongs to no record: to flip it changes nothing.
bool is_padding(const std::string& log, std::size_t flipped) {
  constexpr std::size_t block = 32 * 1024, header = 7;
  std::size_t at = flipped - flipped % block;
  const std::size_t next_block = at + block;
  while (at + header <= next_block) {
    const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(log[at + i])); };
    if (at + header > log.size()) return false;
    at += header + byte(4) + (byte(5) << 8);
    if (flipped < at) return false;
  }
  return true;
}

/// "" when the store opens.
std::string refusal_of(const StoreOptions& options) {
  const auto store = open_rocksdb_store(options);
  return store ? std::string() : store.error().detail;
}

}  // namespace

FlipCounts flip_logs(const fs::path& folder, std::size_t step,
                     const std::function<std::uint64_t(const StoreOptions& options)>& lost_in) {
  FlipCounts counts;
  const auto logs = logs_of(folder);
  for (const fs::path& log : logs) {
    const std::string whole = bytes_of(log);
    const std::size_t end = whole.find_last_not_of('\0') + 1;
    const std::size_t last = log == logs.back() ? start_of_the_last_record(whole, end) : end;
    const TemporaryFolder scratch;
    bool is_fresh = false;
    int round = 0;
    fs::path copy;
    for (std::size_t at = 0; at < end; at += step) {
      if (is_padding(whole, at)) continue;
      if (!is_fresh) {
        if (!copy.empty()) fs::remove_all(copy);
        copy = scratch / std::to_string(round++);
        fs::copy(folder, copy, fs::copy_options::recursive);
      }
      const fs::path file = copy / log.filename();
      put_byte(file, at, static_cast<char>(whole[at] ^ 0x55));
      const auto options = small_options(copy);
      const std::string refusal = refusal_of(options);
      is_fresh = !refusal.empty();
      if (is_fresh) {
        ++counts.refused;
        EXPECT_THAT(refusal, ::testing::HasSubstr("is damaged at byte"));
        EXPECT_THAT(refusal, ::testing::HasSubstr("--recover"));
        put_byte(file, at, whole[at]);  // a start that was refused has changed nothing
        continue;
      }
      ++counts.opened;
      const std::uint64_t lost = lost_in(options);
      if (at >= last) {
        ++counts.opened_without_the_last;
      } else {
        EXPECT_EQ(lost, 0U) << "a flip at " << at << " of " << log.filename() << ", whose last record begins at "
                            << last;
      }
    }
  }
  return counts;
}

}  // namespace twinhub::storage::testing

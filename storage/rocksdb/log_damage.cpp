#include "storage/rocksdb/log_damage.hpp"

#include "storage/rocksdb/crc32c.hpp"
#include "storage/rocksdb/lost_logs.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace twinhub::storage {
namespace {

// A log is a row of blocks. A record is cut into fragments, none of which crosses a block; a fragment:
//
//   checksum (4)  length (2)  type (1)  payload
//
// A block's last bytes, when fewer than a header, are zeros. Recycled logs carry four more bytes of header; this hub does not recycle.
constexpr std::size_t block_bytes = 32 * 1024;
constexpr std::size_t header_bytes = 7;
enum Type : std::uint8_t { full = 1, first = 2, middle = 3, last = 4 };

// A record is a write batch: sequence number (8), count (4), changes.
constexpr std::size_t batch_header_bytes = 12;

template <class T>
T integer_at(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

/// Source: RocksDB util/crc32c.h, Mask: a log may hold a log, so its checksums are stored in disguise.
constexpr std::uint32_t unmask(std::uint32_t masked) {
  const std::uint32_t rotated = masked - 0xA282EAD8U;
  return rotated >> 17 | rotated << 15;
}

struct Fragment {
  Type type = full;
  std::string_view payload;
  [[nodiscard]] bool begins_a_record() const { return type == full || type == first; }
  [[nodiscard]] std::size_t bytes() const { return header_bytes + payload.size(); }
};

/// What stands at `at` in `block`, when it is whole.
std::optional<Fragment> read_fragment(std::string_view block, std::size_t at) {
  if (block.size() < at + header_bytes) return std::nullopt;
  const auto type = integer_at<std::uint8_t>(block, at + 6);
  const std::size_t length = integer_at<std::uint16_t>(block, at + 4);
  if (type < full || type > last || length > block.size() - at - header_bytes) return std::nullopt;
  const std::string_view checked = block.substr(at + 6, 1 + length);  // the type and the payload
  if (crc32c(0, checked) != unmask(integer_at<std::uint32_t>(block, at))) return std::nullopt;
  return Fragment{static_cast<Type>(type), checked.substr(1)};
}

bool is_zero(std::string_view bytes) {
  return bytes.front() == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

/// One log after the other, in a row.
class Inspection {
 public:
  void begin_file(std::string name) {
    if (in_record_) note_flaw(offset_);  // the older file ends in the middle of a record
    file_ = std::move(name);
    offset_ = whole_bytes_ = 0;
    in_record_ = false;
    flawed_tail_ = flaw_ && flaw_->files.back() != file_;
    if (flaw_) flaw_->files.push_back(file_);
  }

  void block(std::string_view bytes) {
    std::size_t at = is_zero(bytes) ? bytes.size() : 0;  // room made in advance
    if (at > 0) note_flaw(offset_);
    while (at + header_bytes <= bytes.size()) {
      const auto fragment = read_fragment(bytes, at);
      if (fragment && fits(*fragment)) {
        at += fragment->bytes();
        take(*fragment, offset_ + at);
        continue;
      }
      note_flaw(offset_ + at);
      in_record_ = false;
      at = search(bytes, at + 1);
    }
    offset_ += bytes.size();
  }

  /// Of the present file, up to its first flaw.
  [[nodiscard]] std::uint64_t whole_bytes() const { return whole_bytes_; }
  [[nodiscard]] std::optional<LogDamage> verdict(std::uint64_t acknowledged) && {
    if (flaw_ && flaw_->commits > 0) return std::move(flaw_);
    if (acknowledged == 0 || next_sequence_ > acknowledged) return std::nullopt;
    note_flaw(whole_bytes_);  // the newest log ends there
    flaw_->writes = next_sequence_ == 0 ? 0 : acknowledged + 1 - next_sequence_;
    flaw_->last_sequence = acknowledged;
    return std::move(flaw_);
  }

 private:
  /// A record goes on where it has begun, and no other one begins inside it.
  [[nodiscard]] bool fits(const Fragment& fragment) const { return flaw_ || fragment.begins_a_record() != in_record_; }

  void take(const Fragment& fragment, std::uint64_t end) {
    if (fragment.begins_a_record()) header_.clear();
    if (header_.size() < batch_header_bytes && (fragment.begins_a_record() || in_record_)) {
      // At a block's end a record begins with less than its header, or with nothing of it.
      header_.append(fragment.payload.substr(0, batch_header_bytes - header_.size()));
      if (header_.size() == batch_header_bytes) begin_record(header_);
    }
    in_record_ = fragment.type == first || fragment.type == middle;
    if (in_record_ || flaw_) return;
    next_sequence_ = behind_this_record_;
    whole_bytes_ = end;
  }

  void begin_record(std::string_view batch) {
    const auto sequence = integer_at<std::uint64_t>(batch, 0);
    const std::uint64_t count = integer_at<std::uint32_t>(batch, 8);
    // The older log ended in a record that was never acknowledged, and this one goes on behind the last good one: as RocksDB sees it.
    if (flawed_tail_ && sequence == next_sequence_) flaw_.reset();
    flawed_tail_ = false;
    if (flaw_) {
      ++flaw_->commits;
      flaw_->writes += count;
      flaw_->certain = flaw_->certain || flaw_->file == file_;
      flaw_->last_sequence = std::max(flaw_->last_sequence, sequence + std::max<std::uint64_t>(count, 1) - 1);
    } else {
      behind_this_record_ = sequence + count;
    }
  }

  void note_flaw(std::uint64_t offset) {
    if (flaw_) return;
    flaw_.emplace();
    flaw_->file = file_;
    flaw_->offset = offset;
    flaw_->whole_bytes = whole_bytes_;
    if (!file_.empty()) flaw_->files.push_back(file_);
  }

  /// Where in the block the next whole fragment begins that begins a record; its end if there is none. Bytes by chance
  /// are no record: one is as long as its header at least, or goes on in the next block.
  [[nodiscard]] static std::size_t search(std::string_view block, std::size_t at) {
    for (; at + header_bytes <= block.size(); ++at) {
      const auto fragment = read_fragment(block, at);
      if (!fragment || !fragment->begins_a_record()) continue;
      const bool goes_on = fragment->type == first && at + fragment->bytes() == block.size();
      if (goes_on || fragment->payload.size() >= batch_header_bytes) return at;
    }
    return block.size();
  }

  std::optional<LogDamage> flaw_;
  bool flawed_tail_ = false;  ///< the flaw is in an older file, and nothing has begun behind it so far
  std::string file_;
  std::uint64_t offset_ = 0;
  std::uint64_t whole_bytes_ = 0;
  std::uint64_t next_sequence_ = 0;  ///< behind the last whole record
  std::uint64_t behind_this_record_ = 0;
  bool in_record_ = false;
  std::string header_;  ///< of the record that is being read, as far as it has come
};

Result<void> inspect(rocksdb::Env& env, const std::string& path, std::string name, Inspection& inspection) {
  const auto failed = [&path](const rocksdb::Status& status) {
    return fail(Errc::service_unavailable, "the log " + path + " cannot be read: " + status.ToString());
  };
  std::unique_ptr<rocksdb::SequentialFile> file;
  auto status = env.NewSequentialFile(path, &file, {});
  if (!status.ok()) return failed(status);
  inspection.begin_file(std::move(name));
  constexpr std::size_t at_once = 16 * block_bytes;
  const auto scratch = std::make_unique<char[]>(at_once);
  for (;;) {
    rocksdb::Slice bytes;
    status = file->Read(at_once, &bytes, scratch.get());
    if (!status.ok()) return failed(status);
    std::string_view left(bytes.data(), bytes.size());
    while (!left.empty()) {
      const std::string_view block = left.substr(0, block_bytes);
      inspection.block(block);
      left.remove_prefix(block.size());
    }
    if (bytes.size() < at_once) return {};
  }
}

}  // namespace

Result<std::optional<LogDamage>> find_log_damage(rocksdb::Env& env, const std::string& folder,
                                                 std::uint64_t acknowledged) {
  Inspection inspection;
  for (auto& [number, name] : log_files(env, folder)) {
    const std::string path = folder + "/" + name;
    if (const auto read = inspect(env, path, std::move(name), inspection); !read) return read.error();
  }
  return std::move(inspection).verdict(acknowledged);
}

Result<std::uint64_t> bytes_of_whole_records(rocksdb::Env& env, const std::string& folder, const std::string& name) {
  Inspection inspection;
  if (const auto read = inspect(env, folder + "/" + name, name, inspection); !read) return read.error();
  return inspection.whole_bytes();
}

}  // namespace twinhub::storage

#include "storage/format/twin_delta.hpp"

#include "storage/format/bytes.hpp"
#include "storage/format/record.hpp"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace twinhub::storage {
namespace {

constexpr std::uint8_t delta_format = 1;
/// A twin's limits (8 KB of tags, 2 x 32 KB of properties by the size rule, their stamps) stay far below.
constexpr std::size_t record_bytes_max = 16U << 20;

enum class Step : std::uint8_t {
  copy = 0,    ///< n bytes of the old record
  skip = 1,    ///< n bytes of the old record are left out
  insert = 2,  ///< n bytes that follow
  stamp = 3,   ///< the delta's own stamp, n times
};
constexpr unsigned step_bits = 2;

/// Sections are compared in strides: nearly all of a large one stays as it is.
constexpr std::size_t stride = 64;

std::size_t common_head(std::string_view a, std::string_view b) {
  const std::size_t shorter = std::min(a.size(), b.size());
  std::size_t same = 0;
  while (shorter - same >= stride && std::memcmp(a.data() + same, b.data() + same, stride) == 0) same += stride;
  while (same < shorter && a[same] == b[same]) ++same;
  return same;
}

std::size_t common_tail(std::string_view a, std::string_view b) {
  const std::size_t shorter = std::min(a.size(), b.size());
  const char* a_end = a.data() + a.size();
  const char* b_end = b.data() + b.size();
  std::size_t same = 0;
  while (shorter - same >= stride && std::memcmp(a_end - same - stride, b_end - same - stride, stride) == 0)
    same += stride;
  while (same < shorter && *(a_end - same - 1) == *(b_end - same - 1)) ++same;
  return same;
}

/// Writes steps; neighbours that copy become one, and what is left of the old record is copied without saying so.
class DeltaWriter {
 public:
  explicit DeltaWriter(std::string& out) : out_(out) {}

  void copy(std::size_t bytes) { copied_ += bytes; }
  void replace(std::size_t old_bytes, std::string_view fresh) {
    if (old_bytes == 0 && fresh.empty()) return;
    flush();
    if (old_bytes > 0) step(Step::skip, old_bytes);
    if (fresh.empty()) return;
    step(Step::insert, fresh.size());
    out_ += fresh;
  }
  void replace_stamps(std::size_t old_bytes, std::size_t count) {
    flush();
    if (old_bytes > 0) step(Step::skip, old_bytes);
    step(Step::stamp, count);
  }
  template <class T>
  void integer(T before, T after) {
    if (before == after) return copy(sizeof after);
    replace(sizeof before, {reinterpret_cast<const char*>(&after), sizeof after});
  }
  void text(std::string_view before, std::string_view after) {
    integer(static_cast<std::uint32_t>(before.size()), static_cast<std::uint32_t>(after.size()));
    const std::size_t head = common_head(before, after);
    const std::size_t tail = common_tail(before.substr(head), after.substr(head));
    copy(head);
    replace(before.size() - head - tail, after.substr(head, after.size() - head - tail));
    copy(tail);
  }

 private:
  void flush() {
    if (copied_ > 0) step(Step::copy, std::exchange(copied_, 0));
  }
  void step(Step kind, std::size_t count) {
    ByteWriter(out_).varint(static_cast<std::uint64_t>(count) << step_bits | static_cast<std::uint8_t>(kind));
  }

  std::string& out_;
  std::size_t copied_ = 0;
};

/// Stamps that stay, and runs of those that became `fresh`; whatever else is between is written out.
void diff_stamps(DeltaWriter& writer, const std::vector<twin::Stamp>& before, const std::vector<twin::Stamp>& after,
                 const twin::Stamp& fresh) {
  constexpr std::size_t bytes = sizeof(twin::Stamp);
  writer.integer(static_cast<std::uint32_t>(before.size()), static_cast<std::uint32_t>(after.size()));
  std::size_t tail = 0;  // behind what was added or removed
  if (before.size() != after.size()) {
    const std::size_t shorter = std::min(before.size(), after.size());
    while (tail < shorter && before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) ++tail;
  }
  const std::size_t before_end = before.size() - tail, after_end = after.size() - tail;
  std::size_t i = 0;
  while (i < std::min(before_end, after_end)) {
    std::size_t end = i;
    while (end < std::min(before_end, after_end) && before[end] == after[end]) ++end;
    writer.copy((end - i) * bytes);
    i = end;
    while (end < std::min(before_end, after_end) && before[end] != after[end] && after[end] == fresh) ++end;
    if (end > i) writer.replace_stamps((end - i) * bytes, end - i);
    if (end == i && i < std::min(before_end, after_end)) {
      ++end;
      writer.replace(bytes, {reinterpret_cast<const char*>(&after[i]), bytes});
    }
    i = end;
  }
  if (before_end > i) writer.replace((before_end - i) * bytes, {});
  for (std::size_t rest = i; rest < after_end;) {
    std::size_t end = rest;
    while (end < after_end && after[end] == fresh) ++end;
    if (end > rest) {
      writer.replace_stamps(0, end - rest);
    } else {
      writer.replace(0, {reinterpret_cast<const char*>(&after[rest]), bytes});
      ++end;
    }
    rest = end;
  }
  writer.copy(tail * bytes);
}

void diff_section(DeltaWriter& writer, const twin::Section& before, const twin::Section& after,
                  const twin::Stamp& fresh) {
  writer.integer(before.version, after.version);
  writer.integer(before.size_bytes, after.size_bytes);
  writer.text(before.text, after.text);
  diff_stamps(writer, before.stamps, after.stamps, fresh);
}

/// The stamp that most of a change has: of the section that is newer, its root's.
const twin::Stamp& fresh_stamp(const twin::Twin& before, const twin::Twin& after) {
  return after.desired.version != before.desired.version ? after.desired.stamps.front() : after.reported.stamps.front();
}

}  // namespace

bool encode_delta(std::string& out, const twin::Twin& before, const twin::Twin& after, DeltaChain& chain) {
  const std::size_t old_bytes = encoded_bytes(before);
  const std::size_t new_bytes = encoded_bytes(after);
  const bool same_layout = has_configurations(before) == has_configurations(after);
  if (!chain.known || chain.count >= delta_count_max || !same_layout) return false;
  const std::size_t begin = out.size();
  const twin::Stamp fresh = fresh_stamp(before, after);
  ByteWriter header(out);
  header.integer(delta_format);
  header.integer(static_cast<std::uint32_t>(old_bytes));
  header.integer(static_cast<std::uint32_t>(new_bytes));
  header.raw(&fresh, sizeof fresh);
  DeltaWriter writer(out);
  writer.copy(1);  // the record's format
  writer.integer(before.etag_counter, after.etag_counter);
  writer.integer(before.tags_size_bytes, after.tags_size_bytes);
  writer.text(before.tags, after.tags);
  diff_section(writer, before.desired, after.desired, fresh);
  diff_section(writer, before.reported, after.reported, fresh);
  writer.text(before.model_id, after.model_id);
  if (has_configurations(after)) writer.text(before.configurations, after.configurations);
  const std::size_t delta_bytes = out.size() - begin;
  if (chain.bytes + delta_bytes > new_bytes) {
    out.resize(begin);
    return false;
  }
  ++chain.count;
  chain.bytes += static_cast<std::uint32_t>(delta_bytes);
  return true;
}

bool apply_delta(std::string_view record, std::string_view delta, std::string& out) {
  ByteReader reader(delta);
  twin::Stamp fresh;
  if (reader.integer<std::uint8_t>() != delta_format || reader.integer<std::uint32_t>() != record.size()) return false;
  const std::size_t bytes = reader.integer<std::uint32_t>();
  reader.raw(&fresh, sizeof fresh);
  if (!reader.ok() || bytes > record_bytes_max) return false;
  out.clear();
  out.reserve(bytes);
  while (reader.left() > 0) {
    const std::uint64_t step = reader.varint();
    const std::uint64_t count = step >> step_bits;
    const auto kind = static_cast<Step>(step & ((1U << step_bits) - 1));
    if (kind == Step::copy || kind == Step::skip) {
      if (!reader.ok() || count > record.size()) return false;
      if (kind == Step::copy) out += record.substr(0, count);
      record.remove_prefix(count);
    } else if (kind == Step::insert) {
      out += reader.view(count);
    } else {
      if (count > (bytes - std::min(bytes, out.size())) / sizeof fresh) return false;
      for (std::uint64_t i = 0; i < count; ++i) out.append(reinterpret_cast<const char*>(&fresh), sizeof fresh);
    }
    if (!reader.ok() || out.size() > bytes) return false;
  }
  out += record;
  return out.size() == bytes;
}

}  // namespace twinhub::storage

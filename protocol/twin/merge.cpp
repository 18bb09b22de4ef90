#include "protocol/twin/merge.hpp"

#include "protocol/twin/limits.hpp"
#include "protocol/twin/scan.hpp"

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <span>

namespace twinhub::twin {
namespace {

/// The members of one object of a patch, and which of them the stored object had.
class PatchMembers {
 public:
  struct Member {
    json::Value value;
    bool matched = false;
  };
  using Members = boost::container::small_vector<Member, 8>;

  PatchMembers(const json::Value& patch, bool is_root) {
    for (const json::Value member : patch) {
      if (is_root && is_hub_member(member.key_text())) continue;
      members_.push_back({member});
    }
    if (members_.size() <= linear_max) return;
    for (std::uint32_t i = 0; i < members_.size(); ++i) by_key_.push_back(i);
    std::sort(by_key_.begin(), by_key_.end(), [this](std::uint32_t a, std::uint32_t b) { return key(a) < key(b); });
  }

  Member* find(std::string_view wanted) {
    if (by_key_.empty()) {
      const auto found = std::find_if(members_.begin(), members_.end(),
                                      [&](const Member& member) { return member.value.key_text() == wanted; });
      return found == members_.end() ? nullptr : &*found;
    }
    const auto found = std::lower_bound(by_key_.begin(), by_key_.end(), wanted,
                                        [this](std::uint32_t i, std::string_view text) { return key(i) < text; });
    return found == by_key_.end() || key(*found) != wanted ? nullptr : &members_[*found];
  }

  void match(Member& member) {
    member.matched = true;
    ++matched_;
  }
  [[nodiscard]] bool all_matched() const { return matched_ == members_.size(); }
  [[nodiscard]] const Members& all() const { return members_; }

 private:
  /// Patches are narrow as a rule; wide ones are searched by halves, so that no patch makes a merge quadratic.
  static constexpr std::size_t linear_max = 16;
  [[nodiscard]] std::string_view key(std::uint32_t i) const { return members_[i].value.key_text(); }

  Members members_;
  std::size_t matched_ = 0;
  std::vector<std::uint32_t> by_key_;
};

class Merger {
 public:
  /// `text`: the stored section, empty when there is none; `stamps`: its own, without data when it has none.
  Merger(std::string_view text, std::span<const Stamp> stamps, bool stamped, Stamp fresh, Merged& out)
      : limit_(text.data() + text.size()),
        stamp_(stamps.data()),
        stamps_end_(stamps.data() + stamps.size()),
        stamped_(stamped),
        fresh_(fresh),
        out_(out) {}

  /// Writes `value` without its nulls; all of it is new.
  void write_new(const json::Value& value, bool is_root) {
    if (!value.is_object()) {
      push_fresh();
      out_.size_bytes += measure(value.text().data()).size_bytes;
      out_.text += value.text();
      return;
    }
    push_fresh();
    out_.text += '{';
    bool first = true;
    for (const json::Value member : value) {
      if (member.is_null() || (is_root && is_hub_member(member.key_text()))) continue;
      write_key(member.key_text(), first);
      write_new(member, false);
    }
    out_.text += '}';
  }

  /// Merges `patch` into the stored object at `at`; returns the place behind it and says whether anything was touched.
  const char* merge_object(const char* at, const json::Value& patch, bool is_root, bool& touched) {
    const std::size_t own_stamp = out_.stamps.size();
    if (stamp_ != nullptr) out_.stamps.push_back(*stamp_++);
    PatchMembers members(patch, is_root);
    bool touched_here = false;
    bool first = true;
    out_.text += '{';
    ++at;
    while (*at != '}') {
      if (members.all_matched()) {
        at = copy_rest(at, is_root, first);
        break;
      }
      if (*at == ',') ++at;
      const char* key_begin = at + 1;
      const char* quote = end_of_string(key_begin);
      const std::string_view key(key_begin, static_cast<std::size_t>(quote - key_begin));
      PatchMembers::Member* named = members.find(key);
      if (named == nullptr) {
        const Extent kept = skip(quote + 2, limit_);
        if (!first) out_.text += ',';
        first = false;
        out_.text.append(at, kept.end);
        copy_stamps(kept.stamps);
        at = kept.end;
        continue;
      }
      members.match(*named);
      at = merge_member(quote + 2, key, named->value, first, touched_here);
    }
    for (const PatchMembers::Member& member : members.all()) {
      if (member.matched || member.value.is_null()) continue;
      write_key(member.value.key_text(), first);
      write_new(member.value, false);
      touched_here = true;
    }
    out_.text += '}';
    if (touched_here && stamp_ != nullptr) out_.stamps[own_stamp] = fresh_;
    touched = touched || touched_here;
    return at + 1;
  }

 private:
  /// The stored member `key` with its value at `at` meets the patch's value for it.
  const char* merge_member(const char* at, std::string_view key, const json::Value& value, bool& first, bool& touched) {
    if (value.is_object() && *at == '{') {
      write_known_key(key, first);
      return merge_object(at, value, false, touched);
    }
    const Extent old = measure(at);
    if (stamp_ != nullptr) stamp_ += old.stamps;
    out_.size_bytes -= old.size_bytes;
    touched = true;
    if (value.is_null()) {
      out_.size_bytes -= string_size(key);
      return old.end;
    }
    write_known_key(key, first);
    write_new(value, false);
    return old.end;
  }

  /// A key whose size is in the total already.
  void write_known_key(std::string_view key, bool& first) {
    if (!first) out_.text += ',';
    first = false;
    out_.text += '"';
    out_.text += key;
    out_.text += "\":";
  }
  void write_key(std::string_view key, bool& first) {
    write_known_key(key, first);
    out_.size_bytes += string_size(key);
  }

  void copy_stamps(std::uint32_t count) {
    if (stamp_ == nullptr) return;
    out_.stamps.insert(out_.stamps.end(), stamp_, stamp_ + count);
    stamp_ += count;
  }
  /// Copies the rest of an object, which the patch does not name; returns the place of its closing brace.
  const char* copy_rest(const char* at, bool is_root, bool first) {
    if (first && *at == ',') ++at;
    const Extent rest =
        is_root ? Extent{limit_, static_cast<std::uint32_t>(stamps_end_ - stamp_), 0} : skip_rest(at, limit_);
    out_.text.append(at, rest.end - 1);
    copy_stamps(rest.stamps);
    return rest.end - 1;
  }
  void push_fresh() {
    if (stamped_) out_.stamps.push_back(fresh_);
  }

  const char* limit_;  // end of the stored text
  const Stamp* stamp_;
  const Stamp* stamps_end_;
  bool stamped_;
  Stamp fresh_;
  Merged& out_;
};

}  // namespace

Merged merge(std::string_view text, const std::vector<Stamp>* stamps, std::uint32_t size_bytes,
             const json::Value& patch, Stamp fresh, bool touch_root) {
  Merged merged;
  merged.size_bytes = size_bytes;
  merged.text.reserve(text.size() + patch.text().size());
  if (stamps != nullptr) merged.stamps.reserve(stamps->size() + 16);
  Merger merger(text, stamps == nullptr ? std::span<const Stamp>() : std::span(*stamps), stamps != nullptr, fresh,
                merged);
  merger.merge_object(text.data(), patch, true, merged.touched);
  if (touch_root && stamps != nullptr) merged.stamps[0] = fresh;
  return merged;
}

Merged replace(const json::Value& section, bool with_stamps, Stamp fresh) {
  Merged merged;
  Merger merger({}, {}, with_stamps, fresh, merged);
  merger.write_new(section, true);
  merged.touched = true;
  return merged;
}

}  // namespace twinhub::twin

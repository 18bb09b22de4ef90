// Random patches against a naive reference: a tree that is merged value by value, with stamps in its nodes. Text,
// stamps and size of the real thing must come out the same.
#include "protocol/json/document.hpp"
#include "protocol/json/text.hpp"
#include "twin_fixture.hpp"

#include <random>
#include <vector>

namespace twinhub::twin {
namespace {

struct Member;
struct Tree {
  bool is_object = false;
  std::string leaf;  ///< canonical text
  std::vector<Member> members;
  Stamp stamp;
};
struct Member {
  std::string key;
  Tree tree;
};

Tree* find(Tree& object, const std::string& key) {
  for (Member& member : object.members) {
    if (member.key == key) return &member.tree;
  }
  return nullptr;
}

Tree make(const json::Value& value, Stamp fresh) {
  Tree tree{value.is_object(), "", {}, fresh};
  if (!tree.is_object) tree.leaf = value.text();
  if (tree.is_object) {
    for (const json::Value member : value) {
      if (!member.is_null()) tree.members.push_back({std::string(member.key_text()), make(member, fresh)});
    }
  }
  return tree;
}

bool merge_into(Tree& base, const json::Value& patch, Stamp fresh) {
  bool touched = false;
  for (const json::Value member : patch) {
    const std::string key(member.key_text());
    Tree* old = find(base, key);
    if (member.is_null()) {
      if (old != nullptr) touched = std::erase_if(base.members, [&](const auto& m) { return m.key == key; }) > 0;
    } else if (old != nullptr && old->is_object && member.is_object()) {
      touched = merge_into(*old, member, fresh) || touched;
    } else if (old != nullptr) {
      *old = make(member, fresh);
      touched = true;
    } else {
      base.members.push_back({key, make(member, fresh)});
      touched = true;
    }
  }
  if (touched) base.stamp = fresh;
  return touched;
}

void write(const Tree& tree, std::string& text, std::vector<Stamp>& stamps) {
  stamps.push_back(tree.stamp);
  if (!tree.is_object) {
    text += tree.leaf;
    return;
  }
  text += '{';
  for (const auto& [key, child] : tree.members) {
    if (text.back() != '{') text += ',';
    text += '"' + key + "\":";
    write(child, text, stamps);
  }
  text += '}';
}

/// The twin size rule, from the plain characters.
std::uint32_t characters(std::string_view plain) {
  std::uint32_t size = 0;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const auto byte = static_cast<unsigned char>(plain[i]);
    const bool c1 = byte == 0xC2 && i + 1 < plain.size() && static_cast<unsigned char>(plain[i + 1]) < 0xA0;
    if (c1) ++i;
    if (byte >= 0x20 && !c1) ++size;
  }
  return size;
}

std::uint32_t size_of(const json::Value& value) {
  std::uint32_t size = 0;
  switch (value.kind()) {
    case json::Kind::object:
      for (const json::Value member : value) size += characters(json::unescape(member.key_text())) + size_of(member);
      return size;
    case json::Kind::array:
      for (const json::Value element : value) size += size_of(element);
      return size;
    case json::Kind::string:
      return characters(*value.string());
    case json::Kind::boolean:
      return 4;
    default:
      return 8;
  }
}

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}
  std::size_t below(std::size_t bound) { return random_() % bound; }

  std::string key() {
    static constexpr const char* keys[] = {"a", "b", "c", "dd", "é", "q\\\"", "b\\\\", "漢字", ""};
    return keys[below(std::size(keys))];
  }
  std::string leaf(bool null_allowed) {
    static constexpr const char* leaves[] = {"1",
                                             "-2.50",
                                             "1e3",
                                             "true",
                                             "false",
                                             "\"\"",
                                             "\"x}{\\\"],\"",
                                             "\"\\n\\u0001é\\u0085\"",
                                             "\"a longer text, with: marks\"",
                                             "[]",
                                             "[1,[\"]\"],{\"k\":\"}\"}]"};
    return null_allowed && below(4) == 0 ? "null" : leaves[below(std::size(leaves))];
  }
  std::string object(unsigned depth) {
    std::string out = "{";
    for (std::size_t count = below(5); count > 0; --count) {
      if (out.size() > 1) out += ',';
      out += '"' + key() + "\":" + (depth > 0 && below(2) == 0 ? object(depth - 1) : leaf(true));
    }
    return out + "}";
  }

 private:
  std::minstd_rand random_;
};

TEST(TwinMergeProperty, TextStampsAndSizeEqualTheReference) {
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", static_cast<int>(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  Generator generator(seed);
  for (int twin_number = 0; twin_number < 200; ++twin_number) {
    Twin twin = make_twin(created);
    Tree reference{true, "", {}, {created, 0}};
    for (int step = 0; step < 20; ++step) {
      const std::string body = generator.object(3);
      const Timestamp now{later.ticks + static_cast<std::uint64_t>(step)};
      const auto document = json::parse(body);
      ASSERT_TRUE(document) << body;
      const ServiceUpdate update = patch(twin, desired_body(body), now);
      const bool touched = merge_into(reference, document->root(), {now, twin.desired.version + 1});
      ASSERT_EQ(update.changed, touched) << body;
      std::string text;
      std::vector<Stamp> stamps;
      write(reference, text, stamps);
      ASSERT_EQ(update.after.desired.text, text) << twin.desired.text << " + " << body;
      ASSERT_EQ(update.after.desired.stamps, stamps) << twin.desired.text << " + " << body;
      const auto after = json::parse(update.after.desired.text);
      ASSERT_TRUE(after);
      ASSERT_EQ(after->text(), update.after.desired.text);
      ASSERT_EQ(update.after.desired.size_bytes, size_of(after->root())) << text;
      twin = update.after;
    }
  }
}

}  // namespace
}  // namespace twinhub::twin

#include "protocol/configuration/desired_tree.hpp"

#include "protocol/twin/limits.hpp"

#include <algorithm>
#include <optional>

namespace twinhub::configuration {
namespace {

std::optional<json::Value> member_of(const json::Value& object, std::string_view key_text) {
  for (const json::Value member : object) {
    if (member.key_text() == key_text) return member;
  }
  return std::nullopt;
}

std::size_t count_of(const json::Value& object) {
  std::size_t count = 0;
  for ([[maybe_unused]] const json::Value member : object) ++count;
  return count;
}

/// "$metadata" and "$version" of a whole section are the hub's own.
bool is_passed_over(const json::Value& member, bool is_root) {
  return is_root && twin::is_hub_member(member.key_text());
}

}  // namespace

const DesiredTree::Node* DesiredTree::Node::find(std::string_view wanted) const {
  const auto found = std::find_if(members.begin(), members.end(), [&](const Node& node) { return node.key == wanted; });
  return found == members.end() ? nullptr : &*found;
}

DesiredTree::Node& DesiredTree::Node::need(std::string_view wanted) {
  const auto found = std::find_if(members.begin(), members.end(), [&](const Node& node) { return node.key == wanted; });
  if (found != members.end()) return *found;
  return members.emplace_back(Node{std::string(wanted), {}, {}});
}

/// Replaces the node with `value`.
void DesiredTree::set(Node& node, const json::Value& value, bool is_root) {
  node.members.clear();
  node.leaf.clear();
  if (!value.is_object()) {
    node.leaf = value.text();
    return;
  }
  for (const json::Value member : value) {
    if (!is_passed_over(member, is_root)) set(node.need(member.key_text()), member, false);
  }
}

/// The leaves of `value` that the node, an object, does not speak of.
bool DesiredTree::fill(Node& node, const json::Value& value, bool is_root) {
  if (!node.is_object() || !value.is_object()) return false;
  bool filled = false;
  for (const json::Value member : value) {
    if (is_passed_over(member, is_root)) continue;
    const bool is_new = node.find(member.key_text()) == nullptr;
    Node& own = node.need(member.key_text());
    if (is_new) {
      set(own, member, false);
      filled = true;
    } else if (fill(own, member, false)) {
      filled = true;
    }
  }
  return filled;
}

bool DesiredTree::put_below(const PropertyPath& path, const json::Value& value) {
  Node* node = &root_;
  bool is_new = false;
  for (const std::string& key : path) {
    if (!node->is_object()) return false;
    is_new = node->find(key) == nullptr;
    node = &node->need(key);
  }
  if (!is_new) return fill(*node, value, path.empty());
  set(*node, value, false);
  return true;
}

void DesiredTree::put_over(const PropertyPath& path, const json::Value& value) {
  Node* node = &root_;
  for (const std::string& key : path) {
    node->leaf.clear();
    node = &node->need(key);
  }
  set(*node, value, path.empty());
}

void DesiredTree::merge(Node& node, const Node& over) {
  if (!over.is_object() || !node.is_object()) {
    node.leaf = over.leaf;
    node.members = over.members;
    return;
  }
  for (const Node& member : over.members) merge(node.need(member.key), member);
}

void DesiredTree::merge(const DesiredTree& over) { merge(root_, over.root_); }

/// Whether the node sets any value, rather than only nulls. An object without members is a value.
bool DesiredTree::holds_a_value(const Node& node) {
  if (!node.is_object()) return !node.is_null();
  return node.members.empty() || std::any_of(node.members.begin(), node.members.end(), holds_a_value);
}

void DesiredTree::append(std::string& out, const Node& node, bool with_nulls) {
  if (!node.is_object()) {
    out += node.leaf;
    return;
  }
  out += '{';
  for (const Node& member : node.members) {
    if (!with_nulls && member.is_null()) continue;
    if (out.back() != '{') out += ',';
    out.append("\"").append(member.key).append("\":");
    append(out, member, with_nulls);
  }
  out += '}';
}

std::string DesiredTree::text() const {
  std::string out;
  append(out, root_, false);
  return out;
}

/// The patch that gives `current`, an object, the values of `node`.
void DesiredTree::want(const Node& node, const json::Value& current, bool absolute, Node& patch) {
  for (const Node& member : node.members) {
    const auto now = member_of(current, member.key);
    if (member.is_null()) {
      if (now) patch.need(member.key).leaf = "null";
    } else if (member.is_object() && now && now->is_object()) {
      Node deeper{member.key, {}, {}};
      want(member, *now, absolute, deeper);
      if (!deeper.members.empty()) patch.members.push_back(std::move(deeper));
    } else if (!now || now->text() != member.leaf) {
      if (now || holds_a_value(member)) patch.members.push_back(member);
    }
  }
  if (!absolute) return;
  for (const json::Value member : current) {
    if (node.find(member.key_text()) == nullptr) patch.need(member.key_text()).leaf = "null";
  }
}

/// Removes from `current` the values that `gone` set and `kept` does not set. True: `current` has become empty.
bool DesiredTree::take_away(const Node& gone, const Node* kept, const json::Value& current, Node& patch) {
  std::size_t taken = 0;
  for (const Node& member : gone.members) {
    const auto now = member_of(current, member.key);
    const Node* const wanted = kept == nullptr ? nullptr : kept->find(member.key);
    if (!now || (wanted != nullptr && !wanted->is_object())) continue;
    bool whole = false;
    if (member.is_object() && now->is_object()) {
      Node deeper{member.key, {}, {}};
      whole = take_away(member, wanted, *now, deeper) && wanted == nullptr;
      if (!whole && !deeper.members.empty()) merge(patch.need(member.key), deeper);
    } else {
      whole = wanted == nullptr && !member.is_object() && now->text() == member.leaf;
    }
    if (!whole) continue;
    patch.need(member.key).leaf = "null";
    ++taken;
  }
  return taken == count_of(current);
}

std::string DesiredTree::patch_for(const json::Value& desired, bool absolute, const DesiredTree& gone) const {
  Node patch;
  want(root_, desired, absolute, patch);
  take_away(gone.root_, &root_, desired, patch);
  if (patch.members.empty()) return {};
  std::string out;
  append(out, patch, true);
  return out;
}

}  // namespace twinhub::configuration

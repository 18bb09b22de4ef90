// The values that configurations set in a twin's desired properties, as a tree that keeps nulls, and the patch that is
// still missing from a twin.
#pragma once

#include "protocol/json/document.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::configuration {

/// Keys below "properties.desired", each in canonical escaped form; empty = desired properties as a whole.
using PropertyPath = std::vector<std::string>;

/// One thread.
class DesiredTree {
 public:
  /// Adds `value` at `path`; values that are there already win, leaf by leaf. False: every leaf of `value` lost.
  bool put_below(const PropertyPath& path, const json::Value& value);
  /// `value` takes the place of everything at `path`.
  void put_over(const PropertyPath& path, const json::Value& value);
  /// Lays `over` on top: its leaves win, its objects merge.
  void merge(const DesiredTree& over);

  [[nodiscard]] bool empty() const { return root_.members.empty(); }
  /// Canonical JSON of all that is no null.
  [[nodiscard]] std::string text() const;

  /// The merge patch (RFC 7386) that gives `desired`, an object, the values of this tree; "" when it has them already.
  /// `absolute`: members of `desired` that this tree lacks are removed. Leaves of `gone` that `desired` still holds
  /// with the same value, and that this tree says nothing of, are removed, and with them objects that become empty.
  [[nodiscard]] std::string patch_for(const json::Value& desired, bool absolute, const DesiredTree& gone) const;

 private:
  struct Node {
    std::string key;   ///< in canonical escaped form
    std::string leaf;  ///< canonical JSON of a scalar, array or null; "" = an object
    std::vector<Node> members = {};

    [[nodiscard]] const Node* find(std::string_view wanted) const;
    Node& need(std::string_view wanted);
    [[nodiscard]] bool is_object() const { return leaf.empty(); }
    [[nodiscard]] bool is_null() const { return leaf == "null"; }
  };

  static void set(Node& node, const json::Value& value, bool is_root);
  static bool fill(Node& node, const json::Value& value, bool is_root);
  static void merge(Node& node, const Node& over);
  [[nodiscard]] static bool holds_a_value(const Node& node);
  static void append(std::string& out, const Node& node, bool with_nulls);
  static void want(const Node& node, const json::Value& current, bool absolute, Node& patch);
  static bool take_away(const Node& gone, const Node* kept, const json::Value& current, Node& patch);

  Node root_;
};

}  // namespace twinhub::configuration

// The merge of a patch into a stored section (RFC 7386): objects merge, null removes a property. One pass over two
// texts: properties that the patch does not name are copied in runs, text and stamps alike.
#pragma once

#include "protocol/json/document.hpp"
#include "protocol/twin/document.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::twin {

struct Merged {
  std::string text;
  std::vector<Stamp> stamps;  ///< empty when merged without stamps (tags)
  std::uint32_t size_bytes = 0;
  bool touched = false;  ///< a value was set or a key removed
};

/// Merges `patch` (an object that check_section() passed) into the canonical object `text`. Every touched node and its
/// ancestors get `fresh`; the root always does when `touch_root`. `stamps` is null for tags.
[[nodiscard]] Merged merge(std::string_view text, const std::vector<Stamp>* stamps, std::uint32_t size_bytes,
                           const json::Value& patch, Stamp fresh, bool touch_root = false);

/// `section` alone, its nulls removed at every depth, every node stamped `fresh`.
[[nodiscard]] Merged replace(const json::Value& section, bool with_stamps, Stamp fresh);

}  // namespace twinhub::twin

// The JSON that devices and back ends send: a patch of a wanted size whose number makes each one different, and what is
// read back out of answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::load {

/// Makes patches of one size and shape, e.g. {"load":{"temperature":21.5,"mode":"auto","sequence":42,"note":"xxx"}}.
class Patch {
 public:
  /// `depth`: objects below the root, at least 1; the number stands in the innermost. Smaller than the shape needs, it
  /// is as small as that.
  Patch(std::size_t bytes, std::size_t depth);

  /// The text with this number in it; it lives until the next call.
  [[nodiscard]] std::string_view make(std::uint64_t sequence);

 private:
  std::string head_;  // up to the number
  std::string tail_;  // behind the filler
  std::size_t bytes_;
  std::string text_;
};

/// Reported properties of about `bytes`, in components of eight short leaves, beside the patches' own.
[[nodiscard]] std::string fill_patch(std::size_t bytes);

/// The number behind the last `key` in `text`, e.g. of `"$version":` or `$rid=`.
[[nodiscard]] std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key);

}  // namespace twinhub::load

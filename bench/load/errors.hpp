// What can be wrong with an answer. A run counts as a measurement only while every one of these is zero.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::load {

enum class Wrong : std::uint8_t {
  lost,        ///< no answer came, or an acknowledged change is not there afterwards
  late,        ///< it came after the patience was over
  unexpected,  ///< it answers nothing that was asked, or a second time: a wrong rid, packet identifier or number
  version,     ///< a version that is missing, out of order or not the next one
  refused,     ///< an answer, and a bad one: a status or return code other than success
  malformed,   ///< no MQTT or HTTP, or a body other than the one that must come
  closed,      ///< the server ended the connection, or did not take it
};

inline constexpr std::array<std::string_view, 7> wrong_names{"lost",    "late",      "unexpected", "version",
                                                             "refused", "malformed", "closed"};

/// Counts errors and keeps the words of the first few.
class Errors {
 public:
  static constexpr std::size_t examples_max = 5;

  void add(Wrong kind, const std::string& what) {
    ++counts_[static_cast<std::size_t>(kind)];
    if (examples_.size() < examples_max)
      examples_.push_back(std::string(wrong_names[static_cast<std::size_t>(kind)]) + ": " + what);
  }
  [[nodiscard]] std::uint64_t count(Wrong kind) const { return counts_[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : counts_) sum += count;
    return sum;
  }
  [[nodiscard]] const std::vector<std::string>& examples() const { return examples_; }

 private:
  std::array<std::uint64_t, wrong_names.size()> counts_{};
  std::vector<std::string> examples_;
};

}  // namespace twinhub::load

#include "config/nearest.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace twinhub::config {
namespace {

/// How many characters must change to make `a` out of `b`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view nearest_of(std::span<const std::string_view> names, std::string_view wrong) {
  return *std::min_element(names.begin(), names.end(), [&](std::string_view a, std::string_view b) {
    return edit_distance(wrong, a) < edit_distance(wrong, b);
  });
}

std::optional<std::string_view> close_to(std::span<const std::string_view> names, std::string_view wrong) {
  if (names.empty()) return std::nullopt;
  const std::string_view nearest = nearest_of(names, wrong);
  const std::size_t changes_max = std::max<std::size_t>(2, wrong.size() / 3);
  if (edit_distance(wrong, nearest) > changes_max || edit_distance(wrong, nearest) >= nearest.size())
    return std::nullopt;
  return nearest;
}

}  // namespace twinhub::config

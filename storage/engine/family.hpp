// The key spaces of the store (FORMAT.md, "Column families and keys"): each is ordered by itself.
#pragma once

#include "storage/records.hpp"

#include <cstddef>

namespace twinhub::storage {

/// From `records` on: one for each RecordKind.
enum class Family : std::size_t {
  meta = 0,
  identities,
  twins,
  sessions,
  events,
  records,
  count = records + static_cast<std::size_t>(RecordKind::count)
};

[[nodiscard]] constexpr Family family_of(RecordKind kind) {
  return static_cast<Family>(static_cast<std::size_t>(Family::records) + static_cast<std::size_t>(kind));
}

/// Whether a value may be changed by deltas, WriteBatch::merge(). Such a family takes no erase_range().
[[nodiscard]] constexpr bool takes_deltas(Family family) { return family == Family::twins; }

}  // namespace twinhub::storage

// The changes of one commit cycle, gathered in the form in which the engine writes them: a value is copied once, from
// the caller's buffer into the batch.
#pragma once

#include "storage/engine/family.hpp"

#include <cstddef>
#include <string_view>

namespace twinhub::storage {

/// Applied in the order of the calls, as a whole or not at all (Engine::commit). One thread at a time.
class WriteBatch {
 public:
  virtual ~WriteBatch() = default;

  virtual void put(Family family, std::string_view key, std::string_view value) = 0;
  /// The value is `head` and `tail`, one behind the other.
  virtual void put_joined(Family family, std::string_view key, std::string_view head, std::string_view tail) = 0;
  /// Puts a delta (storage/format/twin_delta.hpp) onto the value; readers see the outcome. A delta that does not fit
  /// the value makes every read of that key an Error. REQUIRES: takes_deltas(family).
  virtual void merge(Family family, std::string_view key, std::string_view delta) = 0;
  virtual void erase(Family family, std::string_view key) = 0;
  /// Erases every key from `begin` on that is smaller than `end`, of this batch too. REQUIRES: !takes_deltas(family).
  virtual void erase_range(Family family, std::string_view begin, std::string_view end) = 0;

  /// Empties the batch, keeping its memory.
  virtual void clear() = 0;
  /// Bytes in the batch.
  [[nodiscard]] virtual std::size_t bytes() const = 0;
};

}  // namespace twinhub::storage

// One moment of a running store, made into files: what backups stand on.
#pragma once

#include "protocol/error.hpp"

#include <filesystem>
#include <functional>

namespace twinhub::storage {

class Store;

/// The side of a store that can be copied. Any thread.
class Cut {
 public:
  /// Makes `folder` (it is not there, its parent is) and in it files from which a store opens that holds what was
  /// durable at one moment: every acknowledged write, and whole units only. `meanwhile` (may be empty) runs at that
  /// moment, for what stands beside the store: nothing becomes durable until it returns, so it must be quick. May take
  /// seconds itself. Errors: operation_not_allowed_in_current_state when nothing is on disk; service_unavailable; those of
  /// `meanwhile`.
  [[nodiscard]] virtual Result<void> checkpoint(const std::filesystem::path& folder,
                                                const std::function<Result<void>()>& meanwhile) = 0;

 protected:
  ~Cut() = default;
};

/// Of a store that an engine stands behind; it lives as long as the store does. REQUIRES: `store` is one, as
/// open_rocksdb_store() makes it.
[[nodiscard]] Cut& cut_of(Store& store);

}  // namespace twinhub::storage

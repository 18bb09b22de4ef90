// Whether a store that nobody has open would open, and whether all of it can be read.
#pragma once

#include "protocol/error.hpp"
#include "storage/store.hpp"

#include <cstdint>

namespace twinhub::storage {

struct StoreCheck {
  std::uint64_t identities = 0;  ///< devices and modules, each with its twin
  std::uint64_t records = 0;
  std::uint64_t events = 0;
};

/// Reads the whole store in `options.directory` and changes nothing: the logs as a start would, every table's checksums,
/// every identity, twin and event. Errors, in words for the operator: there is no store; a hub has it open; what is
/// damaged, or written by a newer twinhub.
[[nodiscard]] Result<StoreCheck> check_rocksdb_store(StoreOptions options);

}  // namespace twinhub::storage

// A killed store's logs, damaged at one byte after the other.
#pragma once

#include "storage/store.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>

namespace twinhub::storage::testing {

struct FlipCounts {
  std::size_t refused = 0;                  ///< starts, in words
  std::size_t opened = 0;                   ///< the store came up all the same
  std::size_t opened_without_the_last = 0;  ///< of these: the flip was in the very last record
};

/// Flips every `step`-th byte of what stands in the logs of `folder`, one at a time, and starts. Where the store opens,
/// `lost_in` is asked how many acknowledged writes are missing, and none may be: but for a flip in the very last
/// record, which may have been torn before its commit was acknowledged. Fails the test otherwise.
FlipCounts flip_logs(const std::filesystem::path& folder, std::size_t step,
                     const std::function<std::uint64_t(const StoreOptions& options)>& lost_in);

}  // namespace twinhub::storage::testing

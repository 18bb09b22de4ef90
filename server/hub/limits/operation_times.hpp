// How long a door takes over the operations of its peers, from the bytes that ask to the answer that is written.
#pragma once

#include "server/hub/limits/operation.hpp"
#include "storage/tally.hpp"

#include <array>
#include <chrono>
#include <cstddef>

namespace twinhub::hub {

using OperationTimeCounts = std::array<TimeCounts, operation_count>;

/// One for each I/O thread of a door, which alone calls add().
class OperationTimes {
 public:
  void add(Operation operation, std::chrono::nanoseconds time) {
    tallies_[static_cast<std::size_t>(operation)].add(time);
  }
  /// Any thread.
  void add_to(OperationTimeCounts& sum) const {
    for (std::size_t i = 0; i < operation_count; ++i) sum[i] += tallies_[i].counts();
  }

 private:
  std::array<TimeTally, operation_count> tallies_;
};

}  // namespace twinhub::hub

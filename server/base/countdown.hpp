// One answer for several writes: it is given when the last of them is durable, or has failed.
#pragma once

#include "protocol/error.hpp"
#include "storage/guarded.hpp"

#include <cassert>
#include <cstddef>
#include <optional>

namespace twinhub::hub {

/// Counts the writes that are not settled yet. Any thread.
class Countdown {
 public:
  explicit Countdown(std::size_t writes) : left_(writes) {}

  /// One write is durable, or has failed. Returns the outcome of all behind the last one: the first Error that was
  /// reported, if any. REQUIRES: not called more often than there are writes.
  [[nodiscard]] std::optional<Result<void>> settle(const Result<void>& written) {
    const MutexLock lock(mutex_);
    assert(left_ > 0);
    if (!written && outcome_) outcome_ = written;
    if (--left_ > 0) return std::nullopt;
    return outcome_;
  }

 private:
  Mutex mutex_;
  std::size_t left_ GUARDED_BY(mutex_);
  Result<void> outcome_ GUARDED_BY(mutex_);
};

}  // namespace twinhub::hub

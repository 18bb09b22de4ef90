// A clock that stands still until it is moved.
#pragma once

#include "server/base/clock.hpp"

#include <atomic>

namespace twinhub::management {

class StillClock final : public hub::Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return {ticks_.load()}; }
  void advance_seconds(std::uint64_t seconds) { ticks_ += seconds * ticks_per_second; }

 private:
  std::atomic<std::uint64_t> ticks_ = timestamp_from_unix(1'800'000'000, 0).ticks;
};

}  // namespace twinhub::management

// Deadlines of all connections of a thread, with a resolution of one second: one timer instead of one per connection. A
// connection that was heard of does not touch the wheel: its deadline is looked at anew when the old one comes up.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace twinhub::wire {

using Clock = std::chrono::steady_clock;

/// One thread.
class TimerWheel {
 public:
  /// How far ahead a deadline may be; what is further away comes up at about this time.
  static constexpr std::chrono::seconds reach{2000};

  explicit TimerWheel(Clock::time_point now) : begin_(now) {}

  /// Brings `id` up at the first tick at or after `deadline`, or at the wheel's end when that is further away.
  void schedule(std::uint64_t id, Clock::time_point deadline);
  /// Hands every id that is due to `due`, which may schedule again.
  void advance(Clock::time_point now, const std::function<void(std::uint64_t id)>& due);

 private:
  static constexpr std::size_t slot_count = 2048;
  static_assert(reach.count() + 2 < slot_count, "a deadline within reach has a slot ahead of the present one");

  Clock::time_point begin_;
  std::uint64_t tick_ = 0;  ///< seconds since begin_ that are done
  std::vector<std::vector<std::uint64_t>> slots_{slot_count};
};

}  // namespace twinhub::wire

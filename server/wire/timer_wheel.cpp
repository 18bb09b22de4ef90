#include "server/wire/timer_wheel.hpp"

#include <algorithm>
#include <utility>

namespace twinhub::wire {

void TimerWheel::schedule(std::uint64_t id, Clock::time_point deadline) {
  const auto after = std::chrono::ceil<std::chrono::seconds>(deadline - begin_).count();
  const std::uint64_t wanted = after < 0 ? 0 : static_cast<std::uint64_t>(after);
  const std::uint64_t tick = std::clamp(wanted, tick_ + 1, tick_ + slot_count - 1);
  slots_[tick % slot_count].push_back(id);
}

void TimerWheel::advance(Clock::time_point now, const std::function<void(std::uint64_t)>& due) {
  const auto elapsed = std::chrono::floor<std::chrono::seconds>(now - begin_).count();
  const std::uint64_t target = elapsed < 0 ? 0 : static_cast<std::uint64_t>(elapsed);
  // After a long sleep of the machine every slot is due: one turn of the wheel says it all.
  tick_ = std::max(tick_, target > slot_count ? target - slot_count : 0);
  while (tick_ < target) {
    ++tick_;
    auto ids = std::exchange(slots_[tick_ % slot_count], {});
    for (const std::uint64_t id : ids) due(id);
  }
}

}  // namespace twinhub::wire

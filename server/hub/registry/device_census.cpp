#include "server/hub/registry/device_census.hpp"

#include <algorithm>
#include <utility>

namespace twinhub::hub {

void DeviceCensus::tick() {
  constexpr std::uint64_t pause_per_work = 100;
  const Timestamp begin = clock_.steady();
  if (!count_) {
    if (begin < next_) return;
    auto count = registry_.count();
    if (!count) return;  // the store's trouble is told by others
    count_.emplace(std::move(*count));
    worked_ticks_ = 0;
  }
  const auto more = count_->step();
  const Timestamp now = clock_.steady();
  worked_ticks_ += now.ticks - begin.ticks;
  if (more && *more) return;
  next_.ticks = now.ticks + std::max(ticks_per_second, pause_per_work * worked_ticks_);
  if (more) {
    const MutexLock lock(mutex_);
    figures_ = Figures{count_->enabled(), count_->disabled()};
  }
  count_.reset();
}

std::optional<DeviceCensus::Figures> DeviceCensus::figures() const {
  const MutexLock lock(mutex_);
  return figures_;
}

}  // namespace twinhub::hub

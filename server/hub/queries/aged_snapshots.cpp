#include "server/hub/queries/aged_snapshots.hpp"

namespace twinhub::hub {
namespace {

constexpr std::uint64_t ticks_per_millisecond = ticks_per_second / 1000;

}  // namespace

AgedSnapshots::AgedSnapshots(const storage::Store& store, const Clock& clock, std::chrono::milliseconds lag)
    : store_(store), clock_(clock), lag_ticks_(static_cast<std::uint64_t>(lag.count()) * ticks_per_millisecond) {
  if (lag_ticks_ == 0) return;
  // What is there at the start has been there for ever.
  if (auto first = store_.snapshot()) aged_.push_back({{}, std::move(*first)});
}

void AgedSnapshots::tick() {
  if (lag_ticks_ == 0) return;
  const Timestamp steady = clock_.steady();
  const MutexLock lock(mutex_);
  drop_old(steady);
  if (!aged_.empty() && steady.ticks - aged_.back().taken.ticks < lag_ticks_ / per_lag) return;
  // A store that cannot be read now is asked again at the next tick.
  if (auto next = store_.snapshot()) aged_.push_back({steady, std::move(*next)});
}

/// The front is what queries see: old enough, or the oldest there is.
void AgedSnapshots::drop_old(Timestamp steady) {
  while (aged_.size() > 1 && steady.ticks - aged_[1].taken.ticks >= lag_ticks_) aged_.pop_front();
}

Result<std::shared_ptr<const storage::Snapshot>> AgedSnapshots::for_query() {
  if (lag_ticks_ == 0) return store_.snapshot();
  const MutexLock lock(mutex_);
  drop_old(clock_.steady());
  if (aged_.empty()) return store_.snapshot();
  return aged_.front().snapshot;
}

void AgedSnapshots::clear() {
  const MutexLock lock(mutex_);
  aged_.clear();
}

std::size_t AgedSnapshots::held() const {
  const MutexLock lock(mutex_);
  return aged_.size();
}

}  // namespace twinhub::hub

#include "storage/commit/commit_queue.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace twinhub::storage {
namespace {

constexpr std::chrono::milliseconds recovery_interval{200};
constexpr std::size_t failed_ranges_max = 64;
constexpr std::size_t unit_overhead_bytes = 256;  // waiter and bookkeeping of one unit
constexpr std::size_t kept_bytes_max = 4U << 20;  // of an emptied cycle

}  // namespace

CommitQueue::CommitQueue(Engine& engine, EventLog& events, const StoreOptions& options, Hooks hooks)
    : engine_(engine),
      events_(events),
      options_(options),
      hooks_(std::move(hooks)),
      open_(empty_cycle()),
      writing_(empty_cycle()),
      thread_([this] { run(); }) {}

CommitQueue::~CommitQueue() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  thread_.join();
}

Result<CommitSeq> CommitQueue::enqueue(const Unit& unit, OnDurable&& on_durable) {
  bool was_empty = false;
  CommitSeq seq = 0;
  {
    const MutexLock lock(mutex_);
    if (broken_) return *broken_;
    if (open_.bytes + unit.bytes > options_.queue_bytes_max) {
      return fail(Errc::service_unavailable, "storage: too many writes are waiting for the disk");
    }
    was_empty = open_.empty();
    if (unit.write) unit.write(*open_.batch);
    for (const EncodedEvent& event : unit.events) gathered_for(event.device_hash, event.source).add(event.bytes);
    if (unit.telemetry != nullptr) {
      const std::uint64_t hash = device_hash(unit.telemetry->device);
      encode(gathered_for(hash, EventSource::telemetry).next(), *unit.telemetry);
    }
    open_.sessions.insert(open_.sessions.end(), unit.sessions.begin(), unit.sessions.end());
    seq = ++last_seq_;
    if (on_durable) open_.waiters.push_back({seq, std::move(on_durable)});
    open_.last = seq;
    open_.bytes += unit.bytes + unit_overhead_bytes;
    ++open_.units;
  }
  if (was_empty) work_.notify_one();
  return seq;
}

EventLog::Gathered& CommitQueue::gathered_for(std::uint64_t hash, EventSource source) {
  open_.has_events = true;
  ++open_.events_of[static_cast<std::size_t>(source)];
  open_.events.resize(std::max(1U, options_.event_partitions));
  return open_.events[hash % open_.events.size()];
}

void CommitQueue::when_durable(CommitSeq seq, OnDurable on_durable) {
  if (!on_durable) return;
  Result<void> result;
  {
    const MutexLock lock(mutex_);
    if (seq > settled_.load(std::memory_order_relaxed)) {
      const bool in_open_cycle = !open_.empty() && seq > open_.last - open_.units;
      (in_open_cycle ? open_.waiters : late_waiters_).push_back({seq, std::move(on_durable)});
      return;
    }
    if (failed(seq)) result = fail(Errc::service_unavailable, "storage: the write this answer rests on failed");
  }
  Outbox outbox;
  on_durable(result, outbox);
}

bool CommitQueue::is_durable(CommitSeq seq) const {
  if (seq > settled_.load(std::memory_order_acquire)) return false;
  if (!any_failed_.load(std::memory_order_acquire)) return true;
  const MutexLock lock(mutex_);
  return !failed(seq);
}

bool CommitQueue::failed(CommitSeq seq) const {
  return std::any_of(failed_.begin(), failed_.end(),
                     [seq](const FailedRange& range) { return seq >= range.first && seq <= range.last; });
}

Result<void> CommitQueue::writable() const {
  const MutexLock lock(mutex_);
  if (broken_) return *broken_;
  return {};
}

CommitQueue::Counters CommitQueue::counters() const {
  const MutexLock lock(mutex_);
  Counters counters = counters_;
  counters.queued_bytes = open_.bytes;
  return counters;
}

double CommitQueue::Counters::seconds_of(double part) const {
  const auto count = static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(cycles, latest_microseconds.size()));
  if (count == 0) return 0;
  auto sorted = latest_microseconds;
  const auto at = sorted.begin() + std::min(count - 1, static_cast<std::ptrdiff_t>(static_cast<double>(count) * part));
  std::nth_element(sorted.begin(), at, sorted.begin() + count);
  return *at / 1e6;
}

CommitQueue::Cycle CommitQueue::empty_cycle() const {
  Cycle cycle;
  cycle.batch = engine_.make_batch();
  return cycle;
}

/// Sleeps until there is a cycle to write, and makes it `writing_`; false: all is written and the store closes.
bool CommitQueue::take_cycle() {
  MutexLock lock(mutex_);
  let_others_hold(lock);
  while (broken_ || open_.empty()) {
    if (stopping_) return false;
    if (!broken_ || disowned_) {
      lock.wait(work_);
      let_others_hold(lock);
      continue;
    }
    const auto due = std::chrono::steady_clock::now() + recovery_interval;
    while (!stopping_ && lock.wait_until(work_, due) == std::cv_status::no_timeout) {
    }
    let_others_hold(lock);
    busy_ = true;
    lock.unlock();
    recover();
    lock.lock();
    let_others_hold(lock);
  }
  wait_for_company(lock);
  let_others_hold(lock);
  busy_ = true;
  std::swap(open_, writing_);
  return true;
}

void CommitQueue::let_others_hold(MutexLock& lock) {
  if (std::exchange(busy_, false)) still_.notify_all();
  while (held_) lock.wait(still_);
}

Result<void> CommitQueue::hold_still(const std::function<Result<void>()>& work) {
  MutexLock lock(mutex_);
  while (held_) lock.wait(still_);
  held_ = true;
  while (busy_) lock.wait(still_);
  lock.unlock();
  const auto go_on = [this] {
    const MutexLock relock(mutex_);
    held_ = false;
    still_.notify_all();
  };
  try {
    auto done = work();
    go_on();
    return done;
  } catch (...) {  // no memory, a file system that throws: commits must not wait for good
    go_on();
    throw;
  }
}

/// Within the pause since the last sync, more units are let in: a sync costs much the same for one unit and for a
/// hundred.
void CommitQueue::wait_for_company(MutexLock& lock) {
  if (options_.durability != Durability::sync || !expects_company()) return;
  const auto due = last_sync_ + options_.sync_pause;
  while (!stopping_ && std::chrono::steady_clock::now() < due) lock.wait_until(work_, due);
}

/// Whether units came so fast of late that a pause would bring some more: else it would only cost time.
bool CommitQueue::expects_company() const {
  constexpr double company_min = 2;
  return units_per_microsecond_ * static_cast<double>(options_.sync_pause.count()) >= company_min;
}

void CommitQueue::count_arrivals(std::uint64_t units) {
  constexpr double weight = 0.25;  // of the newest cycle
  const auto now = std::chrono::steady_clock::now();
  const std::chrono::duration<double, std::micro> since = now - std::exchange(last_start_, now);
  units_per_microsecond_ +=
      weight * (static_cast<double>(units) / std::max(1.0, since.count()) - units_per_microsecond_);
}

void CommitQueue::run() {
  while (take_cycle()) {
    count_arrivals(writing_.units);
    commit(writing_);
    empty(writing_);
  }
}

void CommitQueue::empty(Cycle& cycle) const {
  if (cycle.batch->bytes() > kept_bytes_max) {
    cycle = empty_cycle();
    return;
  }
  cycle.batch->clear();
  for (auto& gathered : cycle.events) gathered.clear();
  cycle.has_events = false;
  cycle.sessions.clear();
  cycle.waiters.clear();
  cycle.last = 0;
  cycle.bytes = 0;
  cycle.units = 0;
  cycle.events_of = {};
}

void CommitQueue::commit(Cycle& cycle) {
  events_.append(cycle.events, options_.now(), *cycle.batch);
  const auto begin = std::chrono::steady_clock::now();
  const auto committed = engine_.commit(*cycle.batch);
  const bool durable = committed.outcome == CommitOutcome::durable;
  last_sync_ = std::chrono::steady_clock::now();
  const auto microseconds =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(last_sync_ - begin).count());
  {
    const MutexLock lock(mutex_);
    counters_.latest_microseconds[counters_.cycles % counters_.latest_microseconds.size()] =
        static_cast<std::uint32_t>(microseconds);
    ++counters_.cycles;
    counters_.units += durable ? cycle.units : 0U;
    counters_.failures += durable ? 0U : 1U;
    for (std::size_t i = 0; durable && i < event_source_count; ++i) counters_.events[i] += cycle.events_of[i];
    counters_.times.add(last_sync_ - begin);
  }
  if (durable) return succeed(cycle);
  fail_all(cycle, committed);
}

void CommitQueue::succeed(Cycle& cycle) {
  events_.settled();
  {
    const MutexLock lock(mutex_);
    settled_.store(cycle.last, std::memory_order_release);
    std::move(late_waiters_.begin(), late_waiters_.end(), std::back_inserter(cycle.waiters));
    late_waiters_.clear();
  }
  if (!cycle.sessions.empty()) hooks_.sessions_settled(cycle.sessions, cycle.last);
  call(cycle.waiters, {});
  if (cycle.has_events) hooks_.events_settled();
}

void CommitQueue::fail_all(Cycle& cycle, const CommitResult& failure) {
  events_.failed();
  const CommitSeq settled_before = settled();
  Cycle behind;
  {
    const MutexLock lock(mutex_);
    broken_ = failure.error;  // from here on nothing is queued
    disowned_ = failure.outcome == CommitOutcome::not_owner;
    behind = std::exchange(open_, empty_cycle());
  }
  if (failure.outcome == CommitOutcome::not_owner) {
    hooks_.drop_all();
  } else {
    hooks_.drop_after(settled_before);
  }
  {
    const MutexLock lock(mutex_);
    remember_failed(settled_before + 1, last_seq_);
    any_failed_.store(true, std::memory_order_release);
    settled_.store(last_seq_, std::memory_order_release);
    std::move(late_waiters_.begin(), late_waiters_.end(), std::back_inserter(cycle.waiters));
    late_waiters_.clear();
  }
  std::move(behind.waiters.begin(), behind.waiters.end(), std::back_inserter(cycle.waiters));
  call(cycle.waiters, failure.error);
}

void CommitQueue::remember_failed(CommitSeq first, CommitSeq last) {
  if (!failed_.empty() && failed_.back().last + 1 == first) {
    failed_.back().last = last;
    return;
  }
  failed_.push_back({first, last});
  if (failed_.size() > failed_ranges_max) failed_.erase(failed_.begin());
}

/// A disk with room again, or a server that is back, needs no restart of the hub.
void CommitQueue::recover() {
  const auto recovered = engine_.recover();
  if (!recovered) return;
  if (*recovered == Recovery::reread) reread_ = true;
  if (!refresh()) return;
  const MutexLock lock(mutex_);
  broken_.reset();
}

/// Forgets values that were read from the engine and may be out of date.
bool CommitQueue::refresh() {
  if (!reread_) return true;
  hooks_.drop_all();
  reread_ = !events_.recover();
  return !reread_;
}

/// In the order of their units: waiters of reads register late, and an answer made from unit 5 must leave before the
/// delta that unit 9 of the same cycle causes.
void CommitQueue::call(std::vector<Waiter>& waiters, const Result<void>& result) {
  const auto earlier = [](const Waiter& a, const Waiter& b) { return a.seq < b.seq; };
  if (!std::is_sorted(waiters.begin(), waiters.end(), earlier))
    std::stable_sort(waiters.begin(), waiters.end(), earlier);
  Outbox outbox;
  for (Waiter& waiter : waiters) waiter.on_durable(result, outbox);
}

}  // namespace twinhub::storage

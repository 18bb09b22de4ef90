#include "storage/commit_queue.hpp"

#include <algorithm>

namespace twinhub::storage {
namespace {

constexpr std::chrono::milliseconds probe_interval{200};
constexpr std::size_t failed_ranges_max = 64;
constexpr std::size_t unit_overhead_bytes = 256;  // waiter and bookkeeping of one unit
constexpr std::size_t kept_bytes_max = 4U << 20;  // of an emptied cycle
const rocksdb::Slice probe_key("probe");

}  // namespace

CommitQueue::CommitQueue(Database& database, EventLog& events, const StoreOptions& options, Hooks hooks)
    : database_(database), events_(events), options_(options), hooks_(std::move(hooks)), thread_([this] { run(); }) {}

CommitQueue::~CommitQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  thread_.join();
}

Result<CommitSeq> CommitQueue::enqueue(const Unit& unit, OnDurable&& on_durable) {
  bool was_empty = false;
  CommitSeq seq = 0;
  {
    const std::lock_guard lock(mutex_);
    if (broken_) return *broken_;
    if (open_.bytes + unit.bytes > options_.queue_bytes_max) {
      return fail(Errc::service_unavailable, "storage: too many writes are waiting for the disk");
    }
    was_empty = open_.empty();
    if (unit.write) unit.write(open_.batch);
    for (const EncodedEvent& event : unit.events) gathered_for(event.device_hash).add(event.bytes);
    if (unit.telemetry != nullptr) encode(gathered_for(device_hash(unit.telemetry->device)).next(), *unit.telemetry);
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

EventLog::Gathered& CommitQueue::gathered_for(std::uint64_t hash) {
  open_.has_events = true;
  open_.events.resize(std::max(1U, options_.event_partitions));
  return open_.events[hash % open_.events.size()];
}

void CommitQueue::when_durable(CommitSeq seq, OnDurable on_durable) {
  if (!on_durable) return;
  Result<void> result;
  {
    const std::lock_guard lock(mutex_);
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
  const std::lock_guard lock(mutex_);
  return !failed(seq);
}

bool CommitQueue::failed(CommitSeq seq) const {
  return std::any_of(failed_.begin(), failed_.end(),
                     [seq](const FailedRange& range) { return seq >= range.first && seq <= range.last; });
}

Result<void> CommitQueue::writable() const {
  const std::lock_guard lock(mutex_);
  if (broken_) return *broken_;
  return {};
}

CommitQueue::Counters CommitQueue::counters() const {
  const std::lock_guard lock(mutex_);
  Counters counters = counters_;
  counters.queued_bytes = open_.bytes;
  return counters;
}

/// Sleeps until a cycle is to be written; false: all is written and the store closes.
bool CommitQueue::wait_for_work(std::unique_lock<std::mutex>& lock) {
  while (true) {
    if (broken_) {
      if (stopping_) return false;
      work_.wait_for(lock, probe_interval, [this] { return stopping_; });
      lock.unlock();
      probe();
      lock.lock();
      continue;
    }
    if (!open_.empty()) break;
    if (stopping_) return false;
    work_.wait(lock);
  }
  // Within the pause since the last sync, wait for company: a sync costs much the same for one unit and for a hundred.
  const auto due = last_sync_ + options_.sync_pause;
  if (options_.durability == Durability::sync && !stopping_ && expects_company() &&
      std::chrono::steady_clock::now() < due) {
    work_.wait_until(lock, due, [this] { return stopping_; });
  }
  return true;
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
  std::unique_lock lock(mutex_);
  while (wait_for_work(lock)) {
    std::swap(open_, writing_);
    lock.unlock();
    count_arrivals(writing_.units);
    commit(writing_);
    writing_.clear();
    lock.lock();
  }
}

void CommitQueue::Cycle::clear() {
  if (batch.GetDataSize() > kept_bytes_max) {
    *this = Cycle{};
    return;
  }
  batch.Clear();
  for (auto& gathered : events) gathered.clear();
  has_events = false;
  sessions.clear();
  waiters.clear();
  last = 0;
  bytes = 0;
  units = 0;
}

void CommitQueue::commit(Cycle& cycle) {
  events_.append(cycle.events, options_.now(), cycle.batch);
  const auto begin = std::chrono::steady_clock::now();
  const auto status = database_.engine()->Write(database_.write_options(), &cycle.batch);
  last_sync_ = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    ++counters_.cycles;
    counters_.units += status.ok() ? cycle.units : 0U;
    counters_.failures += status.ok() ? 0U : 1U;
    counters_.sync_microseconds +=
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(last_sync_ - begin).count());
  }
  if (status.ok()) return succeed(cycle);
  fail_all(cycle, engine_error(status));
}

void CommitQueue::succeed(Cycle& cycle) {
  events_.settled();
  {
    const std::lock_guard lock(mutex_);
    settled_.store(cycle.last, std::memory_order_release);
    std::move(late_waiters_.begin(), late_waiters_.end(), std::back_inserter(cycle.waiters));
    late_waiters_.clear();
  }
  if (!cycle.sessions.empty()) hooks_.sessions_settled(cycle.sessions, cycle.last);
  tell(cycle.waiters, {});
  if (cycle.has_events) hooks_.events_settled();
}

void CommitQueue::fail_all(Cycle& cycle, const Error& error) {
  events_.failed();
  const CommitSeq settled_before = settled();
  Cycle behind;
  {
    const std::lock_guard lock(mutex_);
    broken_ = error;  // from here on nothing is queued
    behind = std::exchange(open_, Cycle{});
  }
  hooks_.drop_after(settled_before);
  {
    const std::lock_guard lock(mutex_);
    remember_failed(settled_before + 1, last_seq_);
    any_failed_.store(true, std::memory_order_release);
    settled_.store(last_seq_, std::memory_order_release);
    std::move(late_waiters_.begin(), late_waiters_.end(), std::back_inserter(cycle.waiters));
    late_waiters_.clear();
  }
  std::move(behind.waiters.begin(), behind.waiters.end(), std::back_inserter(cycle.waiters));
  tell(cycle.waiters, error);
}

void CommitQueue::remember_failed(CommitSeq first, CommitSeq last) {
  if (!failed_.empty() && failed_.back().last + 1 == first) {
    failed_.back().last = last;
    return;
  }
  failed_.push_back({first, last});
  if (failed_.size() > failed_ranges_max) failed_.erase(failed_.begin());
}

/// Tries a small write until one succeeds: a disk with room again needs no restart.
void CommitQueue::probe() {
  auto status = write_probe();
  if (!status.ok() && database_.engine() != nullptr && database_.engine()->Resume().ok()) status = write_probe();
  // A failed sync is not forgiven by RocksDB: what the kernel threw away is unknown. Reading the log again tells.
  if (!status.ok() && !status.IsNoSpace() && database_.reopen()) {
    reopened_ = true;
    status = write_probe();
  }
  if (!status.ok() || !refresh()) return;
  const std::lock_guard lock(mutex_);
  broken_.reset();
}

rocksdb::Status CommitQueue::write_probe() {
  if (database_.engine() == nullptr) return rocksdb::Status::IOError("closed");
  return database_.engine()->Put(database_.write_options(), database_.family(Family::meta), probe_key, "");
}

/// After the engine was opened again: what was read from it before may be out of date.
bool CommitQueue::refresh() {
  if (!reopened_) return true;
  hooks_.drop_all();
  reopened_ = !events_.recover();
  return !reopened_;
}

/// Waiters of reads register late: an answer made from unit 5 still leaves before what unit 9 of the same cycle caused.
void CommitQueue::tell(std::vector<Waiter>& waiters, const Result<void>& result) {
  const auto earlier = [](const Waiter& a, const Waiter& b) { return a.seq < b.seq; };
  if (!std::is_sorted(waiters.begin(), waiters.end(), earlier))
    std::stable_sort(waiters.begin(), waiters.end(), earlier);
  Outbox outbox;
  for (Waiter& waiter : waiters) waiter.on_durable(result, outbox);
}

}  // namespace twinhub::storage

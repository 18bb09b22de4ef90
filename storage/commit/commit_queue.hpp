// Group commit: everything queued while the last commit ran becomes durable with the next one, by one writer to the
// engine.
//
//   any thread:     enqueue() --> the open cycle (write batch, events, waiters)
//   commit thread:  swaps the open cycle for an empty one -> Engine::commit() -> calls the waiters, in order, with one
//                   post to each lane
//
// When a commit fails, everything that was queued fails with it: later units may rest on the failed ones. The commit
// thread then asks the engine to recover until it can; an engine that is not the owner of its data any more is not
// asked.
#pragma once

#include "storage/commit/event_log.hpp"
#include "storage/engine/engine.hpp"
#include "storage/guarded.hpp"
#include "storage/store.hpp"
#include "storage/tally.hpp"

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

namespace twinhub::storage {

/// The additions of one unit to the open cycle.
struct Unit {
  /// May be empty. Runs within enqueue(), under the queue's lock: copying bytes only.
  std::function<void(WriteBatch&)> write;
  std::span<const EncodedEvent> events;
  const TelemetryDraft* telemetry = nullptr;  ///< null = none; encoded in place, under the queue's lock
  std::vector<IdentityId> sessions;           ///< whose sessions the unit writes or removes
  std::size_t bytes = 0;                      ///< in memory, about
};

class CommitQueue {
 public:
  /// Called on the commit thread with no lock held.
  struct Hooks {
    /// Units after `settled` have failed: forget their changes. New units are refused until it returns.
    std::function<void(CommitSeq settled)> drop_after;
    /// The engine may show writes that had failed, or those of another owner: forget everything read before.
    std::function<void()> drop_all;
    /// These sessions are durable up to unit `settled`.
    std::function<void(const std::vector<IdentityId>& sessions, CommitSeq settled)> sessions_settled;
    /// A cycle with events is durable, and its waiters were called.
    std::function<void()> events_settled;
  };

  CommitQueue(Engine& engine, EventLog& events, const StoreOptions& options, Hooks hooks);
  /// Commits the queued units, calls their waiters, joins.
  ~CommitQueue();

  /// Queues one unit; `on_durable` (may be empty) runs when it is settled. Errors: service_unavailable; `on_durable` is
  /// not called.
  [[nodiscard]] Result<CommitSeq> enqueue(const Unit& unit, OnDurable&& on_durable);

  void when_durable(CommitSeq seq, OnDurable on_durable);
  [[nodiscard]] bool is_durable(CommitSeq seq) const;
  /// Every unit up to this one is durable or failed.
  [[nodiscard]] CommitSeq settled() const { return settled_.load(std::memory_order_acquire); }
  [[nodiscard]] Result<void> writable() const;

  /// Runs `work` while the commit thread neither commits nor recovers: what is durable stands still. Units are queued
  /// meanwhile, up to queue_bytes_max. Returns what `work` returns. Not from the commit thread; one at a time, others
  /// wait.
  [[nodiscard]] Result<void> hold_still(const std::function<Result<void>()>& work);

  struct Counters {
    std::uint64_t cycles = 0;
    std::uint64_t units = 0;
    std::uint64_t failures = 0;
    TimeCounts times = {};                                      ///< of each cycle, written and synced
    std::array<std::uint64_t, event_source_count> events = {};  ///< durable, by their EventSource
    std::size_t queued_bytes = 0;
    /// How long the latest cycles took; cycle n stands at n modulo the size.
    std::array<std::uint32_t, 1024> latest_microseconds{};
    /// The time within which this part of them was done; 0 when there was none.
    [[nodiscard]] double seconds_of(double part) const;
  };
  [[nodiscard]] Counters counters() const;

 private:
  struct Waiter {
    CommitSeq seq = 0;
    OnDurable on_durable;
  };
  struct Cycle {
    std::unique_ptr<WriteBatch> batch;
    std::vector<EventLog::Gathered> events;
    bool has_events = false;
    std::vector<IdentityId> sessions;
    std::vector<Waiter> waiters;
    CommitSeq last = 0;
    std::size_t bytes = 0;
    std::uint64_t units = 0;
    std::array<std::uint32_t, event_source_count> events_of = {};
    [[nodiscard]] bool empty() const { return units == 0; }
  };
  /// Units first..last failed.
  struct FailedRange {
    CommitSeq first = 0;
    CommitSeq last = 0;
  };

  [[nodiscard]] Cycle empty_cycle() const;
  /// Empties a cycle, keeping its memory unless one burst made that large.
  void empty(Cycle& cycle) const;
  /// Where an event of that device goes; it counts as added.
  [[nodiscard]] EventLog::Gathered& gathered_for(std::uint64_t hash, EventSource source) REQUIRES(mutex_);
  void run();
  [[nodiscard]] bool take_cycle();
  /// The commit thread has nothing under way, and begins nothing while hold_still() works.
  void let_others_hold(MutexLock& lock) REQUIRES(mutex_);
  void wait_for_company(MutexLock& lock) REQUIRES(mutex_);
  [[nodiscard]] bool expects_company() const;
  void count_arrivals(std::uint64_t units);
  void commit(Cycle& cycle);
  void succeed(Cycle& cycle);
  void fail_all(Cycle& cycle, const CommitResult& failure);
  void recover();
  [[nodiscard]] bool refresh();
  void remember_failed(CommitSeq first, CommitSeq last) REQUIRES(mutex_);
  static void call(std::vector<Waiter>& waiters, const Result<void>& result);
  [[nodiscard]] bool failed(CommitSeq seq) const REQUIRES(mutex_);

  Engine& engine_;
  EventLog& events_;
  const StoreOptions& options_;
  Hooks hooks_;

  mutable Mutex mutex_;
  std::condition_variable work_;
  std::condition_variable still_;  // busy_ or held_ has changed
  Cycle open_ GUARDED_BY(mutex_);
  std::vector<Waiter> late_waiters_ GUARDED_BY(mutex_);  // for the cycle being written
  CommitSeq last_seq_ GUARDED_BY(mutex_) = 0;
  std::vector<FailedRange> failed_ GUARDED_BY(mutex_);  // the newest few
  std::optional<Error> broken_ GUARDED_BY(mutex_);      // set: writes are refused
  bool disowned_ GUARDED_BY(mutex_) = false;            // broken_ for good: the data is another process's to write
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool held_ GUARDED_BY(mutex_) = false;  // by hold_still()
  bool busy_ GUARDED_BY(mutex_) = false;  // the commit thread commits or recovers
  Counters counters_ GUARDED_BY(mutex_);

  std::atomic<CommitSeq> settled_{0};
  std::atomic<bool> any_failed_{false};
  Cycle writing_;                                     // commit thread only
  bool reread_ = false;                               // commit thread only; refresh() is due
  std::chrono::steady_clock::time_point last_sync_;   // commit thread only
  std::chrono::steady_clock::time_point last_start_;  // commit thread only; of the last cycle
  double units_per_microsecond_ = 0;                  // commit thread only; lately
  std::thread thread_;                                // last: it uses all of the above
};

}  // namespace twinhub::storage

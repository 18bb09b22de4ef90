// Group commit: everything queued while the last sync ran becomes durable with the next one, by one writer to RocksDB.
//
//   any thread:     enqueue() --> open cycle (write batch, events, waiters)
//   commit thread:  swap the open cycle for an empty one -> Write(sync) -> settle: tell who waits, in order, one batch
//   per lane
//
// When a write fails, everything that was queued fails with it: later units may rest on the failed ones.
#pragma once

#include "storage/database.hpp"
#include "storage/event_log.hpp"
#include "storage/store.hpp"

#include <rocksdb/write_batch.h>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

namespace twinhub::storage {

/// What one unit adds to the open cycle.
struct Unit {
  std::function<void(rocksdb::WriteBatch&)>
      write;  ///< may be empty; runs within enqueue(), under the queue's lock: copying bytes only
  std::span<const EncodedEvent> events;
  const TelemetryDraft* telemetry = nullptr;  ///< null = none; encoded in place, under the queue's lock
  std::vector<IdentityId> sessions;           ///< whose sessions the unit writes or removes
  std::size_t bytes = 0;                      ///< about what it will hold in memory
};

class CommitQueue {
 public:
  /// Called on the commit thread with no lock held.
  struct Hooks {
    /// Units after `settled` have failed: forget what they wrote. New units are refused until it returns.
    std::function<void(CommitSeq settled)> drop_after;
    /// The engine was opened again and may show writes that had failed: forget everything read before.
    std::function<void()> drop_all;
    /// These sessions are on disk up to unit `settled`.
    std::function<void(const std::vector<IdentityId>& sessions, CommitSeq settled)> sessions_settled;
    /// A cycle with events is durable, and who waited for it was told.
    std::function<void()> events_settled;
  };

  CommitQueue(Database& database, EventLog& events, const StoreOptions& options, Hooks hooks);
  /// Commits what is queued, runs its callbacks, joins.
  ~CommitQueue();

  /// Queues one unit; `on_durable` (may be empty) runs when it is settled. Errors: service_unavailable; `on_durable` is
  /// not called.
  [[nodiscard]] Result<CommitSeq> enqueue(const Unit& unit, OnDurable&& on_durable);

  void when_durable(CommitSeq seq, OnDurable on_durable);
  [[nodiscard]] bool is_durable(CommitSeq seq) const;
  /// Every unit up to this one is durable or failed.
  [[nodiscard]] CommitSeq settled() const { return settled_.load(std::memory_order_acquire); }
  [[nodiscard]] Result<void> writable() const;

  struct Counters {
    std::uint64_t cycles = 0;
    std::uint64_t units = 0;
    std::uint64_t failures = 0;
    std::uint64_t sync_microseconds = 0;
    std::size_t queued_bytes = 0;
  };
  [[nodiscard]] Counters counters() const;

 private:
  struct Waiter {
    CommitSeq seq = 0;
    OnDurable on_durable;
  };
  struct Cycle {
    Cycle() = default;
    /// Empties it, keeping its memory unless one burst made that large.
    void clear();
    rocksdb::WriteBatch batch;
    std::vector<EventLog::Gathered> events;
    bool has_events = false;
    std::vector<IdentityId> sessions;
    std::vector<Waiter> waiters;
    CommitSeq last = 0;
    std::size_t bytes = 0;
    std::uint64_t units = 0;
    [[nodiscard]] bool empty() const { return units == 0; }
  };
  /// Units first..last failed.
  struct FailedRange {
    CommitSeq first = 0;
    CommitSeq last = 0;
  };

  /// Where events of that device go; mutex_ held.
  [[nodiscard]] EventLog::Gathered& gathered_for(std::uint64_t hash);
  void run();
  bool wait_for_work(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] bool expects_company() const;
  void count_arrivals(std::uint64_t units);
  void commit(Cycle& cycle);
  void succeed(Cycle& cycle);
  void fail_all(Cycle& cycle, const Error& error);
  void probe();
  [[nodiscard]] rocksdb::Status write_probe();
  [[nodiscard]] bool refresh();
  void remember_failed(CommitSeq first, CommitSeq last);  // mutex_ held
  static void tell(std::vector<Waiter>& waiters, const Result<void>& result);
  [[nodiscard]] bool failed(CommitSeq seq) const;  // mutex_ held

  Database& database_;
  EventLog& events_;
  const StoreOptions& options_;
  Hooks hooks_;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  Cycle open_;                        // guarded by mutex_
  std::vector<Waiter> late_waiters_;  // for the cycle being written; guarded by mutex_
  CommitSeq last_seq_ = 0;            // guarded by mutex_
  std::vector<FailedRange> failed_;   // guarded by mutex_; the newest few
  std::optional<Error> broken_;       // guarded by mutex_; set: writes are refused, the commit thread probes
  bool stopping_ = false;             // guarded by mutex_
  Counters counters_;                 // guarded by mutex_

  std::atomic<CommitSeq> settled_{0};
  std::atomic<bool> any_failed_{false};
  Cycle writing_;                                     // commit thread only
  bool reopened_ = false;                             // commit thread only; refresh() is due
  std::chrono::steady_clock::time_point last_sync_;   // commit thread only
  std::chrono::steady_clock::time_point last_start_;  // commit thread only; of the last cycle
  double units_per_microsecond_ = 0;                  // commit thread only; lately
  std::thread thread_;                                // last: it uses all of the above
};

}  // namespace twinhub::storage

// One endpoint's thread: reads the log from the endpoint's cursor, picks what is routed there, delivers it in partition
// order, moves the cursor behind what the other side has taken.
//
// At least once: the cursor on disk is behind what was delivered by at most a quarter of a second, so only a crash or a
// failed attempt makes duplicates. A slow or absent other side costs one batch of memory; the log keeps the rest as
// long as retention does, and what retention takes is counted as lost.
//
// Two kinds of failure: the other side cannot be reached, or says that it is busy: the endpoint waits, for ever if need
// be. Or it fails with events in its hands: that partition waits while the others go on, and when one event turns out
// to be the cause (suspicion.hpp) it is refused: counted, logged, stepped over.
//
// Whether the other side is there is found out at the start, and again while there is nothing to send: an operator need
// not wait for the first event to hear of a wrong address.
#pragma once

#include "server/base/clock.hpp"
#include "server/events/backoff.hpp"
#include "server/events/cursors.hpp"
#include "server/events/event_signal.hpp"
#include "server/events/router.hpp"
#include "server/events/sink.hpp"
#include "server/events/suspicion.hpp"
#include "storage/guarded.hpp"
#include "storage/store.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace twinhub::events {

struct WorkerOptions {
  std::string name;         ///< of the endpoint
  std::size_t index = 0;    ///< its bit in EndpointSet
  bool from_start = false;  ///< a new endpoint begins at the oldest event kept; else with the events to come
  std::chrono::milliseconds pause_max{60'000};
  std::size_t batch_max = 100;  ///< events handed to the sink at once
};

/// What it works with; all outlive it.
struct WorkerContext {
  storage::Store& store;
  const hub::Clock& clock;
  hub::Random& random;
  std::shared_ptr<const Router> router;
  std::function<void()> on_saved = {};  ///< saved() has grown; on the worker's thread, or the caller's of find()
};

/// find(), take_over(), place(), start(), stop() from one thread at a time; figures(), saved() and reroute() from any.
class EndpointWorker {
 public:
  EndpointWorker(WorkerContext context, WorkerOptions options, std::unique_ptr<Sink> sink);
  ~EndpointWorker();

  /// Finds the cursors, or where a new endpoint begins. Errors: the store's.
  [[nodiscard]] Result<void> find();
  /// In place of find(): goes on where `before`, the same endpoint with other settings, has stopped.
  void take_over(const EndpointWorker& before);
  /// Makes what find() found durable: from then on no event is missed, not even by a crash. Before devices are let in.
  /// Errors: the store's.
  [[nodiscard]] Result<void> place();
  void start();
  /// From the next batch on: another router, and the endpoint's bit in it.
  void reroute(std::shared_ptr<const Router> router, std::size_t index) EXCLUDES(routing_mutex_);
  /// New events are durable. Any thread; quick.
  void wake() { signal_.notify(); }
  /// Returns at once; stop() waits.
  void request_stop() { thread_.request_stop(); }
  /// Queues the cursors' last write.
  void stop();

  enum class Reach : std::uint8_t { trying, reached, failing };
  struct Figures {
    Reach reach = Reach::trying;
    Timestamp failing_since = {};  ///< by the machine's clock
    std::uint64_t sent = 0;
    std::uint64_t failed_attempts = 0;
    std::uint64_t refused = 0;  ///< the other side will never take them, or they are too large
    std::uint64_t lost = 0;     ///< dropped by retention before they were delivered
    std::uint64_t unrouted = 0;
    std::uint64_t undefined_conditions = 0;
    std::uint64_t lag_events = 0;
    double lag_seconds = 0;  ///< age of the oldest event not yet passed
  };
  [[nodiscard]] Figures figures() const;
  /// The endpoint needs the events of a partition from here on, also after a crash.
  [[nodiscard]] std::uint64_t saved(std::uint32_t partition) const { return partitions_[partition].saved; }
  [[nodiscard]] const std::string& name() const { return options_.name; }

 private:
  struct Batch {
    std::vector<Outgoing> events;
    std::uint64_t next = 0;  ///< behind all that was looked at
  };
  struct Partition {
    Partition(hub::Random& random, std::chrono::milliseconds pause_max) : backoff(random, pause_max) {}
    std::atomic<std::uint64_t> position{0};  ///< written by the worker's thread, as is `saved`
    std::atomic<std::uint64_t> saved{0};
    std::uint64_t routed = 0;  ///< events before it were counted by the router: a batch may be read twice
    Suspicion suspicion;
    std::set<std::uint64_t> passed_ahead;  ///< witnesses: delivered, not yet passed
    Backoff backoff;
    std::chrono::steady_clock::time_point not_before;  ///< waits until then
    std::uint64_t failures_in_a_row = 0;
    bool is_losing = false;  ///< retention takes what was not delivered
  };
  struct Routing {
    std::shared_ptr<const Router> router;
    std::size_t index = 0;
  };
  [[nodiscard]] Routing routing() const EXCLUDES(routing_mutex_);
  void run(const std::stop_token& stop);
  [[nodiscard]] std::chrono::steady_clock::time_point next_look() const;
  [[nodiscard]] bool work_on(std::uint32_t index, const std::stop_token& stop);
  [[nodiscard]] Result<Batch> read(std::uint32_t index, const storage::EventRange& range);
  void route(Batch& batch, Partition& partition);
  [[nodiscard]] bool deliver(std::uint32_t index, const Batch& batch, const std::stop_token& stop);
  [[nodiscard]] bool ask_witness(std::uint32_t index, std::span<const Outgoing> rest, const std::stop_token& stop);
  void take_note(std::uint32_t index, std::span<const Outgoing> sent, const Delivery& delivery);
  void refuse(std::uint32_t index, const Outgoing& event, const std::string& why);
  void hold_back(std::uint32_t index, const Delivery& delivery);
  void pause(const std::string& why, std::optional<std::chrono::seconds> wish, const std::stop_token& stop);
  void try_to_reach(const std::stop_token& stop);
  void look_for_other_side(const std::stop_token& stop);
  void note_failure(const std::string& why);
  void note_reached();
  void moved_to(std::uint32_t index, std::uint64_t position);
  void lose(std::uint32_t index, std::uint64_t count);
  void save_when_due();
  void note_saved();
  [[nodiscard]] std::vector<std::uint64_t> positions() const;

  WorkerContext context_;
  WorkerOptions options_;
  std::unique_ptr<Sink> sink_;
  Cursors cursors_;
  Backoff backoff_;
  mutable Mutex routing_mutex_;
  Routing routing_ GUARDED_BY(routing_mutex_);
  EventSignal signal_;
  std::deque<Partition> partitions_;  // beside their atomics of the worker's thread alone
  bool unsaved_ = false;
  std::chrono::steady_clock::time_point last_save_;
  std::uint64_t failures_in_a_row_ = 0;
  std::chrono::steady_clock::time_point next_reach_;  ///< when the other side is looked for without an event
  std::atomic<Reach> reach_{Reach::trying};
  std::atomic<std::uint64_t> failing_since_{0};  ///< ticks
  std::atomic<std::uint64_t> sent_{0}, failed_attempts_{0}, refused_{0}, lost_{0}, unrouted_{0}, undefined_{0};
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace twinhub::events

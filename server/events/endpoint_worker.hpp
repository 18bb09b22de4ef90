// One endpoint's thread: reads the log from the endpoint's cursor, picks what is routed there, delivers it in partition
// order, moves the cursor behind what the other side has taken.
//
// At least once: the cursor on disk is behind what was delivered by at most a quarter of a second, so only a crash or a
// failed attempt makes duplicates. A slow or absent other side costs one batch of memory; the log keeps the rest as
// long as retention does, and what retention takes is counted as lost.
#pragma once

#include "server/events/backoff.hpp"
#include "server/events/cursors.hpp"
#include "server/events/event_signal.hpp"
#include "server/events/router.hpp"
#include "server/events/sink.hpp"
#include "server/hub/clock.hpp"
#include "storage/store.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
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
  const Router& router;
};

/// place(), start(), stop() from the main thread; figures() from any.
class EndpointWorker {
 public:
  EndpointWorker(WorkerContext context, WorkerOptions options, std::unique_ptr<Sink> sink);
  ~EndpointWorker();

  /// Finds the cursors, or makes them durable where a new endpoint begins: from then on no event is missed, not even
  /// by a crash. Before devices are let in. Errors: the store's.
  [[nodiscard]] Result<void> place();
  void start();
  /// New events are durable. Any thread; quick.
  void wake() { signal_.notify(); }
  /// Returns at once; stop() waits.
  void request_stop() { thread_.request_stop(); }
  /// Queues the cursors' last write.
  void stop();

  struct Figures {
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
  [[nodiscard]] const std::string& name() const { return options_.name; }

 private:
  struct Batch {
    std::vector<Outgoing> events;
    std::uint64_t next = 0;  ///< behind all that was looked at
  };
  void run(const std::stop_token& stop);
  [[nodiscard]] bool work_on(std::uint32_t partition, const std::stop_token& stop);
  [[nodiscard]] Result<Batch> read(std::uint32_t partition, const storage::EventRange& range);
  void route(Batch& batch);
  [[nodiscard]] bool deliver(std::uint32_t partition, const Batch& batch, const std::stop_token& stop);
  void pause(const std::string& why, std::optional<std::chrono::seconds> wish, const std::stop_token& stop);
  void moved_to(std::uint32_t partition, std::uint64_t position);
  void lose(std::uint32_t partition, std::uint64_t count);
  void save_when_due();
  [[nodiscard]] std::vector<std::uint64_t> positions() const;

  WorkerContext context_;
  WorkerOptions options_;
  std::unique_ptr<Sink> sink_;
  Cursors cursors_;
  Backoff backoff_;
  EventSignal signal_;
  std::vector<std::atomic<std::uint64_t>> positions_;  // written by the worker's thread
  bool unsaved_ = false;
  std::chrono::steady_clock::time_point last_save_;
  std::uint64_t failures_in_a_row_ = 0;
  std::atomic<std::uint64_t> sent_{0}, failed_attempts_{0}, refused_{0}, lost_{0}, unrouted_{0}, undefined_{0};
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace twinhub::events

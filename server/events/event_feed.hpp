// The built-in endpoint's events, read for any number of readers: one thread reads the log, routes and encodes, so that
// I/O threads touch no disk, and an event is made once however many readers it has.
//
//   a reader's lane: find() --------> the chunk, when it is remembered: the tail of the log mostly is
//                    ask()  --> the feed's thread --> the chunk, posted to the lane; at the log's end, once it grows
//
// The commit thread pays one wake-up for each commit cycle while somebody waits, whatever the number of readers, and
// nothing while nobody does.
#pragma once

#include "protocol/error.hpp"
#include "server/events/event_chunk.hpp"
#include "server/events/event_signal.hpp"
#include "server/events/router.hpp"
#include "storage/guarded.hpp"
#include "storage/outbox.hpp"
#include "storage/store.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace twinhub::events {

/// What ask() brings.
struct Fed {
  std::uint64_t position = 0;  ///< as asked; of Wish::since, where the events begin
  ChunkPtr chunk = nullptr;    ///< null: only the position was found, nothing is there yet
};

struct Wish {
  std::uint32_t partition = 0;
  std::uint64_t position = 0;
  std::optional<Timestamp> since = {};  ///< instead of a position: the first event that was appended then, or later
  storage::Lane* lane = nullptr;        ///< where `done` runs, once
  std::function<void(const Result<Fed>&)> done = {};  ///< Errors: the store's
};

/// start() and stop() from the main thread, the rest from any.
class EventFeed {
 public:
  /// Appends one event as the door sends it.
  using Encode = std::function<void(std::string& out, const storage::StoredEvent& stored)>;

  /// `store` outlives it.
  EventFeed(storage::Store& store, Router router, Encode encode);
  ~EventFeed();
  EventFeed(const EventFeed&) = delete;
  EventFeed& operator=(const EventFeed&) = delete;

  void start();
  void stop();
  /// Another routing for what is read from here on.
  void reroute(Router router) EXCLUDES(mutex_);
  /// New events are durable. Quick.
  void wake();

  /// The chunk with the event `position`, when it is in memory.
  [[nodiscard]] ChunkPtr find(std::uint32_t partition, std::uint64_t position) const {
    return cache_.find(partition, position);
  }
  /// Brings the chunk that begins at `position`, now or once there is an event. REQUIRES: the partition exists.
  [[nodiscard]] std::uint64_t ask(Wish wish) EXCLUDES(mutex_);
  /// What ask() has returned. `done` may run all the same, when it is on its way already.
  void cancel(std::uint64_t wish) EXCLUDES(mutex_);

  [[nodiscard]] storage::EventRange range(std::uint32_t partition) const { return store_.event_ranges()[partition]; }
  [[nodiscard]] std::uint32_t partitions() const { return static_cast<std::uint32_t>(store_.event_ranges().size()); }
  [[nodiscard]] storage::Store& store() const { return store_; }

 private:
  using Clock = std::chrono::steady_clock;
  using Wishes = std::map<std::uint64_t, Wish>;  ///< by number: in the order in which they were asked

  void run(const std::stop_token& stop);
  void serve_asked() EXCLUDES(mutex_);
  [[nodiscard]] bool serve_waiting() EXCLUDES(mutex_);
  void serve(std::uint64_t number, Wish wish, storage::Outbox& outbox) EXCLUDES(mutex_);
  [[nodiscard]] Result<ChunkPtr> read(std::uint32_t partition, std::uint64_t position);
  void add(EventChunk& chunk, const storage::StoredEvent& stored, const Router& router);
  [[nodiscard]] std::shared_ptr<const Router> router() EXCLUDES(mutex_);
  void append(EventChunk& chunk, const storage::StoredEvent& stored);

  storage::Store& store_;
  const Encode encode_;
  ChunkCache cache_;
  EventSignal signal_;
  std::atomic<std::uint64_t> growth_{0};       ///< commit cycles with events
  std::atomic<bool> waits_for_growth_{false};  ///< somebody is at the log's end
  std::uint64_t looked_at_ = 0;                ///< growth_ at the last look at the log's end; the feed's thread
  Mutex mutex_;
  std::shared_ptr<const Router> router_ GUARDED_BY(mutex_);
  Wishes asked_ GUARDED_BY(mutex_);    ///< not looked at yet
  Wishes waiting_ GUARDED_BY(mutex_);  ///< at the log's end
  std::uint64_t next_wish_ GUARDED_BY(mutex_) = 1;
  std::uint64_t being_served_ GUARDED_BY(mutex_) = 0;  ///< taken out of asked_; 0: cancelled meanwhile
  std::jthread thread_;                                // last: it uses all of the above
};

}  // namespace twinhub::events

#include "server/events/event_feed.hpp"

#include "server/base/log.hpp"
#include "server/events/outgoing.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <utility>

namespace twinhub::events {
namespace {

constexpr std::size_t cache_bytes_max = 16U << 20;
// Of one chunk. A reader that is slower than its events reads one again each time that it has room for part of it.
constexpr std::size_t chunk_bytes_max = 128U << 10;
constexpr std::size_t scan_events_max = 1000;  // routed or not
/// Under load one look at the log's end serves several commit cycles.
constexpr std::chrono::milliseconds growth_pause{1};
constexpr std::chrono::hours forever{1};
constexpr std::size_t asked_per_round = 16;  // then those at the log's end have their turn
constexpr int niceness = 10;

}  // namespace

EventFeed::EventFeed(storage::Store& store, Router router, Encode encode)
    : store_(store),
      encode_(std::move(encode)),
      cache_(cache_bytes_max),
      router_(std::make_shared<const Router>(std::move(router))) {}

EventFeed::~EventFeed() { stop(); }

void EventFeed::reroute(Router router) {
  auto next = std::make_shared<const Router>(std::move(router));
  const MutexLock lock(mutex_);
  router_ = std::move(next);
}

std::shared_ptr<const Router> EventFeed::router() {
  const MutexLock lock(mutex_);
  return router_;
}

void EventFeed::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    pthread_setname_np(pthread_self(), "event-feed");
    // The device path has the cores first.
    (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness);
    run(stop);
  });
}

void EventFeed::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

/// Either this sees that somebody waits, or the feed's thread sees that the log has grown: both write first, then look.
void EventFeed::wake() {
  growth_.fetch_add(1);
  if (waits_for_growth_.load()) signal_.notify();
}

std::uint64_t EventFeed::ask(Wish wish) {
  std::uint64_t number = 0;
  {
    const MutexLock lock(mutex_);
    number = next_wish_++;
    asked_.emplace(number, std::move(wish));
  }
  signal_.notify();
  return number;
}

void EventFeed::cancel(std::uint64_t wish) {
  const MutexLock lock(mutex_);
  asked_.erase(wish);
  waiting_.erase(wish);
  if (being_served_ == wish) being_served_ = 0;
}

void EventFeed::run(const std::stop_token& stop) {
  Clock::time_point next_look{};  // at the log's end
  while (!stop.stop_requested()) {
    const std::uint64_t seen = signal_.count();
    serve_asked();
    if (Clock::now() >= next_look && serve_waiting()) next_look = Clock::now() + growth_pause;
    bool is_waited_for = false;
    {
      const MutexLock lock(mutex_);
      if (!asked_.empty()) continue;
      is_waited_for = !waiting_.empty();
    }
    waits_for_growth_ = is_waited_for;
    auto until = Clock::now() + forever;
    if (is_waited_for && growth_.load() != looked_at_) {
      waits_for_growth_ = false;  // the time of the next look is known
      if (Clock::now() >= next_look) continue;
      until = next_look;
    }
    signal_.wait(seen, until, stop);
  }
}

void EventFeed::serve_asked() {
  for (std::size_t i = 0; i < asked_per_round; ++i) {
    Wishes::node_type asked;
    {
      const MutexLock lock(mutex_);
      if (asked_.empty()) return;
      asked = asked_.extract(asked_.begin());
      being_served_ = asked.key();
    }
    storage::Outbox outbox;
    serve(asked.key(), std::move(asked.mapped()), outbox);
  }
}

/// True when the log has grown under somebody.
bool EventFeed::serve_waiting() {
  const std::uint64_t growth = growth_.load();
  if (growth == std::exchange(looked_at_, growth)) return false;
  Wishes ready;
  {
    const auto ranges = store_.event_ranges();
    const MutexLock lock(mutex_);
    for (auto i = waiting_.begin(); i != waiting_.end();) {
      const auto one = i++;
      if (one->second.position < ranges[one->second.partition].next) ready.insert(waiting_.extract(one));
    }
  }
  storage::Outbox outbox;  // one post for each lane
  for (auto& [number, wish] : ready) serve(number, std::move(wish), outbox);
  return !ready.empty();
}

void EventFeed::serve(std::uint64_t number, Wish wish, storage::Outbox& outbox) {
  const auto answer = [&](Result<Fed> fed) {
    outbox.post(*wish.lane, [done = std::move(wish.done), fed = std::move(fed)] { done(fed); });
  };
  const bool seeks = wish.since.has_value();
  if (seeks) {
    const auto found = store_.find_events_since(wish.partition, *wish.since);
    if (!found) return answer(found.error());
    wish.position = *found;
  }
  if (wish.position >= range(wish.partition).next) {
    if (seeks) return answer(Fed{wish.position});
    const MutexLock lock(mutex_);
    if (being_served_ == number) waiting_.emplace(number, std::move(wish));
    return;
  }
  auto chunk = read(wish.partition, wish.position);
  if (!chunk) {
    log::error({.event = "events_unreadable"}, "events of partition {} cannot be read: {}", wish.partition,
               chunk.error().detail);
    return answer(chunk.error());
  }
  answer(Fed{wish.position, std::move(*chunk)});
}

Result<ChunkPtr> EventFeed::read(std::uint32_t partition, std::uint64_t position) {
  if (auto known = cache_.find(partition, position)) return known;
  const storage::EventRange range = this->range(partition);
  auto chunk = std::make_shared<EventChunk>();
  chunk->partition = partition;
  chunk->first = position;
  chunk->next = std::max(position, range.first);  // retention has overtaken the reader: it goes on at the oldest kept
  std::size_t scanned = 0;
  const auto routing = router();
  const auto read = store_.read_events(partition, chunk->next, [&](const storage::StoredEvent& stored) {
    if (stored.sequence_number >= range.next) return false;
    chunk->next = stored.sequence_number + 1;
    add(*chunk, stored, *routing);
    return ++scanned < scan_events_max && chunk->bytes.size() < chunk_bytes_max;
  });
  if (!read) return read.error();
  if (scanned == 0) chunk->next = range.next;  // retention took the rest meanwhile
  chunk->bytes.shrink_to_fit();
  chunk->entries.shrink_to_fit();
  cache_.add(chunk);
  return ChunkPtr(chunk);
}

/// An event that the built-in endpoint does not get, or that enrichments make too large, is passed over.
void EventFeed::add(EventChunk& chunk, const storage::StoredEvent& stored, const Router& router) {
  if (stored.event.source == storage::EventSource::telemetry && !router.enriches(built_in_bit)) {
    RoutingMessage message(stored.event, store_);
    if (router.decide(message).endpoints.test(built_in_bit)) append(chunk, stored);
    return;
  }
  storage::StoredEvent own = stored;
  stamp_hub_name(own.event, router.hub_name());
  RoutingMessage message(own.event, store_);
  if (!router.decide(message).endpoints.test(built_in_bit)) return;
  auto enriched = router.enrich(std::move(own.event), built_in_bit, store_);
  if (!enriched) return;
  own.event = std::move(*enriched);
  append(chunk, own);
}

void EventFeed::append(EventChunk& chunk, const storage::StoredEvent& stored) {
  const std::size_t begin = chunk.bytes.size();
  encode_(chunk.bytes, stored);
  chunk.entries.push_back({stored.sequence_number, stored.appended, static_cast<std::uint32_t>(begin),
                           static_cast<std::uint32_t>(chunk.bytes.size() - begin)});
}

}  // namespace twinhub::events

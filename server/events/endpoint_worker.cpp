#include "server/events/endpoint_worker.hpp"

#include "server/base/log.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace twinhub::events {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t scan_events_max = 2048;
constexpr std::size_t scan_bytes_max = 1U << 20;
constexpr std::chrono::milliseconds save_pause{250};
/// Under load one round serves many commit cycles; the device path has the cores first.
constexpr std::chrono::milliseconds round_pause{5};
constexpr std::chrono::seconds wish_max{3600};
constexpr std::chrono::seconds reach_pause{5};  // between two looks at a connection that stands
constexpr int niceness = 10;

void sleep_for(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace

EndpointWorker::EndpointWorker(WorkerContext context, WorkerOptions options, std::unique_ptr<Sink> sink)
    : context_(std::move(context)),
      options_(std::move(options)),
      sink_(std::move(sink)),
      cursors_(context_.store, "endpoint:" + options_.name),
      backoff_(context_.random, options_.pause_max),
      routing_{context_.router, options_.index} {
  for (std::size_t i = context_.store.event_ranges().size(); i > 0; --i)
    partitions_.emplace_back(context_.random, options_.pause_max);
}

EndpointWorker::~EndpointWorker() { stop(); }

Result<void> EndpointWorker::find() {
  const auto ranges = context_.store.event_ranges();
  for (std::uint32_t i = 0; i < ranges.size(); ++i) {
    const auto kept = cursors_.load(i);
    if (!kept) return kept.error();
    const std::uint64_t fresh = options_.from_start ? ranges[i].first : ranges[i].next;
    std::uint64_t position = kept->value_or(fresh);
    if (position > ranges[i].next) {
      log::warn({.event = "endpoint_cursor_reset", .endpoint = options_.name},
                "endpoint '{}': its cursor is beyond the end of partition {}; it goes on at the end", options_.name, i);
      position = ranges[i].next;
    }
    partitions_[i].position = position;
  }
  note_saved();
  return {};
}

void EndpointWorker::take_over(const EndpointWorker& before) {
  for (std::size_t i = 0; i < partitions_.size(); ++i) partitions_[i].position = before.partitions_[i].position.load();
  note_saved();
}

void EndpointWorker::reroute(std::shared_ptr<const Router> router, std::size_t index) {
  const MutexLock lock(routing_mutex_);
  routing_ = {std::move(router), index};
}

EndpointWorker::Routing EndpointWorker::routing() const {
  const MutexLock lock(routing_mutex_);
  return routing_;
}

Result<void> EndpointWorker::place() { return cursors_.save_and_wait(positions()); }

void EndpointWorker::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    pthread_setname_np(pthread_self(), ("out-" + options_.name).substr(0, 15).c_str());
    // The device path has the cores first, also before the threads that Paho starts from here: they inherit this.
    (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness);
    run(stop);
  });
}

void EndpointWorker::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  cursors_.save(positions());
  note_saved();
}

std::vector<std::uint64_t> EndpointWorker::positions() const {
  std::vector<std::uint64_t> positions;
  for (const Partition& partition : partitions_) positions.push_back(partition.position);
  return positions;
}

void EndpointWorker::run(const std::stop_token& stop) {
  try_to_reach(stop);
  while (!stop.stop_requested()) {
    const std::uint64_t seen = signal_.count();
    const auto begin = steady_clock::now();
    bool worked = false;
    for (std::uint32_t i = 0; i < partitions_.size() && !stop.stop_requested(); ++i) worked |= work_on(i, stop);
    save_when_due();
    if (worked) {
      if (steady_clock::now() < begin + round_pause) sleep_for(round_pause, stop);
      continue;
    }
    look_for_other_side(stop);
    signal_.wait(seen, std::min(next_look(), next_reach_), stop);
  }
}

/// When there is something to do without a new event: a cursor to save, a partition that has waited long enough.
steady_clock::time_point EndpointWorker::next_look() const {
  constexpr std::chrono::hours forever{1};
  const auto now = steady_clock::now();
  auto look = now + (unsaved_ ? steady_clock::duration(save_pause) : forever);
  for (const Partition& partition : partitions_) {
    if (partition.not_before > now) look = std::min(look, partition.not_before);
  }
  return look;
}

/// One batch of one partition; true when there was one.
bool EndpointWorker::work_on(std::uint32_t index, const std::stop_token& stop) {
  Partition& partition = partitions_[index];
  const auto range = context_.store.event_ranges()[index];
  if (partition.position < range.first) lose(index, range.first - partition.position);
  if (partition.position >= range.next) {
    partition.is_losing = false;
    return false;
  }
  if (steady_clock::now() < partition.not_before) return false;
  auto batch = read(index, range);
  if (!batch) {
    ++failed_attempts_;
    pause("the event log cannot be read: " + batch.error().detail, std::nullopt, stop);
    return true;
  }
  route(*batch, partition);
  if (deliver(index, *batch, stop)) moved_to(index, batch->next);
  return true;
}

Result<EndpointWorker::Batch> EndpointWorker::read(std::uint32_t index, const storage::EventRange& range) {
  Batch batch;
  batch.next = partitions_[index].position;
  std::size_t bytes = 0;
  std::uint64_t lost = 0;
  const auto read = context_.store.read_events(index, batch.next, [&](const storage::StoredEvent& stored) {
    if (stored.sequence_number >= range.next) return false;
    if (batch.events.empty() && stored.sequence_number > batch.next) lost = stored.sequence_number - batch.next;
    batch.next = stored.sequence_number + 1;
    bytes += bytes_of(stored.event);
    batch.events.push_back({index, stored.sequence_number, stored.event});
    return batch.events.size() < scan_events_max && bytes < scan_bytes_max;
  });
  if (!read) return read.error();
  if (lost > 0) lose(index, lost);
  return batch;
}

/// Keeps what goes to this endpoint. Every event is looked at by each endpoint; the first one counts for all.
void EndpointWorker::route(Batch& batch, Partition& partition) {
  const Routing now = routing();
  std::vector<Outgoing> kept;
  for (Outgoing& outgoing : batch.events) {
    const bool is_new = outgoing.sequence_number >= partition.routed;
    stamp_hub_name(outgoing.event, now.router->hub_name());
    RoutingMessage message(outgoing.event, context_.store);
    const auto decision = now.router->decide(message);
    if (is_new && now.index == 0) {
      undefined_ += decision.undefined_conditions;
      unrouted_ += decision.endpoints.none() ? 1U : 0U;
    }
    if (!decision.endpoints.test(now.index)) continue;
    if (partition.passed_ahead.contains(outgoing.sequence_number)) continue;
    auto enriched = now.router->enrich(std::move(outgoing.event), now.index, context_.store);
    if (!enriched) {
      refused_ += is_new ? 1U : 0U;
      continue;
    }
    kept.push_back({outgoing.partition, outgoing.sequence_number, std::move(*enriched)});
  }
  batch.events = std::move(kept);
  partition.routed = std::max(partition.routed, batch.next);
}

/// False: stopped, or held back, before the end; the cursor stands behind what was delivered.
bool EndpointWorker::deliver(std::uint32_t index, const Batch& batch, const std::stop_token& stop) {
  Suspicion& suspicion = partitions_[index].suspicion;
  std::span<const Outgoing> rest(batch.events);
  while (!rest.empty()) {
    if (stop.stop_requested()) return false;
    const auto next = suspicion.next(rest.front().sequence_number);
    if (next == Suspicion::Next::witness && ask_witness(index, rest, stop)) return false;
    const bool alone = next != Suspicion::Next::batch;
    if (alone) sink_->renew();
    const auto sent = rest.first(alone ? 1 : std::min(rest.size(), options_.batch_max));
    const Delivery delivery = sink_->deliver(sent, stop);
    take_note(index, sent, delivery);
    rest = rest.subspan(delivery.done);
    if (delivery.failure.empty() || stop.stop_requested()) continue;
    ++failed_attempts_;
    if (!delivery.may_be_an_event) {
      pause(delivery.failure, delivery.retry_after, stop);
      continue;
    }
    const std::uint64_t front = rest.front().sequence_number;
    if (!alone) {
      suspicion.batch_lost(front, sent.back().sequence_number + 1);
    } else if (suspicion.lost_alone(front)) {
      refuse(index, rest.front(), delivery.failure);
      rest = rest.subspan(1);
      continue;
    }
    hold_back(index, delivery);
    return false;
  }
  return true;
}

/// Sends one event from behind the front, on a connection of its own. False: there is none that may be sent.
bool EndpointWorker::ask_witness(std::uint32_t index, std::span<const Outgoing> rest, const std::stop_token& stop) {
  Partition& partition = partitions_[index];
  std::vector<std::size_t> witnesses;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (!partition.suspicion.is_patient() || rest[i].event.id.device != rest.front().event.id.device)
      witnesses.push_back(i);
  }
  if (witnesses.empty()) return false;
  const auto witness = rest.subspan(witnesses[partition.suspicion.witness_among(witnesses.size())], 1);
  sink_->renew();
  const Delivery delivery = sink_->deliver(witness, stop);
  if (stop.stop_requested()) return true;
  if (delivery.done == 1) {
    sent_ += 1 - delivery.refused.size();
    refused_ += delivery.refused.size();
    partition.passed_ahead.insert(witness.front().sequence_number);
    partition.suspicion.witness_passed();
    partition.backoff.reset();
    return true;
  }
  ++failed_attempts_;
  if (delivery.may_be_an_event) {
    partition.suspicion.witness_lost();
    hold_back(index, delivery);
  } else {
    pause(delivery.failure, delivery.retry_after, stop);
  }
  return true;
}

/// What was taken, and what the sink gave up by itself.
void EndpointWorker::take_note(std::uint32_t index, std::span<const Outgoing> sent, const Delivery& delivery) {
  if (delivery.done == 0) return;
  Partition& partition = partitions_[index];
  sent_ += delivery.done - delivery.refused.size();
  refused_ += delivery.refused.size();
  if (!delivery.refused.empty()) {
    const Outgoing& first = sent[delivery.refused.front()];
    log::error({.event = "events_refused",
                .device = first.event.id.device,
                .endpoint = options_.name,
                .count = delivery.refused.size()},
               "endpoint '{}': {} event(s) were refused for good and are skipped, the first is {} of partition {}, "
               "of device '{}'",
               options_.name, delivery.refused.size(), first.sequence_number, index, first.event.id.device);
  }
  moved_to(index, sent[delivery.done - 1].sequence_number + 1);
  save_when_due();
  backoff_.reset();
  partition.backoff.reset();
  if (delivery.done > delivery.refused.size()) {
    for (Partition& other : partitions_) {
      if (&other != &partition) other.suspicion.witness_passed();
    }
  }
  if (!delivery.failure.empty()) return;
  note_reached();
  if (partition.failures_in_a_row > 0) {
    log::info({.event = "endpoint_works", .endpoint = options_.name},
              "endpoint '{}': partition {} goes on after {} failed attempt(s)", options_.name, index,
              partition.failures_in_a_row);
  }
  partition.failures_in_a_row = 0;
}

/// While there is nothing to send.
void EndpointWorker::look_for_other_side(const std::stop_token& stop) {
  const auto now = steady_clock::now();
  if (now < next_reach_) return;
  next_reach_ = now + reach_pause;
  // A partition that waits has found the other side, and has its own time for the next attempt.
  const bool waits = std::any_of(partitions_.begin(), partitions_.end(),
                                 [now](const Partition& partition) { return partition.not_before > now; });
  if (!waits && (reach_ == Reach::failing || sink_->is_lost())) try_to_reach(stop);
}

void EndpointWorker::try_to_reach(const std::stop_token& stop) {
  const bool is_first = reach_ == Reach::trying;
  const auto reached = sink_->reach(stop);
  if (stop.stop_requested()) return;
  if (!reached) {
    note_failure(reached.error().detail);
    next_reach_ = steady_clock::now() + backoff_.next();
    return;
  }
  if (is_first)
    log::info({.event = "endpoint_reached", .endpoint = options_.name}, "endpoint '{}': reached", options_.name);
  note_reached();
  backoff_.reset();
  next_reach_ = steady_clock::now() + reach_pause;
}

void EndpointWorker::note_reached() {
  if (failures_in_a_row_ > 0)
    log::info({.event = "endpoint_works", .endpoint = options_.name},
              "endpoint '{}': works again after {} failed attempt(s)", options_.name, failures_in_a_row_);
  failures_in_a_row_ = 0;
  reach_ = Reach::reached;
}

void EndpointWorker::note_failure(const std::string& why) {
  if (++failures_in_a_row_ == 1) {
    failing_since_ = context_.clock.wall().ticks;
    reach_ = Reach::failing;
    log::warn({.event = "endpoint_failed", .endpoint = options_.name},
              "endpoint '{}': {}; it is tried again, events wait in the log", options_.name, why);
  }
  log::debug({.event = "endpoint_attempt_failed", .endpoint = options_.name}, "endpoint '{}': attempt {} failed: {}",
             options_.name, failures_in_a_row_, why);
}

void EndpointWorker::refuse(std::uint32_t index, const Outgoing& event, const std::string& why) {
  ++refused_;
  log::error({.event = "events_refused", .device = event.event.id.device, .endpoint = options_.name, .count = 1},
             "endpoint '{}': event {} of partition {}, of device '{}', fails whenever it is sent, others pass: it is "
             "refused and skipped ({})",
             options_.name, event.sequence_number, index, event.event.id.device, why);
  moved_to(index, event.sequence_number + 1);
  partitions_[index].backoff.reset();
}

/// This partition waits; the others go on.
void EndpointWorker::hold_back(std::uint32_t index, const Delivery& delivery) {
  Partition& partition = partitions_[index];
  if (++partition.failures_in_a_row == 1) {
    log::warn({.event = "endpoint_failed", .endpoint = options_.name},
              "endpoint '{}': {}; from {} of partition {} on it is tried again", options_.name, delivery.failure,
              partition.position.load(), index);
  }
  log::debug({.event = "endpoint_attempt_failed", .endpoint = options_.name},
             "endpoint '{}': attempt {} of partition {} failed: {}", options_.name, partition.failures_in_a_row, index,
             delivery.failure);
  std::chrono::milliseconds wait = partition.backoff.next();
  if (delivery.retry_after) wait = std::max<std::chrono::milliseconds>(wait, std::min(*delivery.retry_after, wish_max));
  partition.not_before = steady_clock::now() + wait;
}

void EndpointWorker::pause(const std::string& why, std::optional<std::chrono::seconds> wish,
                           const std::stop_token& stop) {
  note_failure(why);
  save_when_due();
  const std::chrono::milliseconds own = backoff_.next();
  sleep_for(wish ? std::max<std::chrono::milliseconds>(own, std::min(*wish, wish_max)) : own, stop);
}

void EndpointWorker::moved_to(std::uint32_t index, std::uint64_t position) {
  Partition& partition = partitions_[index];
  if (partition.position == position) return;
  partition.position = position;
  partition.passed_ahead.erase(partition.passed_ahead.begin(), partition.passed_ahead.lower_bound(position));
  unsaved_ = true;
}

void EndpointWorker::lose(std::uint32_t index, std::uint64_t count) {
  Partition& partition = partitions_[index];
  lost_ += count;
  if (!partition.is_losing) {
    log::error({.event = "events_lost", .endpoint = options_.name, .count = count},
               "endpoint '{}': retention dropped {} event(s) of partition {} before they were delivered; more may "
               "follow until it has caught up, twinhub_endpoint_lost_total counts them",
               options_.name, count, index);
  }
  partition.is_losing = true;
  moved_to(index, partition.position + count);
}

void EndpointWorker::save_when_due() {
  if (!unsaved_ || steady_clock::now() < last_save_ + save_pause) return;
  last_save_ = steady_clock::now();
  unsaved_ = false;
  cursors_.save(positions());
  note_saved();
}

void EndpointWorker::note_saved() {
  for (Partition& partition : partitions_) partition.saved = partition.position.load();
  if (context_.on_saved) context_.on_saved();
}

EndpointWorker::Figures EndpointWorker::figures() const {
  Figures figures{.reach = reach_,
                  .failing_since = {failing_since_},
                  .sent = sent_,
                  .failed_attempts = failed_attempts_,
                  .refused = refused_,
                  .lost = lost_,
                  .unrouted = unrouted_,
                  .undefined_conditions = undefined_};
  const auto ranges = context_.store.event_ranges();
  const Timestamp now = context_.clock.wall();
  for (std::uint32_t i = 0; i < partitions_.size(); ++i) {
    const std::uint64_t position = std::max<std::uint64_t>(partitions_[i].position, ranges[i].first);
    if (position >= ranges[i].next) continue;
    figures.lag_events += ranges[i].next - position;
    (void)context_.store.read_events(i, position, [&](const storage::StoredEvent& stored) {
      if (stored.event.enqueued < now) {
        const auto ticks = static_cast<double>(now.ticks - stored.event.enqueued.ticks);
        figures.lag_seconds = std::max(figures.lag_seconds, ticks / static_cast<double>(ticks_per_second));
      }
      return false;
    });
  }
  return figures;
}

}  // namespace twinhub::events

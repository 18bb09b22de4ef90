#include "server/events/endpoint_worker.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <span>

namespace twinhub::events {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t scan_events_max = 2048;
constexpr std::size_t scan_bytes_max = 1U << 20;
constexpr std::chrono::milliseconds save_pause{250};
/// Under load one round serves many commit cycles; the device path has the cores first.
constexpr std::chrono::milliseconds round_pause{5};
constexpr std::chrono::seconds wish_max{3600};
constexpr int niceness = 10;

void sleep_for(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace

EndpointWorker::EndpointWorker(WorkerContext context, WorkerOptions options, std::unique_ptr<Sink> sink)
    : context_(context),
      options_(std::move(options)),
      sink_(std::move(sink)),
      cursors_(context.store, "endpoint:" + options_.name),
      backoff_(context.random, options_.pause_max),
      positions_(context.store.event_ranges().size()) {}

EndpointWorker::~EndpointWorker() { stop(); }

Result<void> EndpointWorker::place() {
  const auto ranges = context_.store.event_ranges();
  for (std::uint32_t i = 0; i < ranges.size(); ++i) {
    const auto kept = cursors_.load(i);
    if (!kept) return kept.error();
    const std::uint64_t fresh = options_.from_start ? ranges[i].first : ranges[i].next;
    positions_[i] = kept->value_or(fresh);
    if (positions_[i] > ranges[i].next) {
      spdlog::warn("endpoint '{}': its cursor is beyond the end of partition {}; it goes on at the end", options_.name,
                   i);
      positions_[i] = ranges[i].next;
    }
  }
  return cursors_.save_and_wait(positions());
}

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
}

std::vector<std::uint64_t> EndpointWorker::positions() const { return {positions_.begin(), positions_.end()}; }

void EndpointWorker::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const std::uint64_t seen = signal_.count();
    const auto begin = steady_clock::now();
    bool worked = false;
    for (std::uint32_t i = 0; i < positions_.size() && !stop.stop_requested(); ++i) worked |= work_on(i, stop);
    save_when_due();
    if (worked) {
      if (steady_clock::now() < begin + round_pause) sleep_for(round_pause, stop);
      continue;
    }
    constexpr std::chrono::hours forever{1};
    signal_.wait(seen, steady_clock::now() + (unsaved_ ? steady_clock::duration(save_pause) : forever), stop);
  }
}

/// One batch of one partition; true when there was one.
bool EndpointWorker::work_on(std::uint32_t partition, const std::stop_token& stop) {
  const auto range = context_.store.event_ranges()[partition];
  if (positions_[partition] < range.first) lose(partition, range.first - positions_[partition]);
  if (positions_[partition] >= range.next) return false;
  auto batch = read(partition, range);
  if (!batch) {
    ++failed_attempts_;
    pause("the event log cannot be read: " + batch.error().detail, std::nullopt, stop);
    return true;
  }
  route(*batch);
  if (deliver(partition, *batch, stop)) moved_to(partition, batch->next);
  return true;
}

Result<EndpointWorker::Batch> EndpointWorker::read(std::uint32_t partition, const storage::EventRange& range) {
  Batch batch;
  batch.next = positions_[partition];
  std::size_t bytes = 0;
  std::uint64_t lost = 0;
  const auto read = context_.store.read_events(partition, batch.next, [&](const storage::StoredEvent& stored) {
    if (stored.sequence_number >= range.next) return false;
    if (batch.events.empty() && stored.sequence_number > batch.next) lost = stored.sequence_number - batch.next;
    batch.next = stored.sequence_number + 1;
    bytes += bytes_of(stored.event);
    batch.events.push_back({partition, stored.sequence_number, stored.event});
    return batch.events.size() < scan_events_max && bytes < scan_bytes_max;
  });
  if (!read) return read.error();
  if (lost > 0) lose(partition, lost);
  return batch;
}

/// Keeps what goes to this endpoint. Every event is looked at once by each endpoint; the first one counts for all.
void EndpointWorker::route(Batch& batch) {
  const bool counts = options_.index == 0;
  std::vector<Outgoing> kept;
  for (Outgoing& outgoing : batch.events) {
    stamp_hub_name(outgoing.event, context_.router.hub_name());
    RoutingMessage message(outgoing.event, context_.store);
    const auto decision = context_.router.decide(message);
    if (counts) {
      undefined_ += decision.undefined_conditions;
      unrouted_ += decision.endpoints.none() ? 1U : 0U;
    }
    if (!decision.endpoints.test(options_.index)) continue;
    auto enriched = context_.router.enrich(std::move(outgoing.event), options_.index, context_.store);
    if (!enriched) {
      ++refused_;
      continue;
    }
    kept.push_back({outgoing.partition, outgoing.sequence_number, std::move(*enriched)});
  }
  batch.events = std::move(kept);
}

/// False: stopped before the end; the cursor stands behind what was delivered.
bool EndpointWorker::deliver(std::uint32_t partition, const Batch& batch, const std::stop_token& stop) {
  std::span<const Outgoing> rest(batch.events);
  while (!rest.empty()) {
    if (stop.stop_requested()) return false;
    const auto now = rest.first(std::min(rest.size(), options_.batch_max));
    const Delivery delivery = sink_->deliver(now, stop);
    sent_ += delivery.done - delivery.refused;
    refused_ += delivery.refused;
    if (delivery.refused > 0)
      spdlog::error("endpoint '{}': {} event(s) were refused for good and are skipped, near {} of partition {}",
                    options_.name, delivery.refused, now.front().sequence_number, partition);
    if (delivery.done > 0) {
      rest = rest.subspan(delivery.done);
      moved_to(partition, now[delivery.done - 1].sequence_number + 1);
      save_when_due();
      backoff_.reset();
      if (failures_in_a_row_ > 0 && delivery.failure.empty()) {
        spdlog::info("endpoint '{}': works again after {} failed attempt(s)", options_.name, failures_in_a_row_);
        failures_in_a_row_ = 0;
      }
    }
    if (delivery.failure.empty() || stop.stop_requested()) continue;
    ++failed_attempts_;
    pause(delivery.failure, delivery.retry_after, stop);
  }
  return true;
}

void EndpointWorker::pause(const std::string& why, std::optional<std::chrono::seconds> wish,
                           const std::stop_token& stop) {
  if (++failures_in_a_row_ == 1)
    spdlog::warn("endpoint '{}': {}; it is tried again, events wait in the log", options_.name, why);
  spdlog::debug("endpoint '{}': attempt {} failed: {}", options_.name, failures_in_a_row_, why);
  save_when_due();
  const std::chrono::milliseconds own = backoff_.next();
  sleep_for(wish ? std::max<std::chrono::milliseconds>(own, std::min(*wish, wish_max)) : own, stop);
}

void EndpointWorker::moved_to(std::uint32_t partition, std::uint64_t position) {
  if (positions_[partition] == position) return;
  positions_[partition] = position;
  unsaved_ = true;
}

void EndpointWorker::lose(std::uint32_t partition, std::uint64_t count) {
  lost_ += count;
  spdlog::error("endpoint '{}': retention dropped {} event(s) of partition {} before they were delivered",
                options_.name, count, partition);
  moved_to(partition, positions_[partition] + count);
}

void EndpointWorker::save_when_due() {
  if (!unsaved_ || steady_clock::now() < last_save_ + save_pause) return;
  last_save_ = steady_clock::now();
  unsaved_ = false;
  cursors_.save(positions());
}

EndpointWorker::Figures EndpointWorker::figures() const {
  Figures figures{sent_, failed_attempts_, refused_, lost_, unrouted_, undefined_, 0, 0};
  const auto ranges = context_.store.event_ranges();
  const Timestamp now = context_.clock.now();
  for (std::uint32_t i = 0; i < positions_.size(); ++i) {
    const std::uint64_t position = std::max<std::uint64_t>(positions_[i], ranges[i].first);
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

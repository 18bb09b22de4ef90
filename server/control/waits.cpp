#include "server/control/waits.hpp"

#include "server/base/log.hpp"
#include "server/events/outgoing.hpp"
#include "server/events/routing_message.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <exception>
#include <iterator>
#include <optional>
#include <utility>

namespace twinhub::control {

using Clock = std::chrono::steady_clock;

/// Looked at by one pass at a time.
struct Waits::Wait {
  std::uint64_t number = 0;
  WaitRequest request;
  Ended ended;
  const Clock::time_point began = Clock::now();
  std::uint32_t partition = 0;      ///< of its device's events
  std::uint64_t next = 0;           ///< the first of them that was not looked at
  std::atomic<bool> unseen{false};  ///< the twin has to be looked at, whether or not it changes
  std::string json = {};            ///< once it is met
  std::optional<Error> failure = {};

  [[nodiscard]] Clock::time_point until() const { return began + request.timeout; }
  [[nodiscard]] WaitEnd end(bool met) {
    return {met, std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began), std::move(json)};
  }
};

Result<std::uint64_t> Waits::begin(WaitRequest request, Ended ended) {
  const auto wait = std::make_shared<Wait>();
  wait->partition = store_.event_partition_of(request.id);
  wait->next = store_.event_ranges()[wait->partition].next;
  wait->unseen = !request.telemetry;
  wait->request = std::move(request);
  wait->ended = std::move(ended);
  const MutexLock lock(mutex_);
  if (stopped_) return fail(Errc::service_unavailable, "the hub is stopping");
  if (waits_.size() >= waits_max_)
    return fail(Errc::generic_too_many_requests,
                std::to_string(waits_max_) + " wait already, half of ops.connections_max");
  wait->number = ++last_number_;
  waits_.push_back(wait);
  schedule();
  return wait->number;
}

void Waits::forget(std::uint64_t number) {
  const MutexLock lock(mutex_);
  std::erase_if(waits_, [number](const Shared& wait) { return wait->number == number; });
}

void Waits::wake() {
  const MutexLock lock(mutex_);
  if (!waits_.empty()) schedule();
}

void Waits::schedule() {
  again_ = true;
  if (std::exchange(scheduled_, true)) return;
  boost::asio::post(workers_, [self = shared_from_this()] { self->pass(); });
}

/// Looks at all that wait, again as long as something came meanwhile.
void Waits::pass() {
  std::vector<Shared> all;
  {
    const MutexLock lock(mutex_);
    again_ = false;
    all = waits_;
  }
  for (const Shared& wait : all) {
    if (!look(*wait)) continue;
    if (wait->failure) {
      end(wait, *wait->failure);
    } else {
      end(wait, wait->end(true));
    }
  }
  const MutexLock lock(mutex_);
  scheduled_ = false;
  if (again_ && !waits_.empty()) schedule();
}

/// True: it is over.
bool Waits::look(Wait& wait) {
  try {
    const auto met = wait.request.telemetry ? look_for_message(wait) : look_at_twin(wait);
    if (met) return *met;
    wait.failure = met.error();
  } catch (const std::exception& unexpected) {
    log::error({.event = "request_failed"}, "a wait failed: {}", unexpected.what());
    wait.failure = fail(Errc::server_error, "the wait failed unexpectedly; the hub's log says more");
  }
  return true;
}

Result<bool> Waits::look_for_message(Wait& wait) {
  bool met = false;
  const auto read = store_.read_events(wait.partition, wait.next, [&](const storage::StoredEvent& stored) {
    wait.next = stored.sequence_number + 1;
    if (stored.event.source != storage::EventSource::telemetry || stored.event.id != wait.request.id) return true;
    events::RoutingMessage message(stored.event, store_);
    met = events::matches(*wait.request.telemetry, message) == query::RoutingCondition::Outcome::matched;
    if (met) {
      events::Outgoing outgoing{wait.partition, stored.sequence_number, stored.event};
      events::stamp_hub_name(outgoing.event, hub_name_);
      events::append_json(wait.json, outgoing);
    }
    return !met;
  });
  if (!read) return read.error();
  return met;
}

Result<bool> Waits::look_at_twin(Wait& wait) {
  const auto changed = has_changed(wait);
  if (!changed) return changed.error();
  if (*changed) wait.unseen = true;
  // Before the look: what tick() finds unseen while it goes on is looked at once more.
  if (!wait.unseen.exchange(false)) return false;
  auto run = queries_.begin({.text = wait.request.query, .page_rows = 1});
  if (!run && run.error().code == Errc::generic_too_many_requests) {
    wait.unseen = true;  // tick() has it tried again
    return false;
  }
  if (!run) return run.error();
  while ((*run)->step()) {
  }
  const auto page = (*run)->take();
  if (!page) return page.error();
  constexpr std::string_view none = "[]";
  if (page->json == none) return false;
  wait.json = page->json.substr(1, page->json.size() - none.size());
  return true;
}

/// Whether the log has something of the device's that was not looked at.
Result<bool> Waits::has_changed(Wait& wait) const {
  bool changed = false;
  const auto read = store_.read_events(wait.partition, wait.next, [&](const storage::StoredEvent& stored) {
    wait.next = stored.sequence_number + 1;
    changed = changed || (stored.event.id == wait.request.id && stored.event.source != storage::EventSource::telemetry);
    return true;
  });
  if (!read) return read.error();
  return changed;
}

void Waits::end(const Shared& wait, Result<WaitEnd> how) {
  {
    const MutexLock lock(mutex_);
    const auto found = std::find(waits_.begin(), waits_.end(), wait);
    if (found == waits_.end()) return;  // it has ended otherwise
    waits_.erase(found);
  }
  wait->ended(std::move(how));
}

void Waits::tick() {
  std::vector<Shared> over;
  {
    const MutexLock lock(mutex_);
    if (waits_.empty()) return;
    const auto now = Clock::now();
    std::copy_if(waits_.begin(), waits_.end(), std::back_inserter(over),
                 [now](const Shared& wait) { return wait->until() <= now; });
    if (now - looked_ >= std::chrono::seconds(1)) {
      looked_ = now;
      for (const Shared& wait : waits_) wait->unseen = !wait->request.telemetry;
    }
    if (std::any_of(waits_.begin(), waits_.end(), [](const Shared& wait) { return wait->unseen.load(); })) schedule();
  }
  for (const Shared& wait : over) end(wait, WaitEnd{false, wait->request.timeout, ""});
}

void Waits::stop() {
  std::vector<Shared> all;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    all = waits_;
  }
  for (const Shared& wait : all) end(wait, fail(Errc::service_unavailable, "the hub is stopping"));
}

}  // namespace twinhub::control

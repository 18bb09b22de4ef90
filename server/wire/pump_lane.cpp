#include "server/wire/pump_lane.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace twinhub::wire {
PumpLane::PumpLane(net::IoThread& io, const PumpLimits& limits)
    : io_(io),
      limits_(limits),
      poller_(io.context(), [this] { end_of_wake_up(); }),
      wheel_(now_),
      timer_(io.context()) {}

PumpLane::~PumpLane() = default;

void PumpLane::start() {
  // The thread is not running yet, or has not reached this context's work: nothing else touches the lane.
  poller_.start();
  boost::asio::post(io_.context(), [this] { tick(); });
}

void PumpLane::adopt(std::unique_ptr<Transport> transport) {
  if (stopping_) return;
  now_ = Clock::now();
  const std::uint64_t id = next_id_++;
  auto pump = make_pump(id, std::move(transport));
  if (!pump->start()) return;
  counts.connections.fetch_add(1, std::memory_order_relaxed);
  pumps_.emplace(id, std::move(pump));
}

Pump* PumpLane::find(std::uint64_t id) {
  const auto found = pumps_.find(id);
  return found == pumps_.end() ? nullptr : found->second.get();
}

void PumpLane::flush_later(Pump& pump) {
  to_flush_.push_back(pump.id());
  run_later();
}

void PumpLane::read_later(Pump& pump) {
  to_read_.push_back(pump.id());
  run_later();
}

void PumpLane::bury(Pump& pump, bool was_just_answered) {
  const auto found = pumps_.find(pump.id());
  if (found == pumps_.end()) return;
  // Closing a socket over unread bytes resets the connection, and with it goes an answer that is not on the wire yet.
  if (was_just_answered && !stopping_ && lingering_.size() < limits_.linger.sockets_max) {
    lingering_.emplace_back(now_ + limits_.linger.time, std::move(found->second));
  } else {
    buried_.push_back(std::move(found->second));
  }
  pumps_.erase(found);
  counts.connections.fetch_sub(1, std::memory_order_relaxed);
  run_later();
}

void PumpLane::run_after(std::chrono::microseconds time, std::function<void()> task) {
  const auto timer = std::make_shared<boost::asio::steady_timer>(io_.context(), time);
  timer->async_wait([this, timer, task = std::move(task)](const boost::system::error_code& error) {
    if (!error && !stopping_) task();
  });
}

/// Work that waits for the end of a wake-up: after a batch of the poller, or behind the tasks that were posted
/// together.
void PumpLane::run_later() {
  if (later_posted_) return;
  later_posted_ = true;
  boost::asio::post(io_.context(), [this] {
    later_posted_ = false;
    end_of_wake_up();
  });
}

void PumpLane::end_of_wake_up() {
  now_ = Clock::now();
  for (const std::uint64_t id : std::exchange(to_read_, {})) {
    if (Pump* pump = find(id)) pump->read();
  }
  for (const std::uint64_t id : std::exchange(to_flush_, {})) {
    if (Pump* pump = find(id)) pump->flush();
  }
  buried_.clear();
}

void PumpLane::tick() {
  if (stopping_) return;
  now_ = Clock::now();
  while (!lingering_.empty() && lingering_.front().first <= now_) lingering_.pop_front();
  wheel_.advance(now_, [this](std::uint64_t id) {
    if (Pump* pump = find(id)) pump->check_deadline();
  });
  each_second();
  timer_.expires_after(std::chrono::seconds(1));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) tick();
  });
}

std::vector<Pump*> PumpLane::all() const {
  std::vector<Pump*> all;
  all.reserve(pumps_.size());
  for (const auto& [id, pump] : pumps_) all.push_back(pump.get());
  return all;
}

void PumpLane::begin_stop() {
  stopping_ = true;
  timer_.cancel();
  for (Pump* pump : all()) pump->stop_when_answered();
}

void PumpLane::finish_stop() {
  for (Pump* pump : all()) pump->stop_now();
  buried_.clear();
  lingering_.clear();
  poller_.stop();
}

}  // namespace twinhub::wire

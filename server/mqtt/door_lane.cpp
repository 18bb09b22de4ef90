#include "server/mqtt/door_lane.hpp"

#include <boost/asio/post.hpp>

namespace twinhub::mqtt_door {
namespace {

// A device's SUBSCRIBE mostly follows its CONNECT within this time, and then they share a sync.
constexpr std::chrono::milliseconds presence_wait{3};
constexpr std::size_t lingering_max = 256;        // per lane, for one to two seconds each
constexpr std::size_t faults_waiting_max = 1000;  // per lane; each is a timer and a closure, for up to an hour

}  // namespace

DoorLane::DoorLane(net::IoThread& io, hub::Hub& hub, SessionTable& table, const DoorOptions& options)
    : io_(io),
      hub_(hub),
      table_(table),
      options_(options),
      poller_(io.context(), [this] { end_of_wake_up(); }),
      wheel_(now_),
      timer_(io.context()),
      presence_timer_(io.context()),
      cas_generation_(hub.certificates.generation()) {
  // The thread is not running yet, or has not reached this context's work: nothing else touches the lane.
  poller_.start();
  boost::asio::post(io_.context(), [this] { tick(); });
}

void DoorLane::adopt(std::unique_ptr<Transport> transport) {
  if (stopping_) return;
  now_ = Clock::now();
  const std::uint64_t id = next_id_++;
  auto connection = std::make_unique<Connection>(*this, id, std::move(transport));
  if (!connection->start()) return;
  counters.connections.fetch_add(1, std::memory_order_relaxed);
  connections_.emplace(id, std::move(connection));
}

Connection* DoorLane::find(std::uint64_t id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

void DoorLane::flush_later(Connection& connection) {
  to_flush_.push_back(connection.id());
  run_later();
}

void DoorLane::read_later(Connection& connection) {
  to_read_.push_back(connection.id());
  run_later();
}

void DoorLane::bury(Connection& connection, bool was_just_answered) {
  const auto found = connections_.find(connection.id());
  if (found == connections_.end()) return;
  // Closing a socket over unread bytes resets the connection, and with it goes an answer that is not on the wire yet.
  const bool lingers = was_just_answered && !stopping_ && lingering_.size() < lingering_max;
  (lingers ? lingering_ : buried_).push_back(std::move(found->second));
  connections_.erase(found);
  counters.connections.fetch_sub(1, std::memory_order_relaxed);
  run_later();
}

void DoorLane::write_presence_soon() {
  if (presence_due_) return;
  presence_due_ = true;
  presence_timer_.expires_after(presence_wait);
  presence_timer_.async_wait([this](const boost::system::error_code&) {
    presence_due_ = false;
    hub_.presence.write_down();
  });
}

void DoorLane::run_after(std::chrono::microseconds time, std::function<void()> task) {
  const auto timer = std::make_shared<boost::asio::steady_timer>(io_.context(), time);
  timer->async_wait([this, timer, task = std::move(task)](const boost::system::error_code& error) {
    if (!error && !stopping_) task();
  });
}

bool DoorLane::run_fault_after(std::chrono::microseconds time, std::function<void()> strike) {
  if (faults_waiting_ >= faults_waiting_max) return false;
  ++faults_waiting_;
  run_after(time, [this, strike = std::move(strike)] {
    --faults_waiting_;
    strike();
  });
  return true;
}

/// Work that waits for the end of a wake-up: after a batch of the poller, or behind the tasks that were posted
/// together.
void DoorLane::run_later() {
  if (later_posted_) return;
  later_posted_ = true;
  boost::asio::post(io_.context(), [this] {
    later_posted_ = false;
    end_of_wake_up();
  });
}

void DoorLane::end_of_wake_up() {
  now_ = Clock::now();
  for (const std::uint64_t id : std::exchange(to_read_, {})) {
    if (Connection* connection = find(id)) connection->read();
  }
  for (const std::uint64_t id : std::exchange(to_flush_, {})) {
    if (Connection* connection = find(id)) connection->flush();
  }
  buried_.clear();
}

void DoorLane::tick() {
  if (stopping_) return;
  now_ = Clock::now();
  lingered_ = std::exchange(lingering_, {});  // those of the second before are closed
  wheel_.advance(now_, [this](std::uint64_t id) {
    if (Connection* connection = find(id)) connection->check_deadline();
  });
  look_at_cas();
  timer_.expires_after(std::chrono::seconds(1));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) tick();
  });
}

/// CAs change seldom: then, and only then, every connection is asked.
void DoorLane::look_at_cas() {
  const std::uint64_t generation = hub_.certificates.generation();
  if (generation == std::exchange(cas_generation_, generation)) return;
  std::vector<Connection*> all;
  for (const auto& [id, connection] : connections_) all.push_back(connection.get());
  for (Connection* connection : all) connection->check_vouchers();
}

void DoorLane::begin_stop() {
  stopping_ = true;
  timer_.cancel();
  std::vector<Connection*> all;
  for (const auto& [id, connection] : connections_) all.push_back(connection.get());
  for (Connection* connection : all) connection->stop_when_answered();
}

void DoorLane::finish_stop() {
  std::vector<Connection*> all;
  for (const auto& [id, connection] : connections_) all.push_back(connection.get());
  for (Connection* connection : all) connection->close(CloseReason::shutting_down);
  buried_.clear();
  lingering_.clear();
  lingered_.clear();
  poller_.stop();
}

}  // namespace twinhub::mqtt_door

// A door's connections on one I/O thread: their epoll set, their deadlines, and the scratch buffer they read into. What
// is written in one wake-up leaves together at its end.
#pragma once

#include "server/net/threads.hpp"
#include "server/wire/poller.hpp"
#include "server/wire/pump.hpp"
#include "server/wire/timer_wheel.hpp"
#include "storage/tally.hpp"

#include <array>
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace twinhub::wire {

/// Everything is called on its I/O thread, unless said otherwise.
class PumpLane {
 public:
  PumpLane(net::IoThread& io, const PumpLimits& limits);
  virtual ~PumpLane();
  PumpLane(const PumpLane&) = delete;
  PumpLane& operator=(const PumpLane&) = delete;

  void adopt(std::unique_ptr<Transport> transport);
  /// nullptr when the connection is gone.
  [[nodiscard]] Pump* find(std::uint64_t id);

  // For connections
  /// `pump` has bytes to send: they leave together at the end of this wake-up.
  void flush_later(Pump& pump);
  /// `pump` has bytes to read that epoll will not tell of.
  void read_later(Pump& pump);
  /// Destroys `pump` once nothing on the stack uses it any more; after LingerLimits::time when it `was_just_answered`.
  void bury(Pump& pump, bool was_just_answered);
  /// Runs `task` on this thread after `time`; never, when the hub stops before that. For rare things: a timer of its
  /// own.
  void run_after(std::chrono::microseconds time, std::function<void()> task);
  void schedule(std::uint64_t id, Clock::time_point deadline) { wheel_.schedule(id, deadline); }

  [[nodiscard]] net::IoThread& io() { return io_; }  ///< any thread
  [[nodiscard]] const PumpLimits& limits() const { return limits_; }
  [[nodiscard]] Poller& poller() { return poller_; }
  [[nodiscard]] std::array<char, 16 * 1024>& scratch() { return scratch_; }
  [[nodiscard]] Clock::time_point now() const { return now_; }

  /// Stops reading; connections close as their last answers leave.
  void begin_stop();
  /// Closes those that are left.
  void finish_stop();
  [[nodiscard]] bool stopping() const { return stopping_; }
  /// How many WebSockets there are, those that still say goodbye included. Any thread.
  [[nodiscard]] const std::shared_ptr<std::atomic<std::size_t>>& web_sockets() const { return web_sockets_; }

  /// Written by this thread, read by any.
  struct Counts {
    std::atomic<std::uint64_t> connections{0}, slow_readers_closed{0}, held_back{0};
    ByteTallies bytes;
  };
  Counts counts;

 protected:
  /// Makes a connection of the door's protocol.
  [[nodiscard]] virtual std::unique_ptr<Pump> make_pump(std::uint64_t id, std::unique_ptr<Transport> transport) = 0;
  virtual void each_second() {}

  /// Begins to serve: at the end of the derived class's constructor, for its calls are used from then on.
  void start();
  /// Every connection, in a list of its own: they may end while it is worked through.
  [[nodiscard]] std::vector<Pump*> all() const;

 private:
  void tick();
  void run_later();
  void end_of_wake_up();

  net::IoThread& io_;
  const PumpLimits& limits_;
  Clock::time_point now_ = Clock::now();
  Poller poller_;
  TimerWheel wheel_;
  boost::asio::steady_timer timer_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Pump>> pumps_;
  std::vector<std::uint64_t> to_flush_;
  std::vector<std::uint64_t> to_read_;
  std::vector<std::unique_ptr<Pump>> buried_;
  std::deque<std::pair<Clock::time_point, std::unique_ptr<Pump>>> lingering_;  ///< ended with an answer; until when
  std::array<char, 16 * 1024> scratch_{};
  std::shared_ptr<std::atomic<std::size_t>> web_sockets_ = std::make_shared<std::atomic<std::size_t>>(0);
  std::uint64_t next_id_ = 1;
  bool later_posted_ = false;
  bool stopping_ = false;
};

}  // namespace twinhub::wire

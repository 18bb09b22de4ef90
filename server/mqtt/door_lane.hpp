// The device door's share of one I/O thread: its connections, their epoll set, deadlines and the scratch buffer they
// read into.
#pragma once

#include "server/hub/hub.hpp"
#include "server/mqtt/connection.hpp"
#include "server/mqtt/mqtt_door.hpp"
#include "server/mqtt/poller.hpp"
#include "server/mqtt/session_table.hpp"
#include "server/mqtt/timer_wheel.hpp"
#include "server/net/threads.hpp"

#include <array>
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace twinhub::mqtt_door {

/// Everything is called on its I/O thread, unless said otherwise.
class DoorLane {
 public:
  DoorLane(net::IoThread& io, hub::Hub& hub, SessionTable& table, const DoorOptions& options);

  void adopt(std::unique_ptr<Transport> transport);
  /// nullptr when the connection is gone.
  [[nodiscard]] Connection* find(std::uint64_t id);

  // For connections
  /// `connection` has bytes to send: they leave together at the end of this wake-up.
  void flush_later(Connection& connection);
  /// `connection` has bytes to read that epoll will not tell of.
  void read_later(Connection& connection);
  /// Destroys it once nobody on the stack uses it any more; after a second or two when it `was_just_answered`.
  void bury(Connection& connection, bool was_just_answered);
  /// Has what Presence has gathered written within milliseconds, if nothing else writes it before.
  void write_presence_soon();
  /// Runs `task` on this thread after `time`; never, when the hub stops before that. For rare things: a timer of its
  /// own.
  void run_after(std::chrono::microseconds time, std::function<void()> task);
  /// run_after() for a fault that a device ordered; false when so many wait already that no more are taken.
  [[nodiscard]] bool run_fault_after(std::chrono::microseconds time, std::function<void()> strike);
  void schedule(std::uint64_t id, Clock::time_point deadline) { wheel_.schedule(id, deadline); }

  [[nodiscard]] net::IoThread& io() { return io_; }  ///< any thread
  [[nodiscard]] hub::Hub& hub() { return hub_; }
  [[nodiscard]] SessionTable& table() { return table_; }
  [[nodiscard]] const DoorOptions& options() const { return options_; }
  [[nodiscard]] Poller& poller() { return poller_; }
  [[nodiscard]] std::array<char, 16 * 1024>& scratch() { return scratch_; }
  [[nodiscard]] Clock::time_point now() const { return now_; }

  /// Stops reading; connections close as their last answers leave.
  void begin_stop();
  void finish_stop();
  [[nodiscard]] bool stopping() const { return stopping_; }
  /// How many WebSockets there are, those that still say goodbye included. Any thread.
  [[nodiscard]] const std::shared_ptr<std::atomic<std::size_t>>& web_sockets() const { return web_sockets_; }

  /// Written by this thread, read by any.
  struct Counters {
    std::atomic<std::uint64_t> connections{0}, connects_accepted{0}, connects_refused{0}, packets_received{0},
        publishes_sent{0}, protocol_faults{0}, take_overs{0}, slow_readers_closed{0};
  };
  Counters counters;

 private:
  void tick();
  void look_at_cas();
  void run_later();
  void end_of_wake_up();

  net::IoThread& io_;
  hub::Hub& hub_;
  SessionTable& table_;
  const DoorOptions& options_;
  Clock::time_point now_ = Clock::now();
  Poller poller_;
  TimerWheel wheel_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer presence_timer_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::vector<std::uint64_t> to_flush_;
  std::vector<std::uint64_t> to_read_;
  std::vector<std::unique_ptr<Connection>> buried_;
  std::vector<std::unique_ptr<Connection>> lingering_;  ///< ended with an answer, this second
  std::vector<std::unique_ptr<Connection>> lingered_;   ///< in the last one
  std::array<char, 16 * 1024> scratch_{};
  std::shared_ptr<std::atomic<std::size_t>> web_sockets_ = std::make_shared<std::atomic<std::size_t>>(0);
  std::uint64_t next_id_ = 1;
  std::uint64_t cas_generation_;  ///< of the hub's CAs, when connections were last held against them
  std::size_t faults_waiting_ = 0;
  bool later_posted_ = false;
  bool presence_due_ = false;  ///< presence_timer_ runs
  bool stopping_ = false;
};

}  // namespace twinhub::mqtt_door

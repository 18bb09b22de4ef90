// The device door's share of one I/O thread: its MQTT connections, and what they share with each other.
#pragma once

#include "server/hub/access/device_entrance.hpp"
#include "server/hub/connections/device_connection.hpp"
#include "server/hub/hub.hpp"
#include "server/hub/limits/operation_times.hpp"
#include "server/mqtt/connection.hpp"
#include "server/mqtt/mqtt_door.hpp"
#include "server/net/threads.hpp"
#include "server/wire/pump_lane.hpp"

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace twinhub::mqtt_door {

/// Everything is called on its I/O thread, unless said otherwise.
class DoorLane final : public wire::PumpLane, public hub::ConnectionLane {
 public:
  DoorLane(net::IoThread& io, hub::Hub& hub, hub::DeviceEntrance& entrance, const DoorOptions& options,
           const wire::PumpLimits& limits);

  /// nullptr when the connection is gone.
  [[nodiscard]] Connection* find(std::uint64_t id) { return static_cast<Connection*>(PumpLane::find(id)); }

  // hub::ConnectionLane
  [[nodiscard]] storage::Lane& thread() override { return io(); }  ///< any thread
  [[nodiscard]] hub::DeviceConnection* find_device(std::uint64_t connection) override;

  // For connections
  /// Has what Presence has gathered written within milliseconds, if nothing else writes it before.
  void write_presence_soon();
  /// run_after() for a fault that a device ordered; false when so many wait already that no more are taken.
  [[nodiscard]] bool run_fault_after(std::chrono::microseconds time, std::function<void()> strike);

  [[nodiscard]] hub::Hub& hub() { return hub_; }
  [[nodiscard]] hub::DeviceEntrance& entrance() { return entrance_; }
  [[nodiscard]] const DoorOptions& options() const { return options_; }

  /// Written by this thread, read by any.
  struct Counters {
    std::atomic<std::uint64_t> connects_accepted{0}, connects_refused{0}, packets_received{0}, publishes_sent{0},
        protocol_faults{0}, take_overs{0};
  };
  Counters counters;
  hub::OperationTimes times;

 private:
  [[nodiscard]] std::unique_ptr<wire::Pump> make_pump(std::uint64_t id,
                                                      std::unique_ptr<wire::Transport> transport) override;
  void each_second() override;

  hub::Hub& hub_;
  hub::DeviceEntrance& entrance_;
  const DoorOptions& options_;
  boost::asio::steady_timer presence_timer_;
  /// Of the hub's CAs and policies, when connections were last held against them.
  std::uint64_t vouchers_generation_;
  std::size_t faults_waiting_ = 0;
  bool presence_due_ = false;  ///< presence_timer_ runs
};

}  // namespace twinhub::mqtt_door

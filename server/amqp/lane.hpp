// The AMQP door's share of one I/O thread: its connections, and the devices on them.
#pragma once

#include "server/amqp/amqp_door.hpp"
#include "server/amqp/connection.hpp"
#include "server/amqp/link_kinds.hpp"
#include "server/hub/access/device_entrance.hpp"
#include "server/hub/connections/device_connection.hpp"
#include "server/hub/limits/operation_times.hpp"
#include "server/wire/pump_lane.hpp"

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace twinhub::amqp_door {

/// Everything is called on its I/O thread, unless said otherwise.
class Lane final : public wire::PumpLane, public hub::ConnectionLane {
 public:
  Lane(net::IoThread& io, hub::Hub& hub, hub::DeviceEntrance& entrance, const LinkKinds& kinds,
       const DoorOptions& options, const wire::PumpLimits& limits);

  /// nullptr when the connection is gone.
  [[nodiscard]] Connection* find(std::uint64_t id) { return static_cast<Connection*>(PumpLane::find(id)); }

  // hub::ConnectionLane: a number stands for a device on a connection, of which there may be many.
  [[nodiscard]] storage::Lane& thread() override { return io(); }  ///< any thread
  [[nodiscard]] hub::DeviceConnection* find_device(std::uint64_t number) override;

  // For connections
  [[nodiscard]] std::uint64_t new_device_number() { return next_device_++; }
  void add_device(Device& device) { devices_.emplace(device.number(), &device); }
  void remove_device(const Device& device) { devices_.erase(device.number()); }
  /// Has what Presence has gathered written within milliseconds, if nothing else writes it before.
  void write_presence_soon();

  /// Has `handler.on_second()` called each second, until call_no_more(): for links that give what others than their
  /// connection bring about.
  void call_each_second(LinkHandler& handler) { each_second_.insert(&handler); }
  void call_no_more(LinkHandler& handler) { each_second_.erase(&handler); }

  [[nodiscard]] hub::Hub& hub() { return hub_; }
  [[nodiscard]] hub::DeviceEntrance& entrance() { return entrance_; }
  [[nodiscard]] const LinkKinds& kinds() const { return kinds_; }
  [[nodiscard]] const DoorOptions& options() const { return options_; }

  /// Written by this thread, read by any.
  struct Counters {
    std::atomic<std::uint64_t> links{0}, links_refused{0}, tokens_accepted{0}, tokens_refused{0}, messages_received{0},
        messages_sent{0}, protocol_faults{0};
  };
  Counters counters;
  hub::OperationTimes times;

 private:
  [[nodiscard]] std::unique_ptr<wire::Pump> make_pump(std::uint64_t id,
                                                      std::unique_ptr<wire::Transport> transport) override;
  void each_second() override;

  hub::Hub& hub_;
  hub::DeviceEntrance& entrance_;
  const LinkKinds& kinds_;
  const DoorOptions& options_;
  boost::asio::steady_timer presence_timer_;
  std::unordered_map<std::uint64_t, Device*> devices_;
  std::unordered_set<LinkHandler*> each_second_;
  std::uint64_t vouchers_generation_;  ///< of the hub's CAs and policies, when connections were last held against them
  std::uint64_t next_device_ = 1;
  bool presence_due_ = false;
};

}  // namespace twinhub::amqp_door

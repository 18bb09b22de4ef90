#include "server/hub/access/device_entrance.hpp"
#include "server/mqtt/door_lane.hpp"
#include "server/mqtt/mqtt_door.hpp"
#include "server/net/per_lane.hpp"
#include "server/wire/socket.hpp"
#include "server/wire/web_socket.hpp"

#include <algorithm>
#include <vector>

namespace twinhub::mqtt_door {
namespace {

class MqttDoor final : public Door {
 public:
  MqttDoor(hub::Hub& hub, hub::DeviceTable& devices, net::Threads& threads, DoorOptions options)
      : options_(options),
        limits_{.output_bytes_max = options.output_bytes_max,
                .output_bytes_pause = options.output_bytes_pause,
                .in_flight_max = options.in_flight_max,
                .in_flight_bytes_max = options.in_flight_bytes_max,
                .received = hub.gate.device_buckets().rate(),
                .login_timeout = options.connect_timeout,
                .linger = options.linger},
        entrance_(hub.gate, hub.authenticator, hub.presence, devices) {
    for (auto& io : threads.io()) lanes_.push_back(std::make_unique<DoorLane>(*io, hub, entrance_, options_, limits_));
  }

  void adopt(net::IoThread& lane, int descriptor, net::Place place, std::shared_ptr<SSL_CTX> tls) override {
    lanes_[lane.index()]->adopt(std::make_unique<wire::Socket>(descriptor, tls.get(), std::move(place)));
  }

  void adopt(net::IoThread& lane, net::WebSocketRequest& request) override {
    DoorLane& own = *lanes_[lane.index()];
    own.adopt(wire::make_web_socket(std::move(request),
                                    std::max(wire::web_socket_message_bytes_max, options_.packet_bytes_max),
                                    own.web_sockets()));
  }

  void stop(std::chrono::milliseconds within) override {
    net::on_every_lane(lanes_, [](DoorLane& lane) { lane.begin_stop(); });
    net::wait_until_idle([this] { return idle(); }, within);
    net::on_every_lane(lanes_, [](DoorLane& lane) { lane.finish_stop(); });
  }

  DoorFigures figures() const override {
    DoorFigures sum;
    for (const auto& lane : lanes_) {
      const auto& counters = lane->counters;
      sum.web_sockets += lane->web_sockets()->load(std::memory_order_relaxed);
      sum.connections += lane->counts.connections.load(std::memory_order_relaxed);
      sum.connects_accepted += counters.connects_accepted.load(std::memory_order_relaxed);
      sum.connects_refused += counters.connects_refused.load(std::memory_order_relaxed);
      sum.packets_received += counters.packets_received.load(std::memory_order_relaxed);
      sum.publishes_sent += counters.publishes_sent.load(std::memory_order_relaxed);
      sum.protocol_faults += counters.protocol_faults.load(std::memory_order_relaxed);
      sum.take_overs += counters.take_overs.load(std::memory_order_relaxed);
      sum.held_back += lane->counts.held_back.load(std::memory_order_relaxed);
      sum.slow_readers_closed += lane->counts.slow_readers_closed.load(std::memory_order_relaxed);
      sum.bytes_received += lane->counts.bytes.received.value();
      sum.bytes_sent += lane->counts.bytes.sent.value();
      lane->times.add_to(sum.times);
    }
    return sum;
  }

 private:
  [[nodiscard]] bool idle() const {
    return std::all_of(lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane->counts.connections == 0; });
  }

  DoorOptions options_;
  wire::PumpLimits limits_;
  hub::DeviceEntrance entrance_;
  std::vector<std::unique_ptr<DoorLane>> lanes_;
};

}  // namespace

std::unique_ptr<Door> make_door(hub::Hub& hub, hub::DeviceTable& devices, net::Threads& threads, DoorOptions options) {
  return std::make_unique<MqttDoor>(hub, devices, threads, options);
}

}  // namespace twinhub::mqtt_door

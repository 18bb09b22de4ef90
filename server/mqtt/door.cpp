#include "server/mqtt/door_lane.hpp"
#include "server/mqtt/mqtt_door.hpp"
#include "server/mqtt/session_table.hpp"
#include "server/mqtt/socket.hpp"
#include "server/mqtt/web_socket.hpp"
#include "server/net/per_lane.hpp"

#include <algorithm>
#include <vector>

namespace twinhub::mqtt_door {
namespace {

class MqttDoor final : public Door {
 public:
  MqttDoor(hub::Hub& hub, SessionTable& table, net::Threads& threads, DoorOptions options) : options_(options) {
    for (auto& io : threads.io()) lanes_.push_back(std::make_unique<DoorLane>(*io, hub, table, options_));
  }

  void adopt(net::IoThread& lane, int descriptor, const std::string&, std::shared_ptr<SSL_CTX> tls) override {
    lanes_[lane.index()]->adopt(std::make_unique<Socket>(descriptor, tls.get()));
  }

  void adopt(net::IoThread& lane, net::WebSocketRequest& request) override {
    DoorLane& own = *lanes_[lane.index()];
    own.adopt(make_web_socket(std::move(request), options_.connect_timeout,
                              std::max(web_socket_message_bytes_max, options_.packet_bytes_max), own.web_sockets()));
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
      sum.connections += counters.connections.load(std::memory_order_relaxed);
      sum.connects_accepted += counters.connects_accepted.load(std::memory_order_relaxed);
      sum.connects_refused += counters.connects_refused.load(std::memory_order_relaxed);
      sum.packets_received += counters.packets_received.load(std::memory_order_relaxed);
      sum.publishes_sent += counters.publishes_sent.load(std::memory_order_relaxed);
      sum.protocol_faults += counters.protocol_faults.load(std::memory_order_relaxed);
      sum.take_overs += counters.take_overs.load(std::memory_order_relaxed);
      sum.slow_readers_closed += counters.slow_readers_closed.load(std::memory_order_relaxed);
    }
    return sum;
  }

 private:
  [[nodiscard]] bool idle() const {
    const DoorFigures now = figures();
    return now.connections == 0 && now.web_sockets == 0;
  }

  DoorOptions options_;
  std::vector<std::unique_ptr<DoorLane>> lanes_;
};

}  // namespace

std::unique_ptr<Door> make_door(hub::Hub& hub, hub::DeviceLinks& links, net::Threads& threads, DoorOptions options) {
  return std::make_unique<MqttDoor>(hub, dynamic_cast<SessionTable&>(links), threads, options);
}

}  // namespace twinhub::mqtt_door

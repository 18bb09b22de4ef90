#include "server/net/per_lane.hpp"
#include "server/rest/rest_door.hpp"
#include "server/rest/rest_lane.hpp"

#include <vector>

namespace twinhub::rest {
namespace {

class RestDoor final : public Door {
 public:
  RestDoor(hub::Hub& hub, net::Threads& threads, DoorOptions options, net::WebSocketHook web_sockets)
      : options_(options), web_sockets_(std::move(web_sockets)) {
    for (auto& io : threads.io())
      lanes_.push_back(std::make_unique<RestLane>(*io, hub, threads, options_, web_sockets_));
  }

  void adopt(net::IoThread& lane, int descriptor, const std::string&, std::shared_ptr<SSL_CTX> tls) override {
    lanes_[lane.index()]->adopt(descriptor, std::move(tls));
  }

  void stop(std::chrono::milliseconds within) override {
    net::on_every_lane(lanes_, [](RestLane& lane) { lane.stop(false); });
    net::wait_until_idle([this] { return figures().connections == 0; }, within);
    net::on_every_lane(lanes_, [](RestLane& lane) { lane.stop(true); });
  }

  DoorFigures figures() const override {
    DoorFigures sum;
    for (const auto& lane : lanes_) {
      const auto& counters = lane->counters;
      sum.connections += counters.connections.load(std::memory_order_relaxed);
      sum.requests += counters.requests.load(std::memory_order_relaxed);
      sum.responses_2xx += counters.responses_2xx.load(std::memory_order_relaxed);
      sum.responses_4xx += counters.responses_4xx.load(std::memory_order_relaxed);
      sum.responses_5xx += counters.responses_5xx.load(std::memory_order_relaxed);
    }
    return sum;
  }

 private:
  DoorOptions options_;
  net::WebSocketHook web_sockets_;
  std::vector<std::unique_ptr<RestLane>> lanes_;
};

}  // namespace

std::unique_ptr<Door> make_door(hub::Hub& hub, net::Threads& threads, DoorOptions options,
                                net::WebSocketHook web_sockets) {
  return std::make_unique<RestDoor>(hub, threads, options, std::move(web_sockets));
}

}  // namespace twinhub::rest

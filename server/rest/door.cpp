#include "server/net/per_lane.hpp"
#include "server/rest/rest_door.hpp"
#include "server/rest/rest_lane.hpp"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

namespace twinhub::rest {
namespace {

class RestDoor final : public Door {
 public:
  RestDoor(hub::Hub& hub, net::Threads& threads, DoorOptions options, net::WebSocketDoors web_sockets, Annex* annex)
      : options_(options), web_sockets_(std::move(web_sockets)) {
    for (auto& io : threads.io())
      lanes_.push_back(std::make_unique<RestLane>(*io, hub, threads, options_, web_sockets_, annex));
  }

  void adopt(net::IoThread& lane, int descriptor, net::Place place, std::shared_ptr<SSL_CTX> tls) override {
    lanes_[lane.index()]->adopt(descriptor, std::move(place), std::move(tls));
  }

  void call(IndirectRequest call) override {
    RestLane& lane = *lanes_[next_lane_.fetch_add(1, std::memory_order_relaxed) % lanes_.size()];
    lane.io().post([&lane, call = std::move(call)]() mutable { lane.call(std::move(call)); });
  }

  void stop(std::chrono::milliseconds within) override {
    net::on_every_lane(lanes_, [](RestLane& lane) { lane.stop(false); });
    const auto is_idle = [](const auto& lane) { return lane->counters.connections == 0; };
    net::wait_until_idle([&] { return std::all_of(lanes_.begin(), lanes_.end(), is_idle); }, within);
    net::on_every_lane(lanes_, [](RestLane& lane) { lane.stop(true); });
  }

  DoorFigures figures() const override {
    DoorFigures sum;
    for (const auto& lane : lanes_) {
      const auto& counters = lane->counters;
      sum.connections += counters.connections.load(std::memory_order_relaxed);
      sum.requests += counters.requests.value();
      for (unsigned status = 0; status <= status_max; ++status) {
        if (const auto count = counters.responses[status].value(); count > 0) sum.responses[status] += count;
      }
      sum.bytes_received += counters.bytes.received.value();
      sum.bytes_sent += counters.bytes.sent.value();
      lane->times.add_to(sum.times);
    }
    return sum;
  }

 private:
  DoorOptions options_;
  net::WebSocketDoors web_sockets_;
  std::vector<std::unique_ptr<RestLane>> lanes_;
  std::atomic<std::size_t> next_lane_{0};
};

}  // namespace

std::unique_ptr<Door> make_door(hub::Hub& hub, net::Threads& threads, DoorOptions options,
                                net::WebSocketDoors web_sockets, Annex* annex) {
  return std::make_unique<RestDoor>(hub, threads, options, std::move(web_sockets), annex);
}

}  // namespace twinhub::rest

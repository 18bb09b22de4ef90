#include "server/rest/rest_door.hpp"
#include "server/rest/rest_lane.hpp"

#include <future>
#include <thread>
#include <vector>

namespace twinhub::rest {
namespace {

class RestDoor final : public Door {
 public:
  RestDoor(hub::Hub& hub, net::Threads& threads, DoorOptions options) : options_(options) {
    for (auto& io : threads.io()) lanes_.push_back(std::make_unique<RestLane>(*io, hub, threads, options_));
  }

  void adopt(net::IoThread& lane, int descriptor, const std::string&, std::shared_ptr<SSL_CTX> tls) override {
    lanes_[lane.index()]->adopt(descriptor, std::move(tls));
  }

  void stop(std::chrono::milliseconds within) override {
    const auto deadline = std::chrono::steady_clock::now() + within;
    on_every_lane([](RestLane& lane) { lane.stop(false); });
    while (figures().connections > 0 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    on_every_lane([](RestLane& lane) { lane.stop(true); });
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
  template <class Task>
  void on_every_lane(Task task) {
    for (auto& lane : lanes_) {
      std::promise<void> done;
      lane->io().post([&] {
        task(*lane);
        done.set_value();
      });
      done.get_future().wait();
    }
  }

  DoorOptions options_;
  std::vector<std::unique_ptr<RestLane>> lanes_;
};

}  // namespace

std::unique_ptr<Door> make_door(hub::Hub& hub, net::Threads& threads, DoorOptions options) {
  return std::make_unique<RestDoor>(hub, threads, options);
}

}  // namespace twinhub::rest

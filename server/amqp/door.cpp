#include "server/amqp/amqp_door.hpp"
#include "server/amqp/event_message.hpp"
#include "server/amqp/lane.hpp"
#include "server/amqp/link_kinds.hpp"
#include "server/hub/access/device_entrance.hpp"
#include "server/net/per_lane.hpp"
#include "server/wire/socket.hpp"
#include "server/wire/web_socket.hpp"

#include <algorithm>
#include <vector>

namespace twinhub::amqp_door {
namespace {

class AmqpDoor final : public Door {
 public:
  AmqpDoor(hub::Hub& hub, hub::DeviceTable& devices, net::Threads& threads, events::EventFeed& feed,
           DoorOptions options)
      : options_(std::move(options)),
        limits_{.in_flight_max = options_.in_flight_max,
                .in_flight_bytes_max = options_.in_flight_bytes_max,
                .received = hub.gate.device_buckets().rate(),
                .login_timeout = options_.login_timeout,
                .linger = options_.linger},
        entrance_(hub.gate, hub.authenticator, hub.presence, devices),
        kinds_(all_link_kinds(hub, feed, options_)) {
    for (auto& io : threads.io()) {
      lanes_.push_back(std::make_unique<Lane>(*io, hub, entrance_, kinds_, options_, limits_));
    }
  }

  void adopt(net::IoThread& lane, int descriptor, net::Place place, std::shared_ptr<SSL_CTX> tls) override {
    lanes_[lane.index()]->adopt(std::make_unique<wire::Socket>(descriptor, tls.get(), std::move(place)));
  }

  void adopt(net::IoThread& lane, net::WebSocketRequest& request) override {
    Lane& own = *lanes_[lane.index()];
    own.adopt(wire::make_web_socket(std::move(request), wire::web_socket_message_bytes_max, own.web_sockets()));
  }

  void stop(std::chrono::milliseconds within) override {
    net::on_every_lane(lanes_, [](Lane& lane) { lane.begin_stop(); });
    net::wait_until_idle([this] { return idle(); }, within);
    net::on_every_lane(lanes_, [](Lane& lane) { lane.finish_stop(); });
  }

  DoorFigures figures() const override {
    DoorFigures sum;
    const auto read = [](const std::atomic<std::uint64_t>& counter) { return counter.load(std::memory_order_relaxed); };
    for (const auto& lane : lanes_) {
      const auto& counters = lane->counters;
      sum.connections += read(lane->counts.connections);
      sum.web_sockets += lane->web_sockets()->load(std::memory_order_relaxed);
      sum.links += read(counters.links);
      sum.links_refused += read(counters.links_refused);
      sum.tokens_accepted += read(counters.tokens_accepted);
      sum.tokens_refused += read(counters.tokens_refused);
      sum.messages_received += read(counters.messages_received);
      sum.messages_sent += read(counters.messages_sent);
      sum.protocol_faults += read(counters.protocol_faults);
      sum.held_back += read(lane->counts.held_back);
      sum.slow_readers_closed += read(lane->counts.slow_readers_closed);
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

  const DoorOptions options_;
  const wire::PumpLimits limits_;
  hub::DeviceEntrance entrance_;
  const LinkKinds kinds_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace

std::unique_ptr<Door> make_door(hub::Hub& hub, hub::DeviceTable& devices, net::Threads& threads,
                                events::EventFeed& feed, DoorOptions options) {
  return std::make_unique<AmqpDoor>(hub, devices, threads, feed, std::move(options));
}

events::EventFeed::Encode encode_event() { return append_event; }

}  // namespace twinhub::amqp_door

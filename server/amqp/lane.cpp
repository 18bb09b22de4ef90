#include "server/amqp/lane.hpp"

#include "server/amqp/device.hpp"

#include <algorithm>
#include <utility>

namespace twinhub::amqp_door {
namespace {

constexpr std::chrono::milliseconds presence_wait{3};  // a device's further links mostly follow within it

}  // namespace

Lane::Lane(net::IoThread& io, hub::Hub& hub, hub::DeviceEntrance& entrance, const LinkKinds& kinds,
           const DoorOptions& options, const wire::PumpLimits& limits)
    : PumpLane(io, limits),
      hub_(hub),
      entrance_(entrance),
      kinds_(kinds),
      options_(options),
      presence_timer_(io.context()),
      vouchers_generation_(hub.authenticator.vouchers_generation()) {
  start();
}

std::unique_ptr<wire::Pump> Lane::make_pump(std::uint64_t id, std::unique_ptr<wire::Transport> transport) {
  return std::make_unique<Connection>(*this, id, std::move(transport));
}

hub::DeviceConnection* Lane::find_device(std::uint64_t number) {
  const auto found = devices_.find(number);
  return found == devices_.end() ? nullptr : found->second;
}

void Lane::write_presence_soon() {
  if (presence_due_) return;
  presence_due_ = true;
  presence_timer_.expires_after(presence_wait);
  presence_timer_.async_wait([this](const boost::system::error_code&) {
    presence_due_ = false;
    hub_.presence.write_down();
  });
}

/// CAs and policies change seldom: then, and only then, every connection is asked.
void Lane::each_second() {
  for (LinkHandler* const handler : std::vector<LinkHandler*>(each_second_.begin(), each_second_.end())) {
    if (each_second_.contains(handler)) handler->on_second();  // a call may end others
  }
  const std::uint64_t generation = hub_.authenticator.vouchers_generation();
  if (generation == std::exchange(vouchers_generation_, generation)) return;
  for (wire::Pump* pump : all()) static_cast<Connection*>(pump)->check_vouchers();
}

}  // namespace twinhub::amqp_door

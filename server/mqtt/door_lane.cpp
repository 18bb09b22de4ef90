#include "server/mqtt/door_lane.hpp"

#include <utility>

namespace twinhub::mqtt_door {
namespace {

// A device's SUBSCRIBE mostly follows its CONNECT within this time, and then they share a sync.
constexpr std::chrono::milliseconds presence_wait{3};
constexpr std::size_t faults_waiting_max = 1000;  // per lane; each is a timer and a closure, for up to an hour

}  // namespace

DoorLane::DoorLane(net::IoThread& io, hub::Hub& hub, hub::DeviceEntrance& entrance, const DoorOptions& options,
                   const wire::PumpLimits& limits)
    : PumpLane(io, limits),
      hub_(hub),
      entrance_(entrance),
      options_(options),
      presence_timer_(io.context()),
      vouchers_generation_(hub.authenticator.vouchers_generation()) {
  start();
}

std::unique_ptr<wire::Pump> DoorLane::make_pump(std::uint64_t id, std::unique_ptr<wire::Transport> transport) {
  return std::make_unique<Connection>(*this, id, std::move(transport));
}

hub::DeviceConnection* DoorLane::find_device(std::uint64_t connection) {
  Connection* const found = find(connection);
  return found != nullptr && found->client() != nullptr ? found->client()->device() : nullptr;
}

void DoorLane::write_presence_soon() {
  if (presence_due_) return;
  presence_due_ = true;
  presence_timer_.expires_after(presence_wait);
  presence_timer_.async_wait([this](const boost::system::error_code&) {
    presence_due_ = false;
    hub_.presence.write_down();
  });
}

bool DoorLane::run_fault_after(std::chrono::microseconds time, std::function<void()> strike) {
  if (faults_waiting_ >= faults_waiting_max) return false;
  ++faults_waiting_;
  run_after(time, [this, strike = std::move(strike)] {
    --faults_waiting_;
    strike();
  });
  return true;
}

/// CAs and policies change seldom: then, and only then, every connection is asked.
void DoorLane::each_second() {
  const std::uint64_t generation = hub_.authenticator.vouchers_generation();
  if (generation == std::exchange(vouchers_generation_, generation)) return;
  for (wire::Pump* pump : all()) {
    auto& connection = static_cast<Connection&>(*pump);
    if (connection.client() != nullptr) connection.client()->check_vouchers();
  }
}

}  // namespace twinhub::mqtt_door

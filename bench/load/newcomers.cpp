#include "bench/load/newcomers.hpp"

#include "bench/load/registry.hpp"

#include <cmath>

namespace twinhub::load {

void Newcomers::prepare() {
  const Options& options = world_.options;
  const auto count = static_cast<std::size_t>(std::ceil(options.connect_rate * (options.warm_up + options.seconds)));
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < count; ++i) ids.push_back(options.device_prefix + "newcomer-" + std::to_string(i));
  if (options.create) create_devices(world_, ids);
  for (std::size_t i = 0; i < count; ++i) {
    devices_.push_back(std::make_unique<Device>(
        world_.loop, *this, world_.errors, world_.tls(), i,
        Device::Login{
            world_.connect_fields(ids[i]), {"$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#"}, 0}));
  }
}

Clock::time_point Newcomers::come(Clock::time_point began, Clock::time_point now) {
  const std::chrono::duration<double> gap(1 / std::max(world_.options.connect_rate, 1e-9));
  while (came_ < devices_.size()) {
    const auto due = began + std::chrono::duration_cast<Clock::duration>(gap * static_cast<double>(came_));
    if (due > now) return due;
    devices_[came_++]->connect(world_.mqtt());
  }
  return Clock::time_point::max();
}

void Newcomers::verify() {
  world_.run_until("connecting newcomers", [this] { return ready_ == came_; });
  if (came_ > 0) world_.figures.push_back({"newcomers", static_cast<double>(came_)});
}

void Newcomers::on_message(Device& device, const Message& message) {
  world_.errors.add(Wrong::unexpected, device.id() + ": a message to " + std::string(message.topic));
}

void Newcomers::on_puback(Device& device, std::uint16_t) {
  world_.errors.add(Wrong::unexpected, device.id() + ": a PUBACK");
}

}  // namespace twinhub::load

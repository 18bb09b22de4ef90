#include "bench/load/device_scenario.hpp"

#include "bench/load/registry.hpp"

#include <algorithm>

namespace twinhub::load {

void DeviceScenario::prepare() {
  register_devices();
  make_devices();
  connect_all();
}

void DeviceScenario::write_ledger(std::ostream& out) const {
  for (std::size_t i = 0; i < devices_.size(); ++i)
    out << devices_[i]->id() << ' ' << states_[i].version << ' ' << states_[i].sequence << '\n';
}

void DeviceScenario::register_devices() {
  if (!world_.options.create) return;
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < world_.options.devices; ++i) ids.push_back(world_.options.device_id(i));
  create_devices(world_, ids);
}

void DeviceScenario::make_devices() {
  const std::size_t count = world_.options.devices;
  states_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string id = world_.options.device_id(i);
    devices_.push_back(
        std::make_unique<Device>(world_.loop, *this, world_.errors, world_.tls(), i,
                                 Device::Login{world_.connect_fields(id), filters(id), subscribe_qos()}));
  }
}

void DeviceScenario::connect_more() {
  while (asked_to_connect_ < devices_.size() && asked_to_connect_ - ready_ < world_.options.connecting)
    devices_[asked_to_connect_++]->connect(world_.mqtt());
}

void DeviceScenario::connect_all() {
  connecting_all_ = true;
  asked_to_connect_ = ready_ = 0;
  connect_more();
  world_.run_until("connecting devices", [this] { return ready_ == devices_.size(); });
  connecting_all_ = false;
}

void DeviceScenario::on_ready(Device&) {
  if (!connecting_all_) return;
  ++ready_;
  connect_more();
}

void DeviceScenario::on_gone(Device& device) {
  State& state = state_of(device);
  for (const Pending& pending : state.pending)
    wrong(Wrong::lost, device, "no answer to " + std::to_string(pending.number) + " before the end of the connection");
  world_.gave_up(state.pending.size());
  state.pending.clear();
}

void DeviceScenario::on_message(Device& device, const Message& message) {
  wrong(Wrong::unexpected, device, "a message to " + std::string(message.topic));
}

void DeviceScenario::on_puback(Device& device, std::uint16_t packet_id) {
  wrong(Wrong::unexpected, device, "a PUBACK of " + std::to_string(packet_id));
}

Device* DeviceScenario::next_device() {
  for (std::size_t tries = 0; tries < devices_.size(); ++tries) {
    Device& device = *devices_[next_];
    next_ = (next_ + 1) % devices_.size();
    if (device.is_ready()) return &device;
  }
  return nullptr;
}

void DeviceScenario::add_pending(Device& device, std::uint64_t number, Clock::time_point intended, unsigned parts) {
  state_of(device).pending.push_back({number, intended, parts});
  world_.started();
}

DeviceScenario::Pending* DeviceScenario::find_pending(const Device& device, std::uint64_t number) {
  auto& pending = state_of(device).pending;
  const auto found = std::find_if(pending.begin(), pending.end(), [&](const auto& p) { return p.number == number; });
  if (found != pending.end()) return &*found;
  wrong(Wrong::unexpected, device, "an answer to " + std::to_string(number) + ", which is not open");
  return nullptr;
}

void DeviceScenario::part_ended(const Device& device, Pending& pending) {
  if (--pending.parts_left > 0) return;
  const auto intended = pending.intended;
  auto& list = state_of(device).pending;
  list.erase(list.begin() + (&pending - list.data()));
  world_.ended(intended, Clock::now());
}

void DeviceScenario::answered(const Device& device, std::uint64_t number) {
  if (Pending* pending = find_pending(device, number)) part_ended(device, *pending);
}

void DeviceScenario::forget(const Device& device, std::uint64_t number) {
  world_.gave_up(std::erase_if(state_of(device).pending, [&](const Pending& p) { return p.number == number; }));
}

void DeviceScenario::check_next_version(const Device& device, std::optional<std::uint64_t> version) {
  State& state = state_of(device);
  if (!version) return wrong(Wrong::version, device, "no version");
  if (state.has_version && *version != state.version + 1)
    wrong(Wrong::version, device, std::to_string(*version) + " after " + std::to_string(state.version));
  state.version = *version;
  state.has_version = true;
}

void DeviceScenario::wrong(Wrong kind, const Device& device, const std::string& what) {
  world_.errors.add(kind, device.id() + ": " + what);
}

}  // namespace twinhub::load

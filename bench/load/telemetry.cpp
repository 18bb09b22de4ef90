// Devices send messages at QoS 1; an operation ends with the PUBACK. The same on a broker where nobody listens.
#include "bench/load/device_scenario.hpp"
#include "bench/load/payloads.hpp"

namespace twinhub::load {
namespace {

class Telemetry final : public DeviceScenario {
 public:
  explicit Telemetry(World& world) : DeviceScenario(world), body_(world.options.payload_bytes, 1) {}

  bool begin(Clock::time_point intended) override {
    Device* device = next_device();
    if (device == nullptr) return false;
    const std::uint16_t packet_id = device->next_packet_id();
    add_pending(*device, packet_id, intended);
    device->publish("devices/" + device->id() + "/messages/events/", body_.make(++sent_), packet_id);
    return true;
  }

 private:
  std::vector<std::string> filters(const std::string&) const override { return {}; }

  /// PUBACKs come in the order of the messages [MQTT-4.6.0-2].
  void on_puback(Device& device, std::uint16_t packet_id) override {
    const auto& pending = state_of(device).pending;
    if (!pending.empty() && pending.front().number != packet_id)
      wrong(Wrong::unexpected, device, "a PUBACK out of order: " + std::to_string(packet_id));
    answered(device, packet_id);
  }

  Patch body_;
  std::uint64_t sent_ = 0;
};

}  // namespace

std::unique_ptr<Scenario> make_telemetry(World& world) { return std::make_unique<Telemetry>(world); }

}  // namespace twinhub::load

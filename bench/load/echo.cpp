// What a broker is asked to do in the hub's place: every client subscribes to a topic of its own, publishes to it, and
// an operation ends when the message is back, at QoS 1 with its PUBACK too.
#include "bench/load/device_scenario.hpp"
#include "bench/load/payloads.hpp"

namespace twinhub::load {
namespace {

std::string topic_of(const std::string& id) { return "devices/" + id + "/messages/events/echo"; }

class Echo final : public DeviceScenario {
 public:
  explicit Echo(World& world)
      : DeviceScenario(world), body_(world.options.payload_bytes, 1), qos_(world.options.qos == 0 ? 0 : 1) {}

  bool begin(Clock::time_point intended) override {
    Device* device = next_device();
    if (device == nullptr) return false;
    const std::uint64_t number = ++sent_;
    const std::uint16_t packet_id = qos_ == 0 ? std::uint16_t{0} : device->next_packet_id();
    add_pending(*device, number, intended, qos_ == 0 ? 1 : 2);
    if (qos_ == 1) acks_.at(device->index()).push_back({packet_id, number});
    device->publish(topic_of(device->id()), body_.make(number), packet_id);
    return true;
  }

  void prepare() override {
    acks_.resize(world_.options.devices);
    DeviceScenario::prepare();
  }

 private:
  struct Ack {
    std::uint16_t packet_id = 0;
    std::uint64_t number = 0;
  };

  std::vector<std::string> filters(const std::string& id) const override { return {topic_of(id)}; }
  std::uint8_t subscribe_qos() const override { return qos_; }

  void on_message(Device& device, const Message& message) override {
    const auto number = number_after(message.payload, "\"sequence\":");
    if (message.topic != topic_of(device.id()) || !number || message.payload != body_.make(*number))
      return wrong(Wrong::malformed, device, "another message than was sent: " + std::string(message.topic));
    if ((message.packet_id != 0) != (qos_ == 1)) wrong(Wrong::malformed, device, "another QoS than was asked for");
    if (message.packet_id != 0) device.puback(message.packet_id);
    answered(device, *number);
  }

  void on_puback(Device& device, std::uint16_t packet_id) override {
    auto& acks = acks_[device.index()];
    if (acks.empty() || acks.front().packet_id != packet_id) return DeviceScenario::on_puback(device, packet_id);
    const std::uint64_t number = acks.front().number;
    acks.erase(acks.begin());
    answered(device, number);
  }

  Patch body_;
  std::uint8_t qos_;
  std::uint64_t sent_ = 0;
  std::vector<std::vector<Ack>> acks_;  // by device: PUBLISHes without their PUBACK
};

}  // namespace

std::unique_ptr<Scenario> make_echo(World& world) { return std::make_unique<Echo>(world); }

}  // namespace twinhub::load

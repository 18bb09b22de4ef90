// Back ends call a direct method, the device answers with the payload that it got; an operation ends with the answer at
// the back end.
#include "bench/load/device_scenario.hpp"
#include "bench/load/payloads.hpp"

namespace twinhub::load {
namespace {

class Method final : public DeviceScenario {
 public:
  explicit Method(World& world) : DeviceScenario(world), payload_(world.options.payload_bytes, world.options.depth) {}

  bool begin(Clock::time_point intended) override {
    Device* device = next_device();
    if (device == nullptr) return false;
    const std::uint64_t number = ++calls_;
    add_pending(*device, number, intended, 2);
    world_.back_ends().request(
        {"POST",
         "/twins/" + device->id() + "/methods?api-version=2021-04-12",
         {},
         R"({"methodName":"load","responseTimeoutInSeconds":30,"payload":)" + std::string(payload_.make(number)) + "}"},
        [this, device, number](const HttpAnswer* answer) { on_result(*device, number, answer); });
    return true;
  }

 private:
  std::vector<std::string> filters(const std::string&) const override { return {"$iothub/methods/POST/#"}; }

  void on_message(Device& device, const Message& message) override {
    const auto rid = number_after(message.topic, "$iothub/methods/POST/load/?$rid=");
    const auto number = number_after(message.payload, "\"sequence\":");
    if (!rid || !number) return DeviceScenario::on_message(device, message);
    if (message.payload != payload_.make(*number)) wrong(Wrong::malformed, device, "another payload than was sent");
    device.publish("$iothub/methods/res/200/?$rid=" + std::to_string(*rid), message.payload);
    Pending* pending = find_pending(device, *number);
    if (pending == nullptr) return;
    if (pending->parts_left != 2) return wrong(Wrong::unexpected, device, "a method call for the second time");
    part_ended(device, *pending);
  }

  void on_result(const Device& device, std::uint64_t number, const HttpAnswer* answer) {
    if (answer != nullptr && answer->status != 200) {
      wrong(Wrong::refused, device, "method: " + std::string(answer->body));
      return forget(device, number);
    }
    if (answer != nullptr && answer->body != R"({"status":200,"payload":)" + std::string(payload_.make(number)) + "}") {
      wrong(Wrong::malformed, device, "method: another answer than the device gave: " + std::string(answer->body));
    }
    Pending* pending = find_pending(device, number);
    if (pending == nullptr) return;
    if (pending->parts_left != 1) wrong(Wrong::unexpected, device, "a method's answer before its call");
    pending->parts_left = 1;
    part_ended(device, *pending);
  }

  Patch payload_;
  std::uint64_t calls_ = 0;
};

}  // namespace

std::unique_ptr<Scenario> make_method(World& world) { return std::make_unique<Method>(world); }

}  // namespace twinhub::load

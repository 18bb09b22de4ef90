// Back ends change desired properties by REST; an operation ends when the delta is at the device. The back end's own
// answer has to come too.
#include "bench/load/device_scenario.hpp"
#include "bench/load/payloads.hpp"

namespace twinhub::load {
namespace {

constexpr std::uint64_t one_in = 10;            // so many changes go to the slow readers
constexpr std::size_t slow_patch_bytes = 4000;  // large, so that what they do not read adds up
constexpr int slow_receive_bytes = 4096;

class Desired final : public DeviceScenario {
 public:
  explicit Desired(World& world)
      : DeviceScenario(world),
        patch_(world.options.payload_bytes, world.options.depth),
        slow_patch_(slow_patch_bytes, 1) {}

  void prepare() override {
    DeviceScenario::prepare();
    for (std::size_t i = 0; i < slow(); ++i) {
      devices_[i]->tolerate_end();  // the hub may let go of who does not read
      devices_[i]->leave();
      devices_[i]->connect(world_.mqtt(), slow_receive_bytes);
    }
    world_.run_until("connecting slow readers", [this] {
      for (std::size_t i = 0; i < slow(); ++i) {
        if (!devices_[i]->is_ready()) return false;
      }
      return true;
    });
    for (std::size_t i = 0; i < slow(); ++i) devices_[i]->stop_reading();
  }

  bool begin(Clock::time_point intended) override {
    const std::uint64_t number = ++changes_;
    if (slow() > 0 && number % one_in == 0) {
      change_slow(*devices_[number / one_in % slow()], number);
      return true;
    }
    Device* device = next_device();
    while (device != nullptr && device->index() < slow()) device = next_device();
    if (device == nullptr) return false;
    add_pending(*device, number, intended);
    change(*device, patch_.make(number), [this, device, number](bool refused) {
      if (refused) forget(*device, number);
    });
    return true;
  }

  void verify() override {
    world_.run_until("the back ends' answers", [this] { return answers_open_ == 0; });
  }

 private:
  [[nodiscard]] std::size_t slow() const { return world_.options.slow_readers; }
  std::vector<std::string> filters(const std::string&) const override {
    return {"$iothub/twin/PATCH/properties/desired/#"};
  }

  /// Then runs `after(refused)`.
  template <class After>
  void change(Device& device, std::string_view patch, After after) {
    ++answers_open_;
    world_.back_ends().request({"PATCH", "/twins/" + device.id() + "?api-version=2021-04-12", "If-Match: \"*\"\r\n",
                                R"({"properties":{"desired":)" + std::string(patch) + "}}"},
                               [this, after](const HttpAnswer* answer) {
                                 --answers_open_;
                                 if (answer != nullptr && answer->status != 200)
                                   world_.errors.add(Wrong::refused, "PATCH: " + std::string(answer->body));
                                 after(answer != nullptr && answer->status != 200);
                               });
  }

  /// Not timed: nobody sees its delta.
  void change_slow(Device& device, std::uint64_t number) {
    world_.started();
    change(device, slow_patch_.make(number), [this](bool) { world_.gave_up(1); });
  }

  void on_message(Device& device, const Message& message) override {
    const auto version = number_after(message.topic, "$iothub/twin/PATCH/properties/desired/?$version=");
    const auto number = number_after(message.payload, "\"sequence\":");
    if (!version || !number) return DeviceScenario::on_message(device, message);
    if (number_after(message.payload, "\"$version\":") != version)
      wrong(Wrong::version, device, "topic and delta differ: " + std::string(message.payload));
    check_next_version(device, version);
    answered(device, *number);
  }

  Patch patch_;
  Patch slow_patch_;
  std::uint64_t changes_ = 0;
  std::uint64_t answers_open_ = 0;
};

}  // namespace

std::unique_ptr<Scenario> make_desired(World& world) { return std::make_unique<Desired>(world); }

}  // namespace twinhub::load

// Devices connect and subscribe: what that costs (`connect`), and what it costs to have them there (`idle`). Sessions
// are kept (clean session 0), as SDKs ask for.
#include "bench/load/device_scenario.hpp"

#include <algorithm>

namespace twinhub::load {
namespace {

class Connect : public DeviceScenario {
 public:
  using DeviceScenario::DeviceScenario;

  void prepare() override {
    register_devices();
    make_devices();
    if (world_.options.rehearse) rehearse();
    rss_before_ = world_.server.rss_kib();
  }

  bool begin(Clock::time_point intended) override {
    if (asked_ == devices_.size()) return false;
    Device& device = *devices_[asked_++];
    add_pending(device, 0, intended);
    device.connect(world_.mqtt());
    return true;
  }

  bool is_finite() const override { return true; }

  /// Each of them is there: it answers.
  void verify() override {
    const std::size_t rss = world_.server.rss_kib();
    const auto count = static_cast<double>(std::max<std::size_t>(1, devices_.size()));
    world_.figures.push_back({"rss_kib_before", static_cast<double>(rss_before_)});
    world_.figures.push_back({"rss_kib_after", static_cast<double>(rss)});
    world_.figures.push_back(
        {"rss_kib_per_connection", (static_cast<double>(rss) - static_cast<double>(rss_before_)) / count});
    pongs_ = 0;
    std::size_t asked = 0;
    world_.run_until("asking who is there", [&] {
      for (; asked < devices_.size() && asked - pongs_ < 256; ++asked) {
        if (devices_[asked]->is_ready()) devices_[asked]->ping();
      }
      return pongs_ == devices_.size();
    });
  }

 protected:
  /// So that what stays behind of a device that was there once (records read, a session kept) is paid for already. Few
  /// are there at a time: memory that many have given back would serve the measured ones for nothing.
  void rehearse() {
    rehearsing_ = true;
    connect_all();
    rehearsing_ = false;
    pass(std::chrono::milliseconds(500));
  }
  void pass(Clock::duration time) {
    const auto until = Clock::now() + time;
    while (Clock::now() < until) world_.loop.wait(until);
  }

 private:
  std::vector<std::string> filters(const std::string& id) const override {
    if (world_.options.shared_topics) return {"twin/res/#", "twin/desired/#"};
    if (world_.options.broker) return {"devices/" + id + "/twin/res/#", "devices/" + id + "/twin/desired/#"};
    return {"$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#"};
  }
  void on_ready(Device& device) override {
    DeviceScenario::on_ready(device);
    if (rehearsing_) return device.leave();
    if (!state_of(device).pending.empty()) answered(device, 0);
  }
  void on_pingresp(Device&) override { ++pongs_; }

  std::size_t asked_ = 0;
  std::size_t pongs_ = 0;
  std::size_t rss_before_ = 0;
  bool rehearsing_ = false;
};

class Idle final : public Connect {
 public:
  using Connect::Connect;

  void verify() override {
    const double seconds = world_.options.seconds;
    pass(std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(seconds, 1.0) * 1e9)));
    const auto cpu = world_.server.cpu();
    pass(std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9)));
    const auto used = std::chrono::duration<double, std::micro>(world_.server.cpu() - cpu).count();
    world_.figures.push_back({"idle_cpu_us_per_second", used / std::max(seconds, 1e-3)});
    Connect::verify();
  }
};

}  // namespace

std::unique_ptr<Scenario> make_connect(World& world) { return std::make_unique<Connect>(world); }
std::unique_ptr<Scenario> make_idle(World& world) { return std::make_unique<Idle>(world); }

}  // namespace twinhub::load

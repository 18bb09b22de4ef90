// Devices report; an operation ends with the 204, which means that it is on disk.
#include "bench/load/twin_requests.hpp"

namespace twinhub::load {
namespace {

class Reported final : public TwinRequests {
 public:
  explicit Reported(World& world) : TwinRequests(world), patch_(world.options.payload_bytes, world.options.depth) {}

  bool begin(Clock::time_point intended) override {
    Device* device = next_device();
    if (device == nullptr) return false;
    report(*device, patch_.make(next_rid()), intended);
    return true;
  }

  /// What was acknowledged last is there, and nothing behind it.
  void verify() override { get_all("reading back", static_cast<Check>(&Reported::check_twin)); }

 private:
  void on_answer(Device& device, const Answer& answer) override {
    if (answer.status != 204) {
      wrong(Wrong::refused, device, std::to_string(answer.status) + " " + std::string(answer.body));
    } else {
      check_next_version(device, answer.version);
      if (!answer.body.empty()) wrong(Wrong::malformed, device, "a 204 with a body");
      state_of(device).sequence = answer.rid;
    }
    answered(device, answer.rid);
  }

  void check_twin(Device& device, const Answer& answer) {
    const State& state = state_of(device);
    if (reported_version(answer.body) != state.version)
      wrong(Wrong::lost, device, "the twin is not at version " + std::to_string(state.version));
    if (state.sequence != 0 && number_after(answer.body, "\"sequence\":") != state.sequence)
      wrong(Wrong::lost, device, "the twin does not show change " + std::to_string(state.sequence));
  }

  Patch patch_;
};

}  // namespace

std::unique_ptr<Scenario> make_reported(World& world) { return std::make_unique<Reported>(world); }

}  // namespace twinhub::load

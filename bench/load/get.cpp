// Devices read their twins, which nobody changes meanwhile: every answer is the same as the first.
#include "bench/load/twin_requests.hpp"

namespace twinhub::load {
namespace {

class Get final : public TwinRequests {
 public:
  using TwinRequests::TwinRequests;

  bool begin(Clock::time_point intended) override {
    Device* device = next_device();
    if (device == nullptr) return false;
    get(*device, intended);
    return true;
  }

 private:
  void on_answer(Device& device, const Answer& answer) override {
    State& state = state_of(device);
    if (state.sequence == 0) state.sequence = answer.body.size();
    if (answer.status != 200) {
      wrong(Wrong::refused, device, std::to_string(answer.status) + " " + std::string(answer.body));
    } else if (!answer.body.starts_with(R"({"desired":{)") || !answer.body.ends_with("}}") ||
               answer.body.size() != state.sequence) {
      wrong(Wrong::malformed, device, "another twin than before: " + std::string(answer.body.substr(0, 200)));
    } else if (reported_version(answer.body) != state.version) {
      wrong(Wrong::version, device, "the twin is not at version " + std::to_string(state.version));
    }
    answered(device, answer.rid);
  }
};

}  // namespace

std::unique_ptr<Scenario> make_get(World& world) { return std::make_unique<Get>(world); }

}  // namespace twinhub::load

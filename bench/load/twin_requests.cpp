#include "bench/load/twin_requests.hpp"

namespace twinhub::load {
namespace {

constexpr std::string_view answer_prefix = "$iothub/twin/res/";
constexpr std::size_t asked_at_a_time = 256;

}  // namespace

std::optional<std::uint64_t> reported_version(std::string_view body) { return number_after(body, "\"$version\":"); }

void TwinRequests::prepare() {
  DeviceScenario::prepare();
  if (world_.options.twin_bytes > 0) fill_all();
  get_all("reading twins", &TwinRequests::learn_version);
}

void TwinRequests::get(Device& device, Clock::time_point intended) {
  const std::uint64_t rid = ++rid_;
  add_pending(device, rid, intended);
  device.publish("$iothub/twin/GET/?$rid=" + std::to_string(rid), {});
}

void TwinRequests::report(Device& device, std::string_view patch, Clock::time_point intended) {
  const std::uint64_t rid = ++rid_;
  add_pending(device, rid, intended);
  device.publish("$iothub/twin/PATCH/properties/reported/?$rid=" + std::to_string(rid), patch);
}

void TwinRequests::on_message(Device& device, const Message& message) {
  const std::string_view topic = message.topic;
  Answer answer;
  const auto status = topic.starts_with(answer_prefix) ? number_after(topic, answer_prefix) : std::nullopt;
  const auto rid = number_after(topic, "/?$rid=");
  if (!status || !rid) return DeviceScenario::on_message(device, message);
  answer = {static_cast<int>(*status), *rid, number_after(topic, "&$version="), message.payload};
  if (check_ == nullptr) return on_answer(device, answer);
  if (answer.status != status_wanted_) {
    wrong(Wrong::refused, device, std::string(topic) + " " + std::string(message.payload));
  } else {
    (this->*check_)(device, answer);
  }
  answered(device, answer.rid);
}

template <class Ask>
void TwinRequests::ask_all(std::string_view what, Check check, int status, const Ask& ask) {
  check_ = check;
  status_wanted_ = status;
  std::size_t next = 0;
  world_.run_until(what, [&] {
    for (; next < devices_.size() && world_.in_flight() < asked_at_a_time; ++next) {
      if (devices_[next]->is_ready()) ask(*devices_[next]);
    }
    return next == devices_.size() && world_.in_flight() == 0;
  });
  check_ = nullptr;
}

void TwinRequests::get_all(std::string_view what, Check check) {
  ask_all(what, check, 200, [this](Device& device) { get(device, Clock::now()); });
}

void TwinRequests::fill_all() {
  const std::string patch = fill_patch(world_.options.twin_bytes);
  ask_all("filling twins", &TwinRequests::learn_filled, 204,
          [&](Device& device) { report(device, patch, Clock::now()); });
}

void TwinRequests::learn_filled(Device& device, const Answer& answer) { check_next_version(device, answer.version); }

void TwinRequests::learn_version(Device& device, const Answer& answer) {
  State& state = state_of(device);
  const auto version = reported_version(answer.body);
  if (!version || (state.has_version && *version != state.version)) {
    return wrong(Wrong::version, device, "the twin does not show version " + std::to_string(state.version));
  }
  state.version = *version;
  state.has_version = true;
}

}  // namespace twinhub::load

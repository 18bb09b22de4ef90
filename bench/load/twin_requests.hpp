// Devices that ask for their twin and report, and the answers on $iothub/twin/res. Source: azure-docs
// iot-mqtt-connect-to-iot-hub.
#pragma once

#include "bench/load/device_scenario.hpp"
#include "bench/load/payloads.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::load {

class TwinRequests : public DeviceScenario {
 public:
  using DeviceScenario::DeviceScenario;
  /// Every twin is brought to its size, or its version is read.
  void prepare() override;

 protected:
  struct Answer {
    int status = 0;
    std::uint64_t rid = 0;
    std::optional<std::uint64_t> version;  ///< of the topic
    std::string_view body;
  };

  [[nodiscard]] std::vector<std::string> filters(const std::string&) const override { return {"$iothub/twin/res/#"}; }
  /// Sends the request; its answer comes to on_answer() of the subclass, or to the helpers below.
  void get(Device& device, Clock::time_point intended);
  void report(Device& device, std::string_view patch, Clock::time_point intended);
  /// An answer while operations are under way.
  virtual void on_answer(Device& device, const Answer& answer) = 0;
  /// Asks every connected device for its twin once and has `check` look at the answers, which are good ones.
  using Check = void (TwinRequests::*)(Device& device, const Answer& answer);
  void get_all(std::string_view what, Check check);

  /// The last number used as rid, and as sequence.
  [[nodiscard]] std::uint64_t last_rid() const { return rid_; }
  [[nodiscard]] std::uint64_t next_rid() const { return rid_ + 1; }

 private:
  void on_message(Device& device, const Message& message) override;
  void fill_all();
  void learn_version(Device& device, const Answer& answer);
  void learn_filled(Device& device, const Answer& answer);
  template <class Ask>
  void ask_all(std::string_view what, Check check, int status, const Ask& ask);

  std::uint64_t rid_ = 0;
  Check check_ = nullptr;  // while ask_all() runs
  int status_wanted_ = 0;
};

/// The version of reported properties in the body of a twin GET: reported is the last section.
[[nodiscard]] std::optional<std::uint64_t> reported_version(std::string_view body);

}  // namespace twinhub::load

// Devices that connect and subscribe at a steady rate while others are measured.
#pragma once

#include "bench/load/world.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace twinhub::load {

class Newcomers final : public Device::Owner {
 public:
  explicit Newcomers(World& world) : world_(world) {}

  /// Registers as many as will come. Call it before the run.
  void prepare();
  /// Lets those come that are due; -> when the next one is (max() when there is none).
  Clock::time_point come(Clock::time_point began, Clock::time_point now);
  /// All that came are connected and subscribed.
  void verify();

 private:
  void on_ready(Device&) override { ++ready_; }
  void on_message(Device& device, const Message& message) override;
  void on_puback(Device& device, std::uint16_t packet_id) override;

  World& world_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::size_t came_ = 0;
  std::size_t ready_ = 0;
};

}  // namespace twinhub::load

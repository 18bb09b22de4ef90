// What every scenario of connected devices has: they are registered, connected and taken in turn, and each keeps the
// list of what it waits for.
#pragma once

#include "bench/load/scenario.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace twinhub::load {

class DeviceScenario : public Scenario, public Device::Owner {
 public:
  explicit DeviceScenario(World& world) : world_(world) {}
  void prepare() override;
  void write_ledger(std::ostream& out) const override;

 protected:
  struct Pending {
    std::uint64_t number = 0;  ///< as it stands in the request: `$rid`, sequence or packet identifier
    Clock::time_point intended;
    unsigned parts_left = 1;  ///< answers that still have to come
  };
  /// What is known of one device.
  struct State {
    std::vector<Pending> pending;  ///< in the order in which it was asked
    std::uint64_t version = 0;     ///< last one seen
    std::uint64_t sequence = 0;    ///< of the last change that was acknowledged
    bool has_version = false;
  };

  /// Topic Filters of the device of this id, and the QoS to ask for.
  [[nodiscard]] virtual std::vector<std::string> filters(const std::string& id) const = 0;
  [[nodiscard]] virtual std::uint8_t subscribe_qos() const { return 0; }

  void register_devices();
  void make_devices();
  void connect_all();

  /// The next one in turn that is connected; null: there is none.
  [[nodiscard]] Device* next_device();
  [[nodiscard]] State& state_of(const Device& device) { return states_[device.index()]; }
  void add_pending(Device& device, std::uint64_t number, Clock::time_point intended, unsigned parts = 1);
  /// One answer to `number` has come. Nullptr, and an error, when nothing of this number is open.
  [[nodiscard]] Pending* find_pending(const Device& device, std::uint64_t number);
  /// Counts one part; with the last one the operation has ended.
  void part_ended(const Device& device, Pending& pending);
  /// As find_pending() and part_ended().
  void answered(const Device& device, std::uint64_t number);
  /// Nothing will come for `number`, which was refused.
  void forget(const Device& device, std::uint64_t number);
  /// Holds `version` against the last one; it has to be the next.
  void check_next_version(const Device& device, std::optional<std::uint64_t> version);
  void wrong(Wrong kind, const Device& device, const std::string& what);

  void on_ready(Device& device) override;
  void on_gone(Device& device) override;
  void on_message(Device& device, const Message& message) override;
  void on_puback(Device& device, std::uint16_t packet_id) override;

  World& world_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::vector<State> states_;

 private:
  void connect_more();

  std::size_t next_ = 0;
  std::size_t asked_to_connect_ = 0;
  std::size_t ready_ = 0;
  bool connecting_all_ = false;
};

}  // namespace twinhub::load

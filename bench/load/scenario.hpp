// One kind of run: what is prepared, what one operation is, and what must be true afterwards.
#pragma once

#include "bench/load/world.hpp"

#include <cstdint>
#include <memory>
#include <ostream>
#include <string_view>
#include <vector>

namespace twinhub::load {

class Scenario {
 public:
  virtual ~Scenario() = default;

  /// Identities, connections, twins. Not measured.
  virtual void prepare() = 0;
  /// Starts one operation and says World::started(); World::ended() or gave_up() follows. False: none is left to start.
  [[nodiscard]] virtual bool begin(Clock::time_point intended) = 0;
  /// Looks for what was acknowledged, once nothing is in flight any more. Not measured.
  virtual void verify() {}
  /// One line for each device, `ID VERSION SEQUENCE`: the last change of its that was acknowledged, also of a run that
  /// ended badly. What the server knew before the run counts as acknowledged, with sequence 0.
  virtual void write_ledger(std::ostream&) const {}
  /// Ends by itself: all of it is measured, from the first operation on.
  [[nodiscard]] virtual bool is_finite() const { return false; }
};

/// The names, for --help.
[[nodiscard]] std::vector<std::string_view> scenario_names();
/// Throws std::runtime_error for a name that is none.
[[nodiscard]] std::unique_ptr<Scenario> make_scenario(World& world);

// One file each.
[[nodiscard]] std::unique_ptr<Scenario> make_reported(World& world);
[[nodiscard]] std::unique_ptr<Scenario> make_get(World& world);
[[nodiscard]] std::unique_ptr<Scenario> make_desired(World& world);
[[nodiscard]] std::unique_ptr<Scenario> make_telemetry(World& world);
[[nodiscard]] std::unique_ptr<Scenario> make_amqp_telemetry(World& world);
[[nodiscard]] std::unique_ptr<Scenario> make_amqp_idle(World& world);
[[nodiscard]] std::unique_ptr<Scenario> make_amqp_events(World& world);
[[nodiscard]] std::unique_ptr<Scenario> make_amqp_messages(World& world);
[[nodiscard]] std::unique_ptr<Scenario> make_method(World& world);
[[nodiscard]] std::unique_ptr<Scenario> make_connect(World& world);
[[nodiscard]] std::unique_ptr<Scenario> make_idle(World& world);
[[nodiscard]] std::unique_ptr<Scenario> make_query(World& world);
[[nodiscard]] std::unique_ptr<Scenario> make_echo(World& world);
[[nodiscard]] std::unique_ptr<Scenario> make_raw(World& world);

}  // namespace twinhub::load

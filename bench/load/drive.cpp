#include "bench/load/drive.hpp"

#include "bench/load/newcomers.hpp"

#include <algorithm>
#include <random>
#include <stdexcept>

namespace twinhub::load {
namespace {

constexpr std::uint64_t in_flight_max = 100'000;
constexpr std::uint64_t errors_max = 100;  // the run has failed: more of them say no more
constexpr std::chrono::minutes counted_run_time_max{2};

/// When operations begin. Closed loop: as soon as fewer than the window are in flight. Open loop: at random times of a
/// constant mean rate (a fixed seed), as independent devices do, whatever has become of the earlier ones.
class Starter {
 public:
  Starter(World& world, Scenario& scenario, Clock::time_point now) : world_(world), scenario_(scenario), due_(now) {}

  /// False: the scenario has nothing left to start.
  [[nodiscard]] bool start_due(Clock::time_point now) {
    if (world_.options.rate <= 0) {
      while (world_.in_flight() < world_.options.in_flight) {
        if (!scenario_.begin(now)) return false;
      }
      return true;
    }
    for (; due_ <= now; due_ += next_gap()) {
      if (world_.in_flight() >= in_flight_max) throw std::runtime_error("the server does not keep up with the rate");
      if (!scenario_.begin(due_)) return false;
    }
    return true;
  }
  [[nodiscard]] Clock::time_point next() const { return world_.options.rate <= 0 ? Clock::time_point::max() : due_; }

 private:
  Clock::duration next_gap() {
    const std::chrono::duration<double> gap(gap_(random_) / world_.options.rate);
    return std::chrono::duration_cast<Clock::duration>(gap);
  }

  World& world_;
  Scenario& scenario_;
  Clock::time_point due_;
  std::mt19937_64 random_{20'240'229};
  std::exponential_distribution<double> gap_{1.0};
};

Clock::duration seconds(double value) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(value));
}

/// What is still in flight gets its patience, and as long again three times: late is not lost.
void come_to_rest(World& world) {
  const auto deadline = Clock::now() + 4 * world.options.patience_time();
  while (world.in_flight() > 0 && Clock::now() < deadline) world.loop.wait(deadline);
  for (std::uint64_t i = 0; i < world.in_flight(); ++i) world.errors.add(Wrong::lost, "an answer never came");
}

void keep_going(World& world, Scenario& scenario, Newcomers& newcomers) {
  const Options& options = world.options;
  const auto began = Clock::now();
  const bool finite = scenario.is_finite();
  const auto measure_at = finite ? began : began + seconds(options.warm_up);
  const auto stop_at =
      finite || options.operations > 0 ? measure_at + counted_run_time_max : measure_at + seconds(options.seconds);
  world.be_impatient();
  Starter starter(world, scenario, began);
  bool measuring = false, more = true;
  while (true) {
    const auto now = Clock::now();
    if (!measuring && now >= measure_at) {
      measuring = true;
      world.begin_measuring();
    }
    if (world.errors.total() >= errors_max) break;
    if (now >= stop_at || (options.operations > 0 && world.measured().operations >= options.operations)) break;
    if (more) more = starter.start_due(now);
    if (!more && world.in_flight() == 0) break;
    const auto next_newcomer = newcomers.come(began, now);
    world.loop.wait(std::min({measuring ? stop_at : measure_at, more ? starter.next() : stop_at, next_newcomer}));
  }
  if (!measuring) world.begin_measuring();
  world.end_measuring();
}

}  // namespace

void drive(World& world, Scenario& scenario) {
  Newcomers newcomers(world);
  if (world.options.connect_rate > 0) newcomers.prepare();
  scenario.prepare();
  keep_going(world, scenario, newcomers);
  come_to_rest(world);
  // Who was only late is asked all the same; where an answer is missing, no more can be said.
  if (world.errors.total() > world.errors.count(Wrong::late)) return;
  newcomers.verify();
  scenario.verify();
}

}  // namespace twinhub::load

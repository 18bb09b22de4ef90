#include "bench/load/scenario.hpp"

#include <array>
#include <stdexcept>
#include <string>
#include <utility>

namespace twinhub::load {
namespace {

constexpr std::array<std::pair<std::string_view, std::unique_ptr<Scenario> (*)(World&)>, 14> table{{
    {"reported", make_reported},
    {"get", make_get},
    {"desired", make_desired},
    {"telemetry", make_telemetry},
    {"amqp-telemetry", make_amqp_telemetry},
    {"amqp-messages", make_amqp_messages},
    {"amqp-idle", make_amqp_idle},
    {"amqp-events", make_amqp_events},
    {"method", make_method},
    {"connect", make_connect},
    {"idle", make_idle},
    {"query", make_query},
    {"echo", make_echo},
    {"raw", make_raw},
}};

}  // namespace

std::vector<std::string_view> scenario_names() {
  std::vector<std::string_view> names;
  for (const auto& [name, make] : table) names.push_back(name);
  return names;
}

std::unique_ptr<Scenario> make_scenario(World& world) {
  for (const auto& [name, make] : table) {
    if (name == world.options.scenario) return make(world);
  }
  throw std::runtime_error("no scenario '" + world.options.scenario + "'");
}

}  // namespace twinhub::load

#include "server/hub/limits/gate.hpp"

#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>

namespace twinhub::hub {
namespace {

GateOptions strict() {
  GateOptions options;
  options.throttle = {.sku = Sku::s1, .units = 1, .burst = std::chrono::seconds(0), .backlog = std::chrono::seconds(0)};
  options.faults = true;
  return options;
}

std::size_t index(Operation operation) { return static_cast<std::size_t>(operation); }

}  // namespace

TEST(Gate, LetsEverythingThroughWhenNothingIsArmed) {
  StillClock clock;
  Gate gate({}, clock);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(gate.admit(d1, Operation::telemetry, 1).refusal, Refusal::none);
  EXPECT_FALSE(gate.obeys_faults());
  EXPECT_EQ(gate.figures().refused[index(Operation::telemetry)], 0U);
}

TEST(Gate, CountsWhatItDelaysAndRefuses) {
  StillClock clock;
  GateOptions options = strict();
  options.throttle.backlog = std::chrono::seconds(3);
  Gate gate(options, clock);
  EXPECT_EQ(gate.admit(Operation::query).wait.count(), 0);
  EXPECT_EQ(gate.admit(Operation::query).wait, std::chrono::seconds(3));
  EXPECT_EQ(gate.admit(Operation::query).refusal, Refusal::throttled);
  EXPECT_EQ(gate.admit(d1, Operation::telemetry, 5000).refusal, Refusal::none);
  const auto figures = gate.figures();
  EXPECT_EQ(figures.delayed[index(Operation::query)], 1U);
  EXPECT_EQ(figures.refused[index(Operation::query)], 1U);
  EXPECT_EQ(figures.refused[index(Operation::telemetry)], 0U);
  EXPECT_EQ(figures.messages_today, 4U);  // two queries, and two of 4 KB
  EXPECT_EQ(figures.daily_messages, 400'000U);
}

TEST(Gate, AFaultArmsItUntilItIsOver) {
  StillClock clock;
  GateOptions options;
  options.faults = true;
  Gate gate(options, clock);
  gate.strike(d1, {.type = FaultType::throttling, .delay = {}, .duration = std::chrono::seconds(5), .message = 1});
  gate.tick();
  EXPECT_EQ(gate.admit(d1, Operation::twin_update).refusal, Refusal::throttled);
  EXPECT_EQ(gate.admit(Operation::twin_update).refusal, Refusal::none);  // a back end is under no fault
  EXPECT_EQ(gate.figures().refused[index(Operation::twin_update)], 1U);
  EXPECT_EQ(gate.figures().faults, 1U);
  clock.advance_seconds(60);
  gate.tick();
  EXPECT_EQ(gate.admit(d1, Operation::twin_update).refusal, Refusal::none);
}

TEST(Gate, PutsRefusalsIntoIotHubsWords) {
  StillClock clock;
  Gate gate(strict(), clock);
  const Error throttled = gate.error_of(Refusal::throttled, Operation::configuration);
  EXPECT_EQ(throttled.code, Errc::throttling_exception);
  EXPECT_EQ(throttled.detail,
            "The request has been throttled. Wait 10 seconds and try again. Operation type: ConfigurationWrite");
  const Error over = gate.error_of(Refusal::over_quota, Operation::telemetry);
  EXPECT_EQ(over.code, Errc::iot_hub_quota_exceeded);
  EXPECT_NE(over.detail.find("'400000'"), std::string::npos);
  EXPECT_EQ(gate.error_of(Refusal::unauthorized, Operation::connect).code, Errc::iot_hub_unauthorized);
}

}  // namespace twinhub::hub

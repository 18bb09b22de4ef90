#include "server/hub/limits/faults.hpp"

#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>

namespace twinhub::hub {
namespace {

using std::chrono::milliseconds;

std::string bag(std::string_view type, std::string_view delay = "", std::string_view duration = "") {
  std::string text = "AzIoTHub_FaultOperationType=" + std::string(type) + "&AzIoTHub_FaultOperationCloseReason=boom";
  if (!delay.empty()) text.append("&AzIoTHub_FaultOperationDelayInSecs=").append(delay);
  if (!duration.empty()) text.append("&AzIoTHub_FaultOperationDurationInSecs=").append(duration);
  return text;
}

Fault fault(FaultType type, int seconds = 5, std::uint64_t message = 1) {
  return {.type = type, .delay = {}, .duration = std::chrono::seconds(seconds), .message = message};
}

}  // namespace

TEST(ParseFault, KnowsTheTypesOfThePublicSuites) {
  const std::pair<std::string_view, FaultType> types[] = {{"KillTcp", FaultType::kill_tcp},
                                                          {"ShutDownMqtt", FaultType::shut_down_mqtt},
                                                          {"InvokeThrottling", FaultType::throttling},
                                                          {"InvokeMaxMessageQuota", FaultType::message_quota},
                                                          {"InvokeAuthError", FaultType::auth_error}};
  for (const auto& [name, type] : types) {
    const auto parsed = parse_fault(bag(name, "2", "20"), "");
    ASSERT_TRUE(parsed) << name;
    EXPECT_EQ(parsed->type, type);
    EXPECT_EQ(parsed->delay, milliseconds(2000));
    EXPECT_EQ(parsed->duration, milliseconds(20'000));
  }
}

TEST(ParseFault, LeavesEverythingElseAlone) {
  for (const std::string& text :
       {std::string(), std::string("a=1"), bag("KillAmqpConnection"), bag("ShutDownAmqp"), bag("killtcp"), bag(""),
        std::string("AzIoTHub_FaultOperationType"), std::string("x=AzIoTHub_FaultOperationType")}) {
    EXPECT_FALSE(parse_fault(text, "")) << text;
  }
}

TEST(ParseFault, TimesHaveDefaultsFractionsAndAnEnd) {
  EXPECT_EQ(parse_fault(bag("KillTcp"), "")->delay, milliseconds(0));
  EXPECT_EQ(parse_fault(bag("KillTcp"), "")->duration, milliseconds(5000));
  EXPECT_EQ(parse_fault(bag("KillTcp", "0.25"), "")->delay, milliseconds(250));
  EXPECT_EQ(parse_fault(bag("KillTcp", "-1"), "")->delay, milliseconds(0));
  EXPECT_EQ(parse_fault(bag("KillTcp", "soon"), "")->delay, milliseconds(0));
  EXPECT_EQ(parse_fault(bag("KillTcp", "nan"), "")->delay, milliseconds(0));
  EXPECT_EQ(parse_fault(bag("KillTcp", "1e300", "inf"), "")->delay, milliseconds(3'600'000));
  EXPECT_EQ(parse_fault(bag("KillTcp", "1", "100000"), "")->duration, milliseconds(3'600'000));
}

TEST(ParseFault, TellsMessagesApartByPropertiesAndBody) {
  const auto one = parse_fault(bag("KillTcp"), "a")->message;
  EXPECT_EQ(parse_fault(bag("KillTcp"), "a")->message, one);
  EXPECT_NE(parse_fault(bag("KillTcp"), "b")->message, one);
  EXPECT_NE(parse_fault(bag("KillTcp") + "&%24.mid=2", "a")->message, one);
}

struct FaultsTest : testing::Test {
  StillClock clock;
  Faults faults{clock};
};

TEST_F(FaultsTest, EachRefusesWhatItIsAboutAndOnlyItsDevice) {
  faults.strike(d1, fault(FaultType::throttling));
  EXPECT_EQ(faults.refusal_of(d1, Operation::connect), Refusal::none);
  EXPECT_EQ(faults.refusal_of(d1, Operation::telemetry), Refusal::throttled);
  EXPECT_EQ(faults.refusal_of(d1, Operation::twin_read), Refusal::throttled);
  EXPECT_EQ(faults.refusal_of(m1, Operation::telemetry), Refusal::none);
  faults.strike(d1, fault(FaultType::message_quota));
  EXPECT_EQ(faults.refusal_of(d1, Operation::connect), Refusal::over_quota);
  faults.strike(d1, fault(FaultType::auth_error));
  EXPECT_EQ(faults.refusal_of(d1, Operation::connect), Refusal::unauthorized);
  faults.strike(d1, fault(FaultType::kill_tcp));
  EXPECT_EQ(faults.refusal_of(d1, Operation::connect), Refusal::none);
  EXPECT_EQ(faults.struck(), 4U);
}

TEST_F(FaultsTest, EndWithTheirDuration) {
  faults.strike(d1, fault(FaultType::auth_error, 5));
  clock.advance_seconds(4);
  EXPECT_EQ(faults.refusal_of(d1, Operation::connect), Refusal::unauthorized);
  clock.advance_seconds(1);
  EXPECT_EQ(faults.refusal_of(d1, Operation::connect), Refusal::none);
  EXPECT_TRUE(faults.prune());  // the second copy may still come
  clock.advance_seconds(60);
  EXPECT_FALSE(faults.prune());
}

TEST_F(FaultsTest, TheSecondCopyOfAMessageDoesNothingAndAThirdStrikesAgain) {
  const Fault kill = fault(FaultType::kill_tcp);
  EXPECT_TRUE(faults.is_new(d1, kill));
  faults.strike(d1, kill);
  EXPECT_TRUE(faults.is_new(d1, fault(FaultType::kill_tcp, 5, 2)));  // another message
  EXPECT_TRUE(faults.is_new(m1, kill));
  EXPECT_FALSE(faults.is_new(d1, kill));
  EXPECT_TRUE(faults.is_new(d1, kill));
}

TEST_F(FaultsTest, AMessageThatComesMuchLaterIsNoCopy) {
  const Fault kill = fault(FaultType::kill_tcp);
  faults.strike(d1, kill);
  clock.advance_seconds(31);
  EXPECT_TRUE(faults.is_new(d1, kill));
}

}  // namespace twinhub::hub

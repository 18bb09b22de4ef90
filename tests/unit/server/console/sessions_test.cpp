#include "server/console/sessions.hpp"

#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>

namespace twinhub::console {
namespace {

using hub::Right;
using hub::test_key;

struct SessionsTest : testing::Test {
  Result<Sessions::Opened> open(const std::string& policy, const std::string& key) {
    return sessions.open(policy, key, peer);
  }
  std::string owner() { return open("iothubowner", test_key('A'))->token; }

  hub::World world;
  boost::asio::ip::address peer = boost::asio::ip::make_address("10.0.0.7");
  Sessions sessions{world.hub.authenticator, world.clock, world.random};
};

TEST_F(SessionsTest, EitherKeyOfAPolicyOpensASessionWithItsRights) {
  const auto owner = open("iothubowner", test_key('B'));
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->token.size(), 43U);
  EXPECT_EQ(owner->token.find_first_of("+/="), std::string::npos);
  const auto service = open("service", test_key('C'));
  ASSERT_TRUE(service);
  EXPECT_NE(service->token, owner->token);
  EXPECT_EQ(sessions.find(service->token)->login.rights, Right::service_connect);
  EXPECT_EQ(sessions.find(owner->token)->login.policy, "iothubowner");
}

TEST_F(SessionsTest, AWrongKeyAndAnUnknownPolicyGetTheSameAnswer) {
  const auto wrong = open("iothubowner", test_key('C')), unknown = open("nobody", test_key('A'));
  ASSERT_FALSE(wrong);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(wrong.error().code, Errc::iot_hub_unauthorized_access);
  EXPECT_EQ(wrong.error().detail, unknown.error().detail);
  EXPECT_FALSE(open("iothubowner", ""));
  EXPECT_FALSE(open("iothubowner", "no base64"));
  EXPECT_EQ(sessions.count(), 0U);
}

TEST_F(SessionsTest, APolicyThatWouldSeeNothingGetsNoSession) {
  EXPECT_REFUSED(open("device", test_key('E')), Errc::invalid_operation);
}

TEST_F(SessionsTest, FiveFailuresAMinuteAreTheMostOfOneAddress) {
  for (int i = 0; i < 5; ++i) EXPECT_REFUSED(open("iothubowner", test_key('Z')), Errc::iot_hub_unauthorized_access);
  EXPECT_REFUSED(open("iothubowner", test_key('A')), Errc::generic_too_many_requests);
  EXPECT_GT(sessions.wait_of(peer), 0U);
  EXPECT_TRUE(sessions.open("iothubowner", test_key('A'), boost::asio::ip::make_address("10.0.0.8")));
  world.clock.advance_seconds(sessions.wait_of(peer));
  EXPECT_TRUE(open("iothubowner", test_key('A')));
}

TEST_F(SessionsTest, ASessionEndsHalfAnHourAfterItsLastRequest) {
  const std::string token = owner();
  for (int i = 0; i < 3; ++i) {
    world.clock.advance_seconds(29 * 60);
    EXPECT_TRUE(sessions.find(token));
  }
  world.clock.advance_seconds(30 * 60 + 1);
  EXPECT_FALSE(sessions.find(token));
  EXPECT_EQ(sessions.count(), 0U);
}

TEST_F(SessionsTest, AStreamKeepsItsSessionAliveButNotBeyondTwelveHours) {
  const auto opened = open("iothubowner", test_key('A'));
  for (int i = 0; i < 12 * 4; ++i) {
    EXPECT_TRUE(sessions.is_alive(opened->session.number)) << i;
    world.clock.advance_seconds(15 * 60);
  }
  world.clock.advance_seconds(1);
  EXPECT_FALSE(sessions.is_alive(opened->session.number));
  EXPECT_FALSE(sessions.find(opened->token));
}

TEST_F(SessionsTest, ASetClockEndsNoSession) {
  const std::string token = owner();
  world.clock.step_seconds(24 * 3600);
  EXPECT_TRUE(sessions.find(token));
}

TEST_F(SessionsTest, ANewKeyOfThePolicyEndsTheSessionsOfTheOldOne) {
  const std::string by_primary = owner(), by_secondary = open("iothubowner", test_key('B'))->token;
  auto policies = *world.hub.authenticator.policies();
  policies[0].primary_key = test_key('Q');
  world.hub.authenticator.replace_policies(policies);
  EXPECT_FALSE(sessions.find(by_primary));
  EXPECT_TRUE(sessions.find(by_secondary));
}

TEST_F(SessionsTest, ALogOutEndsOneSession) {
  const std::string one = owner(), other = owner();
  sessions.close(one);
  EXPECT_FALSE(sessions.find(one));
  EXPECT_TRUE(sessions.find(other));
}

TEST_F(SessionsTest, TheSessionThatIsIdleLongestMakesRoomForANewOne) {
  const std::string first = owner();
  world.clock.advance_seconds(1);
  const std::string second = owner();
  for (std::size_t i = 2; i < sessions.options().sessions_max; ++i) {
    world.clock.advance_seconds(1);
    (void)owner();
  }
  world.clock.advance_seconds(1);
  EXPECT_TRUE(sessions.find(first));
  (void)owner();
  EXPECT_EQ(sessions.count(), sessions.options().sessions_max);
  EXPECT_TRUE(sessions.find(first)) << "it was used";
  EXPECT_FALSE(sessions.find(second));
}

}  // namespace
}  // namespace twinhub::console

#include "server/management/login_limit.hpp"

#include "still_clock.hpp"

#include <gtest/gtest.h>

namespace twinhub::management {
namespace {

using boost::asio::ip::make_address;

TEST(LoginLimit, TenFailuresAtOnceThenOneInSixSeconds) {
  StillClock clock;
  LoginLimit limit(clock);
  const auto peer = make_address("10.0.0.1");
  for (unsigned i = 0; i < LoginLimits{}.failures_at_once; ++i) {
    EXPECT_EQ(limit.wait_of(peer), 0U) << i;
    limit.note_failure(peer);
  }
  EXPECT_EQ(limit.wait_of(peer), 6U);
  clock.advance_seconds(5);
  EXPECT_EQ(limit.wait_of(peer), 1U);
  clock.advance_seconds(1);
  EXPECT_EQ(limit.wait_of(peer), 0U);
  limit.note_failure(peer);
  EXPECT_EQ(limit.wait_of(peer), 6U);
  clock.advance_seconds(60);
  for (unsigned i = 0; i < LoginLimits{}.failures_at_once; ++i) limit.note_failure(peer);
  EXPECT_EQ(limit.wait_of(peer), 6U) << "a quiet minute forgives ten failures, not more";
}

TEST(LoginLimit, EachAddressHasItsOwnAndAnIpv6NetworkOne) {
  StillClock clock;
  LoginLimit limit(clock);
  for (unsigned i = 0; i < LoginLimits{}.failures_at_once; ++i) {
    limit.note_failure(make_address("10.0.0.1"));
    limit.note_failure(make_address("2001:db8::" + std::to_string(i + 1)));
  }
  EXPECT_GT(limit.wait_of(make_address("10.0.0.1")), 0U);
  EXPECT_GT(limit.wait_of(make_address("::ffff:10.0.0.1")), 0U);
  EXPECT_EQ(limit.wait_of(make_address("10.0.0.2")), 0U);
  EXPECT_GT(limit.wait_of(make_address("2001:db8::ffff:0:1")), 0U) << "of the same /64";
  EXPECT_EQ(limit.wait_of(make_address("2001:db8:0:1::1")), 0U);
}

TEST(LoginLimit, RemembersABoundedNumberOfAddresses) {
  StillClock clock;
  LoginLimit limit(clock);
  const auto address = [](std::size_t i) { return boost::asio::ip::address_v4(static_cast<unsigned>(i)); };
  for (unsigned i = 0; i < LoginLimits{}.failures_at_once; ++i) limit.note_failure(address(0));
  for (std::size_t i = 1; i < LoginLimits{}.addresses_max; ++i) limit.note_failure(address(i));
  EXPECT_EQ(limit.addresses(), LoginLimits{}.addresses_max);
  limit.note_failure(address(0));
  limit.note_failure(address(LoginLimits{}.addresses_max));
  EXPECT_EQ(limit.addresses(), LoginLimits{}.addresses_max);
  EXPECT_GT(limit.wait_of(address(0)), 0U) << "not the one that failed longest ago: 1 is";
}

}  // namespace
}  // namespace twinhub::management

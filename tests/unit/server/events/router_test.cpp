// Which endpoints an event goes to, and what is added on the way.
#include "server/events/router.hpp"

#include "tests/unit/storage/store_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace twinhub::events {
namespace {

using storage::EventSource;
using namespace storage::testing;

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() : store_(open(small_options(folder_ / "db"))) {
    event_.id = {"d", ""};
    event_.body = R"({"t":31})";
    event_.system = {{"content-type", "application/json"}, {"content-encoding", "utf-8"}};
    event_.application = {{"Level", "3"}};
  }
  void add(std::string condition, EndpointSet endpoints, bool enabled = true,
           EventSource source = EventSource::telemetry) {
    options_.routes.push_back({"f:1", "r", source, std::move(condition), endpoints, enabled});
  }
  Router::Decision decide() {
    const auto router = Router::make(options_);
    RoutingMessage message(event_, *store_);
    return router->decide(message);
  }

  const TemporaryFolder folder_;
  std::unique_ptr<storage::Store> store_;
  RouterOptions options_{"myhub", {}, {}, {}};
  storage::Event event_;
};

TEST_F(RouterTest, EveryMatchingRouteCountsAndTheFallbackTakesTheRest) {
  options_.fallback = EndpointSet(0b1000);
  add("$body.t > 30", EndpointSet(0b0001));
  add("AS_NUMBER(level) = 3", EndpointSet(0b0011));  // names ignore case
  add("level = '4'", EndpointSet(0b0100));
  EXPECT_EQ(decide().endpoints, EndpointSet(0b0011));
  event_.body = R"({"t":1})";
  event_.application.clear();
  EXPECT_EQ(decide().endpoints, EndpointSet(0b1000));
}

TEST_F(RouterTest, ARouteTakesItsOwnSourceAndTheFallbackDeviceMessagesAlone) {
  options_.fallback = EndpointSet(0b1000);
  add("true", EndpointSet(0b0001), true, EventSource::twin_change);
  EXPECT_EQ(decide().endpoints, EndpointSet(0b1000));
  event_.source = EventSource::twin_change;
  EXPECT_EQ(decide().endpoints, EndpointSet(0b0001));
  event_.source = EventSource::device_lifecycle;
  EXPECT_EQ(decide().endpoints, EndpointSet());
}

TEST_F(RouterTest, ARouteThatIsOffTakesNothingButIsChecked) {
  options_.fallback = EndpointSet(0b1000);
  add("true", EndpointSet(0b0001), false);
  EXPECT_EQ(decide().endpoints, EndpointSet(0b1000));
  add("a = = b", EndpointSet(0b0001), false);
  const auto refused = Router::make(options_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, ::testing::StartsWith("f:1: the condition of route 'r' is wrong at position 4"));
}

TEST_F(RouterTest, AnUndefinedConditionIsNoMatchAndIsCounted) {
  add("missing = 'x'", EndpointSet(0b0001));
  add("$twin.tags.x = 1", EndpointSet(0b0001));  // there is no such device
  add("level = '4'", EndpointSet(0b0001));
  EXPECT_EQ(decide().endpoints, EndpointSet());
  EXPECT_EQ(decide().undefined_conditions, 2U);
}

TEST_F(RouterTest, SystemPropertiesAndTheTwinCanBeAsked) {
  ASSERT_TRUE(update_and_wait(*store_, event_.id, counting(event_.id)));
  event_.system.push_back({"iothub-connection-device-id", "d"});
  add("$connectionDeviceId = 'd' AND $CONTENTTYPE = 'application/json'", EndpointSet(0b0001));
  add("$twin.properties.reported.counter = 1", EndpointSet(0b0010));
  EXPECT_EQ(decide().endpoints, EndpointSet(0b0011));
}

TEST_F(RouterTest, EnrichmentsAreAddedForTheirEndpoints) {
  ASSERT_TRUE(update_and_wait(*store_, event_.id, counting(event_.id)));
  options_.enrichments = {{"hub", "$iothubname", EndpointSet(0b01)},
                          {"counter", "$twin.properties.reported.counter", EndpointSet(0b11)},
                          {"none", "$twin.tags.none", EndpointSet(0b10)},
                          {"Level", "literal", EndpointSet(0b10)}};
  const auto router = Router::make(options_);
  const auto names_and_values = [&](std::size_t endpoint) {
    std::string text;
    const auto enriched = router->enrich(event_, endpoint, *store_);
    for (const auto& property : enriched->application) text += property.name + "=" + *property.value + " ";
    return text;
  };
  EXPECT_EQ(names_and_values(0), "Level=3 hub=myhub counter=1 ");
  EXPECT_EQ(names_and_values(1), "Level=literal counter=1 none=$twin.tags.none ");
}

TEST_F(RouterTest, AMessageThatGrowsBeyondItsLimitIsDropped) {
  options_.enrichments = {{"more", std::string(100, 'x'), EndpointSet(0b01)}};
  const auto router = Router::make(options_);
  event_.body.assign(256 * 1024 - 150, 'x');
  event_.system.clear();
  EXPECT_TRUE(router->enrich(event_, 0, *store_));
  event_.body.append(100, 'x');
  EXPECT_FALSE(router->enrich(event_, 0, *store_));
  EXPECT_TRUE(router->enrich(event_, 1, *store_));
}

}  // namespace
}  // namespace twinhub::events

#include "protocol/amqp/link_address.hpp"

#include <gtest/gtest.h>

namespace twinhub::amqp {
namespace {

using Segments = std::vector<std::string>;

TEST(LinkAddress, EveryFormOfClientsMeansTheSame) {
  for (const char* const text : {"messages/devicebound", "/messages/devicebound", "/messages/devicebound/",
                                 "amqps://hub.local:5671/messages/devicebound", "sb://h/messages/devicebound"}) {
    EXPECT_EQ(parse_link_address(text), (Segments{"messages", "devicebound"})) << text;
  }
  EXPECT_EQ(parse_link_address("/devices/dev%2Fwith%20space/messages/events"),
            (Segments{"devices", "dev/with space", "messages", "events"}));
  EXPECT_EQ(parse_link_address(""), Segments{});
  EXPECT_EQ(parse_link_address("amqps://host"), Segments{});
  EXPECT_EQ(parse_link_address(std::string(10'000, 'x')), std::nullopt);
}

TEST(LinkAddress, PatternsTakeWholeSegments) {
  const auto match = [](const char* pattern, const char* address) {
    return match_address(pattern, *parse_link_address(address));
  };
  EXPECT_EQ(match("devices/{}/messages/events", "Devices/D1/MESSAGES/events"), Segments{"D1"});
  EXPECT_EQ(match("devices/{}/messages/events", "devices/d1/modules/m/messages/events"), std::nullopt);
  EXPECT_EQ(match("devices/{}/modules/{}/twin", "/devices/d/modules/m/twin"), (Segments{"d", "m"}));
  EXPECT_EQ(match("$cbs", "$cbs"), Segments{});
  EXPECT_EQ(match("$cbs", "$cbs2"), std::nullopt);
  EXPECT_EQ(match("messages/events/**", "messages/events"), Segments{});
  EXPECT_EQ(match("messages/events/**", "messages/events/a/b"), (Segments{"a", "b"}));
  EXPECT_EQ(match("{}/$management", "hub/$management"), Segments{"hub"});
}

}  // namespace
}  // namespace twinhub::amqp

#include "protocol/iothub/telemetry_properties.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <random>

namespace twinhub::iothub {
namespace {

TEST(TelemetryProperties, DecodesToAgreesWithDecoding) {
  for (const std::string_view text : {"$.mid", "%24.mid", "%24%2emi%64", "$.mi", "$.midd", "%24.mid%", "%2.mid", "",
                                      "%", "%2", "%24", "$%2Emid", "%zz.mid", "%24.mid%00"}) {
    for (const std::string_view plain : {"$.mid", "", "%", "$", "%2", "%24.mid"}) {
      EXPECT_EQ(decodes_to(text, plain), percent_decode(text) == plain) << text << ' ' << plain;
    }
  }
}

/// What the quick look clears, the full one must clear too.
TEST(TelemetryProperties, NoLongMessageIdIsOverlooked) {
  std::mt19937 random(11);
  const auto pick = [&](std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random); };
  const std::vector<std::string> pieces{"$.mid=", "%24.mid=", "$.cid=",   "&",         "&",    "=",
                                        "%ff",    "%41",      "%2e%6did", "abcdefghi", "$.mid"};
  int overruled = 0, refused = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string bag;
    for (std::size_t n = pick(30); n > 0; --n) bag += pieces[pick(pieces.size())];
    const auto properties = parse_telemetry_properties(bag);
    const bool is_long = std::any_of(properties.system.begin(), properties.system.end(), [](const Property& property) {
      return property.name == "message-id" && property.value && property.value->size() > 32;
    });
    const bool suspected = may_have_message_id_beyond(bag, 32);
    EXPECT_TRUE(suspected || !is_long) << bag;
    EXPECT_LE(counted_bytes(properties), property_bytes_max(bag)) << bag;
    overruled += suspected && !is_long ? 1 : 0;
    refused += is_long ? 1 : 0;
  }
  EXPECT_GT(refused, 100);
  EXPECT_LT(overruled, 2500);
}

TEST(TelemetryProperties, OnlyAMessageIdIsSuspected) {
  const std::string text(500, 'x');
  EXPECT_FALSE(may_have_message_id_beyond("a=" + text + "&$.cid=" + text + "&$.mid=short&$.mid", 128));
  EXPECT_TRUE(may_have_message_id_beyond("a=1&%24.mid=" + text, 128));
}

}  // namespace
}  // namespace twinhub::iothub

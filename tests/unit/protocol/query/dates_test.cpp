// Dates as queries write them.
#include "protocol/query/dates.hpp"

#include <gtest/gtest.h>

namespace twinhub::query {
namespace {

TEST(QueryDates, WhatTheHubWritesIsReadBack) {
  for (const std::uint64_t ticks :
       {std::uint64_t{0}, std::uint64_t{1}, unix_epoch_ticks, unix_epoch_ticks + 17'000'000'000'001'230,
        std::uint64_t{3'155'378'975'999'999'999}}) {
    EXPECT_EQ(parse_date(to_iso8601(Timestamp{ticks})), Timestamp{ticks}) << to_iso8601(Timestamp{ticks});
  }
}

TEST(QueryDates, PartsMayBeLeftOut) {
  const auto noon = parse_date("2026-11-23T12:00:00Z");
  ASSERT_TRUE(noon);
  for (const char* text :
       {"2026-11-23T12:00:00", "2026-11-23T12:00", "2026-11-23 12:00", "2026-11-23t12:00z", "2026-11-23T12:00:00.0",
        "2026-11-23T12:00:00.00000000000", "2026-11-23T14:00+02:00", "2026-11-23T06:30:00-0530"}) {
    EXPECT_EQ(parse_date(text), noon) << text;
  }
  EXPECT_EQ(parse_date("2026-11-23"), parse_date("2026-11-23T00:00:00.0000000Z"));
}

TEST(QueryDates, ADigitBeyondATickIsDropped) {
  EXPECT_EQ(parse_date("2026-11-23T12:00:00.12345678"), parse_date("2026-11-23T12:00:00.1234567"));
}

TEST(QueryDates, WhatIsNoDateIsNone) {
  for (const char* text : {"",
                           "2026",
                           "2026-11",
                           "2026-13-01",
                           "2026-02-30",
                           "2026-11-23T",
                           "2026-11-23T12",
                           "2026-11-23T24:00",
                           "2026-11-23T12:60",
                           "2026-11-23T12:00:60",
                           "2026-11-23T12:00:00.",
                           "2026-11-23T12:00:00Zx",
                           "2026-11-23T12:00+25:00",
                           "2026-11-23T12:00+",
                           "20261123",
                           "+026-11-23",
                           " 2026-11-23",
                           "2026-11-23 ",
                           "tomorrow",
                           "0000-01-01",
                           "0001-01-01T00:00+01:00"}) {
    EXPECT_EQ(parse_date(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace twinhub::query

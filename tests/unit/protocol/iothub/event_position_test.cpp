#include "protocol/iothub/event_position.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <string>

namespace twinhub::iothub {
namespace {

using By = EventPosition::By;

void expect_position(std::string_view filter, By by, std::int64_t value, bool inclusive) {
  const auto position = parse_event_position(filter);
  ASSERT_TRUE(position) << filter;
  EXPECT_EQ(position->by, by) << filter;
  EXPECT_EQ(position->value, value) << filter;
  EXPECT_EQ(position->inclusive, inclusive) << filter;
}

TEST(EventPosition, EachAnnotationIsRead) {
  expect_position("amqp.annotation.x-opt-offset > '41'", By::offset, 41, false);
  expect_position("amqp.annotation.x-opt-sequence-number > '41'", By::sequence_number, 41, false);
  expect_position("amqp.annotation.x-opt-enqueued-time > '1600000000000'", By::enqueued_time, 1'600'000'000'000, false);
  expect_position("amqp.annotation.x-opt-enqueuedtimeutc > 1600000000000", By::enqueued_time, 1'600'000'000'000, false);
}

TEST(EventPosition, SpacesAndQuotesAreTheClientsChoice) {
  expect_position("amqp.annotation.x-opt-offset>7", By::offset, 7, false);
  expect_position("amqp.annotation.x-opt-offset>='7'", By::offset, 7, true);
  expect_position("  amqp.annotation.x-opt-offset   >=   7  ", By::offset, 7, true);
}

TEST(EventPosition, TheStartAndTheEndHaveNames) {
  expect_position("amqp.annotation.x-opt-offset > '-1'", By::start, 0, false);
  expect_position("amqp.annotation.x-opt-sequence-number > '-1'", By::start, 0, false);
  expect_position("amqp.annotation.x-opt-offset > '@latest'", By::latest, 0, false);
  expect_position("amqp.annotation.x-opt-offset > @latest", By::latest, 0, false);
  expect_position("amqp.annotation.x-opt-offset >= '@latest'", By::latest, 0, true);
}

TEST(EventPosition, ANumberBeyond64BitsIsTheLargest) {
  expect_position("amqp.annotation.x-opt-offset > '99999999999999999999'", By::offset,
                  std::numeric_limits<std::int64_t>::max(), false);
  expect_position("amqp.annotation.x-opt-offset > '-99999999999999999999'", By::start, 0, false);
}

TEST(EventPosition, OtherTextIsNoFilter) {
  for (const std::string_view filter :
       {"", " ", "amqp.annotation.x-opt-offset", "amqp.annotation.x-opt-offset >", "amqp.annotation.x-opt-offset > ''",
        "amqp.annotation.x-opt-offset > '7", "amqp.annotation.x-opt-offset > 7'", "amqp.annotation.x-opt-offset > '",
        "amqp.annotation.x-opt-offset = '7'", "amqp.annotation.x-opt-offset < '7'",
        "amqp.annotation.x-opt-offset > '7' AND amqp.annotation.x-opt-offset > '8'",
        "amqp.annotation.x-opt-partition-key > 'a'", "amqp.annotation.x-opt-offset > 'seven'",
        "amqp.annotation.x-opt-offset > '7.5'", "amqp.annotation.x-opt-offset > '+7'",
        "amqp.annotation.x-opt-sequence-number > '@latest'", "x-opt-offset > '7'", "true"}) {
    EXPECT_FALSE(parse_event_position(filter)) << filter;
  }
  EXPECT_FALSE(parse_event_position(std::string("amqp.annotation.x-opt-offset > '7\0'", 36)));
}

}  // namespace
}  // namespace twinhub::iothub

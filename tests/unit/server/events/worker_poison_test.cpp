// What kills its connection: found, counted, stepped over; a dead other side is none of that.
#include "tests/unit/server/events/worker_fixture.hpp"

namespace twinhub::events {
namespace {

using namespace testing;

TEST_F(WorkerTest, TheOneEventThatKillsItsConnectionIsFoundCountedAndSteppedOver) {
  for (int i = 0; i < 40; ++i) append(1, 0, {i % 2 == 0 ? "even" : "odd", ""});
  other_.kills = [](const std::string& body) { return body == "17"; };
  const auto worker = start(true, 20);
  ASSERT_TRUE(other_.wait_for_taken(39));
  EXPECT_TRUE(wait_for_refused(worker, 1));
  worker->stop();
  expect_all_but({17});
  EXPECT_EQ(worker->figures().refused, 1U);
  EXPECT_EQ(worker->figures().sent, 39U);
  EXPECT_EQ(worker->figures().lag_events, 0U);
}

TEST_F(WorkerTest, ManyEventsThatKillAreSteppedOverOneByOne) {
  for (int i = 0; i < 60; ++i) append(1, 0, {i % 2 == 0 ? "even" : "odd", ""});
  const std::set<std::string> poison{"0", "10", "11", "12", "13", "30", "57"};
  other_.kills = [&](const std::string& body) { return poison.contains(body); };
  const auto worker = start(true, 20);
  ASSERT_TRUE(other_.wait_for_taken(53));
  EXPECT_TRUE(wait_for_refused(worker, 7));
  worker->stop();
  expect_all_but({0, 10, 11, 12, 13, 30, 57});
  EXPECT_EQ(worker->figures().refused, 7U);
}

/// Each further one costs two failures, so that the partition's other devices keep their pace.
TEST_F(WorkerTest, ADeviceThatGoesOnPoisoningHoldsItsNeighboursUpNoLonger) {
  for (int i = 0; i < 40; ++i) append(1, 0, {i % 2 == 0 ? "even" : "odd", ""});
  other_.kills = [](const std::string& body) { return std::stoul(body) % 2 == 0; };
  const auto worker = start(true, 1);
  ASSERT_TRUE(other_.wait_for_taken(20));
  EXPECT_TRUE(wait_for_refused(worker, 20));
  worker->stop();
  expect_all_but({0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38});
  EXPECT_EQ(worker->figures().refused, 20U);
  const std::lock_guard lock(other_.mutex);
  EXPECT_LE(other_.attempts, 20U + 6U + 19U * 2U);
}

TEST_F(WorkerTest, WhereADeviceIsAloneItsOwnEventsSayThatTheOtherSideLives) {
  append(10);
  other_.kills = [](const std::string& body) { return body == "4"; };
  const auto worker = start(true);
  ASSERT_TRUE(other_.wait_for_taken(9));
  EXPECT_TRUE(wait_for_refused(worker, 1));
  worker->stop();
  expect_all_but({4});
  EXPECT_EQ(worker->figures().refused, 1U);
}

TEST_F(WorkerTest, WithoutAnyOtherEventNothingIsRefused) {
  append(1);
  other_.kills = [](const std::string&) { return true; };
  const auto worker = start(true);
  ASSERT_TRUE(other_.wait_for([&] { return other_.attempts >= 30; }));
  EXPECT_EQ(worker->figures().refused, 0U);
  EXPECT_EQ(worker->figures().lag_events, 1U);
}

TEST_F(WorkerTest, ADeadSideIsNoPoisonHoweverLongItLasts) {
  for (int i = 0; i < 20; ++i) append(1, 0, {i % 2 == 0 ? "even" : "odd", ""});
  other_.is_dead = true;
  const auto worker = start(true);
  ASSERT_TRUE(other_.wait_for([&] { return other_.attempts >= 60; }));
  {
    const std::lock_guard lock(other_.mutex);
    other_.is_dead = false;
  }
  ASSERT_TRUE(other_.wait_for_taken(20));
  worker->stop();
  expect_all_but({});
  EXPECT_EQ(worker->figures().refused, 0U);
  // In order, for each device.
  std::map<bool, std::size_t> highest;
  for (const std::string& body : other_.taken) {
    const std::size_t number = std::stoul(body);
    EXPECT_LE(highest[number % 2 == 0], number);
    highest[number % 2 == 0] = number;
  }
}

}  // namespace
}  // namespace twinhub::events

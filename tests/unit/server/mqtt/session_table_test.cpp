#include "server/mqtt/session_table.hpp"

#include "server/mqtt/connection.hpp"
#include "server/mqtt/door_lane.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace twinhub::mqtt_door {
namespace {

const IdentityId dev1{"dev1", ""};
const IdentityId dev2{"dev2", ""};

// The table compares handles and hands them back; it follows one only to post. So in these tests a lane is just an
// address.
std::array<char, 2> places{};
DoorLane* const lane_a = reinterpret_cast<DoorLane*>(&places[0]);
DoorLane* const lane_b = reinterpret_cast<DoorLane*>(&places[1]);

TEST(SessionTable, TheFirstConnectionTakesNothingOver) {
  SessionTable table;
  EXPECT_EQ(table.enter(dev1, {lane_a, 1}), std::nullopt);
  EXPECT_EQ(table.enter(dev2, {lane_a, 2}), std::nullopt);
  EXPECT_EQ(table.enter({"dev1", "m"}, {lane_a, 3}), std::nullopt);
}

TEST(SessionTable, ANewerConnectionIsToldOfTheOlderOne) {
  SessionTable table;
  EXPECT_EQ(table.enter(dev1, {lane_a, 1}), std::nullopt);
  EXPECT_EQ(table.enter(dev1, {lane_b, 1}).value().handle, (ConnectionHandle{lane_a, 1}));
  EXPECT_EQ(table.enter(dev1, {lane_a, 2}).value().handle, (ConnectionHandle{lane_b, 1}));
}

TEST(SessionTable, AConnectionThatWasTakenOverDoesNotTakeTheNewerOneAway) {
  SessionTable table;
  (void)table.enter(dev1, {lane_a, 1});
  (void)table.enter(dev1, {lane_b, 1});
  table.leave(dev1, {lane_a, 1});
  EXPECT_EQ(table.enter(dev1, {lane_a, 9}).value().handle, (ConnectionHandle{lane_b, 1}));
}

TEST(SessionTable, ATakeOverTellsWhetherTheOlderOneKeepsItsSession) {
  SessionTable table;
  (void)table.enter(dev1, {{lane_a, 1}, true});
  EXPECT_TRUE(table.enter(dev1, {{lane_a, 2}, false}).value().keeps_session);
  EXPECT_FALSE(table.enter(dev1, {{lane_a, 3}, true}).value().keeps_session);
}

TEST(SessionTable, TheNewestConnectionIsTheCurrentOne) {
  SessionTable table;
  EXPECT_FALSE(table.is_current(dev1, {lane_a, 1}));
  (void)table.enter(dev1, {lane_a, 1});
  EXPECT_TRUE(table.is_current(dev1, {lane_a, 1}));
  EXPECT_FALSE(table.is_current(dev1, {lane_b, 1}));
  (void)table.enter(dev1, {lane_b, 1});
  EXPECT_FALSE(table.is_current(dev1, {lane_a, 1}));
  EXPECT_TRUE(table.is_current(dev1, {lane_b, 1}));
  table.leave(dev1, {lane_b, 1});
  EXPECT_FALSE(table.is_current(dev1, {lane_b, 1}));
}

TEST(SessionTable, WhoHasLeftIsForgotten) {
  SessionTable table;
  (void)table.enter(dev1, {lane_a, 1});
  table.leave(dev1, {lane_a, 1});
  table.leave(dev1, {lane_a, 1});
  table.leave(dev2, {lane_a, 1});
  EXPECT_EQ(table.enter(dev1, {lane_a, 2}), std::nullopt);
}

TEST(SessionTable, WhatIsForNobodyIsDropped) {
  SessionTable table;
  (void)table.enter(dev1, {lane_a, 1});
  storage::Outbox outbox;
  table.desired_changed(dev2, 2, std::make_shared<const std::string>("{}"), outbox);
  table.desired_changed({"dev1", "m"}, 2, std::make_shared<const std::string>("{}"), outbox);
  table.identity_deleted(dev2, outbox);
  table.identity_deleted({"dev1", "m"}, outbox);
  iothub::Identity stranger;
  stranger.id = dev2;
  table.identity_changed(stranger, stranger, outbox);
}

/// Each connection takes over exactly one older connection, or none: nobody is closed twice, and all but the last are
/// closed.
TEST(SessionTable, AmongManyThreadsEveryConnectionButOneIsTakenOverOnce) {
  SessionTable table;
  constexpr std::uint64_t threads = 4;
  constexpr std::uint64_t rounds = 2000;
  std::vector<std::vector<std::uint64_t>> taken(threads);
  std::atomic<bool> go{false};
  std::vector<std::thread> running;
  for (std::uint64_t t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      while (!go) std::this_thread::yield();
      for (std::uint64_t i = 0; i < rounds; ++i) {
        if (const auto older = table.enter(dev1, {lane_a, t * rounds + i}))
          taken[t].push_back(older->handle.connection);
      }
    });
  }
  go = true;
  for (auto& thread : running) thread.join();
  std::vector<int> times(threads * rounds, 0);
  for (const auto& ids : taken) {
    for (const std::uint64_t id : ids) ++times[id];
  }
  EXPECT_EQ(std::count(times.begin(), times.end(), 0), 1);
  EXPECT_EQ(std::count(times.begin(), times.end(), 1), static_cast<std::ptrdiff_t>(threads * rounds - 1));
}

}  // namespace
}  // namespace twinhub::mqtt_door

// What back ends are told of connections, what is shown of them, and what of both outlives the hub.
#include "tests/support/cpp/held_store.hpp"
#include "tests/unit/server/hub/store_folder.hpp"
#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>
#include <future>
#include <map>
#include <stdexcept>
#include <thread>

namespace twinhub::hub {
namespace {

HubOptions telling(ConnectionEvents events) {
  HubOptions options;
  options.connection_events = events;
  return options;
}

/// "connected" and "disconnected" events, oldest first. A write behind them shows that they are durable.
std::vector<storage::Event> connection_events(World& world, const IdentityId& id) {
  EXPECT_TRUE(world.put({"bystander", ""}, "{}", world.get({"bystander", ""}) ? std::optional("*") : std::nullopt));
  std::vector<storage::Event> found;
  for (auto& event : world.events(id)) {
    if (event.source == storage::EventSource::connection_state) found.push_back(std::move(event));
  }
  return found;
}

std::vector<std::string> told(World& world, const IdentityId& id) {
  std::vector<std::string> types;
  for (const auto& event : connection_events(world, id)) types.push_back(value_of(event.application, "opType"));
  return types;
}

std::string sequence_of(const storage::Event& event) { return at(event.body, "sequenceNumber"); }

using Types = std::vector<std::string>;
const std::string on = "deviceConnected", off = "deviceDisconnected";

}  // namespace

TEST(ConnectionEvents, OneThatIsWrittenSoonStandsBeforeWhatTheDeviceDoesNext) {
  World world;
  ASSERT_TRUE(world.put(d1));
  Presence& presence = world.hub.presence;
  presence.connected(d1, Presence::WriteDown::soon);
  EXPECT_TRUE(presence.activity_of(d1).connected);
  EXPECT_EQ(told(world, d1), Types{});
  presence.used(d1);
  EXPECT_EQ(told(world, d1), Types{on});
  presence.disconnected(d1);
  presence.connected(d1, Presence::WriteDown::soon);
  EXPECT_EQ(told(world, d1), (Types{on, off}));
  presence.write_down();
  presence.write_down();
  EXPECT_EQ(told(world, d1), (Types{on, off, on}));
}

TEST(ConnectionEvents, ManyThatAreWrittenSoonDoNotWaitForTheCaller) {
  World world;
  ASSERT_TRUE(world.put(d1));
  Presence& presence = world.hub.presence;
  presence.connected(d1, Presence::WriteDown::soon);
  for (int i = 0; i < 100; ++i) presence.connected({"other" + std::to_string(i), ""}, Presence::WriteDown::soon);
  EXPECT_EQ(told(world, d1), Types{on});
}

TEST(ConnectionEvents, HaveTheDocumentedSchema) {
  World world;
  world.hub.presence.connected(m1);
  const auto events = connection_events(world, m1);
  ASSERT_EQ(events.size(), 1U);
  const auto& event = events[0];
  EXPECT_EQ(event.id, m1);
  EXPECT_EQ(event.enqueued, world.clock.now());
  EXPECT_EQ(value_of(event.system, "content-type"), "application/json");
  EXPECT_EQ(value_of(event.system, "content-encoding"), "utf-8");
  EXPECT_EQ(value_of(event.system, "correlation-id").size(), 8U);
  EXPECT_EQ(value_of(event.system, "iothub-connection-device-id"), "d1");
  EXPECT_EQ(value_of(event.system, "iothub-connection-module-id"), "m1");
  EXPECT_EQ(value_of(event.system, "iothub-message-source"), "deviceConnectionStateEvents");
  EXPECT_EQ(value_of(event.application, "deviceId"), "d1");
  EXPECT_EQ(value_of(event.application, "moduleId"), "m1");
  EXPECT_EQ(value_of(event.application, "opType"), "deviceConnected");
  EXPECT_EQ(value_of(event.application, "iothub-message-schema"), "deviceConnectionStateNotification");
  EXPECT_EQ(value_of(event.application, "operationTimestamp"), "2027-01-15T08:00:00.5000000Z");
  // 2027-01-15T08:00:00.5 is 134444736005000000 as a FILETIME.
  EXPECT_EQ(event.body, R"({"sequenceNumber":"000000000000000001DDA4C66B7FCB4000000002000000000000000000000001"})");
}

TEST(ConnectionEvents, FollowTheStateOfDevicesAndModules) {
  World world;
  world.hub.presence.connected(d1);
  world.hub.presence.connected(m1);
  world.hub.presence.disconnected(d1);
  EXPECT_EQ(told(world, d1), (Types{on, off}));
  EXPECT_EQ(told(world, m1), (Types{on}));
  EXPECT_EQ(value_of(connection_events(world, d1)[0].application, "moduleId"), "(absent)");
}

TEST(ConnectionEvents, ATakeOverIsNoChange) {
  World world;
  world.hub.presence.connected(d1);
  world.hub.presence.connected(d1);
  world.hub.presence.disconnected(d1);
  EXPECT_EQ(told(world, d1), (Types{on}));
  world.hub.presence.disconnected(d1);
  EXPECT_EQ(told(world, d1), (Types{on, off}));
}

TEST(ConnectionEvents, SequenceNumbersGrowInTheOrderOfTheLogHoweverFastTheyCome) {
  World world;
  for (int i = 0; i < 50; ++i) {  // the clock stands still
    world.hub.presence.connected(d1);
    world.hub.presence.disconnected(d1);
  }
  const auto events = connection_events(world, d1);
  ASSERT_EQ(events.size(), 100U);
  for (std::size_t i = 1; i < events.size(); ++i) EXPECT_LT(sequence_of(events[i - 1]), sequence_of(events[i]));
  EXPECT_EQ(sequence_of(events[0]).size(), 66U);  // 64 and two quotes
}

TEST(ConnectionEvents, AsTheCloudTellsThemTheyBeginWithTheFirstUse) {
  World world(memory_options(), telling(ConnectionEvents::when_used));
  Presence& presence = world.hub.presence;
  presence.connected(d1);
  presence.active(d1);  // a twin request
  presence.disconnected(d1);
  EXPECT_EQ(told(world, d1), Types{});

  presence.connected(d1);
  world.clock.advance_seconds(9);
  const DeviceLogin login{d1, "1", KeyUsed::primary, "", 0};
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(answer_of<void>([&](auto done) { world.hub.telemetry.ingest(login, {}, std::move(done)); }));
  }
  EXPECT_EQ(told(world, d1), (Types{on}));
  EXPECT_EQ(value_of(connection_events(world, d1)[0].application, "operationTimestamp"),
            "2027-01-15T08:00:09.5000000Z");
  EXPECT_LT(presence.activity_of(d1).connection_state_updated, world.clock.now());
  presence.disconnected(d1);
  EXPECT_EQ(told(world, d1), (Types{on, off}));
}

TEST(ConnectionEvents, CanBeSwitchedOffAndTheStateIsShownAllTheSame) {
  World world(memory_options(), telling(ConnectionEvents::off));
  world.hub.presence.connected(d1);
  world.hub.presence.used(d1);
  EXPECT_TRUE(world.hub.presence.activity_of(d1).connected);
  world.hub.presence.disconnected(d1);
  EXPECT_EQ(told(world, d1), Types{});
}

TEST(ConnectionEvents, ADeletedDevicesEndIsTold) {
  World world;
  ASSERT_TRUE(world.put(d1));
  world.hub.presence.connected(d1);
  ASSERT_TRUE(world.remove(d1));
  EXPECT_EQ(told(world, d1), (Types{on}));
  world.hub.presence.disconnected(d1);
  EXPECT_EQ(told(world, d1), (Types{on, off}));
}

TEST(ConnectionEvents, ADeviceCreatedAnewBeginsAnew) {
  World world;
  ASSERT_TRUE(world.put(d1));
  world.hub.presence.connected(d1);
  ASSERT_TRUE(world.remove(d1));
  ASSERT_TRUE(world.put(d1));
  world.hub.presence.connected(d1);     // before the old connection has ended
  world.hub.presence.disconnected(d1);  // now it has
  EXPECT_EQ(told(world, d1), (Types{on, off, on}));
}

TEST(PresenceRecord, OutlivesAStopInOrder) {
  const StoreFolder folder;
  iothub::Activity before;
  {
    World world(folder.options());
    world.hub.presence.connected(d1);
    world.clock.advance_seconds(30);
    world.hub.presence.active(d1);
    world.clock.advance_seconds(5);
    world.hub.presence.disconnected(d1);
    before = world.hub.presence.activity_of(d1);
  }
  World world(folder.options());
  const auto after = world.hub.presence.activity_of(d1);
  EXPECT_FALSE(after.connected);
  EXPECT_EQ(after.connection_state_updated, before.connection_state_updated);
  EXPECT_EQ(after.last_activity, before.last_activity);
  world.hub.tick();
  EXPECT_EQ(told(world, d1), (Types{on, off}));
}

TEST(PresenceRecord, AfterACrashTheEndIsDatedByTheLastSignOfLifeAndTold) {
  const StoreFolder folder;
  Timestamp alive_at, last_activity;
  {
    World world(folder.options());
    world.hub.presence.connected(d1);
    world.clock.advance_seconds(400);
    world.hub.presence.active(d1);
    last_activity = world.clock.now();
    world.hub.tick();  // writes the activity down
    world.clock.advance_seconds(20);
    world.hub.tick();  // nothing but a sign of life of the hub
    alive_at = world.clock.now();
    world.clock.advance_seconds(7);
    // d1's connection never ends: as after kill -9, its record says connected.
  }
  World world(folder.options());
  world.clock.advance_seconds(9000);  // time goes on, the date of the end stays
  const auto shown = world.hub.presence.activity_of(d1);
  EXPECT_FALSE(shown.connected);
  EXPECT_EQ(shown.connection_state_updated, alive_at);
  EXPECT_EQ(shown.last_activity, last_activity);
  world.hub.tick();
  const auto events = connection_events(world, d1);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(value_of(events[1].application, "opType"), off);
  EXPECT_EQ(value_of(events[1].application, "operationTimestamp"), "2027-01-15T08:07:00.5000000Z");
  EXPECT_EQ(events[1].enqueued, StillClock().now());  // told when the hub was back, by its clock of then
  EXPECT_LT(sequence_of(events[0]), sequence_of(events[1]));
  world.hub.tick();
  EXPECT_EQ(told(world, d1), (Types{on, off}));
}

TEST(PresenceRecord, ADeviceThatIsBackAfterACrashIsToldBoth) {
  const StoreFolder folder;
  {
    World world(folder.options());
    world.hub.presence.connected(d1);
  }
  World world(folder.options());
  world.clock.advance_seconds(60);
  world.hub.presence.connected(d1);
  world.hub.tick();
  EXPECT_EQ(told(world, d1), (Types{on, off, on}));
  EXPECT_TRUE(world.hub.presence.activity_of(d1).connected);
  EXPECT_EQ(world.hub.presence.connected().all(), 1U);
}

TEST(PresenceRecord, SequenceNumbersGrowOverARestartEvenIfTheClockWasSetBack) {
  const StoreFolder folder;
  std::string last;
  {
    World world(folder.options());
    world.clock.advance_seconds(3600);
    world.hub.presence.connected(d1);
    world.hub.presence.disconnected(d1);
    last = sequence_of(connection_events(world, d1).back());
  }
  World world(folder.options());  // its clock starts an hour earlier
  world.hub.presence.connected(d1);
  EXPECT_GT(sequence_of(connection_events(world, d1).back()), last);
}

TEST(PresenceRecord, GoesWithItsIdentity) {
  const StoreFolder folder;
  {
    World world(folder.options());
    ASSERT_TRUE(world.put(d1));
    ASSERT_TRUE(world.put(m1));
    world.hub.presence.connected(d1);
    world.hub.presence.connected(m1);
    world.hub.presence.disconnected(m1);
    ASSERT_TRUE(world.remove(d1));
    world.hub.presence.disconnected(d1);
    world.hub.tick();
    ASSERT_TRUE(world.put(d1));
    EXPECT_EQ(world.hub.presence.activity_of(d1).last_activity.ticks, 0U);
  }
  World world(folder.options());
  EXPECT_EQ(world.hub.presence.activity_of(d1).last_activity.ticks, 0U);
  EXPECT_EQ(world.hub.presence.activity_of(m1).last_activity.ticks, 0U);
}

TEST(PresenceRecord, LastActivityIsWrittenEveryFiveMinutesAndNotForEveryMessage) {
  World world;
  world.hub.presence.connected(d1);
  const auto commits = [&] {
    for (const auto& figure : world.store->figures()) {
      if (figure.name == "twinhub_storage_commit_units_total") return figure.value;
    }
    throw std::runtime_error("no such figure");
  };
  world.clock.advance_seconds(61);
  world.hub.tick();  // the hub's own sign of life
  (void)connection_events(world, d1);
  const double before = commits();
  for (int i = 0; i < 1000; ++i) world.hub.presence.active(d1);
  world.hub.tick();
  (void)connection_events(world, d1);
  EXPECT_EQ(commits() - before, 1);  // the bystander's
}

TEST(PresenceRecord, WhatTheStoreRefusedIsToldLater) {
  World world;
  auto held = std::make_unique<test::HeldStore>(std::move(world.store));
  test::HeldStore& store = *held;
  const IdentityId d2{"d2", ""}, d3{"d3", ""};
  Presence presence(store, world.clock);
  presence.connected(d1);
  std::promise<void> settled;  // behind the news of d1's event
  ASSERT_TRUE(store.write_records({}, {}, [&](const Result<void>&, storage::Outbox&) { settled.set_value(); }));
  settled.get_future().wait();
  store.refuse_writes();
  presence.disconnected(d1);
  presence.connected(d1);  // back before its end was told
  presence.connected(d2);
  presence.connected(d3);
  world.clock.advance_seconds(5);
  const Timestamp end_of_d3 = world.clock.now();
  presence.disconnected(d3);
  world.clock.advance_seconds(5);
  presence.tick();
  store.accept_writes();
  presence.tick();

  std::map<std::string, Types> stories;
  const auto read = [&](std::uint32_t partition) {
    EXPECT_TRUE(store.read_events(partition, 0, [&](const storage::StoredEvent& stored) {
      stories[stored.event.id.device].push_back(value_of(stored.event.application, "opType"));
      return true;
    }));
  };
  const auto told_all = [&] {
    stories.clear();
    for (std::uint32_t partition = 0; partition < 4; ++partition) read(partition);
    return stories["d1"].size() == 1 && stories["d2"].size() == 1;
  };
  while (!told_all()) std::this_thread::yield();  // the commit thread is about to write
  EXPECT_EQ(stories["d1"], (Types{on}));
  EXPECT_EQ(stories["d2"], (Types{on}));
  EXPECT_EQ(stories["d3"], Types{});  // came and went unheard of
  EXPECT_EQ(presence.activity_of(d3).connection_state_updated, end_of_d3);

  presence.disconnected(d1);
  presence.disconnected(d2);
  held.reset();  // its last callbacks still find `presence`
  EXPECT_FALSE(presence.activity_of(d1).connected);
}

}  // namespace twinhub::hub

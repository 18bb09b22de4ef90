#include "server/hub/connections/device_table.hpp"

#include "tests/unit/server/hub/connections/fake_door.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace twinhub::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const IdentityId dev1{"dev1", ""};
const IdentityId dev2{"dev2", ""};
const IdentityId module1{"dev1", "m"};

DeviceLogin login_of(const IdentityId& id) {
  DeviceLogin login{id, "1", KeyUsed::primary, "", 0};
  login.proof = digest_of_key("old");
  return login;
}

iothub::Identity identity_of(const IdentityId& id, std::string key) {
  iothub::Identity identity;
  identity.id = id;
  identity.generation_id = "1";
  identity.primary_key = std::move(key);
  return identity;
}

struct DeviceTableTest : ::testing::Test {
  ConnectionHandle over_mqtt(const IdentityId& id) {
    const auto handle = mqtt.open(login_of(id));
    older = table.enter(id, {handle});
    return handle;
  }
  ConnectionHandle over_amqp(const IdentityId& id) {
    const auto handle = amqp.open(login_of(id));
    older = table.enter(id, {handle});
    return handle;
  }
  void delta(const IdentityId& id, std::uint64_t version) {
    storage::Outbox outbox;
    table.desired_changed(id, version, std::make_shared<const std::string>("{}"), outbox);
  }
  bool invoke(const IdentityId& id, const std::string& name) {
    storage::Outbox outbox;
    const auto request = std::make_shared<const MethodRequest>(
        MethodRequest{7, id, name, "null", [this](storage::Outbox&) { ++undelivered; }});
    return table.invoke_method(request, outbox);
  }

  DeviceTable table;
  FakeDoor<FakeMqtt> mqtt;
  FakeDoor<FakeAmqp> amqp;
  std::optional<DeviceTable::Entry> older;
  int undelivered = 0;
};

TEST_F(DeviceTableTest, TheFirstConnectionOfAnIdentityTakesNoOtherOver) {
  over_mqtt(dev1);
  EXPECT_FALSE(older);
  over_amqp(dev2);
  EXPECT_FALSE(older);
  over_mqtt(module1);
  EXPECT_FALSE(older);
}

TEST_F(DeviceTableTest, AConnectionByAnotherDoorTakesOverAndBack) {
  const auto first = over_mqtt(dev1);
  const auto second = over_amqp(dev1);
  ASSERT_TRUE(older);
  EXPECT_EQ(older->handle, first);
  EXPECT_FALSE(table.is_current(dev1, first));
  EXPECT_TRUE(table.is_current(dev1, second));
  const auto third = over_mqtt(dev1);
  ASSERT_TRUE(older);
  EXPECT_EQ(older->handle, second);
  delta(dev1, 5);
  EXPECT_THAT(mqtt.log(third), ElementsAre("delta 5 {}"));
  EXPECT_THAT(mqtt.log(first), IsEmpty());
  EXPECT_THAT(amqp.log(second), IsEmpty());
}

TEST_F(DeviceTableTest, EachDoorDeliversInItsOwnWay) {
  const auto first = over_mqtt(dev1);
  const auto second = over_amqp(dev2);
  delta(dev1, 2);
  delta(dev2, 3);
  storage::Outbox outbox;
  table.messages_waiting(dev1, outbox);
  table.forget_method(dev2, 9, outbox);
  outbox.flush();
  EXPECT_THAT(mqtt.log(first), ElementsAre("delta 2 {}", "messages"));
  EXPECT_THAT(amqp.log(second), ElementsAre("version 3", "forget 9"));
}

TEST_F(DeviceTableTest, AConnectionIsReachedOnItsOwnThreadOnly) {
  const auto handle = over_mqtt(dev1);
  delta(dev1, 2);
  EXPECT_EQ(mqtt.fake_thread().waiting(), 1U);
  EXPECT_THAT(mqtt.log(handle), ElementsAre("delta 2 {}"));
}

TEST_F(DeviceTableTest, AConnectionThatWasTakenOverDoesNotTakeTheNewerOneAwayWhenItLeaves) {
  const auto first = over_mqtt(dev1);
  const auto second = over_amqp(dev1);
  table.leave(dev1, first);
  EXPECT_TRUE(table.is_current(dev1, second));
  table.leave(dev1, second);
  EXPECT_FALSE(table.is_current(dev1, second));
  over_mqtt(dev1);
  EXPECT_FALSE(older);
}

TEST_F(DeviceTableTest, HandlesOfTwoDoorsWithTheSameNumberAreDifferent) {
  const auto first = over_mqtt(dev1);
  const auto second = over_amqp(dev1);
  ASSERT_EQ(first.connection, second.connection);
  table.leave(dev1, first);
  EXPECT_TRUE(table.is_current(dev1, second));
}

TEST_F(DeviceTableTest, ATakeOverSaysWhetherTheOlderOneKeepsItsSession) {
  (void)table.enter(dev1, {mqtt.open(login_of(dev1)), true});
  EXPECT_TRUE(table.enter(dev1, {amqp.open(login_of(dev1)), false}).value().keeps_session);
  EXPECT_FALSE(table.enter(dev1, {mqtt.open(login_of(dev1)), true}).value().keeps_session);
}

TEST_F(DeviceTableTest, AMethodThatTheConnectionDoesNotTakeIsReportedAsUndelivered) {
  EXPECT_FALSE(invoke(dev1, "reboot"));
  const auto first = over_mqtt(dev1);
  EXPECT_TRUE(invoke(dev1, "reboot"));
  EXPECT_THAT(mqtt.log(first), ElementsAre("method reboot"));
  EXPECT_EQ(undelivered, 0);
  over_amqp(dev1);
  EXPECT_TRUE(invoke(dev1, "reboot"));
  amqp.fake_thread().run();
  EXPECT_EQ(undelivered, 1);
}

TEST_F(DeviceTableTest, AMethodForAConnectionThatIsGoneIsReportedAsUndelivered) {
  const auto handle = over_mqtt(dev1);
  EXPECT_TRUE(invoke(dev1, "reboot"));
  mqtt.drop(handle);
  EXPECT_EQ(undelivered, 0);
  mqtt.fake_thread().run();
  EXPECT_EQ(undelivered, 1);
}

TEST_F(DeviceTableTest, ADeletedDeviceEndsItsModulesConnectionsOnAllDoors) {
  const auto device = over_mqtt(dev1);
  const auto module = over_amqp(module1);
  const auto other = over_mqtt(dev2);
  storage::Outbox outbox;
  table.identity_deleted(dev1, outbox);
  outbox.flush();
  EXPECT_THAT(mqtt.log(device), ElementsAre("identity deleted"));
  EXPECT_THAT(amqp.log(module), ElementsAre("identity deleted"));
  EXPECT_THAT(mqtt.log(other), IsEmpty());
}

TEST_F(DeviceTableTest, ADeletedModuleLeavesItsDeviceConnected) {
  const auto device = over_mqtt(dev1);
  const auto module = over_amqp(module1);
  storage::Outbox outbox;
  table.identity_deleted(module1, outbox);
  outbox.flush();
  EXPECT_THAT(mqtt.log(device), IsEmpty());
  EXPECT_THAT(amqp.log(module), ElementsAre("identity deleted"));
}

TEST_F(DeviceTableTest, AChangedKeyEndsTheConnectionThatUsedIt) {
  const auto device = over_amqp(dev1);
  auto now = identity_of(dev1, "old");
  now.secondary_key = "new";
  storage::Outbox outbox;
  table.identity_changed(now, outbox);
  outbox.flush();
  EXPECT_THAT(amqp.log(device), IsEmpty());
  now.primary_key = "new";
  table.identity_changed(now, outbox);
  outbox.flush();
  EXPECT_THAT(amqp.log(device), ElementsAre("identity changed"));
}

TEST_F(DeviceTableTest, ADisabledDeviceEndsItsModulesConnections) {
  const auto device = over_mqtt(dev1);
  const auto module = over_amqp(module1);
  auto now = identity_of(dev1, "old");
  now.status = iothub::Status::disabled;
  storage::Outbox outbox;
  table.identity_changed(now, outbox);
  outbox.flush();
  EXPECT_THAT(mqtt.log(device), ElementsAre("identity changed"));
  EXPECT_THAT(amqp.log(module), ElementsAre("identity changed"));
}

TEST_F(DeviceTableTest, CallsForAnIdentityThatIsNotConnectedAreDropped) {
  const auto bystander = over_mqtt(dev1);
  delta(dev2, 2);
  delta(module1, 2);
  storage::Outbox outbox;
  table.messages_waiting(dev2, outbox);
  table.forget_method(dev2, 1, outbox);
  table.identity_deleted(dev2, outbox);
  table.identity_changed(identity_of(dev2, "b"), outbox);
  outbox.flush();
  EXPECT_THAT(mqtt.log(bystander), IsEmpty());
}

/// Each connection takes over exactly one older connection, or none: no connection is closed twice, and all but the
/// last are closed. Two doors' threads enter the same identity.
TEST_F(DeviceTableTest, WhenTwoDoorsEnterOneIdentityAtOnceEveryConnectionButOneIsTakenOverOnce) {
  constexpr std::uint64_t rounds = 4000;
  std::vector<ConnectionHandle> taken[2];
  std::atomic<bool> go{false};
  const auto enter = [&](ConnectionLane& lane, std::vector<ConnectionHandle>& mine) {
    while (!go) std::this_thread::yield();
    for (std::uint64_t i = 0; i < rounds; ++i) {
      if (const auto before = table.enter(dev1, {{&lane, i}, false})) mine.push_back(before->handle);
    }
  };
  std::thread first([&] { enter(mqtt, taken[0]); });
  std::thread second([&] { enter(amqp, taken[1]); });
  go = true;
  first.join();
  second.join();
  std::vector<int> times(2 * rounds, 0);
  for (const auto& handles : taken) {
    for (const ConnectionHandle& handle : handles) ++times[(handle.lane == &mqtt ? 0 : rounds) + handle.connection];
  }
  EXPECT_EQ(std::count(times.begin(), times.end(), 0), 1);
  EXPECT_EQ(std::count(times.begin(), times.end(), 1), static_cast<std::ptrdiff_t>(2 * rounds - 1));
}

}  // namespace
}  // namespace twinhub::hub

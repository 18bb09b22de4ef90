#include "server/hub/access/device_entrance.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "protocol/iothub/sas_token.hpp"
#include "tests/unit/server/hub/connections/fake_door.hpp"
#include "tests/unit/server/hub/world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace twinhub::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// World::put with keys.
std::string keys(char primary, char secondary) {
  return R"({"authentication":{"symmetricKey":{"primaryKey":")" + test_key(primary) + R"(","secondaryKey":")" +
         test_key(secondary) + R"("}}})";
}

struct DeviceEntranceTest : ::testing::Test {
  explicit DeviceEntranceTest(const HubOptions& options = {}) : world(memory_options(), options) {
    EXPECT_TRUE(world.put(d1, keys('x', 'y')));
  }

  /// A device with a token by the key of `c`.
  DeviceEntrance::Arrival arrival(const ConnectionHandle& handle, char c = 'x') {
    return {.handle = handle,
            .keeps_session = false,
            .log_in = [this, c]() -> Result<DeviceLogin> {
              log.emplace_back("log in");
              const std::string expiry = std::to_string(world.clock.unix_seconds() + 3600);
              const std::string token =
                  "SharedAccessSignature sr=hub%2fdevices%2fd1&sig=" +
                  iothub::percent_encode(*iothub::sign("hub%2fdevices%2fd1", expiry, test_key(c))) + "&se=" + expiry;
              return world.hub.authenticator.login_device(d1, token);
            },
            .prepare = [this](const DeviceLogin&) -> Result<void> {
              log.emplace_back("prepare");
              if (meanwhile) meanwhile();
              return {};
            }};
  }
  [[nodiscard]] bool shown_connected() const { return world.hub.presence.activity_of(d1).connected; }

  World world;
  DeviceTable table;
  DeviceEntrance entrance{world.hub.gate, world.hub.authenticator, world.hub.presence, table};
  FakeDoor<FakeMqtt> mqtt;
  FakeDoor<FakeAmqp> amqp;
  std::vector<std::string> log;
  std::function<void()> meanwhile;  ///< runs between admission and the entry into the table
};

TEST_F(DeviceEntranceTest, ADeviceIsLetInAndLeavesAgain) {
  const auto handle = mqtt.open({.id = d1, .generation_id = "1", .policy = {}});
  const auto entered = entrance.enter(arrival(handle));
  ASSERT_TRUE(entered);
  EXPECT_EQ(entered->login.id, d1);
  EXPECT_FALSE(entered->taken_over);
  EXPECT_EQ(entered->wait.count(), 0);
  EXPECT_THAT(log, ElementsAre("log in", "prepare"));
  EXPECT_TRUE(entrance.is_current(d1, handle));
  EXPECT_TRUE(shown_connected());
  entrance.leave(d1, handle);
  EXPECT_FALSE(entrance.is_current(d1, handle));
  EXPECT_FALSE(shown_connected());
}

TEST_F(DeviceEntranceTest, AConnectionByAnotherDoorEndsTheOlderOneAndTheDeviceStaysConnected) {
  const auto first = mqtt.open({.id = d1, .generation_id = "1", .policy = {}});
  const auto second = amqp.open({.id = d1, .generation_id = "1", .policy = {}});
  auto with_session = arrival(first);
  with_session.keeps_session = true;
  ASSERT_TRUE(entrance.enter(with_session));
  const auto entered = entrance.enter(arrival(second));
  ASSERT_TRUE(entered);
  ASSERT_TRUE(entered->taken_over);
  EXPECT_EQ(entered->taken_over->handle, first);
  EXPECT_TRUE(entered->taken_over->keeps_session);
  EXPECT_TRUE(shown_connected());
  EXPECT_THAT(mqtt.log(first), ElementsAre("taken over"));
  EXPECT_THAT(amqp.log(second), IsEmpty());
  entrance.leave(d1, first);  // the older one ends later
  EXPECT_TRUE(entrance.is_current(d1, second));
  EXPECT_TRUE(shown_connected());
}

TEST_F(DeviceEntranceTest, AWrongKeyIsRefusedBeforeAnythingElse) {
  const auto older = mqtt.open({.id = d1, .generation_id = "1", .policy = {}});
  ASSERT_TRUE(entrance.enter(arrival(older)));
  log.clear();
  const auto handle = amqp.open({.id = d1, .generation_id = "1", .policy = {}});
  EXPECT_REFUSED(entrance.enter(arrival(handle, 'z')), Errc::iot_hub_unauthorized);
  EXPECT_THAT(log, ElementsAre("log in"));
  EXPECT_TRUE(entrance.is_current(d1, older));
  EXPECT_THAT(mqtt.log(older), IsEmpty());
}

TEST_F(DeviceEntranceTest, AKeyThatChangesBetweenAdmissionAndEntryKeepsTheDeviceOut) {
  meanwhile = [this] { ASSERT_TRUE(world.put(d1, keys('p', 'q'), "*")); };
  const auto handle = mqtt.open({.id = d1, .generation_id = "1", .policy = {}});
  EXPECT_REFUSED(entrance.enter(arrival(handle)), Errc::iot_hub_unauthorized);
  EXPECT_THAT(log, ElementsAre("log in", "prepare", "log in"));
  EXPECT_FALSE(entrance.is_current(d1, handle));
  EXPECT_FALSE(shown_connected());
}

TEST_F(DeviceEntranceTest, AKeyThatChangesMeanwhileEndsTheOlderConnectionAllTheSame) {
  const auto older = mqtt.open({.id = d1, .generation_id = "1", .policy = {}});
  ASSERT_TRUE(entrance.enter(arrival(older)));
  meanwhile = [this] { ASSERT_TRUE(world.put(d1, keys('p', 'q'), "*")); };
  const auto handle = amqp.open({.id = d1, .generation_id = "1", .policy = {}});
  EXPECT_REFUSED(entrance.enter(arrival(handle)), Errc::iot_hub_unauthorized);
  EXPECT_THAT(mqtt.log(older), ElementsAre("taken over"));
}

TEST_F(DeviceEntranceTest, AnIdentityThatChangesMeanwhileButKeepsItsKeyIsLetIn) {
  meanwhile = [this] { ASSERT_TRUE(world.put(d1, keys('x', 'q'), "*")); };
  const auto handle = mqtt.open({.id = d1, .generation_id = "1", .policy = {}});
  ASSERT_TRUE(entrance.enter(arrival(handle)));
  EXPECT_THAT(log, ElementsAre("log in", "prepare", "log in"));
  EXPECT_TRUE(entrance.is_current(d1, handle));
}

TEST_F(DeviceEntranceTest, AnIdentityThatIsDeletedOrDisabledMeanwhileIsKeptOut) {
  const auto handle = mqtt.open({.id = d1, .generation_id = "1", .policy = {}});
  const std::string disabled = R"({"status":"disabled",)" + keys('x', 'y').substr(1);
  meanwhile = [&] { ASSERT_TRUE(world.put(d1, disabled, "*")); };
  EXPECT_REFUSED(entrance.enter(arrival(handle)), Errc::device_disabled);
  ASSERT_TRUE(world.put(d1, keys('x', 'y'), "*"));
  meanwhile = [this] { ASSERT_TRUE(world.remove(d1)); };
  EXPECT_REFUSED(entrance.enter(arrival(handle)), Errc::device_not_found);
  EXPECT_FALSE(entrance.is_current(d1, handle));
  EXPECT_FALSE(shown_connected());
}

TEST_F(DeviceEntranceTest, ADoorThatCannotPrepareKeepsTheDeviceOutAndTheOlderConnectionIn) {
  const auto older = mqtt.open({.id = d1, .generation_id = "1", .policy = {}});
  ASSERT_TRUE(entrance.enter(arrival(older)));
  const auto handle = amqp.open({.id = d1, .generation_id = "1", .policy = {}});
  auto unprepared = arrival(handle);
  unprepared.prepare = [](const DeviceLogin&) { return Result<void>(fail(Errc::service_unavailable, "no disk")); };
  EXPECT_REFUSED(entrance.enter(unprepared), Errc::service_unavailable);
  EXPECT_TRUE(entrance.is_current(d1, older));
  EXPECT_THAT(mqtt.log(older), IsEmpty());
}

/// Two doors let the same device in again and again, each on a thread of its own: at the end one connection stands, and
/// every other was told once that it was taken over.
TEST_F(DeviceEntranceTest, TwoDoorsThatLetOneDeviceInAtOnceEndWithOneConnection) {
  constexpr int rounds = 200;
  const DeviceLogin login{.id = d1, .generation_id = "1", .policy = {}};
  std::vector<ConnectionHandle> by_mqtt, by_amqp;
  for (int i = 0; i < rounds; ++i) {
    by_mqtt.push_back(mqtt.open(login));
    by_amqp.push_back(amqp.open(login));
  }
  const auto proven = arrival(by_mqtt[0]).log_in();
  ASSERT_TRUE(proven);
  std::atomic<bool> go{false};
  const auto enter_all = [&](const std::vector<ConnectionHandle>& handles) {
    while (!go) std::this_thread::yield();
    for (const ConnectionHandle& handle : handles) {
      const DeviceEntrance::Arrival one{handle, false, [&] { return Result<DeviceLogin>(*proven); }, {}};
      EXPECT_TRUE(entrance.enter(one));
    }
  };
  std::thread first([&] { enter_all(by_mqtt); });
  std::thread second([&] { enter_all(by_amqp); });
  go = true;
  first.join();
  second.join();

  std::vector<ConnectionHandle> standing;
  const auto sort_out = [&](auto& door, const std::vector<ConnectionHandle>& handles) {
    for (const ConnectionHandle& handle : handles) {
      const auto& events = door.log(handle);
      if (events.empty()) {
        standing.push_back(handle);
      } else {
        EXPECT_THAT(events, ElementsAre("taken over"));
        entrance.leave(d1, handle);
      }
    }
  };
  sort_out(mqtt, by_mqtt);
  sort_out(amqp, by_amqp);
  ASSERT_EQ(standing.size(), 1U);
  EXPECT_TRUE(entrance.is_current(d1, standing[0]));
  EXPECT_TRUE(shown_connected());
  entrance.leave(d1, standing[0]);
  EXPECT_FALSE(shown_connected());
}

struct ThrottledEntranceTest : DeviceEntranceTest {
  static HubOptions s1() {
    HubOptions options;
    options.gate.throttle.sku = Sku::s1;
    return options;
  }
  ThrottledEntranceTest() : DeviceEntranceTest(s1()) {}
};

TEST_F(ThrottledEntranceTest, OverTheRateOfConnectionsADeviceWaitsThenIsRefused) {
  bool waited = false;
  std::optional<Errc> refusal;
  for (int i = 0; i < 100'000 && !refusal; ++i) {
    const auto handle = mqtt.open({.id = d1, .generation_id = "1", .policy = {}});
    const auto entered = entrance.enter(arrival(handle));
    if (entered) {
      waited = waited || entered->wait.count() > 0;
      entrance.leave(d1, handle);
    } else {
      refusal = entered.error().code;
    }
  }
  EXPECT_TRUE(waited);
  EXPECT_EQ(refusal, Errc::throttling_exception);
  EXPECT_FALSE(shown_connected());
}

}  // namespace
}  // namespace twinhub::hub

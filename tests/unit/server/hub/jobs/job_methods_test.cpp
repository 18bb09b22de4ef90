// Jobs that call direct methods.
#include "tests/unit/server/hub/jobs/jobs_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <algorithm>

namespace twinhub::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct JobMethods : testing::Test {
  explicit JobMethods(std::size_t calls_max = 500) : world(memory_options(), options(calls_max)) {}

  static HubOptions options(std::size_t calls_max) {
    HubOptions options;
    options.jobs.calls_max = calls_max;
    return options;
  }
  void connect_devices(int count) {
    world.create_devices(count);
    for (int i = 0; i < count; ++i) world.links.connect({device_id(i), ""});
  }
  /// The devices that were asked, in order.
  [[nodiscard]] std::vector<std::string> asked() const {
    std::vector<std::string> ids;
    for (const auto& request : world.links.requests()) ids.push_back(request.id.device);
    return ids;
  }
  void deliver(const MethodRequest& request) { EXPECT_TRUE(world.hub.methods.delivering(request.number)); }
  void answer(const MethodRequest& request, const std::string& status, const std::string& payload) {
    deliver(request);
    storage::Outbox outbox;
    world.hub.methods.answered(request.number, status, payload, outbox);
  }
  bool wait_for_requests(std::size_t count) {
    return world.tick_until([&] { return world.links.requests().size() >= count; });
  }

  JobsWorld world;
};

TEST_F(JobMethods, EachDevicesAnswerIsItsRow) {
  connect_devices(3);
  (void)world.put({"offline", ""});
  ASSERT_TRUE(world.method("j1", "*"));
  ASSERT_TRUE(wait_for_requests(4));
  const auto requests = world.links.requests();
  EXPECT_EQ(requests[0].name, "reboot");
  EXPECT_EQ(requests[0].payload, R"({"in":5})");
  ASSERT_TRUE(world.tick_until([&] { return world.counts("j1") == "4/0/1/3/0"; }));
  EXPECT_EQ(world.status("j1"), "\"running\"");
  answer(requests[0], "200", R"({"took":1})");
  answer(requests[1], "500", "");
  answer(requests[2], "200", "no JSON");
  EXPECT_EQ(world.run("j1"), "completed");
  EXPECT_EQ(world.counts("j1"), "4/2/2/0/0");
  EXPECT_THAT(world.outcomes("j1"),
              ElementsAre("device-000 completed", "device-001 completed",
                          "device-002 failed InvalidResponseWhileProxying", "offline failed DeviceNotOnline"));
  const auto rows = world.rows("j1");
  EXPECT_EQ(at(rows[0], "outcome"), R"({"deviceMethodResponse":{"status":200,"payload":{"took":1}}})");
  EXPECT_EQ(at(rows[1], "outcome"), R"({"deviceMethodResponse":{"status":500,"payload":null}})");
  EXPECT_EQ(at(rows[3], "outcome"), "");
  EXPECT_EQ(at(world.job("j1"), "cloudToDeviceMethod"), R"({"methodName":"reboot","payload":{"in":5}})");
  EXPECT_EQ(at(world.job("j1"), "updateTwin"), "null");
}

TEST_F(JobMethods, RowsSayWhereADeviceIs) {
  connect_devices(1);
  ASSERT_TRUE(world.method("j1", "*"));
  ASSERT_TRUE(wait_for_requests(1));
  EXPECT_THAT(world.outcomes("j1"), ElementsAre("device-000 running"));
  EXPECT_EQ(at(world.rows("j1")[0], "endTimeUtc"), "\"0001-01-01T00:00:00Z\"");
  world.clock.advance_seconds(3);
  answer(world.links.requests()[0], "200", "null");
  EXPECT_EQ(world.run("j1"), "completed");
  const std::string row = world.rows("j1")[0];
  EXPECT_EQ(at(row, "startTimeUtc"), "\"2027-01-15T08:00:00.5Z\"");
  EXPECT_EQ(at(row, "endTimeUtc"), "\"2027-01-15T08:00:03.5Z\"");
  EXPECT_EQ(at(row, "lastUpdatedDateTimeUtc"), "\"2027-01-15T08:00:03.5Z\"");
}

TEST_F(JobMethods, ADeviceThatDoesNotAnswerFailsAfterTheMethodsOwnTime) {
  connect_devices(1);
  ASSERT_TRUE(world.create("j1", R"({"type":"scheduleDeviceMethod","queryCondition":"*","cloudToDeviceMethod":)"
                                 R"({"methodName":"reboot","responseTimeoutInSeconds":10,"timeoutInSeconds":99}})"));
  ASSERT_TRUE(wait_for_requests(1));
  deliver(world.links.requests()[0]);
  world.clock.advance_seconds(10);
  EXPECT_EQ(world.run("j1"), "completed");
  EXPECT_THAT(world.outcomes("j1"), ElementsAre("device-000 failed GatewayTimeout"));
}

struct FewJobCalls : JobMethods {
  FewJobCalls() : JobMethods(3) {}
};

TEST_F(FewJobCalls, NoMoreDevicesAreAskedAtOnceThanTheBound) {
  connect_devices(10);
  ASSERT_TRUE(world.method("j1", "*"));
  ASSERT_TRUE(world.method("j2", "*"));
  std::size_t answered = 0;
  while (answered < 20) {
    ASSERT_TRUE(wait_for_requests(answered + 1));
    for (int i = 0; i < 10; ++i) {
      world.hub.tick();
      world.sync();
    }
    const auto requests = world.links.requests();
    ASSERT_LE(requests.size(), answered + 3);
    for (; answered < requests.size(); ++answered) answer(requests[answered], "200", "null");
  }
  EXPECT_EQ(world.run("j1"), "completed");
  EXPECT_EQ(world.run("j2"), "completed");
  EXPECT_THAT(asked(), SizeIs(20));
}

TEST_F(FewJobCalls, ALateAnswerHoldsUpNoOtherDevice) {
  connect_devices(12);
  ASSERT_TRUE(world.method("j1", "*"));
  ASSERT_TRUE(wait_for_requests(1));
  std::size_t answered = 1;  // not the first
  while (answered < 12) {
    ASSERT_TRUE(wait_for_requests(answered + 1));
    const auto requests = world.links.requests();
    for (; answered < requests.size(); ++answered) answer(requests[answered], "200", "null");
  }
  ASSERT_TRUE(world.tick_until([&] { return world.counts("j1") == "12/11/0/1/0"; }));
  answer(world.links.requests()[0], "200", "null");
  EXPECT_EQ(world.run("j1"), "completed");
  EXPECT_EQ(world.counts("j1"), "12/12/0/0/0");
}

TEST_F(FewJobCalls, DevicesWhoseTurnDoesNotComeInTimeFailWithTheJob) {
  connect_devices(8);
  ASSERT_TRUE(world.method("j1", "*", R"(,"maxExecutionTimeInSeconds":5)"));
  ASSERT_TRUE(wait_for_requests(3));
  world.clock.advance_seconds(6);
  for (const auto& request : world.links.requests()) answer(request, "200", "null");
  EXPECT_EQ(world.run("j1"), "failed");
  EXPECT_THAT(at(world.job("j1"), "failureReason"), HasSubstr("maxExecutionTimeInSeconds"));
  EXPECT_EQ(world.counts("j1"), "8/3/5/0/0");
  EXPECT_THAT(asked(), SizeIs(3));
  EXPECT_EQ(world.outcomes("j1")[7], "device-007 failed GenericTimeout");
}

TEST_F(JobMethods, CallsThatTheHubHasNoRoomForComeLater) {
  HubOptions options;
  options.methods.calls_max = 2;
  JobsWorld small(memory_options(), options);
  small.create_devices(6);
  for (int i = 0; i < 6; ++i) small.links.connect({device_id(i), ""});
  ASSERT_TRUE(small.method("j1", "*"));
  std::size_t answered = 0;
  while (answered < 6) {
    ASSERT_TRUE(small.tick_until([&] { return small.links.requests().size() > answered; }));
    const auto requests = small.links.requests();
    for (; answered < requests.size(); ++answered) {
      EXPECT_TRUE(small.hub.methods.delivering(requests[answered].number));
      storage::Outbox outbox;
      small.hub.methods.answered(requests[answered].number, "200", "null", outbox);
    }
  }
  EXPECT_EQ(small.run("j1"), "completed");
  EXPECT_EQ(small.counts("j1"), "6/6/0/0/0");
}

TEST_F(JobMethods, ModulesAreAskedToo) {
  (void)world.put(d1);
  (void)world.put(m1);
  world.links.connect(m1);
  ASSERT_TRUE(world.method("j1", "FROM devices.modules WHERE moduleId = 'm1'"));
  ASSERT_TRUE(wait_for_requests(1));
  EXPECT_EQ(world.links.requests()[0].id, m1);
  answer(world.links.requests()[0], "200", "1");
  EXPECT_EQ(world.run("j1"), "completed");
  EXPECT_THAT(world.outcomes("j1"), ElementsAre("d1/m1 completed"));
}

}  // namespace
}  // namespace twinhub::hub

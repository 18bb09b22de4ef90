// Jobs over a restart of the hub, and over a store that takes no writes. tests/crash/jobs.test.js kills the process.
#include "server/hub/jobs/job_record.hpp"
#include "tests/unit/server/hub/jobs/jobs_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>

namespace twinhub::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

HubOptions slices_of(std::size_t devices) {
  HubOptions options;
  options.jobs.slice_devices = options.jobs.slice_rows = devices;
  return options;
}

/// What a crash would find: records, written past the hub.
void put_record(JobsWorld& world, storage::RecordKind kind, const std::string& key, std::optional<std::string> value) {
  ASSERT_TRUE(world.store->write_records({{kind, key, std::move(value)}}, {}, {}));
  world.sync();
}

struct JobRecovery : testing::Test {
  void start(const HubOptions& options = {}) {
    world.reset();  // the folder's lock is free again
    world = std::make_unique<JobsWorld>(folder.options(), options);
  }
  /// Each device was told of the update once.
  void expect_done_once(int devices) {
    for (int i = 0; i < devices; ++i) {
      EXPECT_EQ(world->desired_version(device_id(i)), "2") << i;
      EXPECT_EQ(world->changes(device_id(i)), 1U) << i;
    }
  }

  StoreFolder folder;
  std::unique_ptr<JobsWorld> world;
};

TEST_F(JobRecovery, AJobGoesOnWhereItWasAtEveryPoint) {
  // The hub ends after every possible number of ticks.
  for (int ticks = 0;; ++ticks) {
    SCOPED_TRACE(ticks);
    const StoreFolder own;
    const int devices = 5;
    bool over = false;
    {
      JobsWorld first(own.options(), slices_of(3));
      first.create_devices(devices);
      ASSERT_TRUE(first.update("j1", "*"));
      for (int i = 0; i < ticks; ++i) {
        first.hub.tick();
        first.sync();
      }
      over = first.status("j1") == "\"completed\"";
    }
    JobsWorld second(own.options(), slices_of(2));
    EXPECT_EQ(second.run("j1"), "completed");
    EXPECT_EQ(second.counts("j1"), "5/5/0/0/0");
    for (int i = 0; i < devices; ++i) {
      EXPECT_EQ(second.desired_version(device_id(i)), "2") << i;
      EXPECT_EQ(second.changes(device_id(i)), 1U) << i;
    }
    if (over) break;
    ASSERT_LT(ticks, 100);
  }
}

TEST_F(JobRecovery, RowsThatAreDoneBehindTheWrittenPlaceAreCountedAndNotDoneAgain) {
  start(slices_of(100));
  world->create_devices(6);
  ASSERT_TRUE(world->update("j1", "*"));
  ASSERT_EQ(world->run("j1"), "completed");
  // The rows are there, the state is that of before the first slice.
  auto state = decode_job_state(**world->store->read_record(storage::RecordKind::jobs, "sj1"));
  ASSERT_TRUE(state);
  state->status = JobStatus::running;
  state->settled_up_to.clear();
  state->succeeded = 0;
  state->ended = {};
  put_record(*world, storage::RecordKind::jobs, "sj1", encode(*state));
  put_record(*world, storage::RecordKind::job_devices, std::string("j1\0device-004\0", 14), encode(DeviceJob{}));
  start(slices_of(2));
  EXPECT_EQ(world->run("j1"), "completed");
  EXPECT_EQ(world->counts("j1"), "6/6/0/0/0");
  for (const int n : {0, 1, 2, 3, 5}) EXPECT_EQ(world->changes(device_id(n)), 1U) << n;
  EXPECT_EQ(world->hub.jobs.figures().devices_succeeded, 1U) << "the others were done by another life";
}

TEST_F(JobRecovery, TargetsThatWereNotGatheredWholeAreGatheredAnew) {
  start(slices_of(2));
  world->create_devices(7);
  ASSERT_TRUE(world->update("j1", "NOT is_defined(tags.seen)"));
  ASSERT_TRUE(world->tick_until([&] { return world->counts("j1") == "4/0/0/0/4"; }));
  ASSERT_THAT(world->outcomes("j1"), SizeIs(::testing::Lt(7U)));
  (void)world->patch({"device-001", ""}, R"({"tags":{"seen":true}})");
  start(slices_of(2));
  EXPECT_EQ(world->run("j1"), "completed");
  EXPECT_EQ(world->counts("j1"), "6/6/0/0/0");
  EXPECT_EQ(world->desired_version("device-001"), "1");
}

TEST_F(JobRecovery, ScheduledJobsAndEndedOnesAreStillThere) {
  start();
  (void)world->put(d1);
  ASSERT_TRUE(world->update("ended", "*"));
  ASSERT_EQ(world->run("ended"), "completed");
  ASSERT_TRUE(world->update("later", "*", R"(,"startTime":"2027-01-15T09:00:00Z")"));
  const std::string before = world->job("ended");
  start();
  EXPECT_EQ(world->job("ended"), before);
  EXPECT_EQ(world->status("later"), "\"scheduled\"");
  EXPECT_TRUE(world->cancel("later"));
  start();
  EXPECT_EQ(world->status("later"), "\"cancelled\"");
  EXPECT_EQ(world->hub.jobs.figures().waiting, 0U);
}

TEST_F(JobRecovery, ACallThatWasUnderWayWhenTheHubDiedIsNotMadeAgain) {
  start();
  world->create_devices(3);
  ASSERT_TRUE(world->method("j1", "*", R"(,"startTime":"2027-01-15T09:00:00Z")"));
  // As a crash leaves it: one answered, one under way, one not begun.
  auto state = decode_job_state(**world->store->read_record(storage::RecordKind::jobs, "sj1"));
  ASSERT_TRUE(state);
  state->status = JobStatus::running;
  state->devices = 3;
  state->started = world->clock.now();
  put_record(*world, storage::RecordKind::jobs, "sj1", encode(*state));
  DeviceJob answered;
  answered.status = DeviceJobStatus::completed;
  answered.method_status = 200;
  answered.method_payload = "null";
  DeviceJob called;
  called.status = DeviceJobStatus::running;
  called.started = world->clock.now();
  const auto row_key = [](int number) { return "j1" + std::string(1, '\0') + device_id(number) + '\0'; };
  put_record(*world, storage::RecordKind::job_devices, row_key(0), encode(answered));
  put_record(*world, storage::RecordKind::job_devices, row_key(1), encode(called));
  put_record(*world, storage::RecordKind::job_devices, row_key(2), encode(DeviceJob{}));
  start();
  EXPECT_EQ(world->run("j1"), "completed");
  EXPECT_EQ(world->counts("j1"), "3/1/2/0/0");
  EXPECT_THAT(world->outcomes("j1"), ElementsAre("device-000 completed", "device-001 failed ServiceUnavailable",
                                                 "device-002 failed DeviceNotOnline"));
  EXPECT_THAT(at(world->rows("j1")[1], "error/description"), HasSubstr("whether the method ran is not known"));
  ASSERT_THAT(world->links.requests(), SizeIs(1));
  EXPECT_EQ(world->links.requests()[0].id.device, "device-002");
}

TEST_F(JobRecovery, AnOrderlyStopLeavesUncalledDevicesToTheNextLife) {
  start();
  world->create_devices(3);
  for (int i = 0; i < 3; ++i) world->links.connect({device_id(i), ""});
  ASSERT_TRUE(world->method("j1", "*"));
  // Marked, but not called.
  ASSERT_TRUE(world->tick_until([&] { return world->outcomes("j1").size() == 3; }));
  ASSERT_TRUE(world->tick_until([&] { return world->outcomes("j1")[0] == "device-000 running"; }));
  ASSERT_THAT(world->links.requests(), IsEmpty());
  start();
  EXPECT_THAT(world->outcomes("j1"), ElementsAre("device-000 pending", "device-001 pending", "device-002 pending"));
  EXPECT_EQ(world->run("j1"), "completed");
  EXPECT_THAT(world->links.requests(), SizeIs(3));
}

TEST_F(JobRecovery, AnOrderlyStopWritesDownWhatIsAnsweredMeanwhile) {
  start();
  world->create_devices(2);
  for (int i = 0; i < 2; ++i) world->links.connect({device_id(i), ""});
  ASSERT_TRUE(world->method("j1", "*"));
  ASSERT_TRUE(world->tick_until([&] { return world->links.requests().size() == 2; }));
  world->hub.jobs.stop();
  const auto requests = world->links.requests();
  EXPECT_TRUE(world->hub.methods.delivering(requests[0].number));
  storage::Outbox outbox;
  world->hub.methods.answered(requests[0].number, "200", "7", outbox);
  world->hub.methods.shut_down(std::chrono::milliseconds(0));  // refuses the other one
  start();
  EXPECT_THAT(world->outcomes("j1"), ElementsAre("device-000 completed", "device-001 failed ServiceUnavailable"));
  EXPECT_EQ(world->run("j1"), "completed");
  EXPECT_EQ(world->counts("j1"), "2/1/1/0/0");
}

TEST_F(JobRecovery, AStoreThatTakesNoWritesHoldsAJobUpAndLosesNothing) {
  storage::StoreOptions small = folder.options();
  small.queue_bytes_max = 16 << 10;
  JobsWorld tight(small, slices_of(100));
  tight.create_devices(60);
  // Each update is larger than a tenth of the queue: most are refused, and come again.
  ASSERT_TRUE(tight.create("j1", R"({"type":"scheduleUpdateTwin","queryCondition":"*","updateTwin":{"etag":"*",)"
                                 R"("properties":{"desired":{"a":")" +
                                     std::string(1500, 'x') + R"("}}}})"));
  EXPECT_EQ(tight.run("j1"), "completed");
  EXPECT_EQ(tight.counts("j1"), "60/60/0/0/0");
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(tight.desired_version(device_id(i)), "2") << i;
    EXPECT_EQ(tight.changes(device_id(i)), 1U) << i;
  }
}

TEST_F(JobRecovery, ADamagedDefinitionFailsTheJobAndADamagedStateIsLeftAlone) {
  start();
  (void)world->put(d1);
  ASSERT_TRUE(world->update("j1", "*", R"(,"startTime":"2027-01-15T09:00:00Z")"));
  ASSERT_TRUE(world->update("j2", "*", R"(,"startTime":"2027-01-15T09:00:00Z")"));
  put_record(*world, storage::RecordKind::jobs, "dj1", "\x09");
  put_record(*world, storage::RecordKind::jobs, "sj2", "\x09");
  start();
  world->clock.advance_seconds(7200);
  ASSERT_TRUE(
      world->tick_until([&] { return world->hub.jobs.figures().running + world->hub.jobs.figures().waiting == 0; }));
  auto state = decode_job_state(**world->store->read_record(storage::RecordKind::jobs, "sj1"));
  ASSERT_TRUE(state);
  EXPECT_EQ(state->status, JobStatus::failed);
  EXPECT_THAT(state->failure_reason, HasSubstr("damaged or of a newer version"));
  EXPECT_EQ(world->desired_version("d1"), "1");
}

TEST(JobRecords, AreReadAsTheyWereWrittenAndNothingElseIs) {
  const JobDefinition definition{.execution_seconds_max = 7, .condition = "a = 'b'", .content = "{}"};
  const auto read = decode_job_definition(encode(definition));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->execution_seconds_max, 7U);
  EXPECT_EQ(read->condition, "a = 'b'");
  EXPECT_EQ(read->content, "{}");
  JobState state;
  state.type = JobType::device_method;
  state.status = JobStatus::running;
  state.gathering = true;
  state.devices = 5;
  state.settled_up_to = std::string("d\0m", 3);
  state.failure_reason = "why";
  const auto state_read = decode_job_state(encode(state));
  ASSERT_TRUE(state_read);
  EXPECT_EQ(encode(*state_read), encode(state));
  DeviceJob row;
  row.status = DeviceJobStatus::failed;
  row.method_status = -5;
  row.method_payload = "[]";
  row.error_code = "x";
  row.error_description = "y";
  const auto row_read = decode_device_job(encode(row));
  ASSERT_TRUE(row_read);
  EXPECT_EQ(encode(*row_read), encode(row));
  const auto expect_whole = [](const std::string& bytes, const auto& decode) {
    for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode(bytes.substr(0, size))) << size;
    EXPECT_FALSE(decode(bytes + '\0'));
  };
  expect_whole(encode(definition), decode_job_definition);
  expect_whole(encode(state), decode_job_state);
  expect_whole(encode(row), decode_device_job);
  EXPECT_FALSE(decode_device_job(std::string("\1\4", 2)));
  EXPECT_FALSE(decode_device_job(std::string("\2\0", 2)));
}

}  // namespace
}  // namespace twinhub::hub

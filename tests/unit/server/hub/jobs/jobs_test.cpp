// Jobs from their PUT to their end, with no crash between: see job_recovery_test.cpp for those.
#include "server/hub/jobs/jobs.hpp"

#include "server/base/error_table.hpp"
#include "tests/unit/server/hub/jobs/jobs_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace twinhub::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

template <class T>
std::string error_name(const Result<T>& result) {
  return result ? "no error" : std::string(row_of(result.error().code).name);
}

HubOptions with(const JobOptions& jobs) {
  HubOptions options;
  options.jobs = jobs;
  return options;
}

TEST(Jobs, AJobIsAnsweredAsQueuedAndShownWithAllItsFields) {
  JobsWorld world;
  const auto answer = world.update("j1", "deviceId = 'd1'", R"(,"maxExecutionTimeInSeconds":120,"jobId":"j1")");
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(*answer,
            R"({"jobId":"j1","queryCondition":"deviceId = 'd1'","createdTime":"2027-01-15T08:00:00.5Z",)"
            R"("startTime":"2027-01-15T08:00:00.5Z","endTime":null,"maxExecutionTimeInSeconds":120,)"
            R"("type":"scheduleUpdateTwin","cloudToDeviceMethod":null,)"
            R"("updateTwin":{"etag":"*","properties":{"desired":{"a":1}}},"status":"queued","failureReason":null,)"
            R"("statusMessage":null,"deviceJobStatistics":{"deviceCount":0,"failedCount":0,"succeededCount":0,)"
            R"("runningCount":0,"pendingCount":0}})");
  EXPECT_EQ(world.job("j1"), *answer);
  EXPECT_EQ(world.job("unheard-of"), R"({"jobId":"unheard-of","type":"unknown","status":"unknown"})");
}

TEST(Jobs, ATwinUpdateReachesTheTwinTheDeviceTheEventsAndTheRows) {
  JobsWorld world;
  (void)world.put(d1);
  const std::string update =
      R"({"etag":"*","tags":{"room":"5"},"properties":{"desired":{"a":{"b":[1]},"gone":null},"reported":{"x":1}}})";
  ASSERT_TRUE(world.create(
      "j1", R"({"type":"ScheduleUpdateTwin","queryCondition":"deviceId = 'd1'","updateTwin":)" + update + "}"));
  EXPECT_EQ(world.run("j1"), "completed");
  EXPECT_EQ(world.counts("j1"), "1/1/0/0/0");
  EXPECT_EQ(at(world.job("j1"), "endTime"), "\"2027-01-15T08:00:00.5Z\"");

  const std::string twin = world.twin(d1)->json;
  EXPECT_EQ(at(twin, "tags"), R"({"room":"5"})");
  EXPECT_EQ(at(twin, "properties/desired/a"), R"({"b":[1]})");
  EXPECT_EQ(at(twin, "properties/desired/$version"), "2");
  EXPECT_EQ(at(twin, "properties/reported/x"), "");
  ASSERT_THAT(world.links.deltas(), SizeIs(1));
  EXPECT_EQ(world.links.deltas()[0].text, R"({"a":{"b":[1]},"gone":null,"$version":2})");

  const auto events = world.events(d1);
  const storage::Event& change = events.back();
  EXPECT_EQ(value_of(change.application, "opType"), "updateTwin");
  EXPECT_EQ(value_of(change.system, "iothub-message-source"), "twinChangeEvents");
  EXPECT_EQ(at(change.body, "tags"), R"({"room":"5"})");
  EXPECT_EQ(at(change.body, "properties/desired/a"), R"({"b":[1]})");
  EXPECT_EQ(at(change.body, "properties/desired/$version"), "2");
  EXPECT_EQ(at(change.body, "version"), "3");

  EXPECT_THAT(world.rows("j1"),
              ElementsAre(R"({"deviceId":"d1","jobId":"j1","jobType":"scheduleUpdateTwin","status":"completed",)"
                          R"("startTimeUtc":"2027-01-15T08:00:00.5Z","endTimeUtc":"2027-01-15T08:00:00.5Z",)"
                          R"("createdDateTimeUtc":"2027-01-15T08:00:00.5Z",)"
                          R"("lastUpdatedDateTimeUtc":"2027-01-15T08:00:00.5Z"})"));
}

TEST(Jobs, TheRowsAreAnsweredByQueriesOverDevicesJobs) {
  JobsWorld world;
  world.create_devices(5);
  ASSERT_TRUE(world.update("j1", "*"));
  ASSERT_EQ(world.run("j1"), "completed");
  auto run = world.hub.queries.begin(
      {.text = "SELECT * FROM devices.jobs WHERE devices.jobs.jobId = 'j1' AND devices.jobs.deviceId = 'device-003' "
               "AND devices.jobs.createdTimeUtc > '2016-09-01'"});
  ASSERT_TRUE(run);
  while ((*run)->step()) {
  }
  const auto page = (*run)->take();
  ASSERT_TRUE(page);
  EXPECT_EQ(page->item_type, "DeviceJob");
  EXPECT_EQ(page->json, "[" + world.rows("j1")[3] + "]");
}

TEST(Jobs, EveryFormOfConditionSelectsItsTargets) {
  JobsWorld world;
  world.create_devices(12);
  for (const int n : {2, 7}) (void)world.patch({device_id(n), ""}, R"({"tags":{"room":"5"}})");
  (void)world.put({"device-001", "camera"});
  (void)world.put({"device-004", "camera"});
  (void)world.put({"device-004", "door"});
  const struct {
    const char* condition;
    std::vector<std::string> targets;
  } cases[] = {
      {"deviceId = 'device-003'", {"device-003 completed"}},
      {"deviceId IN ['device-003', 'device-001', 'device-003', 'nobody']",
       {"device-001 completed", "device-003 completed"}},
      {"deviceId in ['device-003']", {"device-003 completed"}},
      {"tags.room = '5'", {"device-002 completed", "device-007 completed"}},
      {"FROM devices WHERE tags.room = '5'", {"device-002 completed", "device-007 completed"}},
      {"from devices where STARTSWITH(deviceId, 'device-01')", {"device-010 completed", "device-011 completed"}},
      {"FROM devices.modules WHERE moduleId = 'camera'",
       {"device-001/camera completed", "device-004/camera completed"}},
      {"FROM devices.modules",
       {"device-001/camera completed", "device-004/camera completed", "device-004/door completed"}},
      {"tags.room = '6'", {}},
  };
  int n = 0;
  for (const auto& row : cases) {
    const std::string id = "j" + std::to_string(++n);
    SCOPED_TRACE(row.condition);
    ASSERT_TRUE(world.update(id, row.condition));
    EXPECT_EQ(world.run(id), "completed");
    EXPECT_EQ(world.outcomes(id), row.targets);
    EXPECT_THAT(world.counts(id), StartsWith(std::to_string(row.targets.size()) + "/"));
  }
  ASSERT_TRUE(world.update("all", "*"));
  EXPECT_EQ(world.run("all"), "completed");
  EXPECT_EQ(world.counts("all"), "12/12/0/0/0");
  EXPECT_EQ(at(world.twin({"device-004", "door"})->json, "properties/desired/a"), "1");
}

TEST(Jobs, AConditionThatIsNoneFailsTheJobWhenItStarts) {
  JobsWorld world;
  for (const auto& [id, condition] : {std::pair{"j1", "deviceId ="}, {"j2", "FROM devices.jobs WHERE jobId = 'x'"}}) {
    ASSERT_TRUE(world.update(id, condition));
    EXPECT_EQ(world.run(id), "failed");
    EXPECT_THAT(at(world.job(id), "failureReason"), HasSubstr("BadRequest: "));
    EXPECT_NE(at(world.job(id), "endTime"), "null");
  }
}

TEST(Jobs, AScheduledJobWaitsForItsTimeAndTakesTheDevicesOfThen) {
  JobsWorld world;
  (void)world.put({"early", ""});
  (void)world.put({"gone", ""});
  const auto answer = world.update("j1", "*", R"(,"startTime":"2027-01-15T09:00:00.000Z")");
  ASSERT_TRUE(answer);
  EXPECT_EQ(at(*answer, "status"), "\"queued\"");
  EXPECT_EQ(at(*answer, "startTime"), "\"2027-01-15T09:00:00Z\"");
  for (int i = 0; i < 5; ++i) world.hub.tick();
  EXPECT_EQ(world.status("j1"), "\"scheduled\"");
  EXPECT_EQ(world.hub.jobs.figures().waiting, 1U);
  (void)world.put({"late", ""});
  (void)world.remove({"gone", ""});
  world.clock.advance_seconds(3600);
  EXPECT_EQ(world.status("j1"), "\"queued\"");
  EXPECT_EQ(world.run("j1"), "completed");
  EXPECT_THAT(world.outcomes("j1"), ElementsAre("early completed", "late completed"));
}

TEST(Jobs, TheTargetsAreThoseOfOneMoment) {
  JobOptions slow;
  slow.slice_devices = slow.slice_rows = 2;
  JobsWorld world(memory_options(), with(slow));
  world.create_devices(8);
  ASSERT_TRUE(world.update("j1", "NOT is_defined(tags.seen)"));
  ASSERT_TRUE(world.tick_until([&] { return world.counts("j1") == "2/0/0/0/2"; }));
  (void)world.put({"device-999", ""});
  (void)world.patch({"device-007", ""}, R"({"tags":{"seen":true}})");
  EXPECT_EQ(world.run("j1"), "completed");
  EXPECT_EQ(world.counts("j1"), "8/8/0/0/0");
  EXPECT_EQ(world.desired_version("device-999"), "1");
  EXPECT_EQ(world.desired_version("device-007"), "2");
}

TEST(Jobs, ADeviceThatCannotBeUpdatedFailsAloneAndTheJobCompletes) {
  JobOptions slow;
  slow.slice_devices = slow.slice_rows = 1;
  JobsWorld world(memory_options(), with(slow));
  world.create_devices(4);
  const std::string full =
      R"({"tags":{"t":{"a":")" + std::string(4000, 'x') + R"(","b":")" + std::string(4000, 'x') + R"("}}})";
  ASSERT_TRUE(world.patch({"device-001", ""}, full));
  ASSERT_TRUE(world.create("j1", R"({"type":"scheduleUpdateTwin","queryCondition":"*","updateTwin":{"etag":"*","tags":)"
                                 R"({"more":")" +
                                     std::string(500, 'y') + R"("}}})"));
  ASSERT_TRUE(world.tick_until([&] { return world.counts("j1") == "4/0/0/0/4" || world.counts("j1") == "4/0/0/1/3"; }));
  (void)world.remove({"device-003", ""});
  EXPECT_EQ(world.run("j1"), "completed");
  EXPECT_EQ(world.counts("j1"), "4/2/2/0/0");
  EXPECT_THAT(world.outcomes("j1"),
              ElementsAre("device-000 completed", "device-001 failed DeviceModelMaxPropertiesExceeded",
                          "device-002 completed", "device-003 failed DeviceNotFound"));
  EXPECT_EQ(world.changes("device-001"), 1U);
  EXPECT_EQ(world.hub.jobs.figures().devices_failed, 2U);
}

TEST(Jobs, AnUpdateThatChangesNothingCompletesWithoutEventOrDelta) {
  JobsWorld world;
  (void)world.put(d1);
  (void)world.patch(d1, R"({"properties":{"desired":{"a":1}}})");
  const std::string before = world.twin(d1)->json;
  ASSERT_TRUE(world.create(
      "j1", R"({"type":"scheduleUpdateTwin","queryCondition":"*","updateTwin":{"etag":"*","tags":{"none":null}}})"));
  EXPECT_EQ(world.run("j1"), "completed");
  EXPECT_EQ(world.counts("j1"), "1/1/0/0/0");
  EXPECT_EQ(world.twin(d1)->json, before);
  EXPECT_EQ(world.changes("d1"), 1U);
  EXPECT_THAT(world.links.deltas(), SizeIs(1));
}

TEST(Jobs, OnlyAJobThatHasNotBegunIsCancelled) {
  JobOptions slow;
  slow.slice_devices = slow.slice_rows = 1;
  JobsWorld world(memory_options(), with(slow));
  world.create_devices(3);
  EXPECT_EQ(error_name(world.cancel("j1")), "JobNotFound");
  ASSERT_TRUE(world.update("j1", "*", R"(,"startTime":"2027-01-15T09:00:00Z")"));
  const auto cancelled = world.cancel("j1");
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(at(*cancelled, "status"), "\"cancelled\"");
  EXPECT_EQ(world.job("j1"), *cancelled);
  EXPECT_EQ(error_name(world.cancel("j1")), "OperationNotAllowedInCurrentState");
  world.clock.advance_seconds(7200);
  for (int i = 0; i < 5; ++i) world.hub.tick();
  EXPECT_EQ(world.status("j1"), "\"cancelled\"");
  EXPECT_EQ(world.desired_version("device-000"), "1");

  ASSERT_TRUE(world.update("j2", "*"));
  ASSERT_TRUE(world.tick_until([&] { return world.status("j2") == "\"running\""; }));
  EXPECT_EQ(error_name(world.cancel("j2")), "OperationNotAllowedInCurrentState");
  EXPECT_EQ(world.run("j2"), "completed");
  EXPECT_EQ(error_name(world.cancel("j2")), "OperationNotAllowedInCurrentState");
}

TEST(Jobs, AnIdIsTakenOnceWhateverBecomesOfTheJob) {
  JobsWorld world;
  ASSERT_TRUE(world.update("j1", "*"));
  EXPECT_EQ(error_name(world.update("j1", "*")), "JobAlreadyExists");
  EXPECT_EQ(world.run("j1"), "completed");
  EXPECT_EQ(error_name(world.method("j1", "*")), "JobAlreadyExists");
  ASSERT_TRUE(world.update("j2", "*", R"(,"startTime":"2027-01-15T09:00:00Z")"));
  ASSERT_TRUE(world.cancel("j2"));
  EXPECT_EQ(error_name(world.update("j2", "*")), "JobAlreadyExists");
}

TEST(Jobs, JobsThatHaveNotEndedAreBounded) {
  JobOptions few;
  few.active_max = 2;
  few.running_max = 1;
  JobsWorld world(memory_options(), with(few));
  ASSERT_TRUE(world.update("j1", "*", R"(,"startTime":"2027-01-15T09:00:00Z")"));
  ASSERT_TRUE(world.update("j2", "*", R"(,"startTime":"2027-01-15T09:00:00Z")"));
  const auto refused = world.update("j3", "*");
  EXPECT_EQ(error_name(refused), "ThrottlingMaxActiveJobCountExceeded");
  EXPECT_EQ(row_of(refused.error().code).http_status, 429U);
  ASSERT_TRUE(world.cancel("j1"));
  EXPECT_TRUE(world.update("j3", "*"));
  EXPECT_EQ(world.run("j3"), "completed");
  EXPECT_TRUE(world.update("j4", "*"));
}

TEST(Jobs, NoMoreRunAtOnceThanTheSettingSaysTheOldestFirst) {
  JobOptions options;
  options.running_max = 1;
  options.slice_devices = options.slice_rows = 1;
  JobsWorld world(memory_options(), with(options));
  world.create_devices(3);
  ASSERT_TRUE(world.update("b", "*"));
  world.clock.advance_seconds(1);
  ASSERT_TRUE(world.update("a", "*"));
  ASSERT_TRUE(world.tick_until([&] { return world.status("b") == "\"running\""; }));
  EXPECT_EQ(world.status("a"), "\"queued\"");
  EXPECT_EQ(world.hub.jobs.figures().running, 1U);
  EXPECT_EQ(world.hub.jobs.figures().waiting, 1U);
  EXPECT_EQ(world.run("a"), "completed");
  EXPECT_EQ(world.status("b"), "\"completed\"");
}

TEST(Jobs, JobsSideBySideAllCome) {
  JobOptions options;
  options.slice_devices = options.slice_rows = 2;
  JobsWorld world(memory_options(), with(options));
  world.create_devices(9);
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(world.update(id, "*"));
  EXPECT_EQ(world.run("b"), "completed");
  EXPECT_EQ(world.run("a"), "completed");
  EXPECT_EQ(world.run("c"), "completed");
  for (const char* id : {"a", "b", "c"}) EXPECT_EQ(world.counts(id), "9/9/0/0/0");
}

TEST(Jobs, WithASkuDevicesHaveTheirTurnAtItsRate) {
  HubOptions options;
  options.gate.throttle = {.sku = Sku::s1, .units = 1, .burst = std::chrono::seconds(1)};
  JobsWorld world(memory_options(), options);
  world.create_devices(40);
  ASSERT_TRUE(world.update("j1", "*"));
  ASSERT_TRUE(world.tick_until([&] { return world.counts("j1").find("40/1") == 0; }));
  for (int i = 0; i < 50; ++i) {
    world.hub.tick();
    world.sync();
  }
  const int done_at_once = std::stoi(at(world.job("j1"), "deviceJobStatistics/succeededCount"));
  EXPECT_GE(done_at_once, 10);
  EXPECT_LE(done_at_once, 13);
  world.clock.advance_seconds(1);
  for (int i = 0; i < 50; ++i) {
    world.hub.tick();
    world.sync();
  }
  const int a_second_later = std::stoi(at(world.job("j1"), "deviceJobStatistics/succeededCount"));
  EXPECT_GT(a_second_later, done_at_once);
  EXPECT_LE(a_second_later, done_at_once + 13);
}

TEST(Jobs, AJobIsRemovedWithItsRowsWhenItsTimeIsOver) {
  JobsWorld world;
  world.create_devices(3);
  ASSERT_TRUE(world.update("j1", "*"));
  ASSERT_EQ(world.run("j1"), "completed");
  ASSERT_TRUE(world.update("waits", "*", R"(,"startTime":"2027-01-20T09:00:00Z")"));
  world.clock.advance_seconds(30 * 24 * 3600 - 60);
  ASSERT_EQ(world.run("waits"), "completed");
  for (int i = 0; i < 5; ++i) {
    world.hub.tick();
    world.sync();
  }
  EXPECT_EQ(world.status("j1"), "\"completed\"");
  world.clock.advance_seconds(120);
  ASSERT_TRUE(world.tick_until([&] { return world.status("j1") == "\"unknown\""; }));
  EXPECT_THAT(world.rows("j1"), IsEmpty());
  EXPECT_THAT(world.rows("waits"), SizeIs(3));
  const auto left =
      world.store->scan_records(storage::RecordKind::job_devices, "j1", {}, [](std::string_view, std::string_view) {
        ADD_FAILURE() << "a row is left";
        return true;
      });
  EXPECT_TRUE(left);
  EXPECT_TRUE(world.update("j1", "*")) << "the id is free again";
}

std::vector<std::string> ids_of(const std::string& json_text) {
  std::vector<std::string> ids;
  const auto document = json::parse(json_text);
  for (const json::Value row : document->root()) ids.push_back(row.find("jobId")->string().value_or(""));
  return ids;
}

Result<Queries::Page> list(World& world, Jobs::ListRequest request) {
  auto run = world.hub.jobs.list(std::move(request));
  if (!run) return run.error();
  while ((*run)->step()) {
  }
  return (*run)->take();
}

TEST(JobLists, FilterByTypeAndStatusAndGoOnPageByPage) {
  JobsWorld world;
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(world.update(id, "*"));
  ASSERT_TRUE(world.method("m", "*"));
  ASSERT_TRUE(world.update("later", "*", R"(,"startTime":"2027-01-15T09:00:00Z")"));
  ASSERT_TRUE(world.update("never", "*", R"(,"startTime":"2027-01-15T09:00:00Z")"));
  ASSERT_TRUE(world.cancel("never"));
  EXPECT_THAT(ids_of(list(world, {})->json), ElementsAre("a", "b", "c", "later", "m", "never"));
  EXPECT_THAT(ids_of(list(world, {.type = "scheduleDeviceMethod", .status = ""})->json), ElementsAre("m"));
  EXPECT_THAT(ids_of(list(world, {.type = "ScheduleUpdateTwin", .status = "Queued"})->json),
              ElementsAre("a", "b", "c"));
  EXPECT_THAT(ids_of(list(world, {.type = "", .status = "scheduled"})->json), ElementsAre("later"));
  EXPECT_THAT(ids_of(list(world, {.type = "", .status = "CANCELLED"})->json), ElementsAre("never"));
  EXPECT_THAT(ids_of(list(world, {.type = "export", .status = ""})->json), IsEmpty());
  for (const char* id : {"a", "b", "c", "m"}) ASSERT_EQ(world.run(id), "completed");
  EXPECT_THAT(ids_of(list(world, {.type = "", .status = "completed"})->json), ElementsAre("a", "b", "c", "m"));
  EXPECT_THAT(list(world, {})->json, HasSubstr(world.job("later")));

  auto page = list(world, {.type = "scheduleUpdateTwin", .status = "completed", .page_rows = 2});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->item_type, "JobResponse");
  EXPECT_THAT(ids_of(page->json), ElementsAre("a", "b"));
  const std::string token = page->continuation;
  page = list(world, {.type = "scheduleUpdateTwin", .status = "completed", .page_rows = 2, .continuation = token});
  EXPECT_THAT(ids_of(page->json), ElementsAre("c"));
  EXPECT_EQ(page->continuation, "");
  EXPECT_EQ(error_name(list(world, {.type = "", .status = "", .page_rows = 2, .continuation = token})),
            "ArgumentInvalid");
  EXPECT_EQ(error_name(list(world, {.type = "sometimes", .status = ""})), "ArgumentInvalid");
  EXPECT_EQ(error_name(list(world, {.type = "", .status = "asleep"})), "ArgumentInvalid");
  page = list(world, {.type = "", .status = "", .page_rows = 6});
  EXPECT_EQ(page->continuation, "") << "no page follows that is empty";
}

}  // namespace
}  // namespace twinhub::hub

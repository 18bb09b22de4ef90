// Jobs while the machine's wall clock is wrong, and after it was set right.
#include "server/hub/jobs/job_record.hpp"

#include "tests/unit/server/hub/jobs/jobs_world.hpp"

#include <gtest/gtest.h>
#include <string>

namespace twinhub::hub {
namespace {

constexpr std::int64_t two_days = 2 * 24 * 3600;

std::string start_in(const JobsWorld& world, std::uint64_t seconds) {
  const Timestamp start{world.clock.wall().ticks + seconds * ticks_per_second};
  return R"(,"startTime":")" + to_iso8601(start) + '"';
}

void tick(JobsWorld& world, int times = 5) {
  for (int n = 0; n < times; ++n) {
    world.hub.tick();
    world.sync();
  }
}

/// Three seconds of a wall clock that is wrong by `seconds`, with the hub's ticks in them.
void wrong_seconds(JobsWorld& world, std::int64_t seconds) {
  world.clock.step_seconds(seconds);
  for (int n = 0; n < 3; ++n) {
    tick(world);
    world.clock.advance_seconds(1);
  }
  world.clock.step_seconds(-seconds);
}

TEST(JobsOnAWrongClock, AScheduledJobDoesNotStartInWrongSecondsAndStartsAtItsTime) {
  JobsWorld world;
  world.create_devices(1);
  ASSERT_TRUE(world.update("j1", "*", start_in(world, 3600)));
  wrong_seconds(world, two_days);
  tick(world);
  EXPECT_EQ(world.status("j1"), "\"scheduled\"");
  EXPECT_EQ(world.desired_version(device_id(0)), "1") << "a start cannot be undone";
  world.clock.advance_seconds(3600 - 3);
  EXPECT_EQ(world.run("j1"), "completed");
  EXPECT_EQ(world.desired_version(device_id(0)), "2");
}

TEST(JobsOnAWrongClock, AStartThatWasAskedForInWrongSecondsIsNotTakenAsPast) {
  JobsWorld world;
  world.create_devices(1);
  const std::string start = start_in(world, 3600);  // the back end's clock is right
  world.clock.step_seconds(two_days);
  ASSERT_TRUE(world.update("j1", "*", start));
  tick(world);
  world.clock.advance_seconds(3);
  world.clock.step_seconds(-two_days);
  world.clock.advance_seconds(3600 - 4);
  tick(world);
  EXPECT_EQ(world.status("j1"), "\"scheduled\"");
  world.clock.advance_seconds(1);
  EXPECT_EQ(world.run("j1"), "completed");
}

TEST(JobsOnAWrongClock, AClockThatHoldsStartsWhatIsDueByIt) {
  JobsWorld world;
  world.create_devices(1);
  ASSERT_TRUE(world.update("j1", "*", start_in(world, 3600)));
  world.clock.step_seconds(two_days);
  world.clock.advance_seconds(StillClock::settling_seconds - 1);
  tick(world);
  EXPECT_EQ(world.status("j1"), "\"queued\"");
  world.clock.advance_seconds(1);
  EXPECT_EQ(world.run("j1"), "completed");
}

TEST(JobsOnAWrongClock, AJobForAtOnceNeedsNoClock) {
  for (const std::int64_t wrong : {two_days, -two_days}) {
    JobsWorld world;
    world.create_devices(1);
    world.clock.step_seconds(wrong);
    ASSERT_TRUE(world.update("j1", "*"));
    EXPECT_EQ(world.status("j1"), "\"queued\"");
    world.clock.step_seconds(-wrong);  // before the first tick
    EXPECT_EQ(world.status("j1"), "\"queued\"") << wrong;
    EXPECT_EQ(world.run("j1"), "completed") << wrong;
    world.clock.step_seconds(wrong);
    ASSERT_TRUE(world.update("j2", "*"));
    EXPECT_EQ(world.run("j2"), "completed") << wrong;
  }
}

TEST(JobsOnAWrongClock, AJobForAtOnceOutlastsARestartBackToTheRightTime) {
  const StoreFolder folder;
  {
    JobsWorld world(folder.options());
    world.create_devices(1);
    world.clock.step_seconds(two_days);
    ASSERT_TRUE(world.update("j1", "*"));
  }
  JobsWorld world(folder.options());
  EXPECT_EQ(world.run("j1"), "completed");
}

TEST(JobsOnAWrongClock, CancellingAJobThatIsDueTakesItOut) {
  HubOptions options;
  options.jobs.running_max = 0;  // so that what is due keeps waiting
  JobsWorld world(memory_options(), options);
  ASSERT_TRUE(world.update("j1", "*"));
  ASSERT_TRUE(world.update("j2", "*", start_in(world, 60)));
  world.clock.advance_seconds(60);
  tick(world);
  EXPECT_EQ(world.hub.jobs.figures().waiting, 2U);
  ASSERT_TRUE(world.cancel("j1"));
  ASSERT_TRUE(world.cancel("j2"));
  tick(world);
  EXPECT_EQ(world.status("j1"), "\"cancelled\"");
  EXPECT_EQ(world.status("j2"), "\"cancelled\"");
  EXPECT_EQ(world.hub.jobs.figures().waiting, 0U);
}

/// One device is done with in each tick.
HubOptions one_by_one() {
  HubOptions options;
  options.jobs.slice_devices = 1;
  return options;
}

TEST(JobsOnAWrongClock, AJobHasItsWholeTimeAndNoMore) {
  for (const std::int64_t wrong : {two_days, -two_days}) {
    JobsWorld world(memory_options(), one_by_one());
    world.create_devices(6);
    ASSERT_TRUE(world.update("j1", "*", R"(,"maxExecutionTimeInSeconds":60)"));
    ASSERT_TRUE(world.tick_until([&] { return world.counts("j1").starts_with("6/1/"); })) << wrong;
    world.clock.step_seconds(wrong);
    world.clock.advance_seconds(59);
    ASSERT_TRUE(world.tick_until([&] { return world.counts("j1").starts_with("6/3/"); })) << wrong;
    world.clock.advance_seconds(1);
    EXPECT_EQ(world.run("j1"), "failed") << wrong;
    EXPECT_NE(world.counts("j1").find("/0/0"), std::string::npos);
    EXPECT_NE(world.outcomes("j1").back().find("GenericTimeout"), std::string::npos) << "the time was over " << wrong;
  }
}

/// What becomes of a job of six devices, one of them done, that a restart takes up `down` seconds after its start, when
/// the wall clock is set by `step_after` at once.
std::string outcome_after_restart(std::int64_t down, std::int64_t step_after = 0) {
  const StoreFolder folder;
  {
    JobsWorld world(folder.options(), one_by_one());
    world.create_devices(6);
    (void)world.update("j1", "*", R"(,"maxExecutionTimeInSeconds":60)");
    EXPECT_TRUE(world.tick_until([&] { return world.counts("j1").starts_with("6/1/"); }));
    auto state = decode_job_state(**world.store->read_record(storage::RecordKind::jobs, "sj1"));
    state->started.ticks -= static_cast<std::uint64_t>(down) * ticks_per_second;
    EXPECT_TRUE(world.store->write_records({{storage::RecordKind::jobs, "sj1", encode(*state)}}, {}, {}));
    world.sync();
  }
  JobsWorld world(folder.options(), one_by_one());
  world.clock.step_seconds(step_after);
  return world.run("j1");
}

TEST(JobsOnAWrongClock, TheTimeOfAJobGoesOnWhileTheHubIsDown) {
  EXPECT_EQ(outcome_after_restart(59), "completed");
  EXPECT_EQ(outcome_after_restart(60), "failed");
  EXPECT_EQ(outcome_after_restart(59, two_days), "completed") << "a step after the restart changes nothing";
  EXPECT_EQ(outcome_after_restart(60, -two_days), "failed");
  EXPECT_EQ(outcome_after_restart(-two_days), "completed") << "a start that seems to come later took no time";
}

TEST(JobsOnAWrongClock, WhatAJobBecameIsKeptUntilTheClockHasHeld) {
  JobsWorld world;
  world.create_devices(1);
  ASSERT_TRUE(world.update("j1", "*"));
  ASSERT_EQ(world.run("j1"), "completed");
  const std::int64_t retention = 30 * 24 * 3600;
  wrong_seconds(world, retention + two_days);
  world.clock.advance_seconds(StillClock::settling_seconds);
  tick(world, 20);
  EXPECT_EQ(world.status("j1"), "\"completed\"");
  EXPECT_EQ(world.rows("j1").size(), 1U);
  world.clock.advance_seconds(static_cast<std::uint64_t>(retention));
  tick(world, 20);
  EXPECT_EQ(world.status("j1"), "\"unknown\"") << "retention goes on, by the clock that has held";
}

TEST(JobsOnAWrongClock, AJobThatEndedInSecondsThatWereBehindKeepsItsRetention) {
  HubOptions options;
  options.jobs.retention = std::chrono::hours(24);
  JobsWorld world(memory_options(), options);
  world.create_devices(1);
  ASSERT_TRUE(world.update("j1", "*"));
  world.clock.step_seconds(-two_days);
  ASSERT_EQ(world.run("j1"), "completed");
  world.clock.step_seconds(two_days);
  world.clock.advance_seconds(StillClock::settling_seconds);
  tick(world, 20);
  EXPECT_EQ(world.status("j1"), "\"completed\"");
}

}  // namespace
}  // namespace twinhub::hub

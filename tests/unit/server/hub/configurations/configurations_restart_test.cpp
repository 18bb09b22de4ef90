// Configurations and the disk: what a restart takes up, what a damaged record says, what a slow or full disk holds
// back.
#include "server/hub/configurations/configuration_record.hpp"
#include "tests/support/cpp/held_store.hpp"
#include "tests/unit/server/hub/configurations/configurations_world.hpp"
#include "tests/unit/server/hub/store_folder.hpp"

#include <atomic>

namespace twinhub::hub {
namespace {

TEST(ConfigurationsRestart, TwinsThatWaitedAreDoneByTheNextRun) {
  const StoreFolder folder;
  std::string list;
  {
    World world(folder.options());
    ASSERT_TRUE(world.put(d1));
    ASSERT_TRUE(put_in(world.hub, "c",
                       body_of("1", "tags.inside = true", R"(,"priority":3,"labels":{"a":"b"},"schemaVersion":"1.0",
        "metrics":{"queries":{"m":"SELECT * FROM devices"}})"),
                       {}));
    settle(world.hub);
    ASSERT_TRUE(world.patch(d1, R"({"tags":{"inside":true}})"));
    list = report_of(world.hub, "")->json;
  }
  {
    World world(folder.options());
    EXPECT_EQ(report_of(world.hub, "")->json, list);
    settle(world.hub);
    EXPECT_EQ(at(world.twin(d1)->json, "properties/desired/c"), "1");
    ASSERT_TRUE(answer_of<void>([&](auto done) { world.hub.configurations.remove("c", {}, std::move(done)); }));
  }
  // No configuration is left, but its traces are.
  World world(folder.options());
  EXPECT_TRUE(world.hub.configurations.active());
  EXPECT_EQ(at(world.twin(d1)->json, "configurations/c/status"), "\"Applied\"");
  settle(world.hub);
  EXPECT_EQ(at(world.twin(d1)->json, "configurations"), "");
  EXPECT_EQ(at(world.twin(d1)->json, "properties/desired/c"), "1");
  EXPECT_FALSE(world.hub.configurations.active());
}

TEST(ConfigurationsRestart, WhenAllIsDoneNothingIsLookedAtAgain) {
  const StoreFolder folder;
  {
    World world(folder.options());
    ASSERT_TRUE(put_in(world.hub, "c", body_of("1", "*"), {}));
    ASSERT_TRUE(answer_of<void>([&](auto done) { world.hub.configurations.remove("c", {}, std::move(done)); }));
    settle(world.hub);
  }
  World world(folder.options());
  EXPECT_FALSE(world.hub.configurations.active());
  EXPECT_EQ(world.hub.configurations.generation(), 0U);
}

TEST(ConfigurationsRestart, ADamagedRecordIsNamed) {
  World world;
  ASSERT_TRUE(put_in(world.hub, "c", body_of("1", "*"), {}));
  const std::string record = encode_configuration(**world.hub.configurations.get("c"));
  EXPECT_TRUE(decode_configuration("c", record));
  for (const std::string& damaged :
       {std::string(), record.substr(0, record.size() - 1), record + "x", "\x02" + record.substr(1)}) {
    const auto read = decode_configuration("conf-7", damaged);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().detail.find("conf-7"), std::string::npos);
  }
}

/// On a store whose disk can be slow or full.
struct ConfigurationsAtASlowDisk : testing::Test {
  StillClock clock;
  SystemRandom random;
  RecordingLinks links;
  test::HeldStore store{open_store(memory_options(), clock)};
  Hub hub{store, clock, random, {}, links};
};

TEST_F(ConfigurationsAtASlowDisk, NothingIsShownOrCarriedOutBeforeItIsDurable) {
  store.hold();
  std::atomic<bool> told{false};
  hub.configurations.put("c", body_of("1", "*"), {},
                         [&](const Result<Answer>& answer, storage::Outbox&) { told = answer.has_value(); });
  EXPECT_FALSE(told);
  EXPECT_TRUE(hub.configurations.all().empty());
  EXPECT_TRUE(hub.configurations.active());
  EXPECT_REFUSED(put_in(hub, "c", body_of("1", "*"), {}), Errc::precondition_failed);
  while (store.waiting() == 0) std::this_thread::yield();
  store.release();
  EXPECT_TRUE(told);
  EXPECT_EQ(hub.configurations.all().size(), 1U);
}

TEST_F(ConfigurationsAtASlowDisk, AConfigurationThatTheStoreRefusesIsNotThere) {
  store.refuse_writes();
  EXPECT_REFUSED(put_in(hub, "c", body_of("1", "*"), {}), Errc::service_unavailable);
  EXPECT_FALSE(hub.configurations.active());
  store.accept_writes();
  EXPECT_TRUE(put_in(hub, "c", body_of("1", "*"), {}));
}

}  // namespace
}  // namespace twinhub::hub

// Read-modify-write: what callers see at once, and what is there after a restart.
#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>
#include <thread>

namespace twinhub::storage {
namespace {

using namespace testing;

const IdentityId device{"device", ""};

TEST(StoreUpdate, AnUnknownIdHasNeitherIdentityNorTwin) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  const auto read = store->read(device);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->entity.identity, nullptr);
  EXPECT_EQ(read->entity.twin, nullptr);
  EXPECT_EQ(read->told_after, 0U);
}

TEST(StoreUpdate, AcknowledgedChangesAreThereAfterReopening) {
  const TemporaryFolder folder;
  {
    const auto store = open(small_options(folder / "db"));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(update_and_wait(*store, device, counting(device)));
    ASSERT_TRUE(update_and_wait(*store, {"device", "module"}, counting({"device", "module"})));
  }
  const auto store = open(small_options(folder / "db"));
  EXPECT_EQ(read_counter(*store, device), 3U);
  EXPECT_EQ(read_counter(*store, {"device", "module"}), 1U);
  const auto read = store->read(device);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->entity.identity->id, device);
  EXPECT_EQ(read->entity.identity->primary_key, make_identity(device)->primary_key);
  EXPECT_EQ(*read->entity.twin, *make_counter_twin(3));
}

TEST(StoreUpdate, MembersThatAreNullStayAsTheyAre) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  ASSERT_TRUE(update_and_wait(*store, device, counting(device)));
  ASSERT_TRUE(update_and_wait(*store, device, [](const Entity& current) -> Result<EntityChange> {
    auto identity = std::make_shared<iothub::Identity>(*current.identity);
    identity->status = iothub::Status::disabled;
    EntityChange change;
    change.identity = std::move(identity);
    return change;
  }));
  const auto read = store->read(device);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->entity.identity->status, iothub::Status::disabled);
  EXPECT_EQ(counter_of(read->entity), 1U);
}

TEST(StoreUpdate, ADecisionThatFailsChangesNothing) {
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  ASSERT_TRUE(update_and_wait(*store, device, counting(device)));
  const auto result = update_and_wait(*store, device, [](const Entity&) -> Result<EntityChange> {
    return fail(Errc::precondition_failed, "etag differs");
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::precondition_failed);
  EXPECT_EQ(read_counter(*store, device), 1U);
}

TEST(StoreUpdate, ModulesThatADeviceLacksComeWithItInOneUnit) {
  const TemporaryFolder folder;
  const IdentityId old_module{"device", "a"}, new_module{"device", "b"};
  const auto with_modules = [&](const Entity& current) -> Result<EntityChange> {
    auto change = count_up(device, current);
    for (const IdentityId& id : {old_module, new_module}) {
      EntityChange& module = change->modules.emplace_back();
      module.identity = make_identity(id);
      module.twin = make_counter_twin(7);
      module.events.push_back(make_event(id, "made " + id.module));
    }
    return change;
  };
  const auto events_of = [](const Store& store) {
    std::vector<std::string> bodies;
    for (const StoredEvent& event : all_events(store, store.event_partition_of(device)))
      bodies.push_back(event.event.body);
    return bodies;
  };
  std::vector<std::string> events;
  {
    const auto store = open(small_options(folder / "db"));
    ASSERT_TRUE(update_and_wait(*store, old_module, counting(old_module)));
    ASSERT_TRUE(update_and_wait(*store, device, with_modules));
    EXPECT_EQ(store->read(new_module)->told_after, store->read(device)->told_after);
    EXPECT_LT(store->read(old_module)->told_after, store->read(device)->told_after);
    ASSERT_TRUE(update_and_wait(*store, device, with_modules));  // both are there by now
    EXPECT_LT(store->read(new_module)->told_after, store->read(device)->told_after);
    events = events_of(*store);
    EXPECT_EQ(std::count(events.begin(), events.end(), "made b"), 1);
    EXPECT_EQ(std::count(events.begin(), events.end(), "made a"), 0);
  }
  const auto store = open(small_options(folder / "db"));
  EXPECT_EQ(read_counter(*store, device), 2U);
  EXPECT_EQ(read_counter(*store, old_module), 1U);
  EXPECT_EQ(read_counter(*store, new_module), 7U);
  EXPECT_EQ(events_of(*store), events);
  ASSERT_TRUE(erase_and_wait(*store, device));
  EXPECT_EQ(store->read(new_module)->entity.identity, nullptr);
}

TEST(StoreUpdate, OneChangeIsOneUnitOfIdentityTwinAndEvent) {
  const TemporaryFolder folder;
  std::uint32_t partition = 0;
  {
    const auto store = open(small_options(folder / "db"));
    partition = store->event_partition_of(device);
    ASSERT_TRUE(update_and_wait(*store, device, [](const Entity& current) {
      auto change = count_up(device, current);
      change->events.push_back(make_event(device, "created"));
      return change;
    }));
  }
  const auto store = open(small_options(folder / "db"));
  EXPECT_EQ(read_counter(*store, device), 1U);
  const auto events = all_events(*store, partition);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].event.body, "created");
}

TEST(StoreUpdate, ErasingADeviceTakesItsModulesAndSessionsAlong) {
  const TemporaryFolder folder;
  const IdentityId old_module{"device", "old"}, new_module{"device", "new"}, neighbour{"device1", "old"};
  const Session session{{{"a/#", 1}}};
  {
    const auto store = open(small_options(folder / "db"));
    for (const auto& id : {device, old_module, neighbour}) {
      ASSERT_TRUE(update_and_wait(*store, id, counting(id)));
      ASSERT_TRUE(put_session_and_wait(*store, id, &session));
    }
  }
  const auto check = [&](const Store& store) {
    for (const auto& id : {device, old_module, new_module}) {
      EXPECT_EQ(read_counter(store, id), 0U) << id.module;
      const auto kept = store.read_session(id);
      ASSERT_TRUE(kept);
      EXPECT_EQ(kept->session, std::nullopt) << id.module;
    }
    EXPECT_EQ(read_counter(store, neighbour), 1U);
    EXPECT_EQ(store.read_session(neighbour)->session, session);
  };
  {
    const auto store = open(small_options(folder / "db"));  // old_module is on disk only
    ASSERT_TRUE(update_and_wait(*store, new_module, counting(new_module)));
    ASSERT_TRUE(erase_and_wait(*store, device));
    check(*store);
  }
  check(*open(small_options(folder / "db")));
}

TEST(StoreUpdate, ErasingAModuleLeavesItsDevice) {
  const TemporaryFolder folder;
  const IdentityId module{"device", "module"};
  const auto store = open(small_options(folder / "db"));
  ASSERT_TRUE(update_and_wait(*store, device, counting(device)));
  ASSERT_TRUE(update_and_wait(*store, module, counting(module)));
  ASSERT_TRUE(erase_and_wait(*store, module));
  EXPECT_EQ(read_counter(*store, device), 1U);
  EXPECT_EQ(read_counter(*store, module), 0U);
}

TEST(StoreUpdate, AnErasedDeviceCanBeCreatedAgain) {
  const TemporaryFolder folder;
  {
    const auto store = open(small_options(folder / "db"));
    ASSERT_TRUE(update_and_wait(*store, device, counting(device)));
    ASSERT_TRUE(update_and_wait(*store, device, counting(device)));
    ASSERT_TRUE(erase_and_wait(*store, device));
    ASSERT_TRUE(update_and_wait(*store, device, counting(device)));
  }
  EXPECT_EQ(read_counter(*open(small_options(folder / "db")), device), 1U);
}

TEST(StoreUpdate, RecordsThatLeftTheCacheAreReadFromDisk) {
  const TemporaryFolder folder;
  auto options = small_options(folder / "db");
  options.cache_bytes = 0;  // only what is not durable stays
  const auto store = open(options);
  const auto id = [](int i) { return IdentityId{"device" + std::to_string(i), ""}; };
  for (int i = 0; i < 200; ++i) store->update(id(i), counting(id(i)), {});
  drain(*store);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(read_counter(*store, id(i)), 1U) << i;
  for (int i = 0; i < 200; ++i) store->update(id(i), counting(id(i)), {});
  for (int i = 0; i < 200; ++i) EXPECT_EQ(read_counter(*store, id(i)), 2U) << i;
}

TEST(StoreUpdate, NoUpdateIsLostBetweenThreads) {
  constexpr int threads = 4, rounds = 500, ids = 3;
  const TemporaryFolder folder;
  const auto id = [](int i) { return IdentityId{"device" + std::to_string(i), ""}; };
  {
    const auto store = open(small_options(folder / "db"));
    std::mutex mutex;
    std::vector<std::vector<std::uint64_t>> acknowledged(ids);  // versions in the order they were told
    {
      std::vector<std::jthread> workers;
      for (int t = 0; t < threads; ++t) {
        workers.emplace_back([&] {
          for (int i = 0; i < rounds; ++i) {
            const int which = i % ids;
            auto version = std::make_shared<std::uint64_t>(0);
            store->update(
                id(which),
                [&](const Entity& current) {
                  *version = counter_of(current) + 1;
                  return count_up(id(which), current);
                },
                [&, which, version](const Result<void>& result, Outbox&) {
                  const std::lock_guard lock(mutex);
                  if (result) acknowledged[static_cast<std::size_t>(which)].push_back(*version);
                });
          }
        });
      }
    }
    drain(*store);
    const std::lock_guard lock(mutex);
    std::size_t total = 0;
    for (const auto& versions : acknowledged) {
      for (std::size_t i = 0; i < versions.size(); ++i) ASSERT_EQ(versions[i], i + 1);
      total += versions.size();
    }
    EXPECT_EQ(total, static_cast<std::size_t>(threads * rounds));
  }
  const auto store = open(small_options(folder / "db"));
  std::uint64_t total = 0;
  for (int i = 0; i < ids; ++i) total += read_counter(*store, id(i));
  EXPECT_EQ(total, static_cast<std::uint64_t>(threads * rounds));
}

TEST(StoreUpdate, AFullQueueRefusesAndNothingIsChanged) {
  const TemporaryFolder folder;
  auto options = small_options(folder / "db");
  options.queue_bytes_max = 1;
  const auto store = open(options);
  const auto refused = update_and_wait(*store, device, counting(device));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::service_unavailable);
  EXPECT_EQ(read_counter(*store, device), 0U);
  const auto event = append_and_wait(*store, make_telemetry(device, "body"));
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, Errc::service_unavailable);
  EXPECT_TRUE(store->writable());  // full, not broken
}

TEST(StoreUpdate, AWatcherIsCalledForEveryChangeButItsOwn) {
  struct Watcher final : EntityWatcher {
    void entity_changed(const IdentityId& id) override { seen.push_back(id); }
    std::vector<IdentityId> seen;
  } watcher;
  const TemporaryFolder folder;
  const auto store = open(small_options(folder / "db"));
  store->watch_entities(&watcher);
  const auto count_as = [](const EntityWatcher* writer) -> Decide {
    return [writer](const Entity& current) -> Result<EntityChange> {
      auto change = count_up(device, current);
      if (change) change->writer = writer;
      return change;
    };
  };
  Watcher other;
  ASSERT_TRUE(update_and_wait(*store, device, count_as(nullptr)));
  EXPECT_EQ(watcher.seen.size(), 1U);
  ASSERT_TRUE(update_and_wait(*store, device, count_as(&watcher)));
  EXPECT_EQ(watcher.seen.size(), 1U) << "its own change";
  ASSERT_TRUE(update_and_wait(*store, device, count_as(&other)));
  EXPECT_EQ(watcher.seen, (std::vector<IdentityId>{device, device}));
  store->watch_entities(nullptr);
}

}  // namespace
}  // namespace twinhub::storage

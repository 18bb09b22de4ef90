#include "server/hub/registry/registry.hpp"

#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>
#include <functional>
#include <thread>
#include <utility>

namespace twinhub::hub {

TEST(Registry, CreatesADeviceWithItsTwinAndTwoRandomKeys) {
  World world;
  const auto made = world.put(d1);
  ASSERT_TRUE(made);
  EXPECT_EQ(at(made->json, "deviceId"), R"("d1")");
  EXPECT_EQ(at(made->json, "status"), R"("enabled")");
  EXPECT_EQ(at(made->json, "connectionState"), R"("Disconnected")");
  EXPECT_EQ(at(made->json, "statusUpdatedTime"), R"("0001-01-01T00:00:00Z")");
  EXPECT_EQ(at(made->json, "authentication/type"), R"("sas")");
  EXPECT_EQ(at(made->json, "generationId"), "\"" + std::to_string(world.clock.now().ticks) + "\"");
  EXPECT_EQ(at(made->json, "etag"), "\"" + made->etag + "\"");
  const auto digits = base64_decode(made->etag);
  ASSERT_TRUE(digits);
  EXPECT_EQ(digits->size(), 9U);

  const iothub::Identity identity = world.identity(d1);
  EXPECT_EQ(base64_decode(identity.primary_key)->size(), 32U);
  EXPECT_EQ(base64_decode(identity.secondary_key)->size(), 32U);
  EXPECT_NE(identity.primary_key, identity.secondary_key);

  const auto twin = world.twin(d1);
  ASSERT_TRUE(twin);
  EXPECT_EQ(twin->etag, "AAAAAAAAAAE=");
  EXPECT_EQ(at(twin->json, "deviceEtag"), "\"" + made->etag + "\"");
  EXPECT_EQ(world.get(d1)->json, made->json);
  EXPECT_TRUE(world.links.changes().empty());
}

TEST(Registry, PutWithoutIfMatchCreatesOnlyAndWithItUpdatesOnly) {
  World world;
  const auto missing = world.put(d1, "{}", "*");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::device_not_found);
  EXPECT_EQ(missing.error().detail, "d1");
  EXPECT_FALSE(world.get(d1));

  ASSERT_TRUE(world.put(d1));
  const iothub::Identity before = world.identity(d1);
  const auto again = world.put(d1, R"({"status":"disabled"})");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::device_already_exists);
  EXPECT_EQ(again.error().detail, "A device with ID 'd1' is already registered.");
  EXPECT_EQ(world.identity(d1).etag, before.etag);
  EXPECT_EQ(world.identity(d1).status, iothub::Status::enabled);
}

TEST(Registry, IfMatchDecidesUpdates) {
  World world;
  ASSERT_TRUE(world.put(d1));
  std::string etag = world.get(d1)->etag;
  for (const std::string form : {"*", "\"*\"", "quoted", "unquoted"}) {
    const std::string header = form == "quoted" ? "\"" + etag + "\"" : form == "unquoted" ? etag : form;
    const auto updated = world.put(d1, "{}", header);
    ASSERT_TRUE(updated) << form;
    EXPECT_NE(updated->etag, etag) << form;
    etag = updated->etag;
  }
  for (const std::string stale : {"\"abc\"", "\"MQ==\""}) {
    const auto refused = world.put(d1, R"({"status":"disabled"})", stale);
    ASSERT_FALSE(refused) << stale;
    EXPECT_EQ(refused.error().code, Errc::precondition_failed);
    EXPECT_FALSE(refused.error().detail.empty());
  }
  EXPECT_EQ(world.get(d1)->etag, etag);
  EXPECT_EQ(world.identity(d1).status, iothub::Status::enabled);
}

TEST(Registry, AnUpdateIsAFullReplaceAndKeepsGenerationAndTwin) {
  World world;
  ASSERT_TRUE(world.put(d1, R"({"statusReason":"why"})"));
  ASSERT_TRUE(world.patch(d1, R"({"tags":{"a":1}})"));
  const iothub::Identity before = world.identity(d1);
  world.clock.advance_seconds(10);

  const auto updated = world.put(d1, "{}", "*");
  ASSERT_TRUE(updated);
  const iothub::Identity now = world.identity(d1);
  EXPECT_NE(now.primary_key, before.primary_key);  // authentication omitted: minted anew
  EXPECT_NE(now.secondary_key, before.secondary_key);
  EXPECT_NE(now.etag, before.etag);
  EXPECT_EQ(now.generation_id, before.generation_id);
  EXPECT_FALSE(now.status_reason);
  EXPECT_EQ(now.status_updated.ticks, 0U);
  EXPECT_EQ(world.twin(d1)->etag, "AAAAAAAAAAI=");
  EXPECT_EQ(at(world.twin(d1)->json, "deviceEtag"), "\"" + updated->etag + "\"");

  const auto changes = world.links.changes();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].now.primary_key, now.primary_key);
}

TEST(Registry, TheStatusTimeMovesWithTheStatusOnly) {
  World world;
  ASSERT_TRUE(world.put(d1));
  world.clock.advance_seconds(1);
  ASSERT_TRUE(world.put(d1, R"({"status":"Disabled"})", "*"));
  const Timestamp disabled_at = world.clock.now();
  EXPECT_EQ(world.identity(d1).status_updated, disabled_at);
  world.clock.advance_seconds(1);
  ASSERT_TRUE(world.put(d1, R"({"status":"disabled","statusReason":"still"})", "*"));
  EXPECT_EQ(world.identity(d1).status_updated, disabled_at);
  EXPECT_TRUE(world.twin(d1)) << "a disabled device's twin is still read";
  EXPECT_TRUE(world.patch(d1, R"({"tags":{"a":1}})"));
}

TEST(Registry, GivenKeysAreEchoedAndEmptyOnesGenerated) {
  World world;
  const std::string given = R"({"authentication":{"type":"sas","symmetricKey":{"primaryKey":")" + test_key('1') +
                            R"(","secondaryKey":")" + test_key('2') + R"("}}})";
  const auto made = world.put(d1, given);
  ASSERT_TRUE(made);
  EXPECT_EQ(at(made->json, "authentication/symmetricKey/primaryKey"), "\"" + test_key('1') + "\"");
  ASSERT_TRUE(world.put({"d2", ""}, R"({"authentication":{"symmetricKey":{"primaryKey":"","secondaryKey":""}}})"));
  EXPECT_EQ(world.identity({"d2", ""}).primary_key.size(), 44U);
  ASSERT_TRUE(
      world.put({"d3", ""}, R"({"authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":")" +
                                std::string(64, 'A') + R"("}}})"));
  EXPECT_EQ(world.identity({"d3", ""}).primary_key, "");
}

TEST(Registry, RefusedBodiesAndIdsCreateNothing) {
  World world;
  struct Case {
    IdentityId id;
    std::string body;
    Errc code;
  };
  for (const Case& c :
       {Case{{"", ""}, "{}", Errc::argument_invalid}, Case{{"a/b", ""}, "{}", Errc::argument_invalid},
        Case{{std::string(129, 'x'), ""}, "{}", Errc::argument_invalid}, Case{d1, "", Errc::iot_hub_format_error},
        Case{d1, "[]", Errc::iot_hub_format_error}, Case{d1, "{", Errc::iot_hub_format_error},
        Case{d1, R"({"deviceId":"other"})", Errc::argument_invalid},
        Case{d1, R"({"status":"asleep"})", Errc::argument_invalid},
        Case{d1, R"({"authentication":{"type":"none"}})", Errc::argument_invalid},
        Case{d1, R"({"authentication":{"symmetricKey":{"primaryKey":")" + test_key('1') + R"("}}})",
             Errc::argument_invalid},
        Case{d1, R"({"authentication":{"symmetricKey":{"primaryKey":"AAAA","secondaryKey":"AAAA"}}})",
             Errc::argument_invalid}}) {
    const auto refused = world.put(c.id, c.body);
    ASSERT_FALSE(refused) << c.body;
    EXPECT_EQ(refused.error().code, c.code) << c.body;
  }
  EXPECT_EQ(*world.hub.registry.list(0), "[]");
  EXPECT_TRUE(world.put({std::string(128, 'x'), ""}));
}

TEST(Registry, DeletingNeedsIfMatchAndEndsEverything) {
  World world;
  ASSERT_TRUE(world.put(d1));
  ASSERT_TRUE(world.put(m1));
  world.hub.presence.connected(d1);
  world.hub.presence.connected(m1);

  const auto bare = world.remove(d1, std::nullopt);
  ASSERT_FALSE(bare);
  EXPECT_EQ(bare.error().code, Errc::precondition_failed);
  EXPECT_EQ(bare.error().detail, "Etag missing");
  EXPECT_EQ(world.remove(d1, "\"MQ==\"").error().code, Errc::precondition_failed);
  EXPECT_TRUE(world.get(d1));
  EXPECT_TRUE(world.links.deleted().empty());

  ASSERT_TRUE(world.remove(d1, "\"" + world.get(d1)->etag + "\""));
  EXPECT_EQ(world.get(d1).error().code, Errc::device_not_found);
  EXPECT_EQ(world.get(m1).error().code, Errc::device_not_found);
  EXPECT_EQ(world.twin(d1).error().code, Errc::device_not_found);
  EXPECT_EQ(world.twin(m1).error().code, Errc::device_not_found);
  EXPECT_EQ(world.links.deleted(), std::vector<IdentityId>{d1});
  EXPECT_FALSE(world.hub.presence.activity_of(d1).connected);
  EXPECT_FALSE(world.hub.presence.activity_of(m1).connected);
  const auto again = world.remove(d1);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::device_not_found);
  EXPECT_EQ(again.error().detail, "d1");
}

TEST(Registry, ADeviceCreatedAgainIsAnother) {
  World world;
  ASSERT_TRUE(world.put(d1));
  ASSERT_TRUE(world.patch(d1, R"({"tags":{"old":1},"properties":{"desired":{"a":1}}})"));
  const std::string old_etag = world.twin(d1)->etag;
  const std::string old_generation = world.identity(d1).generation_id;
  ASSERT_TRUE(world.remove(d1));
  world.clock.advance_seconds(1);
  ASSERT_TRUE(world.put(d1));
  EXPECT_NE(world.identity(d1).generation_id, old_generation);
  const auto twin = world.twin(d1);
  EXPECT_EQ(twin->etag, "AAAAAAAAAAE=");
  EXPECT_EQ(at(twin->json, "version"), "2");
  EXPECT_EQ(at(twin->json, "tags"), "");
  EXPECT_EQ(at(twin->json, "properties/desired/$version"), "1");
  EXPECT_EQ(world.patch(d1, R"({"tags":{"a":1}})", "\"" + old_etag + "\"").error().code, Errc::precondition_failed);
}

TEST(Registry, AModuleLivesUnderAnExistingDevice) {
  World world;
  const auto early = world.put(m1);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, Errc::device_not_found);
  ASSERT_TRUE(world.put(d1));
  EXPECT_EQ(world.get(m1).error().code, Errc::module_not_found);
  EXPECT_EQ(world.put(m1, "{}", "*").error().code, Errc::module_not_found);
  EXPECT_EQ(world.remove(m1).error().code, Errc::module_not_found);
  EXPECT_EQ(world.remove({"nobody", "m1"}).error().code, Errc::device_not_found);

  const auto made = world.put(m1, R"({"managedBy":"me"})");
  ASSERT_TRUE(made);
  EXPECT_EQ(at(made->json, "moduleId"), R"("m1")");
  EXPECT_EQ(at(made->json, "managedBy"), R"("me")");
  EXPECT_EQ(at(world.twin(m1)->json, "moduleId"), R"("m1")");
  EXPECT_EQ(world.put(m1).error().code, Errc::module_already_exists_on_device);
  EXPECT_EQ(at(world.put(m1, "{}", "*")->json, "managedBy"), "null");

  ASSERT_TRUE(world.remove(m1));
  EXPECT_EQ(world.get(m1).error().code, Errc::module_not_found);
  EXPECT_TRUE(world.get(d1));
  EXPECT_EQ(world.links.deleted(), std::vector<IdentityId>{m1});
}

TEST(Registry, ModuleIdsOfTheHubItselfAreNotForBackEnds) {
  World world;
  ASSERT_TRUE(world.put(d1));
  for (const std::string module : {"$edgeAgent", "$edgeHub", "$x"}) {
    EXPECT_EQ(world.put({"d1", module}).error().code, Errc::argument_invalid) << module;
  }
  EXPECT_EQ(world.put({"d1", "a b"}).error().code, Errc::argument_invalid);
}

TEST(Registry, ADeviceHasAtMostFiftyModules) {
  World world;
  ASSERT_TRUE(world.put(d1));
  ASSERT_TRUE(world.put({"d0", ""}));
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(world.put({"d1", "m" + std::to_string(i)})) << i;
  const auto refused = world.put({"d1", "one-more"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::too_many_modules_on_device);
  EXPECT_EQ(world.put({"d1", "m7"}).error().code, Errc::module_already_exists_on_device);
  EXPECT_TRUE(world.put({"d1", "m7"}, "{}", "*"));
  EXPECT_TRUE(world.put({"d0", "m"}));
  ASSERT_TRUE(world.remove({"d1", "m7"}));
  EXPECT_TRUE(world.put({"d1", "one-more"}));
}

TEST(Registry, ListsDevicesInIdOrderWithoutModules) {
  World world;
  for (const std::string id : {"c", "a", "b"}) ASSERT_TRUE(world.put({id, ""}));
  ASSERT_TRUE(world.put({"a", "m"}));
  world.hub.presence.connected({"b", ""});
  const auto ids = [](const Result<std::string>& list) {
    std::string found;
    const auto document = json::parse(*list);
    for (const json::Value device : document->root()) found += *device.find("deviceId")->string();
    return found;
  };
  EXPECT_EQ(ids(world.hub.registry.list(1000)), "abc");
  EXPECT_EQ(ids(world.hub.registry.list(2)), "ab");
  EXPECT_EQ(ids(world.hub.registry.list(0)), "abc");
  EXPECT_EQ(ids(world.hub.registry.list(5000)), "abc");
  EXPECT_NE(world.hub.registry.list(2)->find(R"("connectionState":"Connected")"), std::string::npos);
}

TEST(Registry, ShowsConnectionStateAndActivity) {
  World world;
  ASSERT_TRUE(world.put(d1));
  world.hub.presence.connected(d1);
  const auto shown = world.get(d1);
  EXPECT_EQ(at(shown->json, "connectionState"), R"("Connected")");
  EXPECT_EQ(at(shown->json, "lastActivityTime"), "\"" + to_iso8601(world.clock.now()) + "\"");
  EXPECT_EQ(at(world.twin(d1)->json, "connectionState"), R"("Connected")");
}

TEST(Registry, OfManyPutsOfOneDeviceAtOnceOneSucceeds) {
  World world;
  std::atomic<int> created{0}, refused{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto result = world.put(d1);
      if (result) {
        ++created;
      } else if (result.error().code == Errc::device_already_exists) {
        ++refused;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(created, 1);
  EXPECT_EQ(refused, 7);
}

/// Gives the same bytes for ever.
class StuckRandom final : public Random {
 public:
  [[nodiscard]] std::string bytes(std::size_t count) override { return std::string(count, 'r'); }
};

TEST(Registry, TheEtagMovesWithEveryWriteWhateverIsDrawn) {
  World world;
  StuckRandom random;
  Registry registry(*world.store, world.clock, random, world.hub.activities, world.links);
  const auto put = [&](const IfMatch& if_match) {
    return answer_of<Registry::Answer>([&](auto done) { registry.put(d1, "{}", if_match, std::move(done)); })->etag;
  };
  std::string before = put({});
  for (int i = 0; i < 5; ++i) {
    const std::string now = put({.present = true, .any = false, .etag = before});
    EXPECT_NE(now, before);
    before = now;
  }
}

/// Does something at the moment when a PUT draws its keys: after it looked for the device, before it writes.
class InterruptingRandom final : public Random {
 public:
  explicit InterruptingRandom(std::function<void()> interruption) : interruption_(std::move(interruption)) {}
  [[nodiscard]] std::string bytes(std::size_t count) override {
    if (const auto once = std::exchange(interruption_, nullptr)) once();
    return random_.bytes(count);
  }

 private:
  std::function<void()> interruption_;
  SystemRandom random_;
};

TEST(Registry, AModuleWhoseDeviceIsDeletedMeanwhileGoesAsWell) {
  World world;
  ASSERT_TRUE(world.put(d1));
  InterruptingRandom random([&] { ASSERT_TRUE(world.remove(d1)); });
  Registry registry(*world.store, world.clock, random, world.hub.activities, world.links);
  static_cast<void>(answer_of<Registry::Answer>([&](auto done) { registry.put(m1, "{}", {}, std::move(done)); }));
  EXPECT_FALSE(world.store->read(m1)->entity.identity);
  ASSERT_TRUE(world.put(d1));
  EXPECT_EQ(world.get(m1).error().code, Errc::module_not_found);
}

TEST(Registry, AModuleWhoseDeviceIsReplacedMeanwhileDoesNotJoinTheNewOne) {
  World world;
  ASSERT_TRUE(world.put(d1));
  InterruptingRandom random([&] {
    ASSERT_TRUE(world.remove(d1));
    world.clock.advance_seconds(1);
    ASSERT_TRUE(world.put(d1));
  });
  Registry registry(*world.store, world.clock, random, world.hub.activities, world.links);
  static_cast<void>(answer_of<Registry::Answer>([&](auto done) { registry.put(m1, "{}", {}, std::move(done)); }));
  EXPECT_EQ(world.get(m1).error().code, Errc::module_not_found);
}

TEST(Registry, NoModuleOutlivesItsDevice) {
  World world;
  for (int round = 0; round < 50; ++round) {
    ASSERT_TRUE(world.put(d1));
    std::thread creator([&] { static_cast<void>(world.put(m1)); });
    std::thread remover([&] { static_cast<void>(world.remove(d1)); });
    creator.join();
    remover.join();
    ASSERT_FALSE(world.get(d1)) << round;
    ASSERT_FALSE(world.store->read(m1)->entity.identity) << round;
    world.clock.advance_seconds(1);
  }
}

}  // namespace twinhub::hub

#include "tests/unit/server/hub/store_folder.hpp"
#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>
#include <atomic>
#include <thread>

namespace twinhub::hub {
namespace {

/// Runs `body(i)` for i in [0, count) on `count` threads.
void on_threads(int count, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(body, i);
  for (auto& thread : threads) thread.join();
}

}  // namespace

TEST(TwinsUnderManyThreads, ThirtyPatchesOfDifferentKeysAllSucceed) {
  const StoreFolder folder(storage::Durability::sync);
  World world(folder.options());
  ASSERT_TRUE(world.put(d1));
  std::atomic<int> good{0};
  on_threads(6, [&](int thread) {
    for (int i = 0; i < 5; ++i) {
      const std::string key = "k" + std::to_string(thread * 5 + i);
      if (world.patch(d1, R"({"properties":{"desired":{")" + key + R"(":1}}})", "\"*\"")) ++good;
    }
  });
  EXPECT_EQ(good, 30);
  const auto twin = world.twin(d1);
  EXPECT_EQ(twin->etag, twin_etag(31));
  EXPECT_EQ(at(twin->json, "properties/desired/$version"), "31");
  for (int i = 0; i < 30; ++i) EXPECT_EQ(at(twin->json, "properties/desired/k" + std::to_string(i)), "1");
}

TEST(TwinsUnderManyThreads, DeltasComeInVersionOrderWithoutGapsAndBeforeTheAnswer) {
  const StoreFolder folder(storage::Durability::sync);
  World world(folder.options());
  ASSERT_TRUE(world.put(d1));
  std::atomic<int> late{0};
  on_threads(4, [&](int thread) {
    for (int i = 0; i < 50; ++i) {
      const std::string body = R"({"properties":{"desired":{"by":")" + std::to_string(thread) + R"("}}})";
      const auto version = answer_of<std::uint64_t>([&](Done<std::uint64_t> done) {
        world.hub.twins.patch(d1, body, {}, {},
                              [&world, &late, done](Result<Twins::Answer> result, storage::Outbox& outbox) {
                                const std::uint64_t mine = std::stoull(at(result->json, "properties/desired/$version"));
                                const auto deltas = world.links.deltas();
                                if (deltas.empty() || deltas.back().version != mine)
                                  ++late;  // told in commit order: mine is the newest
                                done(mine, outbox);
                              });
      });
      EXPECT_TRUE(version);
    }
  });
  EXPECT_EQ(late, 0);
  const auto deltas = world.links.deltas();
  ASSERT_EQ(deltas.size(), 200U);
  for (std::size_t i = 0; i < deltas.size(); ++i) {
    ASSERT_EQ(deltas[i].version, i + 2);
    ASSERT_EQ(at(deltas[i].text, "$version"), std::to_string(i + 2));
  }
}

TEST(TwinsUnderManyThreads, OfWritersWithOneEtagExactlyOneWins) {
  World world;
  ASSERT_TRUE(world.put(d1));
  for (int round = 0; round < 20; ++round) {
    const std::string etag = "\"" + world.twin(d1)->etag + "\"";
    std::atomic<int> won{0}, lost{0};
    on_threads(4, [&](int thread) {
      const auto result = world.patch(d1, R"({"tags":{"winner":)" + std::to_string(thread) + "}}", etag);
      if (result) {
        ++won;
      } else if (result.error().code == Errc::precondition_failed) {
        ++lost;
      }
    });
    EXPECT_EQ(won, 1);
    EXPECT_EQ(lost, 3);
  }
}

TEST(TwinsUnderManyThreads, AnAnswerShowsTheStateRightAfterItsOwnWrite) {
  World world;
  ASSERT_TRUE(world.put(d1));
  std::atomic<int> wrong{0};
  on_threads(4, [&](int thread) {
    for (int i = 0; i < 50; ++i) {
      const std::string value = std::to_string(thread * 1000 + i);
      const auto answer = world.patch(d1, R"({"properties":{"desired":{"v":)" + value + "}}}");
      if (at(answer->json, "properties/desired/v") != value) ++wrong;
      if (at(answer->json, "etag") != "\"" + answer->etag + "\"") ++wrong;
      const std::uint64_t reported = *world.report(d1, R"({"v":)" + value + "}");
      if (std::stoull(at(*world.device_view(d1), "reported/$version")) < reported)
        ++wrong;  // a GET sees what was acknowledged
    }
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(at(world.twin(d1)->json, "version"), "402");
}

TEST(TwinsUnderManyThreads, EachDevicesReportedVersionsAreConsecutive) {
  World world;
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(world.put({"d" + std::to_string(i), ""}));
  std::atomic<int> wrong{0};
  on_threads(4, [&](int thread) {
    const IdentityId id{"d" + std::to_string(thread), ""};
    for (std::uint64_t i = 0; i < 100; ++i) {
      if (*world.report(id, R"({"i":1})") != i + 2) ++wrong;
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST(TwinsNotYetDurable, AreShownInNoAnswerBeforeTheirCommit) {
  const StoreFolder folder(storage::Durability::sync);
  World world(folder.options());
  ASSERT_TRUE(world.put(d1));
  std::atomic<int> early{0};
  for (int round = 0; round < 20; ++round) {
    const IfMatch of_the_write_before{.present = true, .any = false, .etag = world.twin(d1)->etag};
    world.hub.twins.patch(d1, R"({"properties":{"desired":{"a":1}}})", {}, {}, [](const auto&, storage::Outbox&) {});
    const storage::CommitSeq seq = world.store->read(d1)->told_after;

    std::promise<void> told[4];
    const auto tell = [&](std::size_t who) {
      if (!world.store->is_durable(seq)) ++early;
      told[who].set_value();
    };
    world.hub.twins.patch(d1, "{}", of_the_write_before, {}, [&](const auto& refused, storage::Outbox&) {
      EXPECT_FALSE(refused);
      tell(0);
    });
    world.hub.twins.patch(d1, R"({"tags":{"none":null}})", {}, {}, [&](const auto&, storage::Outbox&) { tell(1); });
    world.hub.twins.get(d1, {}, [&](const auto&, storage::Outbox&) { tell(2); });
    world.hub.twins.get_device_view(d1, [&](const auto&, storage::Outbox&) { tell(3); });
    for (auto& each : told) each.get_future().wait();
  }
  EXPECT_EQ(early, 0);
}

TEST(TwinsAcrossARestart, AnsweredWritesAreThere) {
  const StoreFolder folder(storage::Durability::sync);
  std::string twin, identity;
  {
    World world(folder.options());
    ASSERT_TRUE(world.put(d1));
    ASSERT_TRUE(world.patch(d1, R"({"tags":{"t":1},"properties":{"desired":{"a":{"b":1.0}}}})"));
    ASSERT_TRUE(world.report(d1, R"({"r":[1,2]})"));
    twin = world.twin(d1)->json;
    identity = world.get(d1)->json;
  }
  World world(folder.options());
  EXPECT_EQ(world.twin(d1)->json, twin);
  EXPECT_EQ(world.get(d1)->json, identity);
  EXPECT_EQ(world.events(d1).size(), 3U);
}

}  // namespace twinhub::hub
